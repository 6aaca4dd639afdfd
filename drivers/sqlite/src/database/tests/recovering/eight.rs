//! From UUIDs back to integers.

use backout_core::writes::Occasion;
use serde_json::json;

use super::super::world::World;
use super::conflicts;

pub(super) const OLD: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL);
    CREATE TABLE todos (id INTEGER PRIMARY KEY AUTOINCREMENT,
        user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE, title TEXT NOT NULL,
        status TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'done')),
        updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')));
    CREATE TABLE tags (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
    CREATE TABLE todo_tags (todo_id INTEGER NOT NULL REFERENCES todos (id) ON DELETE CASCADE,
        tag_id INTEGER NOT NULL REFERENCES tags (id) ON DELETE CASCADE, PRIMARY KEY (todo_id, tag_id)) WITHOUT ROWID;
    CREATE TRIGGER todos_touched AFTER UPDATE OF title, status ON todos BEGIN
        UPDATE todos SET updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = NEW.id; END;
    INSERT INTO users (email, name) VALUES ('a@x', 'Ann'), ('b@x', 'Bob'), ('c@x', 'Cid');
    INSERT INTO todos (user_id, title) VALUES (1, 'milk'), (1, 'bread'), (2, 'tea'), (3, 'soup');
    INSERT INTO tags (name) VALUES ('home'), ('work');
    INSERT INTO todo_tags VALUES (1, 1), (2, 1), (3, 2);
";

/// With another name for a table and a column, as a team would write it.
pub(super) const TO_UUIDS: &str = "
    BEGIN;
    DROP TRIGGER todos_touched;
    ALTER TABLE users RENAME TO old_users;
    ALTER TABLE tags RENAME TO old_tags;
    CREATE TABLE users (id TEXT NOT NULL PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, legacy_id INTEGER);
    CREATE TABLE tasks (id TEXT NOT NULL PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        name TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'open', updated_at TEXT NOT NULL DEFAULT 'now',
        legacy_id INTEGER, note TEXT);
    CREATE TABLE tags (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, legacy_id INTEGER);
    CREATE TABLE task_tags (task_id TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
        tag_id TEXT NOT NULL REFERENCES tags (id) ON DELETE CASCADE, PRIMARY KEY (task_id, tag_id)) WITHOUT ROWID;
    INSERT INTO users SELECT 'user-' || id, email, name, id FROM old_users;
    INSERT INTO tags SELECT 'tag-' || id, name, id FROM old_tags;
    INSERT INTO tasks SELECT 'task-' || id, 'user-' || user_id, title, status, updated_at, id, NULL FROM todos;
    INSERT INTO task_tags SELECT 'task-' || todo_id, 'tag-' || tag_id FROM todo_tags;
    DROP TABLE todo_tags; DROP TABLE todos; DROP TABLE old_tags; DROP TABLE old_users;
    COMMIT;
";

pub(super) fn rules() -> serde_json::Value {
    json!({ "tables": {
        "users": { "keys": "SELECT id, legacy_id FROM users WHERE legacy_id IS NOT NULL", "ignore": ["legacy_id"] },
        "tags": { "keys": "SELECT id, legacy_id FROM tags", "ignore": ["legacy_id"] },
        "tasks": {
            "table": "todos",
            "keys": "SELECT id, legacy_id FROM tasks WHERE legacy_id IS NOT NULL",
            "columns": { "name": "title" },
            "references": { "user_id": "users" },
            "ignore": ["legacy_id"],
        },
        "task_tags": {
            "table": "todo_tags",
            "columns": { "task_id": "todo_id" },
            "references": { "task_id": "tasks", "tag_id": "tags" },
        },
    }})
}

fn everything(world: &World) -> Vec<String> {
    [
        "SELECT 'users', * FROM users ORDER BY id",
        "SELECT 'todos', id, user_id, title, status FROM todos ORDER BY id",
        "SELECT 'tags', * FROM tags ORDER BY id",
        "SELECT 'todo_tags', * FROM todo_tags ORDER BY 2, 3",
    ]
    .iter()
    .flat_map(|query| world.rows(query))
    .collect()
}

/// Inserts, updates, deletes; four tables, one without a time and one without an id; several in one transaction; keys
/// of rows that are gone by the time that anybody asks.
#[tokio::test]
async fn eight_changes_of_eight() {
    let (mut world, kept) = World::begin(OLD).await;
    world.merge = rules();
    // Before the cutover, on the old schema.
    world.run("INSERT INTO todos (user_id, title) VALUES (2, 'early'); UPDATE users SET name = 'Annie' WHERE id = 1");
    world.run(TO_UUIDS);
    world.arm(Occasion::Cutover).await.unwrap();
    world.run(
        "PRAGMA foreign_keys = ON;
         BEGIN;
         INSERT INTO users VALUES ('u-new', 'd@x', 'Dan', NULL);
         INSERT INTO tasks (id, user_id, name) VALUES ('t-new', 'u-new', 'new');
         INSERT INTO task_tags VALUES ('t-new', 'tag-2'), ('task-4', 'tag-1');
         COMMIT;
         UPDATE tasks SET status = 'done', updated_at = 'later' WHERE id = 'task-1';
         UPDATE tags SET name = 'house' WHERE id = 'tag-1';
         DELETE FROM task_tags WHERE task_id = 'task-2';
         DELETE FROM tasks WHERE id = 'task-3';
         UPDATE tasks SET name = 'early bird' WHERE legacy_id = 5;
         INSERT INTO tasks (id, user_id, name) VALUES ('t-gone', 'u-new', 'gone');
         DELETE FROM tasks WHERE id = 't-gone'",
    );
    world.put_back(&kept).await;
    let recovered = world.merge().await;
    assert_eq!(conflicts(&recovered), Vec::<String>::new());
    assert_eq!(recovered.unmapped, 0, "{:?}", world.lines("unmapped.jsonl"));
    assert_eq!(
        everything(&world),
        [
            "users|1|a@x|Annie",
            "users|2|b@x|Bob",
            "users|3|c@x|Cid",
            "users|4|d@x|Dan",
            "todos|1|1|milk|done",
            "todos|2|1|bread|open",
            "todos|4|3|soup|open",
            "todos|5|2|early bird|open",
            "todos|6|4|new|open",
            "tags|1|house",
            "tags|2|work",
            "todo_tags|1|1",
            "todo_tags|4|1",
            "todo_tags|6|2",
        ]
    );
    assert_eq!(recovered.keys_drawn, 3);
    assert_eq!(
        world.rows("SELECT seq FROM sqlite_sequence WHERE name = 'todos'"),
        ["7"],
        "also the one that is gone"
    );
    let again = world.merge().await;
    assert_eq!((again.applied, again.keys_drawn), (0, 0));
    let map = std::fs::read_to_string(world.folder().join("keys-tasks.csv")).unwrap();
    assert_eq!(
        map.lines().collect::<Vec<_>>(),
        [
            "key recorded,key here",
            "t-gone,7",
            "t-new,6",
            "task-1,1",
            "task-2,2",
            "task-3,3",
            "task-4,4",
            "task-5,5"
        ]
    );
}

/// Nothing is guessed.
#[tokio::test]
async fn what_has_no_place_is_told_and_counted() {
    let (mut world, kept) = World::begin(OLD).await;
    world.merge = rules();
    world.merge["tables"]["tags"]["keys"] = json!("SELECT id, legacy_id FROM tags WHERE 0");
    world.run(TO_UUIDS);
    world.run("CREATE TABLE extra (id INTEGER PRIMARY KEY)");
    world.arm(Occasion::Cutover).await.unwrap();
    world.run(
        "UPDATE tags SET name = 'house' WHERE id = 'tag-1';
         INSERT INTO tags VALUES ('tag-new', 'fresh', NULL);
         INSERT INTO task_tags VALUES ('task-4', 'tag-1');
         INSERT INTO extra VALUES (1);
         UPDATE tasks SET note = 'lost', name = 'kept' WHERE id = 'task-1';
         UPDATE tasks SET note = NULL WHERE id = 'task-1'",
    );
    let live = world.open();
    let context = world.context();
    let pace = crate::pace::Pace::of(&context);
    let merge: crate::database::recover::Merge = serde_json::from_value(world.merge.clone()).unwrap();
    let counted =
        crate::database::recover::unmapped(&live, kept.state.as_ref().unwrap(), &merge, &pace).unwrap();
    let counted: Vec<_> = counted.iter().map(|(table, count)| (table.as_str(), *count)).collect();
    assert_eq!(counted, [("extra", 1), ("tags", 2), ("task_tags", 1), ("tasks", 1)]);
    drop(live);
    world.put_back(&kept).await;
    let recovered = world.merge().await;
    assert_eq!((recovered.unmapped, recovered.applied), (5, 2));
    assert_eq!(world.rows("SELECT title FROM todos WHERE id = 1"), ["kept"]);
    assert_eq!(world.rows("SELECT name FROM tags ORDER BY id"), ["home", "work"]);
    let because: Vec<_> = world
        .lines("unmapped.jsonl")
        .iter()
        .map(|line| line["because"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(because.len(), 5, "{because:?}");
    assert!(because[4].contains("note"), "{because:?}");
    // What has no place stays told, and what had one is taken over once.
    let again = world.merge().await;
    assert_eq!((again.unmapped, again.applied), (4, 0));
    assert_eq!(world.lines("unmapped.jsonl").len(), 5);
}
