//! What a run put back beside what it displaced, and either side of a move.

use backout_contract::compare::{Scope, Side, Which};
use backout_contract::{Context, Depth, Driver, Session, StepOrder};
use backout_core::compare::compare_things;
use backout_core::digest::Digest;
use backout_core::observation::{Fingerprint, Seen};
use backout_fixtures::{Options, Postgres};
use serde_json::{Value, json};

use super::support::{Pair, catalog, limits, made, seeded};
use crate::testing::{context, server};
use crate::{Database, Endpoint, Tables};

const ROWS: &str = "CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t SELECT n, n FROM generate_series(1, 3000) n; \
                    CREATE TABLE beside (id int PRIMARY KEY);";
const MIGRATION: &str = "UPDATE t SET a = 0 WHERE id = 1234; ALTER TABLE t ADD COLUMN b int";

/// Saves, migrates and puts back; gives the session.
async fn put_back<D: Driver>(context: &Context, config: Value, migrate: impl FnOnce()) -> D::Session
where
    D::Config: serde::de::DeserializeOwned,
{
    let read = || serde_json::from_value::<D::Config>(config.clone()).expect("a configuration");
    let session = D::connect(read(), context).await.expect("connect");
    let saved = session.capture(context, Depth::Keep).await.expect("save");
    migrate();
    let live = session.capture(context, Depth::Look).await.expect("look");
    let effect =
        D::steps(&read(), saved.state.as_ref(), live.state.as_ref()).expect("steps").remove(0).effect;
    let seen = |byte: u8| {
        let fingerprint = Fingerprint { shape: Digest::from_raw([byte; 32]), position: None };
        Seen::Present { fingerprint }
    };
    let step =
        StepOrder { effect, saved: saved.state, data: saved.data, before: Some(seen(1)), after: seen(2) };
    assert!(session.side(context, Which::Displaced, &limits()).await.expect("a side").is_none());
    session.quiesce(context).await.expect("quiesce");
    session.stage(context, &step).await.expect("stage");
    session.revert(context, &step).await.expect("revert");
    session
}

/// The one row and the one column that the migration changed.
async fn is_the_migration(live: &std::sync::Arc<dyn Side>, displaced: &std::sync::Arc<dyn Side>) {
    let pair = Pair::of((displaced, "public.t"), (live, "public.t"), &seeded()).await;
    let found: Vec<_> = pair.differences().await.into_iter().map(|(key, _)| key).collect();
    assert_eq!(found, [[Some("1234".to_owned())]]);
    let (here, there) =
        (catalog(&**displaced, &Scope::default()).await, catalog(&**live, &Scope::default()).await);
    let names = |catalog: &backout_core::compare::Catalog| -> Vec<String> {
        catalog.relations.iter().map(|one| one.full_name()).collect()
    };
    assert_eq!(names(&here), names(&there));
    let of_table: Vec<String> = compare_things(&here.things, &there.things)
        .into_iter()
        .filter(|one| one.object == "table public.t")
        .filter_map(|one| one.property)
        .collect();
    assert_eq!(of_table, ["column b", "order of columns"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_were_displaced_are_known_by_their_names() {
    let name = made(ROWS);
    let folder = tempfile::tempdir().expect("a folder");
    let context = context(folder.path(), &[("URL", &server().url(&name))]);
    let config = json!({ "url": "${env:URL}", "tables": ["t"] });
    let session = put_back::<Tables>(&context, config, || drop(server().sql(&name, MIGRATION))).await;
    let live = session.side(&context, Which::Live, &limits()).await.expect("a side").expect("a side");
    let displaced =
        session.side(&context, Which::Displaced, &limits()).await.expect("a side").expect("a side");
    is_the_migration(&live, &displaced).await;
    // What is beside them is no part of the component.
    assert_eq!(catalog(&*live, &Scope::default()).await.relations.len(), 1);
    assert!(session.side(&context, Which::Old, &limits()).await.expect("no side").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_displaced_is_read_behind_its_door() {
    let own = Postgres::start(&Options::default());
    own.sql("postgres", "CREATE DATABASE shop");
    own.sql("shop", ROWS);
    let folder = tempfile::tempdir().expect("a folder");
    let context = context(folder.path(), &[("URL", &own.url("shop"))]);
    let config = json!({ "url": "${env:URL}" });
    let session = put_back::<Database>(&context, config, || drop(own.sql("shop", MIGRATION))).await;
    let live = session.side(&context, Which::Live, &limits()).await.expect("a side").expect("a side");
    let displaced =
        session.side(&context, Which::Displaced, &limits()).await.expect("a side").expect("a side");
    assert!(displaced.place().contains("displaced"), "{}", displaced.place());
    is_the_migration(&live, &displaced).await;
    assert!(session.side(&context, Which::Old, &limits()).await.expect("no side").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_has_the_new_side_live() {
    let (old, new) = (made(ROWS), made(&format!("{ROWS} DELETE FROM t WHERE id = 9")));
    let folder = tempfile::tempdir().expect("a folder");
    let context = context(folder.path(), &[("OLD", &server().url(&old)), ("NEW", &server().url(&new))]);
    let config = json!({ "old": "${env:OLD}", "new": "${env:NEW}" });
    let config = serde_json::from_value(config).expect("a configuration");
    let session = Endpoint::connect(config, &context).await.expect("connect");
    let live = session.side(&context, Which::Live, &limits()).await.expect("a side").expect("a side");
    let old = session.side(&context, Which::Old, &limits()).await.expect("a side").expect("a side");
    let pair = Pair::of((&old, "t"), (&live, "t"), &seeded()).await;
    let found = pair.differences().await;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].1.left.len(), found[0].1.right.len()), (1, 0));
    assert!(session.side(&context, Which::Displaced, &limits()).await.expect("no side").is_none());
}
