//! Each write once, whatever happens.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use backout_contract::Session;
use backout_core::writes::{Occasion, Way};

use super::super::errand::{Manner, Other};
use super::super::world::{NAME, World, open};
use super::eight::{OLD, TO_UUIDS, rules};
use super::rows;

/// A database that was migrated, written to and put back, with one conflict.
async fn put_back() -> World {
    let (mut world, kept) = World::begin(OLD).await;
    world.merge = rules();
    fs::write(world.root.join("merge.json"), world.merge.to_string()).unwrap();
    world.run(TO_UUIDS);
    world.arm(Occasion::Cutover).await.unwrap();
    world.run(
        "INSERT INTO users VALUES ('u-new', 'd@x', 'Dan', NULL);
         INSERT INTO tasks (id, user_id, name) VALUES ('t-new', 'u-new', 'new');
         INSERT INTO task_tags VALUES ('t-new', 'tag-2');
         UPDATE tasks SET name = 'mine', status = 'done' WHERE id = 'task-1';
         UPDATE users SET name = 'Bobby' WHERE id = 'user-2';
         DELETE FROM tasks WHERE id = 'task-3'",
    );
    world.put_back(&kept).await;
    world.run("UPDATE todos SET title = 'yours' WHERE id = 1");
    world
}

fn everything(world: &World) -> Vec<String> {
    let tables = ["users", "todos", "tags", "todo_tags"];
    tables.iter().flat_map(|table| world.rows(&format!("SELECT * FROM {table} ORDER BY 1, 2"))).collect()
}

