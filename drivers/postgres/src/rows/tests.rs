//! Digests of real tables: the same where every text is the same, different where one is not.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use backout_contract::Context;
use backout_fixtures::{Options, Postgres};

use super::Rows;
use crate::catalog::Scope;
use crate::look::look_at;
use crate::server::{Address, Pace};
use crate::testing::{address, context, database, server};

async fn rows(address: &Address) -> BTreeMap<String, Rows> {
    let folder = tempfile::tempdir().expect("a folder");
    let context = Context { deadline: Duration::from_secs(60), ..context(folder.path(), &[]) };
    look_at(address, &Scope::Database, 2, &Pace::of(&context)).await.expect("look").rows
}

/// A type, and texts of it that must all differ from each other, NULL too.
const TEXTS: &[(&str, &[&str])] = &[
    ("bool", &["t", "f"]),
    ("int2", &["0", "1", "-1"]),
    ("int4", &["0", "1", "-1", "65536"]),
    // The halves of these are alike: 0x0000000100000001, 0x0000000200000002, and all bits.
    ("int8", &["0", "1", "-1", "4294967297", "8589934594", "4294967296"]),
    ("numeric", &["1", "1.0", "1.00", "-1", "0", "0.0", "NaN", "Infinity", "-Infinity", "10000"]),
    ("float8", &["0", "-0", "NaN", "Infinity", "1", "-1", "1.0000000000000002"]),
    ("float4", &["0", "-0", "NaN", "1", "-1"]),
    ("text", &["", "a", "A", "a ", "ä", "NULL"]),
    ("varchar(9)", &["", "a", "A", "a "]),
    ("char(3)", &["a", "A", "b"]),
    ("citext", &["a", "A", "b"]),
    ("bytea", &["\\x", "\\x00", "\\x0000", "\\x01"]),
    ("date", &["2024-01-01", "2024-01-02", "infinity", "-infinity"]),
    (
        "timestamptz",
        &[
            "2024-01-01 00:00:00.000001+00",
            "2024-01-01 00:00:00+00",
            "2024-01-01 01:11:34.967297+00",
            "infinity",
        ],
    ),
    ("timestamp", &["2024-01-01 00:00:00", "2024-01-01 00:00:00.000001", "-infinity"]),
    ("timetz", &["10:00:00+00", "11:00:00+01", "10:00:00+01"]),
    ("interval", &["1 mon", "30 days", "720:00:00", "-1 mon"]),
    ("uuid", &["00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"]),
    ("jsonb", &["1", "1.0", "\"1\"", "[1]", "[[1]]", "{}", "[]", "null"]),
    ("json", &["{\"a\":1}", "{\"a\": 1}", "{\"a\":1,\"a\":1}"]),
    ("xml", &["<a/>", "<a></a>"]),
    ("point", &["(1,2)", "(2,1)"]),
    ("int4[]", &["{}", "{1}", "{NULL}", "{{1}}", "[0:0]={1}", "{1,2}", "{2,1}"]),
    ("int4range", &["empty", "[1,2)", "(,2)", "[1,)"]),
    ("inet", &["10.0.0.1", "10.0.0.1/24", "::1"]),
    ("bit varying", &["", "0", "00", "1"]),
    ("money", &["1", "-1"]),
    ("state", &["new", "done"]),
    ("pair", &["(1,)", "(,1)", "(1,1)", "(,)"]),
    ("states", &["{new,done}", "{done,new}"]),
    ("small", &["1", "2"]),
    ("regclass", &["pg_class", "pg_type"]),
    ("tsvector", &["'a':1", "'a':2", "'a'"]),
    ("hstore", &["a=>1", "a=>NULL", "a=>\"\""]),
];

const TYPES: &str = "\
    CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE TYPE state AS ENUM ('new', 'done'); \
    CREATE TYPE pair AS (a int, b int); CREATE DOMAIN states AS state[]; CREATE DOMAIN smaller AS int8; \
    CREATE DOMAIN small AS smaller CHECK (VALUE < 5); \
    CREATE FUNCTION lie(state) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''always the same''::text'; \
    CREATE CAST (state AS text) WITH FUNCTION lie(state);";

