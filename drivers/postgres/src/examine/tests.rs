//! What is wrong with a database is found, and what is only unusual is told.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use backout_contract::Exactness;
use backout_core::observation::Verdict;
use backout_fixtures::{Options, Postgres};

use super::{Question, examine};
use crate::catalog::Scope;
use crate::server::{Address, Pace, connect};
use crate::testing::{address, context, database, server};

async fn judged(address: &Address, exactness: Exactness, questions: &[Question]) -> (Verdict, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let link = connect(address).await.expect("connect");
    let pace = Pace::of(&context(folder.path(), &[]));
    let found = examine(&link, &Scope::Database, exactness, questions, &pace).await.expect("examine");
    let row = link.query_one("SELECT current_setting('transaction_read_only')", &[]).await.expect("ask");
    assert_eq!(row.get::<_, &str>(0), "off", "the transaction is over");
    found
}

const SOUND: &str = "\
    CREATE TABLE people (id serial PRIMARY KEY, name varchar(9) CHECK (name IN ('a', 'b')), \
        \"Größe\" int CHECK (\"Größe\" > 0)); \
    INSERT INTO people (name) VALUES ('a'), ('b'); \
    CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, person int REFERENCES people, \
        a text, b text); \
    INSERT INTO orders (person) VALUES (1), (2), (NULL); \
    CREATE TABLE pairs (a text, b text, UNIQUE (a, b)); INSERT INTO pairs VALUES ('x', 'y'); \
    ALTER TABLE orders ADD FOREIGN KEY (a, b) REFERENCES pairs (a, b) MATCH FULL; \
    CREATE TABLE events (at int, person int REFERENCES people) PARTITION BY RANGE (at); \
    CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10); INSERT INTO events VALUES (1, 1);";

/// What is done as `replica`, so that no trigger stands in the way, and what is said of it: `!` for what is wrong.
const CHANGES: &[(&str, Exactness, &str)] = &[
    (
        "DELETE FROM people WHERE id = 2",
        Exactness::Data,
        "!table orders: foreign key orders_person_fkey: 1 row leads nowhere in people",
    ),
    (
        "INSERT INTO events VALUES (2, 9)",
        Exactness::Data,
        "!table events: foreign key events_person_fkey: 1 row leads nowhere in people",
    ),
    (
        "UPDATE orders SET a = 'x' WHERE id = 1",
        Exactness::Data,
        "!table orders: foreign key orders_a_b_fkey: 1 row leads nowhere in pairs",
    ),
    (
        "ALTER TABLE orders DROP CONSTRAINT orders_person_fkey, ADD CONSTRAINT later FOREIGN KEY (person) REFERENCES people NOT VALID; \
      DELETE FROM people WHERE id = 2",
        Exactness::Data,
        "table orders: foreign key later: 1 row leads nowhere in people; it was never validated",
    ),
    (
        "UPDATE pg_constraint SET convalidated = false WHERE conname = 'people_name_check'",
        Exactness::Shape,
        "table people: constraint people_name_check was never validated",
    ),
    (
        "SELECT setval('people_id_seq', 1)",
        Exactness::Shape,
        "!sequence people_id_seq gives 2 next, and people.id has 2 already",
    ),
    (
        "SELECT setval('orders_id_seq', 2)",
        Exactness::Data,
        "!sequence orders_id_seq gives 3 next, and orders.id has 3 already",
    ),
    (
        "ALTER TABLE people DROP CONSTRAINT people_pkey CASCADE; SELECT setval('people_id_seq', 1)",
        Exactness::Data,
        "sequence people_id_seq gives 2 next, and people.id has 2 already",
    ),
    (
        "CREATE INDEX half ON people (name); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'half'::regclass",
        Exactness::Shape,
        "!table people: index half is invalid",
    ),
    (
        "ALTER TABLE people DROP CONSTRAINT people_name_check; UPDATE people SET name = 'z'; ALTER TABLE people \
      ADD CONSTRAINT late CHECK (name <> 'z') NOT VALID",
        Exactness::Data,
        "table people: 2 rows against the check constraint late, which was never validated",
    ),
    (
        "ALTER TABLE people DROP CONSTRAINT people_name_check; UPDATE people SET name = 'z'; ALTER TABLE people \
      ADD CONSTRAINT late CHECK (name <> 'z') NOT VALID; UPDATE pg_constraint SET convalidated = true \
      WHERE conname = 'late'",
        Exactness::Data,
        "!table people: 2 rows against the check constraint late",
    ),
];

