//! What a state tells and what it does not.

use backout_contract::Depth;

use super::world::{FULL, MIGRATION, World};
use crate::database::State;

async fn after(world: &World, sql: &str) -> State {
    world.run(sql);
    world.look().await.unwrap()
}

#[tokio::test]
async fn everything_is_counted_but_what_is_sqlites_own() {
    let world = World::new();
    let state = after(&world, FULL).await;
    let rows: Vec<(&str, u64)> =
        state.tables.iter().map(|(name, content)| (name.as_str(), content.rows)).collect();
    assert_eq!(rows[..2], [("anything", 6), ("odd \"name\" – ü", 1)]);
    let shadows: Vec<&str> =
        rows.iter().map(|(name, _)| *name).filter(|name| name.starts_with("search_")).collect();
    assert_eq!(shadows, ["search_config", "search_content", "search_data", "search_docsize", "search_idx"]);
    assert_eq!(rows[rows.len() - 3..], [("tags", 3), ("tasks", 3), ("users", 2)]);
    assert_eq!((state.user_version, state.application_id, state.encoding.as_str()), (1, 1234, "UTF-8"));
    assert_eq!(state.sequences["users"], "2");
    assert_eq!(state.foreign_key_violations, Some(0));
    assert!(state.schema.iter().any(|entry| entry.kind == "trigger" && entry.name == "renamed"));
    assert!(state.schema.iter().all(|entry| !entry.name.starts_with("sqlite_")));
    assert!(state.schema.is_sorted());
}

#[tokio::test]
async fn looks_of_both_depths_tell_the_same() {
    for mode in ["delete", "wal"] {
        let world = World::new();
        world.run(&format!("PRAGMA journal_mode = {mode}; {FULL}"));
        let state = world.look().await.unwrap();
        let kept = world.keep().await;
        assert_eq!(kept.state.as_ref(), Some(&state));
        assert_eq!(state.write_ahead, mode == "wal");
        assert_eq!(kept.data.len(), 1);
        assert_eq!(kept.identity, world.capture(Depth::Look).await.unwrap().identity);
        assert!(
            std::fs::read_dir(world.root.join("scratch")).unwrap().next().is_none(),
            "scratch is left empty"
        );
    }
}

#[tokio::test]
async fn each_kind_of_change_is_seen_in_its_half() {
    let world = World::new();
    let mut last = after(&world, FULL).await;
    for (what, sql, shape, position) in [
        ("a row", "INSERT INTO tags VALUES (3, 'x')", false, true),
        ("a type", "UPDATE anything SET value = '1' WHERE rowid = 1", false, true),
        ("a bit of a blob", "UPDATE users SET secret = x'00ff11' WHERE id = 1", false, true),
        ("rows that trade places", "UPDATE tags SET tag = 'b' WHERE task = 2", false, true),
        ("an equal row twice", "INSERT INTO anything VALUES (1.0), (1.0)", false, true),
        (
            "a sequence",
            "INSERT INTO users (name) VALUES ('n'); DELETE FROM users WHERE name = 'n'",
            false,
            true,
        ),
        ("a violation", "PRAGMA foreign_keys = OFF; UPDATE tasks SET user = 77 WHERE id = 1", false, true),
        ("user_version", "PRAGMA user_version = 5", true, false),
        ("application_id", "PRAGMA application_id = 5", true, false),
        ("an index", "CREATE INDEX i ON tags (tag)", true, false),
        ("a view", "DROP VIEW open_tasks", true, false),
        ("an empty table", "CREATE TABLE more (a)", true, true),
        ("a journal", "PRAGMA journal_mode = WAL", false, true),
        ("a page size", "PRAGMA journal_mode = DELETE; PRAGMA page_size = 1024; VACUUM", false, true),
        ("statistics", "ANALYZE", false, false),
        ("a tidy file", "VACUUM", false, false),
        ("nothing", "SELECT 1", false, false),
    ] {
        // The one that takes two steps is compared with what its first step leaves.
        if what == "a page size" {
            last = after(&world, "PRAGMA journal_mode = DELETE").await;
        }
        let now = after(&world, sql).await;
        assert_eq!(now.shape() != last.shape(), shape, "shape after {what}");
        assert_eq!(now.position() != last.position(), position, "position after {what}");
        last = now;
    }
}