#[tokio::test]
async fn killed_anywhere_it_is_all_or_nothing() {
    let mut wanted: Option<Vec<String>> = None;
    let mut seen = BTreeSet::new();
    // The times of the put-back rows differ from world to world.
    let timeless = |world: &World| -> Vec<String> {
        let without = |row: String| row.rsplit_once("|20").map_or(row.clone(), |(row, _)| row.to_owned());
        everything(world).into_iter().map(without).collect()
    };
    for number in 1.. {
        let world = put_back().await;
        let before = everything(&world);
        let trace = world.root.join("trace");
        let environment = vec![
            ("BACKOUT_FAILPOINT", number.to_string()),
            ("BACKOUT_FAILPOINT_TRACE", trace.to_str().unwrap().to_owned()),
        ];
        let (_, is_over) =
            Other::sent("recover", &world.root, Manner { environment, ..Manner::default() }).end();
        let reached = fs::read_to_string(trace).unwrap_or_default();
        let reached: Vec<&str> = reached.lines().map(|line| line.split_once(' ').unwrap().1).collect();
        seen.extend(reached.iter().map(|name| (*name).to_owned()));
        let is_done = is_over || reached.last() == Some(&"sqlite-recovered");
        let again = world.merge().await;
        assert_eq!(again.applied, if is_done { 0 } else { 6 }, "{reached:?}");
        assert_eq!(again.open_conflicts, 1, "{reached:?}");
        if !is_done {
            assert_ne!(everything(&world), before);
        }
        assert_eq!(world.lines("conflicts.jsonl").len(), 1);
        let now = timeless(&world);
        assert_eq!(*wanted.get_or_insert(now.clone()), now, "{reached:?}");
        assert_eq!(world.merge().await.applied, 0);
        let names: Vec<_> =
            fs::read_dir(world.folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(names.iter().all(|name| !name.to_str().unwrap().starts_with('.')), "{names:?}");
        if is_over {
            break;
        }
    }
    let expected =
        ["sqlite-recovered", "sqlite-recovery-applied", "sqlite-recovery-decided", "sqlite-recovery-told"];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn review_writes_files_and_applies_nothing() {
    let world = put_back().await;
    world.run("UPDATE users SET name = '=2+5' WHERE id = 1");
    let (before, traces) = (everything(&world), world.traces());
    let order = world.order(Way::Review, &["r1"], None);
    let reviewed = world.recover(&order).await.unwrap();
    assert_eq!((reviewed.waiting, reviewed.applied, reviewed.conflicts()), (7, 0, 0));
    assert_eq!(world.traces(), traces);
    assert_eq!(everything(&world), before);
    let read = || -> BTreeMap<String, Vec<u8>> {
        fs::read_dir(world.folder())
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
            .collect()
    };
    let files = read();
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["task_tags.csv", "task_tags.jsonl", "tasks.csv", "tasks.jsonl", "users.csv", "users.jsonl"]
    );
    assert_eq!(reviewed.files.len(), names.len());
    let users = String::from_utf8(files["users.csv"].clone()).unwrap();
    assert!(users.contains(",update,user-2,user-2,user-2,b@x,b@x,Bob,Bobby,"), "{users}");
    assert_eq!(world.recover(&order).await.unwrap(), reviewed);
    assert_eq!(read(), files, "twice they are the same");
    // And later they are taken over nevertheless.
    assert_eq!(world.merge().await.applied, 6);
    let reviewed = world.recover(&order).await.unwrap();
    assert_eq!((reviewed.waiting, reviewed.already), (1, 6), "but for the conflict");
}

/// Numbers that two copies gave must not be the same, or a write would be taken for another one.
#[tokio::test]
async fn writers_never_stop_and_nothing_is_lost() {
    for mode in ["wal", "delete"] {
        let world = World::new();
        world.run(&format!(
            "PRAGMA journal_mode = {mode};
             CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT UNIQUE);
             INSERT INTO log (line) VALUES ('first')"
        ));
        world.arm(Occasion::Arm).await.unwrap();
        let kept = world.keep().await;
        let writer = Other::on("write", &world);
        world.run("CREATE TABLE migrated (id)");
        world.put_back(&kept).await;
        let some = world.rows("SELECT max(id) FROM log");
        while world.rows("SELECT max(id) FROM log") == some {}
        let recovered = world.merge().await;
        assert!(recovered.applied > 0);
        let more = world.merge().await;
        assert_eq!((more.applied, more.conflicts()), (0, 0));
        let (said, is_well) = writer.end();
        assert!(is_well, "{said}");
        let written: u32 = said.split(' ').next().unwrap().parse().unwrap();
        assert_eq!(world.rows("SELECT count(*) - 1 FROM log"), [written.to_string()], "{mode}: {said}");
        let there = open(&world.estate().join(format!(".backout-displaced-r1-{NAME}")));
        let own = "SELECT seq, after FROM _backout_log WHERE source IS NULL";
        let (here, there) = (world.rows(own), rows(&there, own));
        let number = |row: &String| row.split_once('|').unwrap().0.to_owned();
        let numbers: BTreeSet<String> = there.iter().map(number).collect();
        assert!(here.iter().all(|row| there.contains(row) || !numbers.contains(&number(row))), "{mode}");
    }
}

