//! Recorders among programs that are at work: they come under running writers, miss nothing, and fail nobody.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backout_contract::{Driver, ErrorKind, Session};
use backout_core::writes::{Occasion, Tally};
use rusqlite::config::DbConfig;

use super::errand::{Manner, Other};
use super::recording::log;
use super::world::{World, open};
use crate::database::{Config, Database, State};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_missed_under_writers_that_never_stop() {
    for mode in ["delete", "wal"] {
        let mut world = World::new();
        world.busy = "60s";
        world.run(&format!("PRAGMA journal_mode = {mode}; CREATE TABLE t (id INTEGER PRIMARY KEY, a)"));
        let is_over = AtomicBool::new(false);
        let path = world.path();
        let saved = std::thread::scope(|scope| {
            for writer in 0..3 {
                let (is_over, path) = (&is_over, &path);
                scope.spawn(move || {
                    let connection = open(path);
                    connection.busy_timeout(Duration::from_secs(120)).unwrap();
                    // Prepared before there are recorders, and used for good.
                    let mut statement = connection.prepare("INSERT INTO t (a) VALUES (?1)").unwrap();
                    while !is_over.load(Ordering::Relaxed) {
                        statement.execute([writer]).unwrap();
                        std::thread::yield_now();
                    }
                });
            }
            let done = tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current().block_on(async {
                    world.arm(Occasion::Arm).await.unwrap();
                    let saved = world.keep().await.state.unwrap();
                    let rows = saved.tables["t"].rows;
                    let has_more = || -> bool {
                        let count = "SELECT count(*) >= ?1 FROM t";
                        world
                            .open()
                            .query_row(count, [i64::try_from(rows).unwrap() + 20], |row| row.get(0))
                            .unwrap()
                    };
                    while !has_more() {
                        tokio::task::yield_now().await;
                    }
                    world.arm(Occasion::Cutover).await.unwrap();
                    saved
                })
            });
            is_over.store(true, Ordering::Relaxed);
            done
        });
        let live = world.look().await.unwrap();
        let counted = world.count(&saved).await.unwrap();
        assert!(counted.gaps.is_empty(), "{mode}: {counted:?}");
        let inserted = live.tables["t"].rows - saved.tables["t"].rows;
        assert!(inserted >= 20);
        assert_eq!(counted.users(), Tally { inserted, changed: 0, deleted: 0 }, "{mode}");
    }
}

#[tokio::test]
async fn whoever_holds_the_database_is_waited_for_and_named() {
    for (mode, hold) in
        [("delete", "BEGIN; SELECT * FROM t"), ("delete", "BEGIN IMMEDIATE"), ("wal", "BEGIN IMMEDIATE")]
    {
        let mut world = World::new();
        world.busy = "0s";
        world.run(&format!("PRAGMA journal_mode = {mode}; CREATE TABLE t (a); INSERT INTO t VALUES (1)"));
        let before = world.look().await.unwrap();
        let other = world.open();
        other.execute_batch(hold).unwrap();
        let error = world.arm(Occasion::Arm).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Locked, "{mode} {hold}: {}", error.chain());
        other.execute_batch("ROLLBACK").unwrap();
        drop(other);
        assert_eq!(world.look().await.unwrap(), before);
        world.arm(Occasion::Arm).await.unwrap();
    }
    let world = World::new();
    world.run("PRAGMA journal_mode = wal; CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    let reader = world.open();
    reader.execute_batch("BEGIN; SELECT * FROM t").unwrap();
    world.arm(Occasion::Arm).await.unwrap();
}