#[tokio::test]
async fn the_order_of_rows_does_not_count() {
    let (one, two) = (World::new(), World::new());
    let one = after(&one, "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 2), (3, 4), (1, 2)").await;
    let two = after(
        &two,
        "CREATE TABLE t (a, b); INSERT INTO t (rowid, a, b) VALUES (9, 3, 4), (8, 1, 2), (2, 1, 2)",
    )
    .await;
    assert_eq!(one.tables, two.tables);
}

#[tokio::test]
async fn columns_run_into_each_other_nowhere() {
    let (one, two) = (World::new(), World::new());
    let one = after(&one, "CREATE TABLE t (a, b); INSERT INTO t VALUES ('ab', 'c')").await;
    let two = after(&two, "CREATE TABLE t (a, b); INSERT INTO t VALUES ('a', 'bc')").await;
    assert_ne!(one.tables, two.tables);
}

#[tokio::test]
async fn other_encodings_and_an_empty_file_are_databases_too() {
    let world = World::new();
    std::fs::write(world.path(), "").unwrap();
    let empty = world.look().await.unwrap();
    assert!(empty.schema.is_empty() && empty.tables.is_empty() && !empty.write_ahead);
    let state =
        after(&world, "PRAGMA encoding = 'UTF-16be'; CREATE TABLE t (a); INSERT INTO t VALUES ('ü🌍')").await;
    assert_eq!(state.encoding, "UTF-16be");
    let utf8 = after(&World::new(), "CREATE TABLE t (a); INSERT INTO t VALUES ('ü🌍')").await;
    assert_eq!(state.tables, utf8.tables);
}

#[tokio::test]
async fn a_schema_that_only_its_application_can_use_is_read() {
    let world = World::new();
    {
        let connection = world.open();
        connection
            .execute_batch(
                "PRAGMA foreign_keys = OFF;
                 CREATE TABLE t (a TEXT);
                 INSERT INTO t VALUES ('x'), ('y');
                 CREATE TABLE parent (id INTEGER); CREATE TABLE child (p REFERENCES parent (id));
                 INSERT INTO child VALUES (1);
                 PRAGMA writable_schema = ON;
                 UPDATE sqlite_schema SET sql = 'CREATE TABLE t (a TEXT COLLATE OUR_OWN, g AS (our_own(a)))' WHERE name = 't'",
            )
            .unwrap();
    }
    let state = world.look().await.unwrap();
    assert_eq!(state.tables["t"].rows, 2);
    assert_eq!(state.foreign_key_violations, None, "the parent's key is not unique");
    assert_eq!(world.keep().await.state, Some(state));
}

#[tokio::test]
async fn it_stays_itself_where_everything_is_moved_and_is_another_elsewhere() {
    let world = World::new();
    world.run(FULL);
    let identity = world.capture(Depth::Look).await.unwrap().identity;
    let folder = tempfile::tempdir().unwrap();
    let moved = folder.path().join("moved");
    std::fs::rename(&world.root, &moved).unwrap();
    assert_eq!(World::at(&moved).capture(Depth::Look).await.unwrap().identity, identity);
    let outside = folder.path().join("outside.db");
    std::fs::rename(World::at(&moved).path(), &outside).unwrap();
    std::os::unix::fs::symlink(&outside, World::at(&moved).path()).unwrap();
    let outside = World::at(&moved).capture(Depth::Look).await.unwrap().identity;
    assert_ne!(outside, identity);
    assert!(outside.unwrap().ends_with("/outside.db"));
}

#[tokio::test]
async fn a_link_leads_to_the_database() {
    let world = World::new();
    world.run(FULL);
    let real = world.root.join("real.db");
    std::fs::rename(world.path(), &real).unwrap();
    std::os::unix::fs::symlink("../real.db", world.path()).unwrap();
    let captured = world.capture(Depth::Look).await.unwrap();
    assert!(captured.state.is_some());
    assert!(captured.identity.unwrap().ends_with("/real.db"));
    std::fs::remove_file(&real).unwrap();
    let captured = world.capture(Depth::Look).await.unwrap();
    assert!(captured.state.is_none());
    assert!(captured.identity.unwrap().ends_with("/real.db"));
}

#[tokio::test]
async fn a_migration_moves_both_halves() {
    let world = World::new();
    let saved = after(&world, FULL).await;
    let live = after(&world, MIGRATION).await;
    assert!(saved.shape() != live.shape() && saved.position() != live.position());
}
