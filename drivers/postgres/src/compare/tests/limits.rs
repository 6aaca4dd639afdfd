//! What stands in the way: rights, locks, time, damage, lost connections, and what is written meanwhile.

use std::time::Duration;

use backout_contract::ErrorKind;
use backout_contract::compare::{Limits, Scope};
use backout_core::compare::Wanted;
use backout_fixtures::{Options, Postgres};

use super::support::{Pair, catalog, keys, limits, made, open, seeded, side, tallies};
use crate::testing::server;

const ROWS: &str =
    "CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t SELECT n, n FROM generate_series(1, 5000) n;";

#[tokio::test]
async fn what_may_not_be_read_is_named_and_the_rest_goes_on() {
    let name = made(&format!(
        "{ROWS} CREATE TABLE secret (id int PRIMARY KEY); CREATE TABLE hidden (id int PRIMARY KEY)"
    ));
    server().sql(
        &name,
        &format!(
            "CREATE ROLE reader_{name} LOGIN PASSWORD 'secret-of-reader'; GRANT SELECT ON t, hidden TO reader_{name}; \
             ALTER TABLE hidden ENABLE ROW LEVEL SECURITY"
        ),
    );
    let url = server().url_as(&format!("reader_{name}"), "secret-of-reader", &name);
    let side = open(&url, &limits()).await;
    assert!(!side.place().contains("secret"));
    let found = catalog(&*side, &Scope::default()).await.relations;
    let why: Vec<Option<&str>> = found.iter().map(|one| one.unreadable.as_deref()).collect();
    assert_eq!(why, [Some("row security hides rows of it from this role"), Some("permission denied"), None]);
    let pair = Pair::of((&side, "t"), (&side, "t"), &seeded()).await;
    assert_eq!(tallies(&*side, &pair.left_order).await.expect("tallies").rows(), 5000);
    assert_eq!(side.burden().await.expect("a burden").lag, None);
    server().sql(&name, &format!("REVOKE SELECT ON t FROM reader_{name}"));
    let refused = side.tally(&pair.left_order, 0).await.expect_err("a right that is gone");
    assert_eq!(refused.kind, ErrorKind::Denied, "{}", refused.chain());
}

#[tokio::test]
async fn what_people_wrote_wrongly_is_theirs() {
    let side = side(&made(ROWS)).await;
    for (expression, filter, expected) in [
        (Some("b + 1"), None, "read the expression for `a` of t: column \"b\" does not exist (42703)"),
        (None, Some("a = "), "read the filter of t: syntax error"),
        (Some("1 / (a - 7)"), None, "read the expression for `a` of t: it does not go with the values"),
        (None, Some("(a || 'x')::int > 0"), "read the filter of t: it does not go with the values"),
    ] {
        let wanted = Wanted {
            left_as: expression.map(|sql: &str| ("a".to_owned(), sql.to_owned())).into_iter().collect(),
            left_where: filter.map(str::to_owned),
            ..seeded()
        };
        let pair = Pair::of((&side, "t"), (&side, "t"), &wanted).await;
        let error = tallies(&*side, &pair.left_order).await.expect_err("a mistake");
        assert_eq!(error.kind, ErrorKind::Config);
        assert!(error.chain().starts_with(expected), "{}", error.chain());
        // The snapshot is as good as before.
        assert_eq!(tallies(&*side, &pair.right_order).await.expect("tallies").rows(), 5000);
    }
    let writes = Wanted { left_where: Some("(SELECT setval('s', 5)) > 0".into()), ..seeded() };
    let pair = Pair::of((&side, "t"), (&side, "t"), &writes).await;
    assert!(tallies(&*side, &pair.left_order).await.is_err());
}

#[tokio::test]
async fn time_and_locks_are_limited() {
    let name = made(ROWS);
    let short =
        Limits { statement: Duration::from_millis(300), lock: Duration::from_millis(100), ..limits() };
    let side = open(&server().url(&name), &short).await;
    let slow = Wanted { left_where: Some("pg_sleep(0.01) IS NOT NULL".into()), ..seeded() };
    let pair = Pair::of((&side, "t"), (&side, "t"), &slow).await;
    let error = tallies(&*side, &pair.left_order).await.expect_err("too slow");
    assert_eq!(error.kind, ErrorKind::TimedOut, "{}", error.chain());
    assert_eq!(tallies(&*side, &pair.right_order).await.expect("tallies").rows(), 5000);
    let holder =
        crate::server::connect(&crate::testing::address(&server().url(&name))).await.expect("connect");
    let side = open(&server().url(&name), &short).await;
    holder.batch_execute("BEGIN; LOCK TABLE public.t IN ACCESS EXCLUSIVE MODE").await.expect("lock");
    // The catalog is there all the same.
    assert_eq!(catalog(&*side, &Scope::default()).await.relations.len(), 1);
    let error = side.tally(&pair.right_order, 0).await.expect_err("locked");
    assert_eq!(error.kind, ErrorKind::Locked, "{}", error.chain());
}

