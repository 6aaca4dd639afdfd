//! Looks at real databases.

use crate::catalog::Scope;
use crate::look::{Held, look, look_at, went_away};
use crate::server::{Address, Pace, TableName, connect};
use crate::state::{State, is_exactly};
use crate::testing::{context, database, server};

fn pace() -> Pace {
    let folder = tempfile::tempdir().expect("a folder");
    Pace::of(&context(folder.path(), &[]))
}

async fn seen(address: &Address) -> State {
    look_at(address, &Scope::Database, 2, &pace()).await.expect("look")
}

#[tokio::test]
async fn all_connections_see_the_moment_when_it_began() {
    let (name, address) = database("moment");
    server().sql(
        &name,
        "CREATE TABLE a (v int); CREATE TABLE b (v int); INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)",
    );
    let before = seen(&address).await;
    let links = [connect(&address).await.expect("connect"), connect(&address).await.expect("connect")];
    let held = Held::begin(links.into(), &pace()).await.expect("hold a snapshot");
    server().sql(&name, "INSERT INTO a VALUES (2); DELETE FROM b; ALTER TABLE b ADD w int");
    let other = connect(&address).await.expect("connect");
    let sql =
        format!("BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '{}'", held.snapshot());
    other.batch_execute(&sql).await.expect("whoever is told the snapshot sees it");
    let found = held.look(&Scope::Database, &pace()).await.expect("look");
    assert_eq!(found.rows, before.rows);
    assert_ne!(found.taken.snapshot, seen(&address).await.taken.snapshot);
    let links = held.close().await;
    let after = look(links, &Scope::Database, &pace()).await.expect("look again with the same connections");
    assert_ne!(after.rows, before.rows);
    assert!(is_exactly(&after, &seen(&address).await));
}

#[tokio::test]
async fn a_look_says_when_it_was() {
    let (name, address) = database("when");
    let found = seen(&address).await.taken;
    let expected = server().sql(
        &name,
        "SELECT system_identifier, oid, timeline_id FROM pg_control_system(), pg_control_checkpoint(), pg_database \
         WHERE datname = current_database()",
    );
    assert_eq!(format!("{}|{}|{}", found.system, found.database, found.timeline), expected);
    let visible =
        server().sql(&name, &format!("SELECT pg_visible_in_snapshot('3'::xid8, '{}')", found.snapshot));
    assert_eq!(visible, "t");
    assert!(found.position > 0);
    // A rename keeps the number of the database.
    let rename = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'; \
         ALTER DATABASE {name} RENAME TO {name}_renamed"
    );
    server().sql("postgres", &rename);
    let renamed = seen(&address.of_database(&format!("{name}_renamed"))).await.taken;
    assert_eq!(renamed.database, found.database);
}

#[tokio::test]
async fn sequences_say_what_they_give_next() {
    let (name, address) = database("next");
    server().sql(
        &name,
        "CREATE SEQUENCE fresh START 7; CREATE SEQUENCE used; SELECT nextval('used'); SELECT nextval('used'); \
         CREATE SEQUENCE put; SELECT setval('put', 9, false); CREATE SEQUENCE down INCREMENT -2; SELECT nextval('down'); \
         CREATE SEQUENCE round MAXVALUE 2 CYCLE; SELECT setval('round', 2); \
         CREATE TABLE \"T\" (id int GENERATED ALWAYS AS IDENTITY); INSERT INTO \"T\" DEFAULT VALUES; \
         CREATE TABLE other (id serial)",
    );
    let found = seen(&address).await.sequences;
    let lines: Vec<String> = found.iter().map(|(name, next)| format!("{name} {next}")).collect();
    assert_eq!(
        lines,
        [
            "\"public\".\"T_id_seq\" 2",
            "\"public\".\"down\" -3",
            "\"public\".\"fresh\" 7",
            "\"public\".\"other_id_seq\" 1",
            "\"public\".\"put\" 9",
            "\"public\".\"round\" 1",
            "\"public\".\"used\" 3",
        ]
    );
    let part = Scope::Part { schemas: Vec::new(), tables: vec![TableName::new("public", "T")] };
    let found = look_at(&address, &part, 1, &pace()).await.expect("look");
    assert_eq!(found.sequences.keys().collect::<Vec<_>>(), ["\"public\".\"T_id_seq\""]);
    assert_eq!(found.rows.keys().collect::<Vec<_>>(), ["\"public\".\"T\""]);
}

