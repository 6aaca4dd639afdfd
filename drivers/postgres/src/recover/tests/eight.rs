//! From UUIDs back to integers.

use serde_json::json;

use super::world::{World, conflicts};

pub(super) const OLD: &str = "
    CREATE TABLE users (id serial PRIMARY KEY, email text NOT NULL UNIQUE, name text NOT NULL);
    CREATE TABLE todos (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        user_id integer NOT NULL REFERENCES users ON DELETE CASCADE, title varchar(40) NOT NULL,
        status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'done')),
        touched integer NOT NULL DEFAULT 0, shouted text GENERATED ALWAYS AS (upper(title)) STORED);
    CREATE TABLE tags (id serial PRIMARY KEY, name text NOT NULL UNIQUE);
    CREATE TABLE todo_tags (todo_id integer NOT NULL REFERENCES todos ON DELETE CASCADE,
        tag_id integer NOT NULL REFERENCES tags ON DELETE CASCADE, PRIMARY KEY (todo_id, tag_id));
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.touched := OLD.touched + 1; RETURN NEW; END $$;
    CREATE TRIGGER todos_touched BEFORE UPDATE ON todos FOR EACH ROW EXECUTE FUNCTION touch();
    INSERT INTO users (email, name) VALUES ('a@x', 'Ann'), ('b@x', 'Bob'), ('c@x', 'Cid');
    INSERT INTO todos (user_id, title) VALUES (1, 'milk'), (1, 'bread'), (2, 'tea'), (3, 'soup');
    INSERT INTO tags (name) VALUES ('home'), ('work');
    INSERT INTO todo_tags VALUES (1, 1), (2, 1), (3, 2);
";

/// With another name for a table and a column, as a team would write it.
pub(super) const TO_UUIDS: &str = "
    BEGIN;
    ALTER TABLE users RENAME TO old_users;
    ALTER TABLE tags RENAME TO old_tags;
    CREATE TABLE users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), email text NOT NULL UNIQUE, first text NOT NULL,
        last text NOT NULL DEFAULT '', legacy_id integer);
    CREATE TABLE tasks (id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE, name text NOT NULL,
        status text NOT NULL DEFAULT 'open', touched integer NOT NULL DEFAULT 0, legacy_id integer, note text);
    CREATE TABLE tags (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text NOT NULL UNIQUE, legacy_id integer);
    CREATE TABLE task_tags (task_id uuid NOT NULL REFERENCES tasks ON DELETE CASCADE,
        tag_id uuid NOT NULL REFERENCES tags ON DELETE CASCADE, PRIMARY KEY (task_id, tag_id));
    INSERT INTO users (email, first, legacy_id) SELECT email, name, id FROM old_users;
    INSERT INTO tags (name, legacy_id) SELECT name, id FROM old_tags;
    INSERT INTO tasks (user_id, name, status, touched, legacy_id)
        SELECT u.id, title, status, touched, t.id FROM todos t JOIN users u ON u.legacy_id = user_id;
    INSERT INTO task_tags SELECT t.id, g.id FROM todo_tags JOIN tasks t ON t.legacy_id = todo_id
        JOIN tags g ON g.legacy_id = tag_id;
    DROP TABLE todo_tags; DROP TABLE todos; DROP TABLE old_tags; DROP TABLE old_users;
    COMMIT;
";

