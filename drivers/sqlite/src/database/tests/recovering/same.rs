//! Between two databases with the same schema.

use backout_core::writes::{Way, Winner};

use super::super::world::World;
use super::conflicts;

const SCHEMA: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL UNIQUE, name TEXT);
    CREATE TABLE tasks (id INTEGER PRIMARY KEY AUTOINCREMENT,
        user INTEGER NOT NULL REFERENCES users ON DELETE CASCADE, title TEXT NOT NULL, done INTEGER DEFAULT 0);
    CREATE TABLE tags (task INTEGER REFERENCES tasks ON DELETE CASCADE, tag TEXT, PRIMARY KEY (task, tag)) WITHOUT ROWID;
    CREATE TABLE plain (value);
    CREATE TABLE stats (name TEXT PRIMARY KEY, n INTEGER NOT NULL);
    CREATE TABLE audit (id INTEGER PRIMARY KEY, line TEXT, twice TEXT AS (line || line) STORED);
    CREATE TRIGGER counted AFTER INSERT ON tasks BEGIN
        UPDATE stats SET n = n + 1 WHERE name = 'tasks';
        INSERT INTO audit (line) VALUES ('task ' || new.id);
    END;
    INSERT INTO users (email, name) VALUES ('a@x', 'Ann'), ('b@x', 'Bob'), ('c@x', 'Cid');
    INSERT INTO stats VALUES ('tasks', 0);
    INSERT INTO tasks (user, title) VALUES (1, 'milk'), (2, 'bread'), (3, 'tea');
    INSERT INTO tags VALUES (1, 'a'), (2, 'b');
    INSERT INTO plain VALUES (1), ('x'), (NULL);
";

/// Everything users can see.
fn everything(world: &World) -> Vec<String> {
    [
        "SELECT 'users', * FROM users ORDER BY id",
        "SELECT 'tasks', * FROM tasks ORDER BY id",
        "SELECT 'tags', * FROM tags ORDER BY 2, 3",
        "SELECT 'plain', rowid, * FROM plain ORDER BY rowid",
        "SELECT 'stats', * FROM stats ORDER BY name",
        "SELECT 'audit', * FROM audit ORDER BY id",
        "SELECT 'sequence', name, seq FROM sqlite_sequence WHERE name NOT LIKE '\\_backout%' ESCAPE '\\' ORDER BY name",
    ]
    .iter()
    .flat_map(|query| world.rows(query))
    .collect()
}

const WRITES: &str = "
    PRAGMA foreign_keys = ON;
    BEGIN;
    INSERT INTO users (email, name) VALUES ('d@x', 'Dan');
    INSERT INTO tasks (user, title) VALUES (4, 'soup');
    INSERT INTO tags VALUES (4, 'new');
    COMMIT;
    UPDATE tasks SET done = 1, title = 'milk!' WHERE id = 1;
    DELETE FROM users WHERE id = 2;
    INSERT INTO plain VALUES (x'00ff'), (2.5), ('it''s ' || char(0) || ' odd');
    DELETE FROM plain WHERE rowid = 2;
    UPDATE tags SET tag = 'z' WHERE task = 1;
    INSERT INTO tasks (user, title) VALUES (1, 'gone again');
    DELETE FROM tasks WHERE title = 'gone again';
    UPDATE users SET email = 'swap' WHERE id = 1;
    UPDATE users SET email = 'a@x' WHERE id = 3;
    UPDATE users SET email = 'c@x' WHERE id = 1;
    INSERT OR REPLACE INTO users (id, email, name) VALUES (3, 'a@x', 'Cid the second');
    INSERT OR REPLACE INTO stats VALUES ('more', 7);
";

/// Nothing that a trigger or a cascade did is done twice, and nothing is missing.
#[tokio::test]
async fn what_users_wrote_stands_again() {
    for mode in ["wal", "delete"] {
        let (world, kept) = World::begin(SCHEMA).await;
        world.run(&format!("PRAGMA journal_mode = {mode}"));
        world.run(WRITES);
        let wanted = everything(&world);
        world.put_back(&kept).await;
        assert_ne!(everything(&world), wanted);
        let recovered = world.merge().await;
        assert_eq!(conflicts(&recovered), Vec::<String>::new());
        assert_eq!(everything(&world), wanted, "{mode}");
        assert_eq!((recovered.unmapped, recovered.waiting, recovered.keys_drawn), (0, 0, 0));
        let again = world.merge().await;
        assert_eq!((again.applied, again.conflicts()), (0, 0));
        assert_eq!(everything(&world), wanted, "twice is once");
        // What users write next gets a key that nobody had.
        world.run("INSERT INTO tasks (user, title) VALUES (1, 'next')");
        assert_eq!(world.rows("SELECT max(id) FROM tasks"), ["6"]);
    }
}