/// One table for each text, and one with all of them in two orders.
fn each_text(other_order: bool) -> String {
    let mut sql = TYPES.to_owned();
    for (number, (kind, texts)) in TEXTS.iter().enumerate() {
        let literals =
            texts.iter().map(|text| format!("'{}'", text.replace('\'', "''"))).chain(["NULL".to_owned()]);
        let mut literals: Vec<String> = literals.collect();
        for (at, literal) in literals.iter().enumerate() {
            sql.push_str(&format!(
                "CREATE TABLE t_{number}_{at} (v {kind}); INSERT INTO t_{number}_{at} VALUES ({literal});"
            ));
        }
        if other_order {
            literals.reverse();
        }
        let values = literals.join("), (");
        sql.push_str(&format!(
            "CREATE TABLE all_{number} (v {kind}); INSERT INTO all_{number} VALUES ({values});"
        ));
    }
    sql
}

#[tokio::test]
async fn equal_texts_have_equal_digests_and_others_have_others() {
    let (one, first) = database("texts");
    let (two, second) = database("texts");
    server().sql(&one, &each_text(false));
    // Object numbers of types are others here.
    server().sql(&two, &format!("CREATE TYPE before AS ENUM ('x'); {}", each_text(true)));
    let (first, second) = (rows(&first).await, rows(&second).await);
    assert_eq!(first, second);
    for (number, (kind, texts)) in TEXTS.iter().enumerate() {
        let digests: Vec<&str> = (0..=texts.len())
            .map(|at| {
                let rows = first.get(&format!("\"public\".\"t_{number}_{at}\"")).expect("a table");
                assert!(rows.count == 1 && !rows.is_unreadable(), "{kind}: {rows:?}");
                rows.digest.as_str()
            })
            .collect();
        let mut others = digests.clone();
        others.sort_unstable();
        others.dedup();
        assert_eq!(others.len(), digests.len(), "{kind}: two texts have one digest: {digests:?}");
    }
}

#[tokio::test]
async fn what_moves_between_rows_and_columns_is_seen() {
    let (name, address) = database("moves");
    let tables = [
        ("base", "(1, 2, 'a'), (2, 1, 'b')"),
        ("swapped", "(1, 2, 'b'), (2, 1, 'a')"),
        ("columns", "(2, 2, 'a'), (1, 1, 'b')"),
        ("twice", "(1, 2, 'a'), (1, 2, 'a')"),
        ("thrice", "(1, 2, 'a'), (1, 2, 'a'), (1, 2, 'a')"),
        ("nulls", "(1, NULL, 'a'), (2, 1, 'b')"),
        ("other_nulls", "(NULL, 1, 'a'), (2, 1, 'b')"),
    ];
    let mut sql = "CREATE TABLE none (); CREATE TABLE empty (a int); CREATE TABLE computed \
                   (a int, b int GENERATED ALWAYS AS (a * 2) STORED); INSERT INTO computed VALUES (1); \
                   CREATE TABLE computed_otherwise (a int, b int GENERATED ALWAYS AS (a * 3) STORED); \
                   INSERT INTO computed_otherwise VALUES (1); INSERT INTO none DEFAULT VALUES;"
        .to_owned();
    for (table, values) in tables {
        sql.push_str(&format!(
            "CREATE TABLE {table} (a int8, b int8, c text); INSERT INTO {table} VALUES {values};"
        ));
    }
    sql.push_str(
        "CREATE TABLE again (c0 text, a int8, b int8, c text); ALTER TABLE again DROP c0; \
                  INSERT INTO again VALUES (2, 1, 'b'), (1, 2, 'a');",
    );
    server().sql(&name, &sql);
    let found = rows(&address).await;
    let of = |table: &str| found.get(&format!("\"public\".\"{table}\"")).expect("a table").clone();
    assert_eq!(of("base"), of("again"));
    assert_eq!(of("computed"), of("computed_otherwise"));
    assert_eq!(of("empty"), Rows { count: 0, digest: "-".into() });
    assert_eq!(of("none").count, 1);
    let mut digests: Vec<String> = tables.iter().map(|(table, _)| of(table).digest).collect();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), tables.len(), "{digests:?}");
}