#[tokio::test]
async fn a_snapshot_stays_and_a_new_one_says_whether_anything_was_written() {
    // Nobody else writes on a server of its own.
    let own = Postgres::start(&Options { settings: vec!["autovacuum = off".into()], ..Options::default() });
    own.sql("postgres", &format!("{ROWS} CREATE TABLE u (a int)"));
    let side = open(&own.url("postgres"), &limits()).await;
    let pair = Pair::of((&side, "t"), (&side, "t"), &seeded()).await;
    let before = tallies(&*side, &pair.left_order).await.expect("tallies");
    let position = side.position().await.expect("a position").expect("a position");
    assert!(position.contains('/'));
    assert!(!side.renew().await.expect("renew"));
    own.sql("postgres", "DELETE FROM t WHERE id = 4711");
    assert_eq!(tallies(&*side, &pair.left_order).await.expect("tallies"), before);
    assert!(side.renew().await.expect("renew"));
    assert_eq!(tallies(&*side, &pair.left_order).await.expect("tallies").rows(), 4999);
    assert_ne!(side.position().await.expect("a position"), Some(position));
}

#[tokio::test]
async fn a_server_that_is_killed_is_found_again() {
    let mut own = Postgres::start(&Options::default());
    own.sql("postgres", &format!("{ROWS} CHECKPOINT"));
    let side = open(&own.url("postgres"), &limits()).await;
    let pair = Pair::of((&side, "t"), (&side, "t"), &seeded()).await;
    let before = tallies(&*side, &pair.left_order).await.expect("tallies");
    own.kill();
    for _ in 0..4 {
        let error = side.tally(&pair.left_order, 0).await.expect_err("nobody is there");
        assert_eq!(error.kind, ErrorKind::Unreachable, "{}", error.chain());
    }
    let error = side.renew().await.expect_err("nobody is there");
    assert_eq!(error.kind, ErrorKind::Unreachable, "{}", error.chain());
    own.go();
    assert!(side.renew().await.expect("renew"));
    assert_eq!(tallies(&*side, &pair.left_order).await.expect("tallies"), before);
}

#[tokio::test]
async fn damaged_pages_are_told_as_such() {
    let mut own = Postgres::start(&Options { initdb: vec!["--data-checksums".into()], ..Options::default() });
    own.sql(
        "postgres",
        &format!("{ROWS} CREATE TABLE u (id int PRIMARY KEY); INSERT INTO u VALUES (1); CHECKPOINT"),
    );
    let file = own.data().join(own.sql("postgres", "SELECT pg_relation_filepath('t')"));
    own.stop();
    let pages = std::fs::read(&file).expect("read");
    let broken: Vec<u8> =
        pages.iter().enumerate().map(|(at, byte)| if at == 9000 { !byte } else { *byte }).collect();
    std::fs::write(&file, broken).expect("write");
    own.go();
    let side = open(&own.url("postgres"), &limits()).await;
    let pair = Pair::of((&side, "t"), (&side, "t"), &seeded()).await;
    let error = tallies(&*side, &pair.left_order).await.expect_err("damage");
    assert_eq!(error.kind, ErrorKind::Unreadable, "{}", error.chain());
    assert!(error.chain().contains("read t"), "{}", error.chain());
    let pair = Pair::of((&side, "u"), (&side, "u"), &seeded()).await;
    assert_eq!(tallies(&*side, &pair.left_order).await.expect("tallies").rows(), 1);
}

#[tokio::test]
async fn work_that_nobody_wants_any_more_ends_on_the_server() {
    let name = made(ROWS);
    let one = Limits { connections: 1, ..limits() };
    let side = open(&server().url(&name), &one).await;
    let slow = Wanted { left_where: Some("pg_sleep(30) IS NOT NULL".into()), ..seeded() };
    let pair = Pair::of((&side, "t"), (&side, "t"), &slow).await;
    let busy = || {
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND query LIKE '%pg_sleep(30)%' \
                           AND state = 'active' AND application_name = 'backout'"
        );
        server().sql("postgres", &sql)
    };
    let work = {
        let (side, order) = (side.clone(), pair.left_order.clone());
        tokio::spawn(async move { side.tally(&order, 0).await.map(|_| ()) })
    };
    while busy() == "0" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    work.abort();
    // The same connection, with the same snapshot, is there again.
    assert_eq!(tallies(&*side, &pair.right_order).await.expect("tallies").rows(), 5000);
    assert_eq!(busy(), "0");
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    drop(receiver);
    side.keys(&pair.right_order, None, sender).await.expect("nobody listens");
    assert_eq!(keys(&*side, &pair.right_order, None).await.expect("keys").len(), 5000);
}