#[tokio::test]
async fn an_application_notices_nothing() {
    let world = World::new();
    world.run(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT UNIQUE);
         CREATE TABLE child (id INTEGER PRIMARY KEY, p INTEGER REFERENCES parent ON DELETE CASCADE)",
    );
    world.arm(Occasion::Arm).await.unwrap();
    let application = world.open();
    application.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).unwrap();
    application.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false).unwrap();
    application.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    let run = |sql: &str| application.execute(sql, []).unwrap();
    assert_eq!(run("INSERT INTO parent (a) VALUES ('x'), ('y')"), 2);
    assert_eq!(application.last_insert_rowid(), 2);
    assert_eq!(run("INSERT INTO child (p) VALUES (1), (1), (2)"), 3);
    assert_eq!(application.last_insert_rowid(), 3);
    assert_eq!(run("INSERT INTO parent (a) VALUES ('y') ON CONFLICT (a) DO UPDATE SET a = 'z'"), 1);
    assert_eq!(run("UPDATE OR IGNORE parent SET a = 'z' WHERE id = 1"), 0);
    assert_eq!(run("INSERT OR REPLACE INTO parent (id, a) VALUES (2, 'new')"), 1);
    assert_eq!(run("DELETE FROM parent WHERE id = 1"), 1);
    let returned: String = application
        .query_row("INSERT INTO parent (a) VALUES ('r') RETURNING a", [], |row| row.get(0))
        .unwrap();
    assert_eq!(returned, "r");
    assert_eq!(
        log(&application),
        [
            "parent i user - -> 1,'x'",
            "parent i user - -> 2,'y'",
            "child i user - -> 1,1",
            "child i user - -> 2,1",
            "child i user - -> 3,2",
            "parent u user 2,'y' -> 2,'z'",
            // The row that made room left no trace, its children did.
            "child d user 3,2 -> -",
            "parent i user - -> 2,'new'",
            "child d user 1,1 -> -",
            "child d user 2,1 -> -",
            "parent d user 1,'x' -> -",
            // An upsert uses a number up, with a recorder or without.
            "parent i user - -> 4,'r'",
        ]
    );
    application.execute_batch("PRAGMA recursive_triggers = ON").unwrap();
    run("INSERT OR REPLACE INTO parent (id, a) VALUES (2, 'newer')");
    assert_eq!(log(&application)[12..], ["parent d user 2,'new' -> -", "parent i user - -> 2,'newer'"]);
}

#[tokio::test]
async fn a_recorder_at_its_cap_lets_go_and_fails_nobody() {
    let world = World::new();
    world.run("CREATE TABLE t (id INTEGER PRIMARY KEY, a)");
    world.arm(Occasion::Arm).await.unwrap();
    let saved = world.look().await.unwrap();
    world.run("INSERT INTO t (a) VALUES (zeroblob(67108865)), (1); UPDATE t SET id = 9 WHERE id = 1");
    assert_eq!(log(&world.open()), ["t i user - -> 2,1"]);
    let why = world.count(&saved).await.unwrap().gaps.remove(0).why;
    assert!(why.starts_with("2 writes were let go"), "{why}");

    let world = World::new();
    world.run("CREATE TABLE t (a)");
    let config = serde_json::json!({ "path": world.config().path, "recorder": { "cap": "40B" } });
    let config: Config = serde_json::from_value(config).unwrap();
    let session = Database::connect(config, &world.context()).await.unwrap();
    session.arm(&world.context(), Occasion::Arm).await.unwrap();
    let saved = world.look().await.unwrap();
    for _ in 0..10 {
        world.run("INSERT INTO t VALUES ('0123456789')");
    }
    let counted = world.count(&saved).await.unwrap();
    assert_eq!(counted.users().inserted, 3);
    assert!(counted.gaps[0].why.starts_with("7 writes were let go"), "{counted:?}");
    let coverage = world.coverage().await.unwrap();
    assert!(!coverage.uncovered.is_empty(), "nothing more is recorded: {coverage:?}");
    // A higher cap records again, and what was let go is not forgotten.
    world.arm(Occasion::Arm).await.unwrap();
    world.run("INSERT INTO t VALUES ('0123456789')");
    let counted = world.count(&saved).await.unwrap();
    assert_eq!(counted.users().inserted, 4);
    assert!(!counted.gaps.is_empty());
}

