//! Relations of each shape.

use std::collections::BTreeSet;

use backout_contract::compare::Scope;
use backout_core::compare::{Blocks, Key, Wanted};
use sha2::{Digest, Sha256};

use super::support::{
    Pair, catalog, differences, keys, limits, made, named, open, relation, seeded, side, tallies,
};
use crate::testing::server;

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[tokio::test]
async fn a_partitioned_table_is_one_and_equals_a_plain_one() {
    let rows = "INSERT INTO t (id, a) SELECT n, 'row ' || n FROM generate_series(1, 3000) n;";
    let plain = format!("CREATE TABLE t (id int PRIMARY KEY, a text); {rows}");
    let parts = format!(
        "CREATE TABLE t (a text, gone int, id int PRIMARY KEY) PARTITION BY RANGE (id); \
         ALTER TABLE t DROP COLUMN gone; \
         CREATE TABLE low PARTITION OF t FOR VALUES FROM (0) TO (1000); \
         CREATE TABLE high PARTITION OF t FOR VALUES FROM (1000) TO (9000) PARTITION BY HASH (id); \
         CREATE TABLE high_0 PARTITION OF high FOR VALUES WITH (MODULUS 2, REMAINDER 0); \
         CREATE TABLE high_1 PARTITION OF high FOR VALUES WITH (MODULUS 2, REMAINDER 1); \
         {rows} UPDATE t SET a = 'other' WHERE id IN (7, 2500); ANALYZE;"
    );
    let (here, there) = (side(&made(&plain)).await, side(&made(&parts)).await);
    let pair = Pair::of((&here, "t"), (&there, "t"), &seeded()).await;
    assert!(matches!(pair.left_order.blocks, Blocks::Range { .. }), "{:?}", pair.left_order);
    let found: Vec<_> = pair.differences().await.into_iter().map(|(key, _)| key).collect();
    assert_eq!(found, [[text("7")], [text("2500")]]);
    let listed = catalog(&*there, &Scope::default()).await.relations;
    assert_eq!(listed.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["t"]);
    assert!(listed[0].rows.abs_diff(3000) < 100 && listed[0].key == ["id"], "{:?}", listed[0]);
    assert!(catalog(&*there, &Scope::default()).await.things.contains_key("table public.low"));
    let part = relation(&*there, "public.high_1").await;
    assert_eq!(part.columns.len(), 2);
}

#[tokio::test]
async fn an_heir_is_a_table_of_its_own() {
    let of = |value: &str| {
        format!(
            "CREATE TABLE t (id int PRIMARY KEY, a text); CREATE TABLE heir (PRIMARY KEY (id)) INHERITS (t); \
             INSERT INTO t VALUES (1, 'x'); INSERT INTO heir VALUES (1, '{value}')"
        )
    };
    assert!(differences(&of("y"), &of("z"), "t", &seeded()).await.is_empty());
    assert_eq!(differences(&of("y"), &of("z"), "heir", &seeded()).await, [[text("1")]]);
}

#[tokio::test]
async fn views_are_compared_when_they_are_named() {
    let of = |value: &str| {
        format!(
            "CREATE TABLE t (id int PRIMARY KEY, a text, b text GENERATED ALWAYS AS (a || '!') STORED); \
             INSERT INTO t SELECT n, 'x' FROM generate_series(1, 50) n; INSERT INTO t VALUES (99, '{value}'); \
             CREATE VIEW v AS SELECT id, b FROM t ORDER BY b, id; CREATE MATERIALIZED VIEW m AS SELECT * FROM v; \
             CREATE UNIQUE INDEX ON m (id)"
        )
    };
    let keyed = Wanted { key: vec!["id".to_owned()], ..seeded() };
    assert_eq!(differences(&of("y"), &of("z"), "v", &keyed).await, [[text("99")]]);
    assert_eq!(differences(&of("y"), &of("z"), "m", &keyed).await, [[text("99")]]);
    assert_eq!(differences(&of("y"), &of("z"), "v", &seeded()).await.len(), 2);
    let found = side(&made(&of("y"))).await;
    let listed = catalog(&*found, &Scope::default()).await.relations;
    assert_eq!(listed.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["t"]);
}

