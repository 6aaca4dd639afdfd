//! Values and keys of each type: what is written otherwise differs, what is not does not.

use backout_core::compare::{Method, Wanted};

use super::support::{Pair, differences, made, relation, seeded, side};

/// A type, texts of it that all differ, and whether it can be a key.
const TEXTS: &[(&str, &[&str], bool)] = &[
    ("bool", &["t", "f"], true),
    ("int2", &["0", "1", "-1", "32767"], true),
    ("int4", &["0", "1", "-1", "65536"], true),
    // The halves of these are alike, or fold to one another.
    ("int8", &["0", "1", "-1", "4294967297", "8589934594", "4294967296", "-4294967297"], true),
    ("numeric", &["1", "-1", "10000", "NaN", "Infinity", "-Infinity", "0"], true),
    ("numeric(20,2)", &["1", "-1", "10000", "0.01", "100", "NaN", "0", "-100"], true),
    ("float8", &["0", "1", "-1", "NaN", "Infinity", "1.0000000000000002"], true),
    ("float4", &["0", "1", "-1", "NaN", "1e-30"], true),
    ("text", &["", "a", "A", "a ", "ä", "NULL", "\\", "a'b\"c,{}"], true),
    ("varchar(9)", &["", "a", "A", "a "], true),
    ("char(3)", &["", "a", "A", "b"], true),
    ("citext", &["a", "b", "c"], true),
    ("bytea", &["\\x", "\\x00", "\\x0000", "\\x01"], true),
    ("date", &["2024-01-01", "2024-01-02", "infinity", "-infinity"], true),
    ("timestamptz", &["2024-01-01 00:00:00.000001+00", "2024-01-01 00:00:00+00", "infinity"], true),
    ("timestamp", &["2024-01-01 00:00:00", "2024-01-01 00:00:00.000001", "-infinity"], true),
    ("time", &["10:00:00", "10:00:00.000001"], true),
    ("timetz", &["10:00:00+00", "10:00:00+01"], true),
    ("interval", &["2 mon", "30 days", "-1 mon"], true),
    ("uuid", &["00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002"], true),
    ("jsonb", &["1", "-1", "\"1\"", "[1]", "[[1]]", "[[1], 2]", "[[1, 2]]", "{}", "[]", "null"], true),
    ("json", &["{\"a\":1}", "{\"a\": 1}", "{\"a\":1,\"a\":1}"], false),
    ("xml", &["<a/>", "<a></a>"], false),
    ("point", &["(1,2)", "(2,1)"], false),
    ("int4[]", &["{}", "{1}", "{NULL}", "{{1}}", "[0:0]={1}", "{1,2}", "{2,1}"], true),
    ("text[]", &["{}", "{\"\"}", "{NULL}", "{\"a,b\"}", "{a,b}"], true),
    ("int4range", &["empty", "[1,2)", "(,2)", "[1,)"], true),
    ("inet", &["10.0.0.1", "10.0.0.1/24", "::1"], true),
    ("bit varying", &["", "0", "00", "1"], true),
    ("money", &["1", "-1"], true),
    ("state", &["new", "done"], true),
    ("pair", &["(1,)", "(,1)", "(1,1)"], true),
    ("small", &["1", "2", "-1"], true),
    ("\"Ärgernis\"", &["a", "b"], true),
];

const TYPES: &str = "\
    CREATE EXTENSION citext; CREATE TYPE state AS ENUM ('new', 'done'); \
    CREATE TYPE pair AS (a int, b int); CREATE DOMAIN smaller AS int8; CREATE DOMAIN small AS smaller; \
    CREATE DOMAIN \"Ärgernis\" AS text; \
    CREATE FUNCTION lie(state) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''always the same''::text'; \
    CREATE CAST (state AS text) WITH FUNCTION lie(state);";

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// One table a type: a row for each text, in the order of their numbers or turned by one.
fn values(turned: bool) -> String {
    let mut sql = TYPES.to_owned();
    for (number, (kind, texts, _)) in TEXTS.iter().enumerate() {
        let mut all: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
        all.push("NULL".to_owned());
        if turned {
            all.rotate_left(1);
        }
        sql.push_str(&format!("CREATE TABLE v{number} (id int PRIMARY KEY, v {kind}); "));
        for (id, text) in all.iter().enumerate() {
            sql.push_str(&format!("INSERT INTO v{number} VALUES ({id}, {text}); "));
        }
    }
    sql
}

#[tokio::test]
async fn every_value_differs_from_every_other() {
    let (same, turned) = (made(&values(false)), made(&values(true)));
    let (here, again, there) = (side(&same).await, side(&same).await, side(&turned).await);
    for portable in [false, true] {
        let wanted = Wanted { portable, twice: portable, ..seeded() };
        for (number, (kind, texts, _)) in TEXTS.iter().enumerate() {
            let table = format!("v{number}");
            let pair = Pair::of((&here, &table), (&again, &table), &wanted).await;
            assert!(pair.differences().await.is_empty(), "{kind}");
            let pair = Pair::of((&here, &table), (&there, &table), &wanted).await;
            assert_eq!(pair.differences().await.len(), texts.len() + 1, "{kind}");
        }
    }
}