/// Arming and marking the cutover, by a process that dies at each failpoint in turn.
#[tokio::test]
async fn arming_killed_anywhere_is_done_by_arming_again() {
    for (errand, occasion) in [("arm", Occasion::Arm), ("cut over", Occasion::Cutover)] {
        let mut died = 0;
        loop {
            let world = World::new();
            world.run(
                "CREATE TABLE t (id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 1); CREATE TABLE u (a)",
            );
            if occasion == Occasion::Cutover {
                world.arm(Occasion::Arm).await.unwrap();
                world.run("INSERT INTO t VALUES (2, 2)");
            }
            let before = world.look().await.unwrap();
            let environment = vec![("BACKOUT_FAILPOINT", (died + 1).to_string())];
            let manner = Manner { environment, ..Manner::default() };
            let (said, is_well) = Other::sent(errand, &world.root, manner).end();
            assert!(world.look().await.unwrap().is_exactly(&before), "{errand} {died}");
            world.run("UPDATE t SET a = 3 WHERE id = 1");
            let coverage = world.arm(occasion).await.unwrap();
            assert_eq!(coverage.covered, ["t", "u"], "{errand} {died}");
            assert!(coverage.uncovered.is_empty() && coverage.interrupted.is_empty(), "{coverage:?}");
            world.run("DELETE FROM t WHERE id = 1");
            let log = log(&world.open());
            assert_eq!(log.last().unwrap(), "t d user 1,3 -> -");
            assert!(log.iter().all(|line| !line.contains("probe")), "{log:?}");
            if occasion == Occasion::Cutover {
                assert_eq!(log, ["t i user - -> 2,2", "t u user 1,1 -> 1,3", "t d user 1,3 -> -"]);
            }
            if is_well {
                assert!(said.starts_with("Ok("), "{said}");
                break;
            }
            died += 1;
        }
        // Before the commit, after it, and with a trial of each table not yet taken back.
        assert_eq!(died, 4, "{errand}");
    }
}

#[tokio::test]
async fn a_wide_table_is_recorded() {
    let world = World::new();
    let columns: Vec<String> = (0..1500).map(|number| format!("\"column {number}\"")).collect();
    world.run(&format!("CREATE TABLE wide ({})", columns.join(", ")));
    let coverage = world.arm(Occasion::Arm).await.unwrap();
    assert_eq!((coverage.covered.len(), coverage.uncovered.len()), (1, 0), "{coverage:?}");
    world.run(
        "INSERT INTO wide (\"column 7\") VALUES (1); UPDATE wide SET \"column 1499\" = 2; DELETE FROM wide",
    );
    assert_eq!(log(&world.open()).len(), 3);
}

#[tokio::test]
async fn a_window_and_tables_left_out_are_what_a_person_declared() {
    let world = World::new();
    world.run("CREATE TABLE t (a); CREATE VIRTUAL TABLE search USING fts5 (a); CREATE TABLE cache (a)");
    let recorder = serde_json::json!({ "migration": "window", "except": ["Search", "cache"] });
    let config = serde_json::json!({ "path": world.config().path, "recorder": recorder });
    let config: Config = serde_json::from_value(config).unwrap();
    let (session, context) = (Database::connect(config, &world.context()).await.unwrap(), world.context());
    let coverage = session.arm(&context, Occasion::Arm).await.unwrap();
    assert_eq!((coverage.covered, coverage.uncovered), (vec!["t".to_owned()], vec![]));
    let saved = world.look().await.unwrap();
    world.run("INSERT INTO t VALUES (1), (2); INSERT INTO search VALUES ('x'); INSERT INTO cache VALUES (1)");
    assert_eq!(session.coverage(&context).await.unwrap().unwrap().uncovered, []);
    session.arm(&context, Occasion::Cutover).await.unwrap();
    world.run("INSERT INTO t VALUES (3)");
    let counted = session.count(&context, &saved, &[]).await.unwrap().unwrap();
    assert!(counted.gaps.is_empty(), "{counted:?}");
    assert_eq!((counted.users().inserted, counted.migration()), (1, 2));
}

#[test]
fn a_state_from_before_there_were_recorders_is_read() {
    let old = serde_json::json!({
        "page_size": 4096, "encoding": "UTF-8", "auto_vacuum": 0, "write_ahead": false, "user_version": 1,
        "application_id": 0, "schema": [], "tables": {}, "sequences": {}, "foreign_key_violations": 0,
        "access": { "mode": 420, "user": 0, "group": 0 },
    });
    let state: State = serde_json::from_value(old.clone()).unwrap();
    assert_eq!(state.recorder, None);
    assert_eq!(serde_json::to_value(&state).unwrap(), old, "and written as it was");
}