#[tokio::test]
async fn rows_without_a_key_are_counted() {
    let left = "CREATE TABLE t (a int, b text); INSERT INTO t SELECT 1, 'x' FROM generate_series(1, 3); \
                INSERT INTO t SELECT n, NULL FROM generate_series(1, 2000) n; INSERT INTO t VALUES (NULL, NULL)";
    let right = "CREATE TABLE t (a int, b text); INSERT INTO t SELECT 1, 'x' FROM generate_series(1, 5); \
                 INSERT INTO t SELECT n, NULL FROM generate_series(1, 2000) n; INSERT INTO t VALUES (NULL, '')";
    for wanted in [
        seeded(),
        Wanted { twice: true, ..seeded() },
        Wanted { portable: true, ..seeded() },
        Wanted { portable: true, twice: true, ..seeded() },
    ] {
        let (here, there) = (side(&made(left)).await, side(&made(right)).await);
        let pair = Pair::of((&here, "t"), (&there, "t"), &wanted).await;
        let found = pair.differences().await;
        let mut times: Vec<_> = found.iter().map(|(_, odd)| (odd.left.len(), odd.right.len())).collect();
        times.sort_unstable();
        assert_eq!(times, [(0, 1), (0, 2), (1, 0)], "{wanted:?}");
    }
}

#[tokio::test]
async fn a_key_that_a_person_names_may_be_null_or_twice() {
    let of = |last: &str| {
        format!(
            "CREATE TABLE t (a text, b int, c int); \
             INSERT INTO t VALUES ('x', 1, 1), ('x', 1, 2), ('x', NULL, 3), (NULL, 1, {last}), ('y', 2, 5)"
        )
    };
    for portable in [false, true] {
        let wanted = Wanted { key: vec!["a".into(), "b".into()], portable, ..seeded() };
        assert_eq!(differences(&of("4"), &of("44"), "t", &wanted).await, [[None, text("1")]]);
    }
}

#[tokio::test]
async fn expressions_and_filters_of_people_are_what_is_read() {
    let left = "CREATE TABLE t (id int PRIMARY KEY, cents int, note text); \
                INSERT INTO t SELECT n, n * 100, 'n' FROM generate_series(1, 1000) n";
    let right = "CREATE TABLE t (id int PRIMARY KEY, euros numeric(10,2), note text); \
                 INSERT INTO t SELECT n, n, 'n' FROM generate_series(1, 1000) n; UPDATE t SET euros = 0 WHERE id IN (3, 900)";
    let wanted = Wanted {
        renamed: [("cents".to_owned(), "euros".to_owned())].into(),
        right_as: [("cents".to_owned(), "(euros * 100)::int -- in cents".to_owned())].into(),
        left_where: Some("id < 500 -- the old ones".to_owned()),
        right_where: Some("id < 500".to_owned()),
        ..seeded()
    };
    for portable in [false, true] {
        let wanted = Wanted { portable, ..wanted.clone() };
        assert_eq!(differences(left, right, "t", &wanted).await, [[text("3")]]);
    }
}

