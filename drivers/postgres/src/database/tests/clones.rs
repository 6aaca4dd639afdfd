//! Copies of a cluster have its number and all of its databases: one that runs elsewhere is another thing, one that was
//! promoted in its place is not.

use backout_contract::{Depth, Driver, Effect, Session};
use backout_fixtures::{Options, Postgres};
use serde_json::json;

use super::{is_saved, migrated, session};
use crate::testing::context;
use crate::{Database, Endpoint, Replication, Tables};

/// The identity of each kind, of a shop on that server.
async fn identities(server: &Postgres) -> Vec<Option<String>> {
    let folder = tempfile::tempdir().expect("a folder");
    let context = context(folder.path(), &[("URL", &server.url("shop"))]);
    macro_rules! identity {
        ($kind:ty, $keys:expr) => {{
            let config = serde_json::from_value($keys).expect("a configuration");
            let session = <$kind>::connect(config, &context).await.expect("connect");
            session.capture(&context, Depth::Look).await.expect("look").identity
        }};
    }
    let url = "${env:URL}";
    vec![
        identity!(Database, json!({ "url": url })),
        identity!(Tables, json!({ "url": url, "tables": ["orders"] })),
        identity!(Endpoint, json!({ "old": url, "new": url })),
        identity!(Replication, json!({ "url": url, "publications": ["orders"] })),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_elsewhere_is_another_thing() {
    let server = Postgres::start(&Options::default());
    server.sql("postgres", "CREATE DATABASE shop");
    server.sql("shop", "CREATE TABLE orders (id int); CREATE PUBLICATION orders FOR TABLE orders");
    let ours = identities(&server).await;
    assert_eq!(ours, identities(&server).await);
    let clone = server.cloned();
    for (ours, theirs) in ours.iter().zip(identities(&clone).await) {
        assert!(ours.is_some() && theirs.is_some());
        assert_ne!(*ours, theirs);
    }
}

/// The capture was of the primary, the rollback is on its standby that was promoted and has its address.
#[tokio::test(flavor = "multi_thread")]
async fn a_failover_changes_nothing() {
    let mut server = Postgres::start(&Options::default());
    let folder = tempfile::tempdir().expect("a folder");
    let (context, ours, step) = migrated(&server, folder.path()).await;
    ours.write_marker(&context, Some(&json!({ "nonce": "7" }))).await.expect("claim");
    let before = ours.capture(&context, Depth::Look).await.expect("look");
    let mut standby = server.standby();
    // What is not there yet when the primary ends is lost by a failover, not by us.
    let caught_up = "SELECT pg_last_wal_replay_lsn() >= ";
    let end = server.sql("postgres", "SELECT pg_current_wal_lsn()");
    while standby.sql("postgres", &format!("{caught_up} '{end}'")) != "t" {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    server.stop();
    standby.stop();
    standby.move_to(server.port());
    standby.go();
    let on_standby = session(&standby, &context).await;
    let missing = on_standby.ready(&context, step.saved.as_ref(), &step.data).await.expect("look");
    assert!(missing.iter().any(|one| one.contains("standby")), "{missing:?}");
    standby.promote();
    let promoted = session(&standby, &context).await;
    let after = promoted.capture(&context, Depth::Look).await.expect("look");
    assert_eq!(after.identity, before.identity);
    assert_eq!(promoted.read_marker(&context).await.expect("read"), Some(json!({ "nonce": "7" })));
    assert_eq!(promoted.ready(&context, step.saved.as_ref(), &step.data).await.expect("look"), [""; 0]);
    promoted.stage(&context, &step).await.expect("stage");
    promoted.quiesce(&context).await.expect("shut");
    let effect = promoted.revert(&context, &step).await.expect("put back");
    assert!(matches!(effect, Effect::Applied { .. }), "{effect:?}");
    promoted.reopen(&context, None).await.expect("open");
    let state = promoted.capture(&context, Depth::Look).await.expect("look").state;
    assert!(is_saved(state.as_ref(), &step));
}
