//! Two sides compared: what people read, what programs read, and what the files hold.

use std::process::Stdio;

use rusqlite::Connection;
use serde_json::Value;

use super::world::World;

const SHOP: &str = "
    CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, email TEXT);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER, total INTEGER, note TEXT);
    CREATE TABLE tags (word TEXT);
    INSERT INTO customers VALUES (1, 'Ada', 'ada@shop'), (2, 'Zoe', 'zoe@shop');
    INSERT INTO orders VALUES (1, 1, 10, NULL), (2, 2, 20, 'as a gift'), (3, 2, 30, ''), (4, 1, 40, '=1+1');
    INSERT INTO tags VALUES ('tea'), ('tea'), ('cup');
    CREATE TABLE legacy (x);";

const CHANGES: &str = "
    DROP TABLE legacy;
    CREATE TABLE fresh (x);
    CREATE INDEX orders_by_customer ON orders (customer);
    UPDATE orders SET total = 21, note = 'NULL' WHERE id = 2;
    UPDATE orders SET note = NULL WHERE id = 3;
    DELETE FROM orders WHERE id = 4;
    INSERT INTO orders VALUES (5, 1, 50, 'two' || char(10) || 'lines');
    DELETE FROM tags WHERE rowid = 1;";

fn shop() -> World {
    let world = World::empty();
    for name in ["old.db", "new.db"] {
        Connection::open(world.path(name)).unwrap().execute_batch(SHOP).unwrap();
    }
    Connection::open(world.path("new.db")).unwrap().execute_batch(CHANGES).unwrap();
    world
}