#[tokio::test]
async fn keys_with_gaps_are_scattered_where_the_server_knows_of_them() {
    let rows = "CREATE TABLE t (id int8 PRIMARY KEY, a int); INSERT INTO t SELECT n, n FROM generate_series(1, 5000) n; \
                INSERT INTO t VALUES (9223372036854775807, 1), (-9223372036854775808, 1);";
    let right = format!("{rows} UPDATE t SET a = 0 WHERE id IN (17, -9223372036854775808); ANALYZE");
    let (here, there) = (side(&made(&format!("{rows} ANALYZE"))).await, side(&made(&right)).await);
    let pair = Pair::of((&here, "t"), (&there, "t"), &seeded()).await;
    assert!(matches!(pair.left_order.blocks, Blocks::Hash { .. }), "{:?}", pair.left_order.blocks);
    assert_eq!(pair.differences().await.len(), 2);
    // Ranges of the whole of 64 bits are right too.
    for shift in [0, 9, 62, 63] {
        let blocks = Blocks::Range { shift };
        let left_order = backout_core::compare::TableOrder { blocks, ..pair.left_order.clone() };
        let right_order = backout_core::compare::TableOrder { blocks, ..pair.right_order.clone() };
        let pair = Pair { left: here.clone(), right: there.clone(), left_order, right_order };
        assert_eq!(pair.differences().await.len(), 2, "{shift}");
    }
}

#[tokio::test]
async fn a_wide_table_with_odd_names_is_one_pass() {
    for (columns, kind) in [(500, "int"), (1600, "int"), (800, "text")] {
        let names: Vec<String> = (1..columns).map(|at| format!("\"Spalte \"\"{at}\"\" ä\" {kind}")).collect();
        let of = |value: u32| {
            format!(
                "CREATE TABLE \"Tab.elle\" (id int PRIMARY KEY, {}); INSERT INTO \"Tab.elle\" (id) SELECT generate_series(1, 20); \
                 UPDATE \"Tab.elle\" SET \"Spalte \"\"{}\"\" ä\" = {value} WHERE id = 7",
                names.join(", "),
                columns - 1,
            )
        };
        for portable in [false, true] {
            let wanted = Wanted { portable, twice: true, ..seeded() };
            assert_eq!(differences(&of(1), &of(2), "Tab.elle", &wanted).await, [[text("7")]], "{columns}");
        }
    }
}

#[tokio::test]
async fn long_values_are_cut_and_told_by_their_digest() {
    let of = |last: &str| {
        format!(
            "CREATE TABLE t (id int PRIMARY KEY, a text, b bytea); \
             INSERT INTO t SELECT 1, string_agg(md5(n::text), '') || 'ä{last}', '\\x00' FROM generate_series(1, 320000) n"
        )
    };
    let (one, other) = (of("x"), of("y"));
    let (here, there) = (side(&made(&one)).await, side(&made(&other)).await);
    let mut shown = Vec::new();
    for portable in [false, true] {
        let pair = Pair::of((&here, "t"), (&there, "t"), &Wanted { portable, ..seeded() }).await;
        assert_eq!(pair.differences().await.len(), 1);
        let row = pair.left_row(&Key::of([Some(b"1".as_slice())])).await;
        let value = row.values[1].clone().expect("a value");
        assert_eq!(value.text.chars().count(), 1000);
        assert_eq!(value.cut.as_ref().map(|cut| cut.0), Some(32 * 320_000 + 3));
        shown.push(value);
        assert_eq!(row.values[2].as_ref().map(|value| value.text.as_str()), Some("\\x00"));
    }
    assert_eq!(shown[0], shown[1]);
    let digest = shown[0].cut.as_ref().map(|cut| cut.1.clone());
    assert_eq!(digest.map(|text| text.len()), Some(Sha256::digest(b"").len() * 2));
}

#[tokio::test]
async fn keys_that_an_index_takes_for_one_are_told_apart() {
    let folding =
        "CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false);";
    let of = |key: &str| {
        format!(
            "{folding} CREATE TABLE t (k text COLLATE folding PRIMARY KEY, a int); \
             INSERT INTO t VALUES ('{key}', 1), ('b', 2)"
        )
    };
    let found = differences(&of("a"), &of("A"), "t", &seeded()).await;
    assert_eq!(found, [[text("A")], [text("a")]]);
}