#[tokio::test]
async fn large_objects_count_with_content_owner_and_grants() {
    let (name, address) = database("objects");
    assert_eq!(seen(&address).await.large_objects, None);
    let mut digests = Vec::new();
    for (change, count) in [
        ("SELECT lo_from_bytea(1, 'abc')", 1),
        ("SELECT lo_from_bytea(2, repeat('x', 1048576)::bytea)", 2),
        ("SELECT lo_put(2, 1048576, 'y')", 2),
        ("SELECT lo_put(2, 1048576, 'z')", 2),
        ("CREATE ROLE object_owner; ALTER LARGE OBJECT 1 OWNER TO object_owner", 2),
        ("GRANT SELECT ON LARGE OBJECT 2 TO object_owner", 2),
        ("SELECT lo_unlink(1)", 1),
    ] {
        server().sql(&name, change);
        let found = seen(&address).await.large_objects.expect("large objects");
        assert!(found.count == count && !found.is_unreadable(), "{change}: {found:?}");
        digests.push(found.digest);
    }
    let count = digests.len();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), count);
}

#[tokio::test]
async fn what_is_worth_a_word_is_noted() {
    let (name, address) = database("notes");
    server().sql(
        &name,
        "CREATE UNLOGGED TABLE fleeting (a int); INSERT INTO fleeting VALUES (1); CREATE TABLE t (a int); \
                         INSERT INTO t VALUES (1), (1)",
    );
    let failed = server().psql(&server().url(&name), "CREATE UNIQUE INDEX CONCURRENTLY twice ON t (a)");
    assert!(!failed.status.success());
    let found = seen(&address).await;
    assert_eq!(
        found.notes,
        [
            "table fleeting: is unlogged, a crash of the server empties it",
            "table t: index twice is invalid, and is not kept"
        ]
    );
    assert_eq!(found.rows.get("\"public\".\"fleeting\"").map(|rows| rows.count), Some(1));
    assert!(!found.schema.objects.get("table public.t").expect("a table").parts.contains_key("index twice"));
}

/// Whatever is dropped under a look makes it begin again, or changes nothing; it never gives a wrong answer or fails.
#[tokio::test]
async fn what_goes_away_under_a_look_makes_it_begin_again() {
    let (name, address) = database("gone");
    for (made, dropped) in [
        ("CREATE TABLE g (a int)", "DROP TABLE g"),
        ("CREATE TABLE g (id serial PRIMARY KEY)", "DROP TABLE g"),
        ("CREATE TABLE g (a int)", "ALTER TABLE g DROP a"),
        ("CREATE SCHEMA g CREATE TABLE t (a int)", "DROP SCHEMA g CASCADE"),
        ("CREATE SEQUENCE g", "DROP SEQUENCE g"),
        ("CREATE VIEW g AS SELECT 1 AS a", "DROP VIEW g"),
        ("CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT 1'", "DROP FUNCTION g()"),
        ("CREATE TYPE g AS ENUM ('a')", "DROP TYPE g"),
        ("CREATE DOMAIN g AS int CHECK (VALUE > 1)", "DROP DOMAIN g"),
        ("CREATE TABLE g (a int); CREATE INDEX i ON g (a)", "DROP INDEX i; DROP TABLE g"),
        ("CREATE TABLE g (a int, CONSTRAINT c CHECK (a > 1))", "ALTER TABLE g DROP CONSTRAINT c"),
        (
            "CREATE TABLE g (a int, b int); CREATE STATISTICS s (ndistinct) ON a, b FROM g",
            "DROP STATISTICS s",
        ),
    ] {
        server().sql(&name, made);
        let links = [connect(&address).await.expect("connect"), connect(&address).await.expect("connect")];
        let held = Held::begin(links.into(), &pace()).await.expect("hold a snapshot");
        server().sql(&name, dropped);
        if let Err(fault) = held.read(&Scope::Database, &pace()).await {
            assert!(went_away(&fault), "{dropped}: {fault:?}");
        }
        let links = held.close().await;
        look(links, &Scope::Database, &pace()).await.expect("look");
        server().sql(&name, "DROP TABLE IF EXISTS g");
    }
}
