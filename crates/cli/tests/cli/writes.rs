//! What users write, told apart from what the migration writes, priced, taken over, and taken back and forth: on a shop
//! whose orders get UUIDs.

use rusqlite::Connection;

use super::world::World;

const SCHEMA: &str = "
    CREATE TABLE customers (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, email TEXT NOT NULL UNIQUE);
    CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT,
                         customer_id INTEGER NOT NULL REFERENCES customers (id), total INTEGER NOT NULL);
    CREATE TABLE notes (order_id INTEGER NOT NULL REFERENCES orders (id) ON DELETE CASCADE, line INTEGER NOT NULL,
                        text TEXT NOT NULL, PRIMARY KEY (order_id, line)) WITHOUT ROWID;
    CREATE TABLE stock (sku TEXT PRIMARY KEY, amount INTEGER NOT NULL);
    INSERT INTO customers (name, email) VALUES ('Ada', 'ada@shop'), ('Zoe', 'zoe@shop'), ('Bo', 'bo@shop');
    INSERT INTO orders (customer_id, total) VALUES (1, 10), (2, 20), (3, 30);
    INSERT INTO notes VALUES (1, 1, 'as a gift'), (2, 1, 'by hand');
    INSERT INTO stock VALUES ('tea', 5), ('cup', 7);
    PRAGMA user_version = 1;";

/// What the migration does: the keys of orders become texts, and what refers to them follows.
const MIGRATION: &str = "
    PRAGMA foreign_keys = OFF;
    BEGIN IMMEDIATE;
    CREATE TABLE legacy (old INTEGER PRIMARY KEY, new TEXT NOT NULL UNIQUE);
    INSERT INTO legacy SELECT id, printf('order-%08x', id * 7919) FROM orders;
    CREATE TABLE orders2 (id TEXT PRIMARY KEY NOT NULL, customer_id INTEGER NOT NULL REFERENCES customers (id),
                          total INTEGER NOT NULL, currency TEXT NOT NULL DEFAULT 'EUR');
    INSERT INTO orders2 (id, customer_id, total) SELECT new, customer_id, total FROM orders JOIN legacy ON old = id;
    CREATE TABLE notes2 (order_id TEXT NOT NULL REFERENCES orders (id) ON DELETE CASCADE, line INTEGER NOT NULL,
                         text TEXT NOT NULL, PRIMARY KEY (order_id, line)) WITHOUT ROWID;
    INSERT INTO notes2 SELECT new, line, text FROM notes JOIN legacy ON old = order_id;
    DROP TABLE notes;
    DROP TABLE orders;
    ALTER TABLE orders2 RENAME TO orders;
    ALTER TABLE notes2 RENAME TO notes;
    PRAGMA user_version = 2;
    COMMIT;";

/// Its slow part, while users work, in a transaction that it marks as its own.
const BACKFILL: &str = "
    BEGIN IMMEDIATE;
    INSERT INTO _backout_writer (origin) VALUES ('migration');
    UPDATE customers SET name = upper(name);
    UPDATE orders SET currency = 'SEK' WHERE currency = 'EUR';
    DELETE FROM _backout_writer;
    COMMIT;";

const BEFORE: &str = "
    INSERT INTO customers (name, email) VALUES ('Cy', 'cy@shop');
    UPDATE customers SET email = 'zoe@home' WHERE id = 2;";

/// An order that is born with a note in one transaction; changes and a delete; a row that the backfill changed too.
const AFTER: &str = "
    BEGIN;
    INSERT INTO orders (id, customer_id, total) VALUES ('born-on-the-new-side', 4, 40);
    INSERT INTO notes VALUES ('born-on-the-new-side', 1, 'a new one');
    COMMIT;
    UPDATE orders SET total = 21 WHERE id = (SELECT new FROM legacy WHERE old = 2);
    DELETE FROM orders WHERE id = (SELECT new FROM legacy WHERE old = 3);
    UPDATE stock SET amount = 4 WHERE sku = 'tea';
    UPDATE customers SET name = 'Ada Lovelace' WHERE id = 1;";

