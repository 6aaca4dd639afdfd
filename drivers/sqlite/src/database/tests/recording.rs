//! What users write is recorded, whatever the table, and recording changes nothing else.

use backout_contract::{Driver, DriverError, Session};
use backout_core::writes::{Counted, Coverage, Occasion, Tally};
use rusqlite::Connection;

use super::world::{FULL, World, seen};
use crate::database::recorder::image::{gone, parse};
use crate::database::{Database, State};

impl World {
    pub(super) async fn arm(&self, occasion: Occasion) -> Result<Coverage, DriverError> {
        self.session().await.arm(&self.context(), occasion).await
    }

    pub(super) async fn coverage(&self) -> Option<Coverage> {
        self.session().await.coverage(&self.context()).await.unwrap()
    }

    pub(super) async fn count(&self, target: &State) -> Option<Counted> {
        self.session().await.count(&self.context(), target, &[]).await.unwrap()
    }
}

/// The log in a few words: table, kind, origin, both images.
pub(super) fn log(connection: &Connection) -> Vec<String> {
    let mut statement = connection
        .prepare("SELECT tab || ' ' || op || ' ' || origin || ' ' || coalesce(before, '-') || ' -> ' || coalesce(after, '-') FROM _backout_log ORDER BY seq")
        .unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn tally(inserted: u64, changed: u64, deleted: u64) -> Tally {
    Tally { inserted, changed, deleted }
}

fn names(coverage: &Coverage) -> Vec<&str> {
    coverage.covered.iter().map(String::as_str).collect()
}

fn whys(gaps: &[backout_core::writes::Gap]) -> Vec<String> {
    gaps.iter().map(|gap| format!("{}: {}", gap.table, gap.why)).collect()
}

#[tokio::test]
async fn arming_covers_every_table_and_changes_nothing_that_counts() {
    for mode in ["delete", "wal"] {
        let world = World::new();
        world.run(&format!("PRAGMA journal_mode = {mode}; {FULL}"));
        let before = world.look().await.unwrap();
        let coverage = world.arm(Occasion::Arm).await.unwrap();
        assert_eq!(names(&coverage), ["anything", "odd \"name\" – ü", "tags", "tasks", "users"]);
        assert_eq!(
            whys(&coverage.uncovered),
            ["search: it is a virtual table, whose writes no trigger sees"]
        );
        assert!(coverage.interrupted.is_empty());
        let after = world.look().await.unwrap();
        assert!(after.is_exactly(&before));
        assert_eq!(seen(Some(&after)), seen(Some(&before)));
        assert!(Database::diff(Some(&before), Some(&after)).changes.is_empty());
        assert!(log(&world.open()).is_empty(), "what was tried was taken back");
        let traces = world.traces();
        assert_eq!(world.coverage().await, Some(coverage.clone()));
        assert_eq!(world.count(&after).await.unwrap().users(), Tally::default());
        assert_eq!(world.traces(), traces, "looking changes nothing");
        assert_eq!(world.arm(Occasion::Arm).await.unwrap(), coverage);
        assert_eq!(world.look().await.unwrap(), after, "twice is once");
        world.session().await.disarm(&world.context()).await.unwrap();
        assert_eq!(world.look().await.unwrap(), before);
        assert_eq!(world.coverage().await, None);
        assert_eq!(world.count(&before).await, None);
        world.session().await.disarm(&world.context()).await.unwrap();
    }
}

/// Every kind of value and table; each line is what a user does and what is recorded of it.
#[tokio::test]
async fn every_write_is_recorded_with_both_images() {
    let world = World::new();
    world.run(FULL);
    world.run(
        "CREATE TABLE \"new\" (\"old\" TEXT, \"new\" TEXT, rowid INTEGER, \"a'b\" TEXT);
         CREATE TABLE strict (id INTEGER PRIMARY KEY, r REAL, t TEXT, b BLOB, a ANY) STRICT;
         CREATE TABLE \"it's; -- 🌍\" (\"select\" PRIMARY KEY, \"from\") WITHOUT ROWID;",
    );
    world.arm(Occasion::Arm).await.unwrap();
    let connection = world.open();
    for (write, recorded) in [
        ("INSERT INTO tags VALUES (9, 'x')", vec!["tags i user - -> 9,'x'"]),
        ("UPDATE tags SET tag = 'X' WHERE task = 9", vec!["tags u user 9,'x' -> 9,'X'"]),
        ("UPDATE tags SET tag = tag", vec![]),
        ("DELETE FROM tags WHERE task = 9", vec!["tags d user 9,'X' -> -"]),
        ("INSERT INTO anything VALUES (1.0)", vec!["anything i user - -> 7,1.0"]),
        ("UPDATE anything SET value = 1 WHERE rowid = 7", vec!["anything u user 7,1.0 -> 7,1"]),
        ("UPDATE anything SET rowid = 70 WHERE rowid = 7", vec!["anything u user 7,1 -> 70,1"]),
        ("UPDATE anything SET value = x'' WHERE rowid = 70", vec!["anything u user 70,1 -> 70,X''"]),
        (
            "UPDATE anything SET value = 'it''s' || char(10) WHERE rowid = 70",
            vec!["anything u user 70,X'' -> 70,'it''s\n'"],
        ),
        (
            "UPDATE anything SET value = 'a' || char(0) || 'b' WHERE rowid = 70",
            vec!["anything u user 70,'it''s\n' -> 70,CAST(X'610062' AS TEXT)"],
        ),
        (
            "UPDATE anything SET value = -9223372036854775808 WHERE rowid = 70",
            vec!["anything u user 70,CAST(X'610062' AS TEXT) -> 70,-9223372036854775808"],
        ),
        ("INSERT INTO tasks (user, title) VALUES (1, 'ü🌍')", vec!["tasks i user - -> 4,1,'ü🌍',NULL"]),
        ("INSERT INTO \"new\" VALUES ('o', 'n', 5, 'q')", vec!["new i user - -> 1,'o','n',5,'q'"]),
        ("UPDATE \"new\" SET \"old\" = 'p'", vec!["new u user 1,'o','n',5,'q' -> 1,'p','n',5,'q'"]),
        ("INSERT INTO strict VALUES (1, 2, 'x', x'00', 'y')", vec!["strict i user - -> 1,2.0,'x',X'00','y'"]),
        ("INSERT INTO \"it's; -- 🌍\" VALUES ('k', 1)", vec!["it's; -- 🌍 i user - -> 'k',1"]),
        ("DELETE FROM \"it's; -- 🌍\"", vec!["it's; -- 🌍 d user 'k',1 -> -"]),
        (
            "INSERT INTO \"odd \"\"name\"\" – ü\" VALUES ('y', 2), ('z', 3)",
            vec!["odd \"name\" – ü i user - -> 2,'y',2", "odd \"name\" – ü i user - -> 3,'z',3"],
        ),
        ("INSERT INTO search VALUES ('nobody sees it')", vec![]),
    ] {
        let before = log(&connection).len();
        connection.execute_batch(write).unwrap();
        assert_eq!(log(&connection)[before..], recorded, "{write}");
    }
    let rolled_back = log(&connection).len();
    connection.execute_batch("BEGIN; DELETE FROM tags; ROLLBACK").unwrap();
    assert_eq!(log(&connection).len(), rolled_back);
}

/// Each literal of an image is the very value again.
#[tokio::test]
async fn images_hold_values_exactly() {
    let world = World::new();
    world.run("CREATE TABLE t (id INTEGER PRIMARY KEY, v)");
    world.arm(Occasion::Arm).await.unwrap();
    let connection = world.open();
    let reals = [
        0.1,
        0.1 + 0.2,
        1e15 + 0.3,
        f64::MAX,
        f64::MIN_POSITIVE,
        5e-324,
        1e308,
        -2.5e-7,
        1.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    for real in reals {
        connection.execute("INSERT INTO t (v) VALUES (?1)", [real]).unwrap();
    }
    for literal in
        ["CAST(x'ff2700' AS TEXT)", "CAST(x'ff27' AS TEXT)", "9223372036854775807", "''", "x'00'", "NULL"]
    {
        connection.execute_batch(&format!("INSERT INTO t (v) VALUES ({literal})")).unwrap();
    }
    let nonce: String =
        connection.query_row("SELECT nonce FROM _backout_recorder", [], |row| row.get(0)).unwrap();
    let mut statement = connection.prepare("SELECT after FROM _backout_log ORDER BY seq").unwrap();
    let images: Vec<Vec<u8>> = statement
        .query_map([], |row| Ok(row.get_ref(0)?.as_bytes().unwrap().to_vec()))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(images.len(), reals.len() + 6);
    for image in images {
        let literals = parse(&image, &gone(&nonce)).unwrap();
        let (id, value) = (literals[0].clone().unwrap(), literals[1].clone().unwrap());
        let same: bool = connection
            .query_row(
                &format!("SELECT v IS {value} AND typeof(v) = typeof({value}) FROM t WHERE id = {id}"),
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert!(same, "{value}");
    }
}

#[tokio::test]
async fn a_migration_meets_no_obstacle() {
    let world = World::new();
    world.run("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT, c TEXT); INSERT INTO t VALUES (1, 'a', 'b', 'c')");
    world.arm(Occasion::Arm).await.unwrap();
    let connection = world.open();
    for (change, write, recorded) in [
        ("ALTER TABLE t DROP COLUMN b", "UPDATE t SET a = 'x'", "t u user 1,'a',GONE,'c' -> 1,'x',GONE,'c'"),
        (
            "ALTER TABLE t RENAME COLUMN a TO \"a 2\"",
            "UPDATE t SET \"a 2\" = 'y'",
            "t u user 1,'x',GONE,'c' -> 1,'y',GONE,'c'",
        ),
        (
            "ALTER TABLE t RENAME TO \"t 2\"",
            "UPDATE \"t 2\" SET c = 'd'",
            "t u user 1,'y',GONE,'c' -> 1,'y',GONE,'d'",
        ),
        ("ALTER TABLE \"t 2\" ADD COLUMN e DEFAULT 5", "DELETE FROM \"t 2\"", "t d user 1,'y',GONE,'d' -> -"),
    ] {
        connection.execute_batch(change).unwrap();
        connection.execute_batch(write).unwrap();
        let nonce: String =
            connection.query_row("SELECT nonce FROM _backout_recorder", [], |row| row.get(0)).unwrap();
        let last = log(&connection).pop().unwrap();
        assert_eq!(last.replace(&gone(&nonce), "GONE"), recorded, "{change}");
    }
}

#[tokio::test]
async fn renames_are_no_interruption_and_a_rebuilt_table_is_one() {
    let world = World::new();
    world.run("CREATE TABLE a (x, y); CREATE TABLE b (x); CREATE TABLE c (x); CREATE TABLE d (x); INSERT INTO c VALUES (1)");
    world.arm(Occasion::Arm).await.unwrap();
    world.run(
        "ALTER TABLE a RENAME TO \"a 2\"; ALTER TABLE \"a 2\" RENAME COLUMN x TO \"x 2\";
         ALTER TABLE b ADD COLUMN z;
         CREATE TABLE c2 (x, y); INSERT INTO c2 SELECT x, 1 FROM c; DROP TABLE c; ALTER TABLE c2 RENAME TO c;
         DROP TABLE d;
         CREATE TABLE empty (x); CREATE TABLE filled (x); INSERT INTO filled VALUES (1)",
    );
    let coverage = world.coverage().await.unwrap();
    assert_eq!(names(&coverage), ["a 2"]);
    assert_eq!(
        whys(&coverage.uncovered),
        [
            "b: its column z came after its recorder",
            "c: its recorder is gone: the table was rebuilt, or somebody dropped the triggers",
            "empty: it came after the recorders were put in place",
            "filled: it came after the recorders were put in place",
        ]
    );
    let coverage = world.arm(Occasion::Cutover).await.unwrap();
    assert_eq!(names(&coverage), ["a 2", "b", "c", "empty", "filled"]);
    assert!(coverage.uncovered.is_empty());
    let interrupted: Vec<&str> = coverage.interrupted.iter().map(|gap| gap.table.as_str()).collect();
    assert_eq!(interrupted, ["b", "c", "filled"]);
    world.run("INSERT INTO b VALUES (1, 2)");
    assert_eq!(log(&world.open()), ["b i user - -> 1,1,2"]);
}

#[tokio::test]
async fn writes_are_counted_by_kind_and_by_what_came_first() {
    let world = World::new();
    world.run("CREATE TABLE t (id INTEGER PRIMARY KEY, a); CREATE TABLE u (a); INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)");
    world.arm(Occasion::Arm).await.unwrap();
    world.run("INSERT INTO t (a) VALUES (4)");
    let saved = world.look().await.unwrap();
    assert_eq!(saved.recorder.as_ref().unwrap().eras, [1]);
    world.run("INSERT INTO t (a) VALUES (5), (6); UPDATE t SET a = 7 WHERE id = 1");
    world.run(
        "BEGIN; INSERT INTO _backout_writer VALUES ('migration', NULL);
         ALTER TABLE t ADD COLUMN uuid; UPDATE t SET uuid = hex(randomblob(16)), a = a || 'm'; INSERT INTO u VALUES (1);
         DELETE FROM _backout_writer; COMMIT",
    );
    assert!(!world.count(&saved).await.unwrap().gaps.is_empty(), "a column came");
    world.arm(Occasion::CutoverAtRest).await.unwrap();
    world.run("DELETE FROM t WHERE id < 3; UPDATE u SET a = 2");
    let counted = world.count(&saved).await.unwrap();
    assert!(counted.gaps.is_empty(), "{counted:?}");
    let tables: Vec<_> = counted
        .tables
        .iter()
        .map(|table| (table.table.as_str(), table.before_cutover, table.since_cutover, table.migration))
        .collect();
    assert_eq!(tables, [("t", tally(2, 1, 0), tally(0, 0, 2), 6), ("u", tally(0, 0, 0), tally(0, 1, 0), 1),]);
    assert!(
        log(&world.open())
            .iter()
            .filter(|line| line.contains("migration"))
            .all(|line| line.ends_with("- -> -"))
    );
    let live = world.look().await.unwrap();
    assert!(world.count(&live).await.unwrap().tables.is_empty());
}

#[tokio::test]
async fn what_is_not_recorded_is_a_gap() {
    for (what, sql, expected) in [
        ("a dropped trigger", "DROP TRIGGER _backout_u_0", "t: its recorder is gone"),
        (
            "an altered trigger",
            "DROP TRIGGER _backout_d_0; CREATE TRIGGER _backout_d_0 AFTER DELETE ON t BEGIN SELECT 1; END",
            "t: the triggers of its recorder were altered",
        ),
        ("a trigger of another", "DROP TRIGGER _backout_record", "every table: _backout_record was dropped"),
        (
            "a log that was dropped",
            "DROP TABLE _backout_log; CREATE TABLE _backout_log (seq)",
            "every table: _backout_log was altered",
        ),
        ("a nonce", "UPDATE _backout_recorder SET nonce = 'x'", "every table: _backout_recorder was altered"),
        ("no eras", "UPDATE _backout_era SET tables = ''", "every table: _backout_era was altered"),
        ("a head that was emptied", "DELETE FROM _backout_recorder", "every table: "),
        (
            "a mark",
            "INSERT INTO _backout_writer VALUES ('migration', NULL)",
            "every table: a migration left its mark on",
        ),
        (
            "a cap",
            "UPDATE _backout_recorder SET held = cap; INSERT INTO t VALUES (1), (2)",
            "every table: 2 writes were let go",
        ),
        ("a new table", "CREATE TABLE late (x)", "late: it came after the recorders"),
        (
            "a new recorder",
            "UPDATE _backout_recorder SET nonce = hex(randomblob(16))",
            "every table: recording was ended and begun anew",
        ),
    ] {
        let world = World::new();
        world.run("CREATE TABLE t (a)");
        world.arm(Occasion::Arm).await.unwrap();
        let saved = world.look().await.unwrap();
        world.run(sql);
        let counted = world.count(&saved).await.unwrap();
        assert!(whys(&counted.gaps).iter().any(|why| why.starts_with(expected)), "{what}: {counted:?}");
        // Whatever it was, arming heals it for what comes; a cap is for a person to lift.
        let coverage = world.arm(Occasion::Cutover).await.unwrap();
        if what != "a cap" {
            assert!(coverage.uncovered.is_empty(), "{what}: {coverage:?}");
            assert!(coverage.covered.contains(&"t".to_owned()), "{what}: {coverage:?}");
        }
        let counted = world.count(&saved).await.unwrap();
        let heals = what == "a new table";
        assert_eq!(counted.gaps.is_empty(), heals, "{what}: what happened is not forgotten: {counted:?}");
    }
    let world = World::new();
    world.run("CREATE TABLE t (a)");
    let unarmed = world.look().await.unwrap();
    assert_eq!(world.count(&unarmed).await, None);
    world.arm(Occasion::Arm).await.unwrap();
    let armed = world.look().await.unwrap();
    let counted = world.count(&unarmed).await.unwrap();
    assert!(whys(&counted.gaps)[0].contains("recording began only after"), "{counted:?}");
    world.session().await.disarm(&world.context()).await.unwrap();
    let counted = world.count(&armed).await.unwrap();
    assert!(whys(&counted.gaps)[0].contains("taken away"), "{counted:?}");
}

#[tokio::test]
async fn a_table_of_ones_own_with_our_prefix_is_not_touched() {
    let world = World::new();
    world.run("CREATE TABLE t (a); CREATE TABLE _BACKOUT_notes (a)");
    let error = world.arm(Occasion::Arm).await.unwrap_err();
    assert!(error.chain().contains("_BACKOUT_notes"), "{}", error.chain());
    assert_eq!(world.coverage().await, None);
}

/// What the application does on its own tables may stand in the way of a trial, and never of a recorder.
#[tokio::test]
async fn tables_that_let_nobody_try_are_proven_by_text() {
    for raise in ["RAISE(ABORT, 'no')", "RAISE(FAIL, 'no')", "RAISE(ROLLBACK, 'no')", "RAISE(IGNORE)"] {
        for event in ["UPDATE", "DELETE", "INSERT"] {
            let world = World::new();
            world.run(&format!(
                "CREATE TABLE t (a); INSERT INTO t VALUES (1); CREATE TABLE u (a); INSERT INTO u VALUES (1);
                 CREATE TRIGGER guard BEFORE {event} ON t BEGIN SELECT {raise}; END"
            ));
            let before = world.look().await.unwrap();
            let coverage = world.arm(Occasion::Arm).await.unwrap();
            assert_eq!(names(&coverage), ["t", "u"], "{raise} {event}");
            assert!(coverage.uncovered.is_empty(), "{coverage:?}");
            assert!(world.look().await.unwrap().is_exactly(&before), "{raise} {event}");
        }
    }
    let world = World::new();
    world.run(
        "CREATE TABLE never (a CHECK (a = 0) NOT NULL);
         CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (p REFERENCES parent ON DELETE CASCADE);
         INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1), (1);
         PRAGMA writable_schema = ON;
         INSERT INTO sqlite_schema SELECT 'trigger', 'own', 'parent', 0,
            'CREATE TRIGGER own AFTER DELETE ON parent BEGIN SELECT our_own(OLD.id); END'",
    );
    let coverage = world.arm(Occasion::Arm).await.unwrap();
    assert_eq!(names(&coverage), ["child", "never", "parent"]);
    assert!(coverage.uncovered.is_empty(), "{coverage:?}");
}

#[tokio::test]
async fn a_table_whose_writes_are_not_recorded_is_found_by_trying() {
    let world = World::new();
    world.run("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    world.arm(Occasion::Arm).await.unwrap();
    world.run("CREATE TRIGGER thief AFTER INSERT ON _backout_log WHEN NEW.op = 'd' BEGIN DELETE FROM _backout_log; END");
    let coverage = world.arm(Occasion::Cutover).await.unwrap();
    assert!(coverage.covered.is_empty());
    assert_eq!(whys(&coverage.uncovered), ["t: a trial delete was not recorded"]);
}