#[tokio::test]
async fn what_we_may_not_read_is_named_and_the_rest_is_read() {
    let (name, _) = database("rights");
    server().sql(
        &name,
        "CREATE TABLE open (a int); CREATE TABLE closed (a int); CREATE TABLE filtered (a int); \
         ALTER TABLE filtered ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON filtered USING (a > 1); \
         CREATE ROLE rows_reader LOGIN PASSWORD 'reader'; GRANT SELECT ON open, filtered TO rows_reader; \
         CREATE SEQUENCE hidden; INSERT INTO open VALUES (1); SELECT lo_create(1); \
         REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC",
    );
    let address = address(&server().url_as("rows_reader", "reader", &name));
    let folder = tempfile::tempdir().expect("a folder");
    let state =
        look_at(&address, &Scope::Database, 2, &Pace::of(&context(folder.path(), &[]))).await.expect("look");
    let of = |table: &str| state.rows.get(&format!("\"public\".\"{table}\"")).expect("a table");
    assert_eq!((of("open").count, state.taken.system.as_str()), (1, "unknown"));
    assert_eq!(of("closed").digest, "unreadable: permission denied");
    assert_eq!(of("filtered").digest, "unreadable: permission denied");
    assert_eq!(
        state.notes,
        [
            "large objects: unreadable: permission denied",
            "sequence hidden: unreadable: permission denied",
            "table closed: unreadable: permission denied",
            "table filtered: unreadable: permission denied",
        ]
    );
}

#[tokio::test]
async fn a_damaged_table_is_named_and_the_rest_is_read() {
    let mut server = Postgres::start(&Options::default());
    server.sql("postgres", "CREATE TABLE whole AS SELECT 1 AS a; CREATE TABLE damaged AS SELECT * FROM generate_series(1, 2000) a");
    let file = server.sql("postgres", "SELECT pg_relation_filepath('damaged')");
    server.stop();
    let file = OpenOptions::new().write(true).open(server.data().join(file)).expect("the table's file");
    file.write_all_at(&[0xff; 64], 8192).expect("damage a page");
    server.go();
    let found = rows(&address(&server.url("postgres"))).await;
    let of = |table: &str| found.get(&format!("\"public\".\"{table}\"")).expect("a table");
    assert_eq!(of("whole").count, 1);
    assert!(
        of("damaged").is_unreadable() && of("damaged").digest.contains("invalid page in block 1"),
        "{found:?}"
    );
}

/// Digests that checkpoints were sealed with have to be made again for as long as those are kept. A type for each way to
/// hash one.
#[tokio::test]
async fn a_digest_of_earlier_checkpoints_is_made_again() {
    let (name, address) = database("earlier");
    server().sql(
        &name,
        "CREATE TABLE t (a bool, b int4, c int8, d uuid, e text, f timestamp, g timestamptz, h bytea, i numeric, \
                         j int2, k varchar, l float8, m date); \
         INSERT INTO t VALUES \
         (true, 5, 5000000000, '00000000-0000-0000-0000-000000000001', 'text', '2024-01-01', \
          '2024-01-02 03:04:05+00', '\\x0102', 1.50, 7, 'v', 1.5, '2024-02-29'), \
         (false, -1, -1, '00000000-0000-0000-0000-000000000002', '', 'infinity', 'infinity', '\\x', -3, -7, 'ä', \
          '-0', '-infinity'), \
         (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
    );
    assert_eq!(
        rows(&address).await.get("\"public\".\"t\""),
        Some(&Rows { count: 3, digest: "-3263577888231658087".into() })
    );
}