fn shop(writes: &str, conflicts: &str) -> World {
    let world = World::empty();
    world.write(
        "backout.yaml",
        format!(
            "migration: shop\n\
             components:\n  \
               orders:\n    kind: sqlite.database\n    path: shop.db\n    writes: {writes}\n    merge:\n      \
                 conflicts: {conflicts}\n      tables:\n        \
                   orders: {{keys: \"SELECT new, old FROM legacy\", ignore: [currency]}}\n"
        ),
    );
    sql(&world, SCHEMA);
    world
}

fn sql(world: &World, text: &str) {
    open(world).execute_batch(text).unwrap();
}

fn open(world: &World) -> Connection {
    let connection = Connection::open(world.path("shop.db")).unwrap();
    connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000").unwrap();
    connection
}

/// Every row of every table that both sides have, as text.
fn rows(world: &World, query: &str) -> Vec<String> {
    let connection = open(world);
    let mut statement = connection.prepare(query).unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let cells = (0..columns).map(|column| {
            let value: rusqlite::types::Value = row.get(column)?;
            Ok(match value {
                rusqlite::types::Value::Null => "-".to_owned(),
                rusqlite::types::Value::Integer(number) => number.to_string(),
                rusqlite::types::Value::Real(number) => number.to_string(),
                rusqlite::types::Value::Text(text) => text,
                rusqlite::types::Value::Blob(_) => "blob".to_owned(),
            })
        });
        cells.collect::<rusqlite::Result<Vec<_>>>().map(|cells| cells.join(" "))
    });
    rows.unwrap().collect::<rusqlite::Result<_>>().unwrap()
}

/// Up to the moment where going back is thought of: eight rows written by users, and everything by the migration.
fn broken(writes: &str, conflicts: &str) -> World {
    let world = shop(writes, conflicts);
    world.ok(&["arm"]);
    world.ok(&["capture"]);
    sql(&world, BEFORE);
    sql(&world, MIGRATION);
    world.ok(&["cutover", "--writers-stopped"]);
    sql(&world, BACKFILL);
    sql(&world, AFTER);
    world
}

fn price(world: &World) -> serde_json::Value {
    world.json(&["plan"])[0]["price"].clone()
}

/// The put-back shop with everything that users wrote.
fn holds_everything(world: &World) {
    let ada = rows(world, "SELECT name FROM customers WHERE id = 1");
    assert_eq!(ada, ["Ada Lovelace"], "the user's version stands, not the migration's and not the old one");
    assert_eq!(
        rows(world, "SELECT id, email FROM customers ORDER BY id"),
        ["1 ada@shop", "2 zoe@home", "3 bo@shop", "4 cy@shop"]
    );
    assert_eq!(
        rows(world, "SELECT id, customer_id, total, typeof(id) FROM orders ORDER BY id"),
        ["1 1 10 integer", "2 2 21 integer", "4 4 40 integer"]
    );
    assert_eq!(
        rows(world, "SELECT * FROM notes ORDER BY 1, 2"),
        ["1 1 as a gift", "2 1 by hand", "4 1 a new one"]
    );
    assert_eq!(rows(world, "SELECT * FROM stock ORDER BY 1"), ["cup 7", "tea 4"]);
    assert_eq!(rows(world, "PRAGMA user_version"), ["1"]);
    assert_eq!(rows(world, "PRAGMA foreign_key_check"), [""; 0]);
    let untouched = rows(world, "SELECT name FROM customers WHERE id = 2");
    assert_eq!(untouched, ["Zoe"], "what the migration wrote is not brought along");
}

#[test]
fn eight_of_eight_are_taken_over() {
    let world = broken("merge", "recorded");
    let price = price(&world);
    assert_eq!(
        price["writes"], 8,
        "two before cutover; an order with a note, a changed and a deleted one, two more"
    );
    assert_eq!((&price["writes_exact"], &price["lost"]), (&true.into(), &serde_json::json!({"exactly": 0})));

    let seen = world.ok(&["rollback", "--yes", "--reason", "orders fail"]);
    holds_everything(&world);
    assert!(seen.says("8 writes taken over"), "{}", seen.text());
    assert!(seen.says("1 row changed on both sides"), "{}", seen.text());

    sql(&world, "INSERT INTO orders (customer_id, total) VALUES (1, 50)");
    let drawn = rows(&world, "SELECT max(id) FROM orders");
    assert_eq!(drawn, ["5"], "no key is given twice, not even that of a deleted row");

    let again = world.ok(&["recover", "--yes"]);
    assert!(again.says("nothing to take over"), "{}", again.text());
    assert!(world.ok(&["rollback", "--yes"]).says("Nothing to do"));
    assert_eq!(rows(&world, "SELECT count(*) FROM orders"), ["4"], "later writes stay");
    world.ok(&["verify"]);
}

