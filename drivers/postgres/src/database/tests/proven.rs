//! What was read and examined beside is not read again behind the door, unless somebody could have reached it.

use backout_contract::Known;

use super::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reached {
    Nobody,
    /// Somebody opened the copy, wrote into it and shut it, before the exchange.
    Beside,
    /// The same after the exchange.
    InPlace,
    /// Nobody came in, and a setting of the database is another one.
    Settings,
    /// The server was stopped and started: somebody may have been in alone.
    Restarted,
    /// What users are told is wrong with it is said behind the door, not before.
    Unsound,
}

const BESIDE: &str = "SELECT datname FROM pg_database WHERE starts_with(datname, 'shop.backout-beside')";

fn write_into(server: &Postgres, name: &str) {
    let door = |open| server.sql("postgres", &format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS {open}"));
    door(true);
    server.sql(name, "SET default_transaction_read_only = off; INSERT INTO orders (text) VALUES ('written')");
    door(false);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_could_reach_needs_no_second_look() {
    for reached in [
        Reached::Nobody,
        Reached::Beside,
        Reached::InPlace,
        Reached::Settings,
        Reached::Restarted,
        Reached::Unsound,
    ] {
        let mut server = Postgres::start(&Options::default());
        let folder = tempfile::tempdir().expect("a folder");
        let (context, mut session, step) = migrated(&server, folder.path()).await;
        if reached == Reached::Unsound {
            let keys = serde_json::json!({ "url": server.url("shop"), "jobs": 2,
                "checks": [{ "query": "SELECT count(*) FROM public.orders", "expect": "1" }] });
            let config = serde_json::from_value(keys).expect("a configuration");
            session = Database::connect(config, &context).await.expect("connect");
        }
        session.stage(&context, &step).await.expect("stage");
        if reached == Reached::Beside {
            write_into(&server, server.sql("postgres", BESIDE).trim());
        }
        session.quiesce(&context).await.expect("shut");
        let before = session.glance(&context, step.saved.as_ref()).await.expect("look");
        assert_eq!(before.known, Known::Shape, "{reached:?}: the old one stands there");
        session.revert(&context, &step).await.expect("put back");
        match reached {
            Reached::InPlace => write_into(&server, "shop"),
            Reached::Settings => {
                server.sql("postgres", "ALTER DATABASE shop SET work_mem = '1MB'");
            }
            Reached::Restarted => {
                server.kill();
                server.go();
            }
            _ => {}
        }
        let glance = session.glance(&context, step.saved.as_ref()).await.expect("look");
        let is_known = matches!(glance.known, Known::Proven(_));
        assert_eq!(is_known, reached == Reached::Nobody, "{reached:?}: {:?}", glance.known);
        let whole = session.capture(&context, Depth::Look).await.expect("look").state;
        let is_as_saved = is_saved(whole.as_ref(), &step);
        let was_changed = [Reached::Beside, Reached::InPlace, Reached::Settings].contains(&reached);
        assert_eq!(is_as_saved, !was_changed, "{reached:?}");
        if is_known {
            assert!(is_saved(glance.captured.state.as_ref(), &step));
            assert_eq!(
                glance.captured.identity,
                session.capture(&context, Depth::Look).await.unwrap().identity
            );
        }
        // A look of ours opens the door for a moment, and with it the question who came in.
        let again = session.glance(&context, step.saved.as_ref()).await.expect("look");
        assert_eq!(again.known, Known::Shape, "{reached:?}");
        session.reopen(&context, None).await.expect("open");
        if reached != Reached::Settings {
            assert_eq!(session.revert(&context, &step).await.expect("twice"), Effect::AlreadyThere);
        }
    }
}