/// Each line: what users write before the way back, what they write after it, the conflicts, and a look.
#[tokio::test]
async fn rows_that_both_sides_changed() {
    type Case =
        (&'static str, &'static str, &'static str, &'static [&'static str], &'static str, [&'static str; 3]);
    // In the end by nobody's choice, with the recorded version, with the restored one.
    let cases: &[Case] = &[
        (
            "different columns",
            "UPDATE tasks SET title = 'mine' WHERE id = 1",
            "UPDATE tasks SET done = 1 WHERE id = 1",
            &[],
            "SELECT title, done FROM tasks WHERE id = 1",
            ["mine|1", "mine|1", "mine|1"],
        ),
        (
            "the same column to the same",
            "UPDATE tasks SET title = 'same' WHERE id = 1",
            "UPDATE tasks SET title = 'same' WHERE id = 1",
            &[],
            "SELECT title FROM tasks WHERE id = 1",
            ["same", "same", "same"],
        ),
        (
            "the same column",
            "UPDATE tasks SET title = 'mine', done = 5 WHERE id = 1",
            "UPDATE tasks SET title = 'yours' WHERE id = 1",
            &["tasks 1 [\"title\"] BothChanged"],
            "SELECT title, done FROM tasks WHERE id = 1",
            ["yours|0", "mine|5", "yours|5"],
        ),
        (
            "deleted and changed",
            "DELETE FROM tasks WHERE id = 3",
            "UPDATE tasks SET title = 'yours' WHERE id = 3",
            &["tasks 3 [] ChangedAndDeleted"],
            "SELECT count(*), max(title) FROM tasks WHERE id = 3",
            ["1|yours", "0|-", "1|yours"],
        ),
        (
            "changed and deleted",
            "UPDATE tasks SET title = 'mine' WHERE id = 3",
            "DELETE FROM tasks WHERE id = 3",
            &["tasks 3 [] ChangedAndDeleted"],
            "SELECT count(*), max(title) FROM tasks WHERE id = 3",
            ["0|-", "1|mine", "0|-"],
        ),
        (
            "deleted on both",
            "DELETE FROM tasks WHERE id = 3",
            "DELETE FROM tasks WHERE id = 3",
            &[],
            "SELECT count(*) FROM tasks WHERE id = 3",
            ["0", "0", "0"],
        ),
        (
            "the same text as a key",
            "INSERT INTO stats VALUES ('new', 1)",
            "INSERT INTO stats VALUES ('new', 2)",
            &["stats new [] KeyTaken"],
            "SELECT n FROM stats WHERE name = 'new'",
            ["2", "1", "2"],
        ),
        (
            "a unique value",
            "INSERT INTO users (email) VALUES ('new@x')",
            "UPDATE users SET email = 'new@x' WHERE id = 1",
            &["users 4 [] NotAdmitted"],
            "SELECT id FROM users WHERE email = 'new@x'",
            ["1", "1", "1"],
        ),
        (
            "a parent that is gone",
            "INSERT INTO tasks (user, title) VALUES (3, 'for nobody')",
            "PRAGMA foreign_keys = ON; DELETE FROM users WHERE id = 3",
            &["tasks 4 [] NotAdmitted"],
            "SELECT count(*) FROM tasks WHERE title = 'for nobody'",
            ["0", "0", "0"],
        ),
        (
            "a child that came",
            "PRAGMA foreign_keys = ON; DELETE FROM users WHERE id = 3",
            "INSERT INTO tasks (user, title) VALUES (3, 'yours')",
            &["users 3 [] NotAdmitted"],
            "SELECT (SELECT count(*) FROM users WHERE id = 3), (SELECT group_concat(title) FROM tasks WHERE user = 3)",
            ["1|yours", "1|yours", "1|yours"],
        ),
    ];
    for (name, before, after, expected, look, ends) in cases {
        for (winner, end) in [None, Some(Winner::Recorded), Some(Winner::Restored)].into_iter().zip(ends) {
            let (world, kept) = World::begin(SCHEMA).await;
            world.run(before);
            world.put_back(&kept).await;
            world.run(after);
            let first = world.merge().await;
            assert_eq!(first.open_conflicts, expected.len() as u64, "{name}");
            let recovered = match winner {
                None => first,
                Some(_) => world.recover(&world.order(Way::Merge, &["r1"], winner)).await.unwrap(),
            };
            let found = conflicts(&recovered);
            assert_eq!(found.len(), expected.len(), "{name}: {found:?}");
            for (found, expected) in found.iter().zip(*expected) {
                assert!(found.starts_with(expected), "{name}: {found}");
            }
            assert_eq!(world.rows(look), [*end], "{name}, {winner:?}");
            let told = world.lines("conflicts.jsonl");
            assert_eq!(told.len(), expected.len(), "{name}");
            // Settled once and for all, where it could be.
            let again = world.merge().await;
            let is_admitted = expected.iter().all(|expected| !expected.contains("NotAdmitted"));
            let is_settled = winner == Some(Winner::Restored) || (winner.is_some() && is_admitted);
            let open = if is_settled { 0 } else { expected.len() as u64 };
            assert_eq!((again.applied, again.open_conflicts), (0, open), "{name}, {winner:?}");
            assert_eq!(world.rows(look), [*end], "{name}, {winner:?}");
            let kept: Vec<_> =
                world.lines("conflicts.jsonl").iter().map(|line| line["recorded"].clone()).collect();
            assert_eq!(kept, told.iter().map(|line| line["recorded"].clone()).collect::<Vec<_>>(), "{name}");
        }
    }
}

/// A key that somebody got here meanwhile makes way for another one, with all that refers to it.
#[tokio::test]
async fn a_taken_key_is_drawn_anew() {
    let (world, kept) = World::begin(SCHEMA).await;
    world.run(
        "INSERT INTO users (email, name) VALUES ('mine@x', 'mine');
         INSERT INTO tasks (user, title) VALUES (4, 'of mine');
         INSERT INTO tags VALUES (4, 'of mine');
         INSERT INTO plain VALUES ('mine')",
    );
    world.put_back(&kept).await;
    world.run(
        "INSERT INTO users (email, name) VALUES ('yours@x', 'yours');
         INSERT INTO tasks (user, title) VALUES (4, 'of yours');
         INSERT INTO plain VALUES ('yours')",
    );
    let recovered = world.merge().await;
    // A counter that both sides moved equally is equal on both sides.
    assert_eq!(conflicts(&recovered), Vec::<String>::new());
    let look = "SELECT users.name, tasks.title, tag FROM users JOIN tasks ON user = users.id
                LEFT JOIN tags ON task = tasks.id WHERE users.name IN ('mine', 'yours') ORDER BY 1";
    assert_eq!(world.rows(look), ["mine|of mine|of mine", "yours|of yours|-"]);
    assert_eq!(world.rows("SELECT value FROM plain WHERE rowid > 3 ORDER BY rowid"), ["yours", "mine"]);
    assert_eq!(recovered.keys_drawn, 3, "users, tasks, plain; what the trigger noted is equal");
    // And what was displaced goes on referring to it, had it been written later.
    let again = world.merge().await;
    assert_eq!(again.applied, 0);
    assert_eq!(world.rows(look).len(), 2);
}

/// An index for searching is fed by triggers, and nobody records what it holds.
#[tokio::test]
async fn an_index_for_searching_follows() {
    let (world, kept) = World::begin(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
         CREATE TABLE counter (one INTEGER PRIMARY KEY, n INTEGER);
         INSERT INTO counter VALUES (1, 0);
         CREATE VIRTUAL TABLE own USING fts5(text);
         CREATE VIRTUAL TABLE linked USING fts5(text, content='notes', content_rowid='id');
         CREATE TRIGGER \"fed by i\" AFTER INSERT ON notes BEGIN
            INSERT INTO own (rowid, text) VALUES (new.id, new.text);
            INSERT INTO linked (rowid, text) VALUES (new.id, new.text); END;
         CREATE TRIGGER fed_by_d AFTER DELETE ON notes BEGIN
            DELETE FROM own WHERE rowid = old.id;
            INSERT INTO linked (linked, rowid, text) VALUES ('delete', old.id, old.text); END;
         CREATE TRIGGER fed_by_u AFTER UPDATE ON notes BEGIN
            UPDATE own SET text = new.text WHERE rowid = new.id;
            INSERT INTO linked (linked, rowid, text) VALUES ('delete', old.id, old.text);
            INSERT INTO linked (rowid, text) VALUES (new.id, new.text); END;
         CREATE TRIGGER counted AFTER INSERT ON notes BEGIN UPDATE counter SET n = n + 1; END;
         INSERT INTO notes (text) VALUES ('alpha'), ('beta'), ('gamma');",
    )
    .await;
    world.run(
        "INSERT INTO notes (text) VALUES ('delta');
         UPDATE notes SET text = 'epsilon' WHERE id = 1;
         DELETE FROM notes WHERE id = 2",
    );
    world.put_back(&kept).await;
    let recovered = world.merge().await;
    assert_eq!(conflicts(&recovered), Vec::<String>::new());
    for index in ["own", "linked"] {
        let found =
            |word: &str| world.rows(&format!("SELECT rowid FROM {index} WHERE {index} MATCH '{word}'"));
        let all = ["alpha", "beta", "gamma", "delta", "epsilon"].map(found);
        assert_eq!(all, [vec![], vec![], vec!["3"], vec!["4"], vec!["1"]], "{index}");
        world.run(&format!("INSERT INTO {index} ({index}) VALUES ('integrity-check')"));
    }
    assert_eq!(world.rows("SELECT n FROM counter"), ["4"]);
}