/// There, and back, and there again: nothing is lost and nothing is twice.
#[tokio::test]
async fn a_way_back_is_taken_back() {
    let uuid = "printf('00000000-0000-4000-8000-%012d', {})";
    let key = |id: &str| uuid.replace("{}", id);
    let mut migration = TO_UUIDS.to_owned();
    for (short, long) in [
        ("'user-' || id", key("id")),
        ("'tag-' || id", key("id")),
        ("'task-' || id", key("id")),
        ("'user-' || user_id", key("user_id")),
        ("'task-' || todo_id", key("todo_id")),
        ("'tag-' || tag_id", key("tag_id")),
    ] {
        migration = migration.replace(short, &long);
    }
    let (mut world, kept) = World::begin(OLD).await;
    world.merge = rules();
    world.run(&migration);
    world.arm(Occasion::Cutover).await.unwrap();
    world.run(
        "INSERT INTO users VALUES ('11111111-0000-4000-8000-000000000001', 'd@x', 'Dan', NULL);
         INSERT INTO tasks (id, user_id, name) VALUES
            ('22222222-0000-4000-8000-000000000001', '11111111-0000-4000-8000-000000000001', 'of Dan');
         UPDATE tasks SET name = 'milk!' WHERE legacy_id = 1",
    );
    world.put_back(&kept).await;
    assert_eq!(world.merge().await.applied, 3);
    world.run(
        "UPDATE todos SET title = 'of Dan!' WHERE title = 'of Dan';
         UPDATE todos SET title = 'bread!' WHERE id = 2;
         INSERT INTO users (email, name) VALUES ('e@x', 'Eve');
         INSERT INTO todos (user_id, title) VALUES (5, 'of Eve');
         INSERT INTO todo_tags VALUES (6, 2);
         DELETE FROM todos WHERE id = 3",
    );
    let look_old = "SELECT users.name, title, tag_id FROM todos JOIN users ON users.id = user_id
                    LEFT JOIN todo_tags ON todo_id = todos.id ORDER BY 1, 2";
    let look_new = "SELECT users.name, tasks.name, (SELECT legacy_id FROM tags WHERE tags.id = tag_id)
                    FROM tasks JOIN users ON users.id = user_id
                    LEFT JOIN task_tags ON task_id = tasks.id ORDER BY 1, 2";
    let wanted = world.rows(look_old);
    assert_eq!(wanted, ["Ann|bread!|1", "Ann|milk!|1", "Cid|soup|-", "Dan|of Dan!|-", "Eve|of Eve|2"]);

    // The way back is taken back.
    let there = world.session().await.capture_displaced(&world.context()).await.unwrap().unwrap();
    world.run = "r2";
    world.put_back(&there).await;
    let recovered = world.recover(&world.order(Way::Merge, &["r1", "r2"], None)).await.unwrap();
    assert_eq!(recovered.conflicts(), 0, "{:?}", recovered.conflicts);
    assert_eq!((recovered.unmapped, recovered.applied), (0, 9), "{:?}", world.lines("unmapped.jsonl"));
    assert_eq!(world.rows(look_new), wanted);
    assert_eq!(world.rows("SELECT count(*) FROM users WHERE length(id) = 36"), ["5"]);
    let again = world.recover(&world.order(Way::Merge, &["r1", "r2"], None)).await.unwrap();
    assert_eq!(again.applied, 0);
    world.run("UPDATE tasks SET name = 'of Eve!' WHERE name = 'of Eve'");

    // And that is taken back as well.
    world.run = "r3";
    world.put_back(&kept).await;
    let recovered = world.recover(&world.order(Way::Merge, &["r1", "r2", "r3"], None)).await.unwrap();
    assert_eq!((recovered.conflicts(), recovered.unmapped), (0, 0), "{:?}", recovered.conflicts);
    let wanted: Vec<String> = wanted.iter().map(|row| row.replace("of Eve", "of Eve!")).collect();
    assert_eq!(world.rows(look_old), wanted);
    let again = world.recover(&world.order(Way::Merge, &["r1", "r2", "r3"], None)).await.unwrap();
    assert_eq!(again.applied, 0);
}

/// Without a recorder nobody could tell what was taken over.
#[tokio::test]
async fn a_state_without_a_recorder_takes_nothing_and_says_so() {
    let world = World::new();
    world.run(OLD);
    let kept = world.keep().await;
    world.arm(Occasion::Arm).await.unwrap();
    world.run("UPDATE users SET name = 'x'; CREATE TABLE migrated (id)");
    let plan = world.plan(&kept).await;
    let effect = world.revert(&plan).await.unwrap();
    assert!(format!("{effect:?}").contains("nothing is recorded any more"), "{effect:?}");
    let error = world.recover(&world.order(Way::Merge, &["r1"], None)).await.unwrap_err();
    assert!(error.chain().contains("it has none"), "{}", error.chain());
    let reviewed = world.recover(&world.order(Way::Review, &["r1"], None)).await.unwrap();
    assert_eq!(reviewed.waiting, 3);
    // Where nothing was displaced there is nothing to take.
    let nothing = world.recover(&world.order(Way::Merge, &["r9"], None)).await.unwrap();
    assert_eq!(nothing, Default::default());
}