#[tokio::test]
async fn servers_of_other_collations_compare() {
    let german = backout_fixtures::Postgres::start(&backout_fixtures::Options {
        initdb: vec!["--locale-provider=icu".into(), "--icu-locale=de-DE".into(), "--locale=C.UTF-8".into()],
        ..backout_fixtures::Options::default()
    });
    let rows = "CREATE TABLE t (k text PRIMARY KEY, a text); INSERT INTO t SELECT chr(n) || 'ß' || n, 'v' FROM generate_series(65, 1500) n;";
    german.sql("postgres", &format!("{rows} UPDATE t SET a = 'w' WHERE k = 'Zß90'"));
    let (here, there) = (side(&made(rows)).await, open(&german.url("postgres"), &limits()).await);
    let pair = Pair::of((&here, "t"), (&there, "t"), &seeded()).await;
    let found: Vec<_> = pair.differences().await.into_iter().map(|(key, _)| key).collect();
    assert_eq!(found, [[text("Zß90")]]);
    let latin = "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0 LOCALE_PROVIDER libc";
    german.sql("postgres", latin);
    let latin = open(&german.url("latin"), &limits()).await;
    let (one, other) = (here.about().await.expect("about"), latin.about().await.expect("about"));
    assert_ne!(one.dialect, other.dialect);
    assert!(one.dialect.is_some_and(|dialect| dialect.starts_with("postgres/")));
}

#[tokio::test]
async fn a_large_table_is_read_in_pieces_and_each_row_once() {
    // 90 MB: more than one piece.
    let name = made(
        "CREATE TABLE t (id int PRIMARY KEY, a text) WITH (fillfactor = 10); ALTER TABLE t ALTER a SET STORAGE plain; \
         INSERT INTO t SELECT n, repeat('x', 700) FROM generate_series(1, 12000) n",
    );
    let side = side(&name).await;
    let pair = Pair::of((&side, "t"), (&side, "t"), &seeded()).await;
    let order = &pair.left_order;
    assert_eq!(side.pieces(order).await.expect("pieces"), 2);
    let (first, second) = tokio::join!(side.tally(order, 0), side.tally(order, 1));
    let (first, second) = (first.expect("a piece").rows(), second.expect("a piece").rows());
    assert!(first > 0 && second > 0);
    assert_eq!(first + second, 12_000);
    let all = keys(&*side, order, None).await.expect("keys");
    assert_eq!(all.iter().map(|one| one.key.clone()).collect::<BTreeSet<_>>().len(), 12_000);
    assert_eq!(tallies(&*side, order).await.expect("tallies").rows(), 12_000);
    let statistics = catalog(&*side, &named(&["t"])).await.relations.remove(0);
    assert!(statistics.rows > 1000 && statistics.bytes > 64 << 20, "{statistics:?}");
}

#[tokio::test]
async fn a_foreign_table_may_change_in_one_snapshot() {
    let name = made(
        "CREATE TABLE here (id int PRIMARY KEY, a int); INSERT INTO here SELECT n, n FROM generate_series(1, 1500) n; \
         CREATE EXTENSION postgres_fdw",
    );
    server().sql(
        &name,
        &format!(
            "CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw \
             OPTIONS (host '127.0.0.1', port '{}', dbname '{name}'); \
             CREATE USER MAPPING FOR postgres SERVER other OPTIONS (user 'postgres', password '{}'); \
             CREATE FOREIGN TABLE there (id int, a int) SERVER other OPTIONS (schema_name 'public', table_name 'here')",
            server().port(),
            backout_fixtures::Postgres::PASSWORD,
        ),
    );
    let side = side(&name).await;
    let wanted = Wanted { key: vec!["id".into()], ..seeded() };
    let pair = Pair::of((&side, "here"), (&side, "there"), &wanted).await;
    assert!(pair.differences().await.is_empty());
    assert!(side.renew().await.expect("renew"));
    server().sql(&name, "UPDATE here SET a = 0 WHERE id = 77");
    assert_eq!(pair.differences().await.len(), 1);
}