#[tokio::test]
async fn what_is_wrong_is_found_by_its_name() {
    let (name, address) = database("sound");
    server().sql(&name, SOUND);
    for exactness in [Exactness::Data, Exactness::Shape] {
        let (verdict, entries) = judged(&address, exactness, &[]).await;
        assert_eq!(verdict, Verdict::Restored, "{entries:?}");
    }
    let (_, entries) = judged(&address, Exactness::Data, &[]).await;
    assert_eq!(
        entries,
        [
            "sequences are ahead of their columns (2)",
            "4 tables read to the end, 7 rows",
            "2 check constraints hold",
            "3 foreign keys hold",
        ]
    );
    for (number, (change, exactness, expected)) in CHANGES.iter().enumerate() {
        let changed = format!("{name}_{number}");
        server().sql(
            "postgres",
            &format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'; \
                      CREATE DATABASE {changed} TEMPLATE {name}"
            ),
        );
        server().sql(
            &changed,
            &format!("SET session_replication_role = replica; SET allow_system_table_mods = on; {change}"),
        );
        let (verdict, entries) = judged(&address.of_database(&changed), *exactness, &[]).await;
        match expected.strip_prefix('!') {
            Some(wrong) => assert_eq!(verdict, Verdict::Differs { what: wrong.to_owned() }, "{change}"),
            None => {
                assert_eq!(verdict, Verdict::Restored, "{change}");
                assert!(entries.iter().any(|entry| entry == expected), "{change}: {entries:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_person_asks_and_nothing_else_happens() {
    let (name, address) = database("asked");
    server().sql(&name, "CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x'), (2, NULL)");
    for (query, expect, verdict) in [
        ("SELECT count(*) FROM public.t", "2", Ok(None)),
        ("SELECT a, b FROM public.t ORDER BY a;", "1|x\n2|", Ok(None)),
        (
            "SELECT count(*) FROM public.t",
            "3",
            Ok(Some("`SELECT count(*) FROM public.t` gives 2, expected was 3")),
        ),
        (
            "SELECT b FROM public.t WHERE a = 1",
            "y",
            Ok(Some("`SELECT b FROM public.t WHERE a = 1` gives another answer than expected")),
        ),
        ("SELECT 1/0", "1", Err("division by zero (22012)")),
        ("DELETE FROM public.t RETURNING 1", "1", Err("(42601)")),
        ("SELECT 1; DROP TABLE public.t", "1", Err("(42601)")),
        ("SELECT nextval('public.s')", "1", Err("(42P01)")),
        ("SELECT set_config('transaction_read_only', 'off', true)", "off", Err("(25001)")),
    ] {
        let question = Question { query: query.to_owned(), expect: expect.to_owned() };
        let (found, _) = judged(&address, Exactness::Shape, std::slice::from_ref(&question)).await;
        match (verdict, found) {
            (Ok(None), Verdict::Restored) => {}
            (Ok(Some(what)), Verdict::Differs { what: found }) => assert_eq!(found, what),
            (Err(why), Verdict::Unknown { why: found }) => assert!(found.contains(why), "{found}"),
            (_, found) => panic!("{query}: {found:?}"),
        }
    }
    assert_eq!(server().sql(&name, "SELECT count(*) FROM t"), "2");
}

#[tokio::test]
async fn a_constraint_makes_us_run_nothing_of_a_users() {
    let (name, address) = database("hostile");
    server().sql(
        &name,
        "CREATE FUNCTION loud(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS \
         $$ BEGIN RAISE EXCEPTION 'it ran'; END $$; CREATE TABLE t (a int); INSERT INTO t VALUES (1); \
         ALTER TABLE t ADD CONSTRAINT trap CHECK (loud(a)) NOT VALID",
    );
    let (verdict, entries) = judged(&address, Exactness::Data, &[]).await;
    assert_eq!(verdict, Verdict::Restored, "{entries:?}");
}

#[tokio::test]
async fn a_damaged_page_is_named() {
    let mut server = Postgres::start(&Options::default());
    server.sql(
        "postgres",
        "CREATE TABLE whole AS SELECT 1 AS a; \
                            CREATE TABLE damaged AS SELECT * FROM generate_series(1, 2000) a",
    );
    let file = server.sql("postgres", "SELECT pg_relation_filepath('damaged')");
    server.stop();
    let file = OpenOptions::new().write(true).open(server.data().join(file)).expect("the table's file");
    file.write_all_at(&[0xff; 64], 8192).expect("damage a page");
    server.go();
    let (verdict, _) = judged(&address(&server.url("postgres")), Exactness::Data, &[]).await;
    let Verdict::Differs { what } = verdict else { panic!("{verdict:?}") };
    assert!(what.starts_with("table damaged cannot be read to its end: invalid page in block 1"), "{what}");
}