#[test]
fn the_price_is_known_before_and_told_after() {
    let world = broken("merge", "recorded");
    let plan = world.ok(&["plan"]);
    for said in [
        "8 writes since the state that is put back",
        "taken over",
        "writes lost",
        "none",
        "by the migration itself",
    ] {
        assert!(plan.says(said), "{said:?} is missing in {}", plan.text());
    }
    let done = world.ok(&["rollback", "--yes"]);
    assert!(done.says("paid") && done.says("stated"), "{}", done.text());
}

#[test]
fn back_from_the_way_back_and_back_again() {
    let world = broken("merge", "recorded");
    world.ok(&["rollback", "--yes"]);
    sql(&world, "UPDATE stock SET amount = 3 WHERE sku = 'tea'");
    sql(&world, "INSERT INTO customers (name, email) VALUES ('Dee', 'dee@shop')");

    let plan = world.ok(&["plan", "--to", "before-rollback"]);
    assert!(plan.says("to checkpoint before-r1"), "{}", plan.text());
    world.ok(&["rollback", "--to", "before-rollback", "--yes"]);
    assert_eq!(rows(&world, "PRAGMA user_version"), ["2"]);
    assert_eq!(
        rows(&world, "SELECT * FROM stock ORDER BY 1"),
        ["cup 7", "tea 3"],
        "written after the rollback"
    );
    assert_eq!(rows(&world, "SELECT name FROM customers WHERE id = 5"), ["Dee"]);
    assert_eq!(rows(&world, "SELECT name FROM customers WHERE id = 2"), ["ZOE"], "the backfill is back");
    assert_eq!(rows(&world, "SELECT count(*) FROM orders WHERE id = 'born-on-the-new-side'"), ["1"]);
    assert!(world.ok(&["status"]).says("cut over"));

    sql(&world, "UPDATE orders SET total = 41 WHERE id = 'born-on-the-new-side'");
    world.ok(&["rollback", "--yes"]);
    assert_eq!(rows(&world, "PRAGMA user_version"), ["1"]);
    assert_eq!(rows(&world, "SELECT total FROM orders WHERE customer_id = 4"), ["41"]);
    assert_eq!(rows(&world, "SELECT * FROM stock ORDER BY 1"), ["cup 7", "tea 3"]);
    assert_eq!(rows(&world, "SELECT name FROM customers WHERE id = 5"), ["Dee"]);
    assert_eq!(rows(&world, "SELECT count(*) FROM orders"), ["3"], "nothing twice");
    world.ok(&["verify"]);
    world.ok(&["log", "--verify"]);
}

#[test]
fn what_is_kept_for_a_person_can_be_taken_over_later() {
    let world = broken("review", "ask");
    world.ok(&["rollback", "--yes"]);
    assert_eq!(rows(&world, "SELECT count(*) FROM orders"), ["3"], "nothing was put in");
    assert!(world.path(".backout/recovered/r1/orders").is_dir());
    // Meanwhile somebody works on what was put back.
    sql(&world, "UPDATE customers SET name = 'Countess Ada' WHERE id = 1");

    let first = world.run(&["recover", "--yes"]);
    assert_eq!(first.exit, 8, "a person is asked: {}", first.text());
    assert_eq!(rows(&world, "SELECT name FROM customers WHERE id = 1"), ["Countess Ada"]);
    assert_eq!(rows(&world, "SELECT id, total FROM orders ORDER BY id"), ["1 10", "2 21", "4 40"]);
    let chosen = world.ok(&["recover", "--conflicts", "recorded", "--yes"]);
    assert!(chosen.says("1 write taken over"), "{}", chosen.text());
    holds_everything(&world);
    assert!(world.ok(&["recover", "--yes"]).says("nothing to take over"));
}

