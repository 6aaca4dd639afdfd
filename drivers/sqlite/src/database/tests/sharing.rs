//! The way back under readers and writers of other processes.

use backout_contract::{Certainty, Effect, ErrorKind};

use super::errand::Other;
use super::world::{FULL, World};

/// A database with a table that writers go on writing to, whatever its schema is at the moment.
fn with_a_log_table(journal: &str) -> World {
    let world = World::new();
    world.run(&format!("PRAGMA journal_mode = {journal}; CREATE TABLE log (line TEXT); {FULL}"));
    world
}

const MIGRATION: &str = "ALTER TABLE log ADD COLUMN at TEXT; DELETE FROM anything; PRAGMA user_version = 2";

#[tokio::test]
async fn a_writer_in_a_loop_ends_on_the_saved_schema() {
    for journal in ["delete", "wal"] {
        let mut world = with_a_log_table(journal);
        world.busy = "2m";
        let kept = world.keep().await;
        world.run(MIGRATION);
        let writer = Other::on("write", &world);
        let plan = world.plan(&kept).await;
        let effect = world.revert(&plan).await;
        assert!(matches!(effect, Ok(Effect::Applied { .. })), "{journal}: {effect:?}");
        let live = world.look().await.unwrap();
        assert_eq!(live.shape(), kept.state.as_ref().unwrap().shape(), "{journal}");
        assert_eq!(live.tables["anything"].rows, 6, "{journal}");
        let (said, is_well) = writer.end();
        assert!(is_well, "{journal}: {said}");
        let (_, after) = said.split_once(' ').unwrap();
        assert_eq!(
            after, "false ok 1",
            "{journal}: it went on, and sees a sound database of the saved version"
        );
        // Every write is either in what was displaced or in what is there now.
        let displaced = super::world::open(&world.displaced()[0]);
        let rows = |connection: &rusqlite::Connection| -> i64 {
            connection.query_row("SELECT count(*) FROM log", [], |row| row.get(0)).unwrap()
        };
        let written: i64 = said.split(' ').next().unwrap().parse().unwrap();
        assert_eq!(rows(&displaced) + rows(&world.open()), written, "{journal}: no write fell between");
    }
}

#[tokio::test]
async fn a_reader_of_a_log_goes_on_reading_what_it_read() {
    let world = with_a_log_table("wal");
    let kept = world.keep().await;
    world.run(MIGRATION);
    let reader = Other::on("read long", &world);
    let plan = world.plan(&kept).await;
    let effect = world.revert(&plan).await;
    assert!(matches!(effect, Ok(Effect::Applied { .. })), "{effect:?}");
    assert_eq!(world.look().await, kept.state);
    assert_eq!(reader.end(), ("(2, 0) (2, 0) 1".to_owned(), true));
    assert_eq!(world.look().await, kept.state);
}

#[tokio::test]
async fn whoever_cannot_be_passed_is_waited_for_and_named() {
    for (saved, live, errand) in [
        ("delete", "delete", "read long"),
        ("delete", "delete", "begin a transaction"),
        ("wal", "wal", "begin a transaction"),
        ("delete", "wal", "sit"),
        ("wal", "delete", "read long"),
    ] {
        let mut world = with_a_log_table(saved);
        world.busy = "100ms";
        let kept = world.keep().await;
        world.run(&format!("PRAGMA journal_mode = {live}; {MIGRATION}"));
        let before = world.look().await;
        let plan = world.plan(&kept).await;
        let other = Other::on(errand, &world);
        let error = world.revert(&plan).await.unwrap_err();
        let case = format!("{live} → {saved} under {errand}: {}", error.chain());
        assert_eq!((error.kind, error.certainty), (ErrorKind::Locked, Certainty::NothingHappened), "{case}");
        assert!(!error.hints.is_empty());
        assert_eq!(world.look().await, before, "{case}");
        assert!(other.end().1);
        assert_eq!(world.look().await, before, "{case}");
        let effect = world.revert(&plan).await;
        assert!(matches!(effect, Ok(Effect::Applied { .. })), "{case}, then {effect:?}");
        assert_eq!(world.look().await, kept.state, "{case}");
    }
}

#[tokio::test]
async fn a_user_who_sits_there_sees_what_was_put_back() {
    for journal in ["delete", "wal"] {
        let world = with_a_log_table(journal);
        let kept = world.keep().await;
        world.run(MIGRATION);
        let connection = world.open();
        let mut statement = connection.prepare("SELECT count(*) FROM anything").unwrap();
        assert_eq!(statement.query_row([], |row| row.get::<_, i64>(0)).unwrap(), 0);
        let plan = world.plan(&kept).await;
        let effect = world.revert(&plan).await;
        assert!(matches!(effect, Ok(Effect::Applied { .. })), "{journal}: {effect:?}");
        assert_eq!(statement.query_row([], |row| row.get::<_, i64>(0)).unwrap(), 6, "{journal}");
        connection.execute("INSERT INTO log VALUES ('one column again')", []).unwrap();
        assert_eq!(world.look().await.unwrap().tables["log"].rows, 1, "{journal}: it writes to what is seen");
    }
}

#[tokio::test]
async fn where_nothing_was_saved_users_are_waited_for() {
    for journal in ["delete", "wal"] {
        let mut world = World::new();
        world.busy = "100ms";
        let kept = world.keep().await;
        world.run(&format!("PRAGMA journal_mode = {journal}; CREATE TABLE log (line TEXT); {FULL}"));
        let plan = world.plan(&kept).await;
        let reader = Other::on("read long", &world);
        let error = world.revert(&plan).await.unwrap_err();
        assert_eq!(
            (error.kind, error.certainty),
            (ErrorKind::Locked, Certainty::NothingHappened),
            "{journal}"
        );
        assert!(world.path().exists());
        reader.end();
        assert!(matches!(world.revert(&plan).await, Ok(Effect::Applied { .. })), "{journal}");
        assert!(!world.path().exists());
    }
}
