mod storm;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use backout_contract::{Door, Effect, ErrorKind, Stop};

use super::*;
use crate::server::{Address, Pace, connect, identifier};
use crate::testing::{address, context, database, server};

/// A database that belongs to a role of its own, which is no superuser and may end other roles' sessions.
fn owned(hint: &str) -> (String, Address) {
    let (name, _) = database(hint);
    server().sql(
        "postgres",
        &format!(
            "DO $$ BEGIN CREATE ROLE keeper LOGIN CREATEDB PASSWORD 'k'; EXCEPTION WHEN others THEN NULL; END $$;
             DO $$ BEGIN CREATE ROLE app LOGIN PASSWORD 'a'; EXCEPTION WHEN others THEN NULL; END $$;
             GRANT pg_signal_backend TO keeper;
             ALTER DATABASE {name} OWNER TO keeper"
        ),
    );
    (name.clone(), address(&server().url_as("keeper", "k", &name)))
}

fn pace() -> Pace {
    let folder = tempfile::tempdir().expect("a folder");
    Pace::of(&context(folder.path(), &[]))
}

fn closing() -> Closing {
    Closing { read_only: false, patience: Duration::from_secs(20), except: BTreeSet::new() }
}

fn acl(name: &str) -> String {
    server().sql(
        "postgres",
        &format!(
            "SELECT string_agg(a::text, ' ' ORDER BY a::text), bool_and(datallowconn), coalesce(min(datconnlimit), 0)
             FROM pg_database, aclexplode(coalesce(datacl, acldefault('d', datdba))) a WHERE datname = '{name}'"
        ),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_is_shut_and_opened_as_it_was() {
    let (name, address) = owned("door");
    server().sql(
        "postgres",
        &format!("COMMENT ON DATABASE {name} IS 'the shop'; GRANT CREATE, CONNECT ON DATABASE {name} TO app"),
    );
    let before = acl(&name);
    let mut outside = Outside::connect(&address, None).await.expect("connect");
    assert_eq!(whereabouts(&outside, &name).await.expect("look"), Door::Open);
    let inside = connect(&crate::testing::address(&server().url(&name))).await;
    // A superuser is inside, and nobody but a superuser may end it.
    let inside = inside.expect("connect as the superuser");
    let impatient = Closing { patience: Duration::from_millis(200), ..closing() };
    let error = shut(&mut outside, &name, &impatient, &pace()).await.expect_err("a superuser stays");
    assert_eq!(error.kind, ErrorKind::Locked);
    assert!(error.chain().contains("we may not end sessions of postgres"), "{}", error.chain());
    assert_eq!((whereabouts(&outside, &name).await.expect("look"), acl(&name)), (Door::Open, before.clone()));
    drop(inside);
    let inside =
        connect(&crate::testing::address(&server().url_as("app", "a", &name))).await.expect("connect");
    inside.batch_execute("BEGIN").await.expect("begin");
    let applied = shut(&mut outside, &name, &closing(), &pace()).await.expect("shut");
    assert!(matches!(applied, Effect::Applied { .. }), "{applied:?}");
    assert_eq!(shut(&mut outside, &name, &closing(), &pace()).await.expect("shut"), Effect::AlreadyThere);
    assert_eq!(whereabouts(&outside, &name).await.expect("look"), Door::Shut);
    assert!(inside.batch_execute("SELECT 1").await.is_err(), "whoever was inside is out");
    for url in
        [server().url(&name), server().url_as("app", "a", &name), server().url_as("keeper", "k", &name)]
    {
        assert!(connect(&crate::testing::address(&url)).await.is_err(), "nobody comes in");
    }
    let links = enter(&outside, &name, 3, &pace()).await.expect("we come in");
    assert_eq!(links.len(), 3);
    assert_eq!(whereabouts(&outside, &name).await.expect("look"), Door::Shut);
    drop(links);
    let opened = reopen(&mut outside, &name).await.expect("open");
    assert!(matches!(opened, Effect::Applied { .. }));
    assert_eq!(reopen(&mut outside, &name).await.expect("open"), Effect::AlreadyThere);
    assert_eq!(acl(&name), before);
    let comment = server().sql(
        "postgres",
        &format!("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = '{name}'"),
    );
    assert_eq!(comment, "the shop");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_is_kept_out() {
    let (name, address) = owned("storm");
    let ours = server().url_as("keeper", "k", &name);
    let theirs = server().url_as("app", "a", &name);
    let (go, came_in) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
    let clients: Vec<_> = (0..40)
        .map(|number| {
            let url = if number % 2 == 0 { ours.clone() } else { theirs.clone() };
            let (go, came_in) = (Arc::clone(&go), Arc::clone(&came_in));
            tokio::spawn(async move {
                while go.load(Ordering::Relaxed) {
                    let Ok((client, connection)) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await
                    else {
                        continue;
                    };
                    came_in.fetch_add(1, Ordering::Relaxed);
                    let driver = tokio::spawn(connection);
                    while client.simple_query("SELECT 1").await.is_ok() && go.load(Ordering::Relaxed) {}
                    driver.abort();
                }
            })
        })
        .collect();
    while came_in.load(Ordering::Relaxed) < 40 {
        tokio::task::yield_now().await;
    }
    let mut outside = Outside::connect(&address, None).await.expect("connect");
    let began = Instant::now();
    shut(&mut outside, &name, &closing(), &pace()).await.expect("shut");
    println!("shut against 40 clients in {:?}", began.elapsed());
    let then = came_in.load(Ordering::Relaxed);
    let oid = outside.find(&name).await.expect("find").expect("there").oid;
    let inside =
        || server().sql("postgres", &format!("SELECT count(*) FROM pg_stat_activity WHERE datid = {oid}"));
    assert_eq!(inside(), "0");
    let links = enter(&outside, &name, 2, &pace()).await.expect("enter");
    assert_eq!(inside(), "2", "whoever slipped in is out");
    println!("{} slipped in while the door stood ajar", came_in.load(Ordering::Relaxed) - then);
    drop(links);
    go.store(false, Ordering::Relaxed);
    for client in clients {
        client.await.expect("a client");
    }
    reopen(&mut outside, &name).await.expect("open");
}

#[tokio::test(flavor = "multi_thread")]
async fn prepared_transactions_are_named() {
    let server = backout_fixtures::Postgres::start(&backout_fixtures::Options {
        settings: vec!["max_prepared_transactions = 5".into()],
        ..Default::default()
    });
    server.sql("postgres", "CREATE DATABASE shop");
    server.sql(
        "shop",
        "CREATE TABLE t (a int); BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'order 7'",
    );
    let address = address(&server.url("shop"));
    let mut outside = Outside::connect(&address, None).await.expect("connect");
    let impatient = Closing { patience: Duration::from_millis(100), ..closing() };
    let error = shut(&mut outside, "shop", &impatient, &pace()).await.expect_err("it outlives sessions");
    assert!(error.chain().contains("order 7"), "{}", error.chain());
    assert_eq!(whereabouts(&outside, "shop").await.expect("look"), Door::Open);
    server.sql("shop", "COMMIT PREPARED 'order 7'");
    shut(&mut outside, "shop", &impatient, &pace()).await.expect("shut");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_that_somebody_else_shut_stays_shut() {
    let (name, address) = owned("theirs");
    server().sql("postgres", &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
    let mut outside = Outside::connect(&address, None).await.expect("connect");
    assert_eq!(shut(&mut outside, &name, &closing(), &pace()).await.expect("shut"), Effect::AlreadyThere);
    for error in [
        enter(&outside, &name, 1, &pace()).await.map(|_| ()).expect_err("we did not shut it"),
        reopen(&mut outside, &name).await.map(|_| ()).expect_err("we did not shut it"),
    ] {
        assert_eq!(error.kind, ErrorKind::Denied);
    }
    assert_eq!(acl(&name).split('|').nth(1), Some("f"));
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_may_stay() {
    let (name, address) = owned("readers");
    let app = crate::testing::address(&server().url_as("app", "a", &name));
    server().sql(&name, "CREATE TABLE t (a int); GRANT ALL ON t TO app");
    let mut outside = Outside::connect(&address, None).await.expect("connect");
    let readers = Closing { read_only: true, ..closing() };
    let writer = connect(&app).await.expect("connect");
    let applied = shut(&mut outside, &name, &readers, &pace()).await.expect("shut");
    assert!(matches!(applied, Effect::Applied { .. }));
    assert_eq!(shut(&mut outside, &name, &readers, &pace()).await.expect("shut"), Effect::AlreadyThere);
    assert_eq!(whereabouts(&outside, &name).await.expect("look"), Door::Shut);
    assert!(writer.batch_execute("INSERT INTO public.t VALUES (1)").await.is_err(), "{applied:?}");
    let url = server().url_as("app", "a", &name);
    let (reader, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("connect");
    tokio::spawn(connection);
    reader.batch_execute("SELECT * FROM public.t").await.expect("read");
    let error = reader.batch_execute("INSERT INTO public.t VALUES (1)").await.expect_err("only reads");
    assert_eq!(error.code(), Some(&tokio_postgres::error::SqlState::READ_ONLY_SQL_TRANSACTION));
    reopen(&mut outside, &name).await.expect("open");
    assert_eq!(server().sql("postgres", &format!("SELECT count(*) FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = '{name}')")), "0");
    let _ = identifier;
    let _ = Stop::never();
}