#[test]
fn a_recorder_that_somebody_dropped_is_named_and_promises_nothing() {
    let world = broken("merge", "recorded");
    let connection = open(&world);
    let dropped: String = connection
        .query_row(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'stock' AND name LIKE '\\_backout%' \
             ESCAPE '\\' LIMIT 1",
            [],
            |row| row.get(0),
        )
        .unwrap();
    drop(connection);
    sql(&world, &format!("DROP TRIGGER \"{dropped}\"; UPDATE stock SET amount = 1 WHERE sku = 'cup'"));
    let plan = world.ok(&["plan"]);
    assert!(plan.says("not recorded: stock") && plan.says("at least"), "{}", plan.text());
    let refused = world.run(&["rollback", "--yes"]);
    assert_eq!(refused.exit, 4, "{}", refused.text());
    assert_eq!(rows(&world, "PRAGMA user_version"), ["2"], "nothing was changed");
}

#[test]
fn what_is_to_be_merged_is_recorded_from_before_the_capture() {
    let world = shop("merge", "recorded");
    let refused = world.run(&["capture"]);
    assert_eq!(refused.exit, 4, "{}", refused.text());
    assert!(refused.says("backout arm"), "{}", refused.text());

    // Armed, as far as the journal knows; somebody took a recorder away since.
    world.ok(&["arm"]);
    let trigger =
        rows(&world, "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'stock' LIMIT 1");
    sql(&world, &format!("DROP TRIGGER \"{}\"", trigger[0]));
    let refused = world.run(&["capture"]);
    assert!(refused.exit == 4 && refused.says("writes to stock are not recorded"), "{}", refused.text());
    world.ok(&["arm"]);
    world.ok(&["capture"]);
}

#[test]
fn a_table_without_its_recorder_for_a_while_is_a_gap_unless_somebody_knows_better() {
    let world = shop("merge", "recorded");
    world.ok(&["arm"]);
    world.ok(&["capture"]);
    sql(&world, MIGRATION);
    let cut_over = world.ok(&["cutover"]);
    assert!(cut_over.says("--writers-stopped"), "{}", cut_over.text());
    assert_eq!(price(&world)["lost"], serde_json::json!({"at-least": 0}));
    assert_eq!(world.run(&["rollback", "--yes"]).exit, 4);
    world.ok(&["cutover", "--writers-stopped"]);
    assert_eq!(price(&world)["lost"], serde_json::json!({"exactly": 0}));
    world.ok(&["rollback", "--yes"]);
}

#[test]
fn a_table_that_only_grew_needs_no_rule() {
    let world = World::empty();
    world.write(
        "backout.yaml",
        "migration: grown\ncomponents:\n  db:\n    kind: sqlite.database\n    path: shop.db\n    writes: merge\n",
    );
    sql(
        &world,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO t (name) VALUES ('a'), ('b')",
    );
    world.ok(&["arm"]);
    world.ok(&["capture"]);
    sql(
        &world,
        "ALTER TABLE t ADD COLUMN extra TEXT DEFAULT 'x'; CREATE TABLE fresh (id INTEGER PRIMARY KEY)",
    );
    world.ok(&["cutover", "--writers-stopped"]);
    sql(
        &world,
        "INSERT INTO t (name) VALUES ('c'); UPDATE t SET name = 'A' WHERE id = 1;
         UPDATE t SET extra = 'written' WHERE id = 2; INSERT INTO fresh VALUES (1)",
    );
    let price = price(&world);
    let lost = serde_json::json!({"exactly": 2});
    assert_eq!(
        (&price["writes"], &price["lost"]),
        (&4.into(), &lost),
        "a value and a row that nothing can hold"
    );
    let refused = world.run(&["rollback", "--yes"]);
    assert!(refused.exit == 4 && refused.says("backout explain KIND"), "{}", refused.text());
    world.ok(&["rollback", "--yes", "--accept-loss", "2"]);
    assert_eq!(rows(&world, "SELECT * FROM t"), ["1 A", "2 b", "3 c"]);
    let told = world.read(".backout/recovered/r1/db/unmapped.jsonl");
    assert_eq!(told.lines().count(), 2, "{told}");
}

#[test]
fn recorders_leave_with_the_migration() {
    let world = broken("merge", "recorded");
    world.ok(&["rollback", "--yes"]);
    world.ok(&["close", "--yes"]);
    assert_eq!(
        rows(&world, "SELECT name FROM sqlite_schema WHERE name LIKE '\\_backout%' ESCAPE '\\'"),
        [""; 0]
    );
}