/// One table a type, with its texts as keys; on the other side all but the first, and all have another value.
fn as_keys(other: bool) -> String {
    let mut sql = TYPES.to_owned();
    for (number, (kind, texts, _)) in TEXTS.iter().enumerate().filter(|(_, one)| one.2) {
        sql.push_str(&format!("CREATE TABLE k{number} (k {kind} PRIMARY KEY, v int); "));
        for (at, text) in texts.iter().enumerate().skip(usize::from(other)) {
            let value = if other && at == 1 { 1 } else { 0 };
            sql.push_str(&format!("INSERT INTO k{number} VALUES ({}, {value}); ", quoted(text)));
        }
    }
    sql
}

#[tokio::test]
async fn keys_of_every_type_tell_rows_apart() {
    let (here, there) = (side(&made(&as_keys(false))).await, side(&made(&as_keys(true))).await);
    for portable in [false, true] {
        let wanted = Wanted { portable, ..seeded() };
        for (number, (kind, ..)) in TEXTS.iter().enumerate().filter(|(_, one)| one.2) {
            let table = format!("k{number}");
            let pair = Pair::of((&here, &table), (&there, &table), &wanted).await;
            let found = pair.differences().await;
            assert_eq!(found.len(), 2, "{kind}: {found:?}");
        }
    }
}

#[tokio::test]
async fn what_weak_hashes_take_for_the_same_differs() {
    let table = "CREATE TABLE t (id int PRIMARY KEY, a numeric(12,2), b numeric(12,2), c text, d text, e int8, \
                 f float8, g timestamptz, h timestamptz);";
    let row = |id: u32, values: &str| format!("INSERT INTO t VALUES ({id}, {values});");
    let usual = "1, 10000, 'x', '', 4294967297, 0, '2024-01-01', '2024-01-02'";
    let others = [
        "10000, 1, 'x', '', 4294967297, 0, '2024-01-01', '2024-01-02'",
        "-1, 10000, 'x', '', 4294967297, 0, '2024-01-01', '2024-01-02'",
        "1, 10000, '', 'x', 4294967297, 0, '2024-01-01', '2024-01-02'",
        "1, 10000, 'x', NULL, 4294967297, 0, '2024-01-01', '2024-01-02'",
        "1, 10000, 'x', '', 8589934594, 0, '2024-01-01', '2024-01-02'",
        "1, 10000, 'x', '', 4294967297, '-0', '2024-01-01', '2024-01-02'",
        "1, 10000, 'x', '', 4294967297, 0, '2024-01-02', '2024-01-01'",
    ];
    let mut left = table.to_owned();
    let mut right = table.to_owned();
    for (id, other) in (0..).zip(others) {
        left.push_str(&row(id, usual));
        right.push_str(&row(id, other));
    }
    // Two rows whose keys are swapped.
    left.push_str(&(row(100, usual) + &row(101, others[0])));
    right.push_str(&(row(101, usual) + &row(100, others[0])));
    let found = differences(&left, &right, "t", &seeded()).await;
    assert_eq!(found.len(), others.len() + 2);
}

#[tokio::test]
async fn not_a_number_is_the_same_however_it_came_about() {
    let made_by = |how: &str| {
        format!("CREATE TABLE t (id int PRIMARY KEY, a float8, b float4); INSERT INTO t VALUES (1, {how})")
    };
    let found = differences(
        &made_by("'NaN', 'NaN'"),
        &made_by("'Infinity'::float8 * 0 - 'NaN', -('NaN'::float4)"),
        "t",
        &seeded(),
    )
    .await;
    assert!(found.is_empty(), "{found:?}");
}

#[tokio::test]
async fn types_that_are_not_the_same_are_compared_as_text() {
    let left = "CREATE DOMAIN positive AS int CHECK (VALUE > 0); \
                CREATE TABLE t (id int4 PRIMARY KEY, a positive, b char(5), c int4); \
                INSERT INTO t SELECT n, n, 'x' || n, n FROM generate_series(1, 100) n";
    let right = "CREATE TABLE t (c int8, b varchar, id int8 PRIMARY KEY, a int); \
                 INSERT INTO t SELECT n, 'x' || n, n, n FROM generate_series(1, 100) n; \
                 UPDATE t SET b = 'y' WHERE id = 7; INSERT INTO t VALUES (1, 'z', 5000000000, 1)";
    let (here, there) = (side(&made(left)).await, side(&made(right)).await);
    let pair = Pair::of((&here, "t"), (&there, "t"), &seeded()).await;
    let methods: Vec<Method> = pair.left_order.columns.iter().map(|column| column.method).collect();
    assert_eq!(methods, [Method::Text, Method::Binary, Method::Text, Method::Text]);
    let found: Vec<_> = pair.differences().await.into_iter().map(|(key, _)| key).collect();
    let mut expected = vec![vec![Some("7".to_owned())], vec![Some("5000000000".to_owned())]];
    expected.sort_by_key(|key| key[0].as_ref().map(String::len));
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_number_is_offered_by_its_bits_only_where_its_scale_is_declared() {
    let name = made(
        "CREATE DOMAIN price AS numeric(10,2); CREATE TABLE t (a numeric, b numeric(10,2), c price, d jsonb, e int)",
    );
    let found = relation(&*side(&name).await, "t").await;
    let first: Vec<Option<Method>> =
        found.columns.iter().map(|column| column.methods.first().copied()).collect();
    let (text, bits) = (Some(Method::Text), Some(Method::Binary));
    assert_eq!(first, [text, bits, bits, text, bits]);
    assert_eq!(found.columns[2].kind, "numeric(10,2)");
}