pub(super) fn rules() -> serde_json::Value {
    json!({ "tables": {
        "users": {
            "keys": "SELECT id, legacy_id FROM users WHERE legacy_id IS NOT NULL",
            "ignore": ["legacy_id"],
            "expressions": { "name": "btrim(first || ' ' || last)" },
        },
        "tags": { "keys": "SELECT id, legacy_id FROM tags;", "ignore": ["legacy_id"] },
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
        "SELECT 'todos', id, user_id, title, status, touched, shouted FROM todos ORDER BY id",
        "SELECT 'tags', * FROM tags ORDER BY id",
        "SELECT 'todo_tags', * FROM todo_tags ORDER BY 2, 3",
    ]
    .iter()
    .flat_map(|query| world.rows(query))
    .collect()
}

/// Inserts, updates, deletes; four tables, one without an id; several in one transaction; keys of rows that are gone by
/// the time that anybody asks.
#[tokio::test]
async fn eight_changes_of_eight() {
    let mut world = World::begin(OLD);
    world.merge = rules();
    // Before the cutover, on the old schema.
    world.users("INSERT INTO todos (user_id, title) VALUES (2, 'early'); UPDATE users SET name = 'Annie' WHERE id = 1");
    world.migrate(TO_UUIDS);
    let mut live = crate::server::connect(&world.address(&world.live)).await.unwrap();
    let gaps = crate::recover::keep_keys(&mut live, &world.rules()).await.unwrap();
    assert_eq!(gaps, []);
    drop(live);
    world.users(
        "BEGIN;
         INSERT INTO users (email, first, last) VALUES ('d@x', 'Dan', 'Doe');
         INSERT INTO tasks (user_id, name) SELECT id, 'new' FROM users WHERE email = 'd@x';
         INSERT INTO task_tags SELECT t.id, g.id FROM tasks t, tags g
            WHERE t.name = 'new' AND g.name = 'work' OR t.legacy_id = 4 AND g.name = 'home';
         COMMIT;
         UPDATE tasks SET status = 'done', touched = 7 WHERE legacy_id = 1;
         UPDATE tags SET name = 'house' WHERE legacy_id = 1;
         DELETE FROM task_tags USING tasks t WHERE t.id = task_id AND t.legacy_id = 2;
         DELETE FROM tasks WHERE legacy_id = 3;
         UPDATE tasks SET name = 'early bird' WHERE legacy_id = 5;
         UPDATE users SET last = 'Smith' WHERE legacy_id = 2;
         INSERT INTO tasks (user_id, name) SELECT id, 'gone' FROM users WHERE email = 'd@x';
         DELETE FROM tasks WHERE name = 'gone'",
    );
    let recovered = world.merge().await;
    assert_eq!(conflicts(&recovered), Vec::<String>::new());
    assert_eq!(recovered.unmapped, 0, "{:?}", world.lines("unmapped.jsonl"));
    assert_eq!(
        everything(&world),
        [
            "users|1|a@x|Annie",
            "users|2|b@x|Bob Smith",
            "users|3|c@x|Cid",
            "users|4|d@x|Dan Doe",
            "todos|1|1|milk|done|7|MILK",
            "todos|2|1|bread|open|0|BREAD",
            "todos|4|3|soup|open|0|SOUP",
            "todos|5|2|early bird|open|0|EARLY BIRD",
            "todos|6|4|new|open|0|NEW",
            "tags|1|house",
            "tags|2|work",
            "todo_tags|1|1",
            "todo_tags|4|1",
            "todo_tags|6|2",
        ]
    );
    assert_eq!(recovered.keys_drawn, 2);
    let told: Vec<_> = recovered.files.iter().map(|file| file.rsplit('/').next().unwrap()).collect();
    assert_eq!(told, ["keys-tags.csv", "keys-tasks.csv", "keys-users.csv"]);
    let again = world.merge().await;
    assert_eq!((again.applied, again.keys_drawn, again.unmapped), (0, 0, 0));
    assert_eq!(again.already, recovered.applied + recovered.already);
    assert_eq!(
        world.rows("INSERT INTO todos (user_id, title) VALUES (1, 'next') RETURNING id"),
        ["7"],
        "the sequence is past what was drawn"
    );
    let live: Vec<_> = world.rows("SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal");
    assert_eq!(live, ["todos_touched|O"]);
}

/// Nothing is guessed.
#[tokio::test]
async fn what_has_no_place_is_told_and_counted() {
    let mut world = World::begin(OLD);
    world.merge = rules();
    world.merge["tables"]["tags"]["keys"] = json!("SELECT id, legacy_id FROM tags WHERE false");
    world.migrate(TO_UUIDS);
    world.migrate("CREATE TABLE extra (id serial PRIMARY KEY); CREATE TABLE keyless (a int)");
    world.users(
        "UPDATE tags SET name = 'house' WHERE legacy_id = 1;
         INSERT INTO tags (name) VALUES ('fresh');
         INSERT INTO task_tags SELECT t.id, g.id FROM tasks t, tags g WHERE t.legacy_id = 4 AND g.name = 'house';
         INSERT INTO extra VALUES (1);
         UPDATE tasks SET note = 'lost', name = 'kept' WHERE legacy_id = 1;
         UPDATE tasks SET note = NULL WHERE legacy_id = 1;
         UPDATE tasks SET name = repeat('x', 50) WHERE legacy_id = 2",
    );
    let recovered = world.merge().await;
    assert_eq!((recovered.unmapped, recovered.applied), (6, 2), "{:#?}", world.lines("unmapped.jsonl"));
    assert_eq!(world.rows("SELECT title FROM todos WHERE id IN (1, 2) ORDER BY id"), ["kept", "bread"]);
    assert_eq!(world.rows("SELECT name FROM tags ORDER BY id"), ["home", "work"]);
    let because: Vec<_> = world
        .lines("unmapped.jsonl")
        .iter()
        .map(|line| line["because"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(because.len(), 6, "{because:?}");
    assert!(because.iter().any(|why| why.contains("no column has a place for note")), "{because:?}");
    assert!(because.iter().any(|why| why.contains("holds no 50 characters")), "{because:?}");
    // What has no place stays told, and what had one is taken over once.
    let again = world.merge().await;
    assert_eq!((again.unmapped, again.applied), (5, 0));
    assert_eq!(world.lines("unmapped.jsonl").len(), 6);
}