/// The text without the version of SQLite.
fn read(text: &str) -> String {
    let words = text.replace(&format!("SQLite {}", rusqlite::version()), "SQLite 3");
    words.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

macro_rules! assert_reads {
    ($name:literal, $text:expr) => {{
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.set_snapshot_path("snapshots");
        settings.bind(|| insta::assert_snapshot!($name, $text));
    }};
}

#[test]
fn what_people_read() {
    let world = shop();
    assert_reads!("compare", read(&world.ok(&["compare", "old.db", "new.db"]).text()));
    assert_reads!("compare-plan", read(&world.ok(&["compare", "old.db", "new.db", "--plan"]).text()));
    let same = world.ok(&["compare", "old.db", "sqlite:old.db", "--exit-code"]);
    assert_reads!("compare-same", read(&same.text()));
    let some = [
        "compare",
        "old.db",
        "new.db",
        "-t",
        "orders",
        "--limit",
        "1",
        "--no-schema",
        "--mask",
        "total,note",
    ];
    assert_reads!("compare-limited", read(&world.ok(&some).text()));
    // Nothing is left behind, beside either side or elsewhere.
    let mut names: Vec<_> =
        std::fs::read_dir(world.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["new.db", "old.db"]);
}

#[test]
fn its_page_is_explained() {
    let page = World::empty().ok(&["explain", "compare"]).out;
    assert!(page.contains("Comparing two sides") && page.contains("The risk."), "{page}");
}

#[test]
fn what_programs_read() {
    let world = shop();
    let documents = world.json(&["compare", "old.db", "new.db"]);
    let rows: Vec<&Value> = documents.iter().filter(|one| one["type"] == "difference").collect();
    let whole = documents.last().unwrap();
    assert_eq!(
        (rows.len(), whole["type"].as_str(), whole["version"].as_u64()),
        (5, Some("comparison"), Some(1))
    );
    assert_eq!((whole["complete"].as_bool(), whole["differs"].as_bool()), (Some(true), Some(true)));
    assert_eq!((&whole["only_left"][0], &whole["only_right"][0]), (&"legacy".into(), &"fresh".into()));
    let changed = rows.iter().find(|row| row["key"][0]["value"] == "3").unwrap();
    // An empty text is no null.
    assert_eq!(changed["columns"][0], serde_json::json!({ "column": "note", "left": "", "right": null }));
    let limited = world.json(&["compare", "old.db", "new.db", "--limit", "1", "-t", "orders"]);
    assert_eq!(limited.len(), 2);
    let plan = world.json(&["compare", "old.db", "new.db", "--plan"]);
    assert_eq!(plan[0]["type"], "comparison-plan");
    assert_eq!(plan[0]["tables"][0]["plan"]["hashed"], "here");
}

#[test]
fn files_hold_every_row_and_are_whole() {
    let world = shop();
    let seen = world.ok(&[
        "compare",
        "old.db",
        "new.db",
        "--limit",
        "0",
        "-o",
        "rows.jsonl",
        "-o",
        "rows.csv",
        "-o",
        "rows.html",
    ]);
    assert!(seen.out.contains("4 rows that differ are not shown"), "{}", seen.text());
    let lines = world.read("rows.jsonl");
    assert_eq!(lines.lines().count(), 6);
    assert!(lines.lines().last().unwrap().contains("\"type\":\"comparison\""));
    let table = world.read("rows.csv");
    assert!(table.starts_with("table,what,key,column,left,right,null,settled\r\n"), "{table}");
    assert!(table.contains("orders,changed,id=3,note,,,right,stands\r\n"), "{table}");
    // A formula is none any more.
    assert!(table.contains("orders,only left,id=4,note,\"'=1+1\",,,stands\r\n"), "{table}");
    assert!(table.contains("legacy,table only left,"), "{table}");
    let page = world.read("rows.html");
    assert!(
        page.starts_with("<!doctype html>")
            && page.contains("as a gift")
            && page.contains("orders_by_customer")
    );
    // A comparison that cannot begin leaves no file behind.
    let refused = world.run(&["compare", "old.db", "absent.db", "-o", "none.csv"]);
    assert_eq!(refused.exit, 2, "{}", refused.text());
    assert!(!world.path("none.csv").exists());
    let wrong = world.run(&["compare", "old.db", "new.db", "-o", "rows.txt"]);
    assert!(wrong.exit == 2 && wrong.err.contains("BK0718"), "{}", wrong.text());
}

#[test]
fn exit_codes_say_whether_anything_differs() {
    let world = shop();
    let exit = |arguments: &[&str]| {
        let seen = world.run(&[&["compare", "old.db", "new.db"], arguments].concat());
        (seen.exit, seen.text())
    };
    assert_eq!(exit(&[]).0, 0);
    assert_eq!(exit(&["--exit-code"]).0, 3);
    assert_eq!(exit(&["--exit-code", "-t", "customers", "--no-schema"]).0, 0);
    assert_eq!(exit(&["--exit-code", "-t", "customers", "--schema-only"]).0, 0);
    // One table cannot be compared: the others are, and the whole is not done.
    let (code, text) = exit(&["--exit-code", "--where", "total > 0"]);
    assert!(code == 6 && text.contains("✕ orders") && text.contains("! customers"), "{text}");
    for wrong in [["--exclude", "nothing"], ["--mask", "passwort"], ["-t", "nothing"], ["--rename", "x"]] {
        assert_eq!(exit(&wrong).0, 2, "{wrong:?}");
    }
}

#[test]
fn rows_and_columns_are_chosen_and_mapped() {
    let world = shop();
    let sql =
        "ALTER TABLE orders RENAME TO bestellungen; ALTER TABLE bestellungen RENAME COLUMN total TO summe;
        UPDATE bestellungen SET id = id + 1000; UPDATE bestellungen SET summe = summe * 100";
    Connection::open(world.path("new.db")).unwrap().execute_batch(sql).unwrap();
    world.write("keys.csv", "key recorded,key here\r\n1001,1\r\n1002,2\r\n1003,3\r\n1005,5\r\n");
    world.write(
        "map.yaml",
        "tables:\n  orders:\n    right: bestellungen\n    rename: {total: summe}\n    exclude: [note]\n    \
         right-as: {total: summe / 100}\n    keys: {id: keys.csv}\n",
    );
    let documents =
        world.json(&["compare", "old.db", "new.db", "-t", "orders", "--map", "map.yaml", "--no-schema"]);
    let told: Vec<(String, String)> = documents
        .iter()
        .filter(|one| one["type"] == "difference")
        .map(|one| {
            (one["what"].as_str().unwrap().to_owned(), one["key"][0]["value"].as_str().unwrap().to_owned())
        })
        .collect();
    let expect =
        |what: &str, key: &str| assert!(told.contains(&(what.to_owned(), key.to_owned())), "{told:?}");
    expect("changed", "2");
    expect("only-left", "4");
    expect("only-right", "5");
    assert_eq!(told.len(), 3);
    let typed = [
        "compare",
        "old.db",
        "new.db",
        "-t",
        "orders=bestellungen",
        "--where-right",
        "id < 0",
        "--where-left",
        "id < 2",
    ];
    let documents = world.json(&[&typed[..], &["--rename", "total=summe"]].concat());
    assert_eq!(documents.iter().filter(|one| one["type"] == "difference").count(), 1);
}

#[test]
fn an_address_may_stand_elsewhere_and_is_never_repeated() {
    let world = shop();
    world.write("place", "sqlite:new.db\n");
    let seen = world.ok(&["compare", "old.db", "file:place", "-t", "customers"]);
    assert!(seen.out.contains("new.db"), "{}", seen.text());
    let secret = "mysterious://ada:s3cret@host/x";
    for arguments in [["compare", "old.db", secret], ["compare", secret, "old.db"]] {
        let seen = world.run(&arguments);
        assert_eq!(seen.exit, 2, "{}", seen.text());
        assert!(seen.err.contains("BK0716") && !seen.text().contains("s3cret"), "{}", seen.text());
    }
    let unset = world.run(&["compare", "old.db", "env:BACKOUT_TEST_NEVER_SET"]);
    assert!(unset.exit == 2 && unset.err.contains("BACKOUT_TEST_NEVER_SET"), "{}", unset.text());
}

#[test]
fn a_component_is_compared_with_what_a_rollback_displaced() {
    let world = World::empty();
    world.write(
        "backout.yaml",
        "migration: shop\ncomponents:\n  data:\n    kind: sqlite.database\n    path: shop.db\n    writes: accept-loss\n",
    );
    let open = || Connection::open(world.path("shop.db")).unwrap();
    open().execute_batch(SHOP).unwrap();
    let alone = world.run(&["compare", "data"]);
    assert!(alone.exit == 2 && alone.err.contains("BK0715"), "{}", alone.text());
    world.ok(&["capture"]);
    let migration = "UPDATE orders SET total = 11 WHERE id = 1; CREATE TABLE fresh (x)";
    open().execute_batch(migration).unwrap();
    world.ok(&["cutover"]);
    world.ok(&["rollback", "--yes"]);
    let journal = std::fs::read(world.path(".backout/journal.db")).unwrap();
    let documents = world.json(&["compare", "data"]);
    let row = documents.iter().find(|one| one["type"] == "difference").unwrap();
    assert_eq!(row["columns"][0], serde_json::json!({ "column": "total", "left": "10", "right": "11" }));
    assert_eq!((documents.len(), &documents[1]["only_right"][0]), (2, &"fresh".into()));
    for pair in [["data@live", "data@displaced"], ["data", "shop.db"], ["data@saved", "data"]] {
        world.ok(&["compare", pair[0], pair[1]]);
    }
    let verified = world.run(&["verify"]);
    let with_rows = world.run(&["verify", "--rows"]);
    assert!(!verified.text().contains("total") && with_rows.text().contains("total"), "{}", with_rows.text());
    assert_eq!(verified.exit, with_rows.exit);
    assert_eq!(std::fs::read(world.path(".backout/journal.db")).unwrap(), journal);
    let unknown = world.run(&["compare", "date", "shop.db"]);
    assert!(unknown.exit == 2 && unknown.err.contains("data"), "{}", unknown.text());
}

#[test]
fn a_signal_gives_what_is_known_so_far() {
    let world = World::empty();
    let rows = "CREATE TABLE a (id INTEGER PRIMARY KEY); INSERT INTO a VALUES (1);
        CREATE TABLE b (id INTEGER PRIMARY KEY, v TEXT);
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900000)
        INSERT INTO b SELECT i, 'row ' || i FROM n";
    for name in ["left.db", "right.db"] {
        Connection::open(world.path(name)).unwrap().execute_batch(rows).unwrap();
    }
    let arguments = ["compare", "left.db", "right.db", "--max-rows-per-second", "1000", "-o", "rows.jsonl"];
    let mut child = world.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    {
        use std::io::{BufRead, BufReader};
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The first table is done, and the second has not a chance to be.
        while !lines.next().unwrap().unwrap().starts_with("✓ a") {}
        let pid = i32::try_from(child.id()).unwrap();
        rustix_kill(pid);
        let rest: Vec<String> = lines.map(Result::unwrap).collect();
        assert!(rest.iter().any(|line| line.starts_with("! b  incomplete")), "{rest:?}");
        assert!(rest.iter().any(|line| line.contains("what is known so far")), "{rest:?}");
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let whole: Value = serde_json::from_str(world.read("rows.jsonl").lines().last().unwrap()).unwrap();
    assert_eq!(whole["complete"], false);
    assert!(whole["cut_short"].is_string());
}

fn rustix_kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
}
