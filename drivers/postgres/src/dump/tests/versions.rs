//! A dump goes to a server of its own major version, and to newer ones.

use backout_contract::ErrorKind;
use backout_fixtures::{Options, Postgres};

use super::super::restore;
use super::{save, taken_out};
use crate::catalog::Scope;
use crate::look::look_at;
use crate::server::{Pace, connect};
use crate::testing::{address, context};

const SHOP: &str = "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, price numeric(9,2) NOT NULL,
                        at timestamptz DEFAULT now(), net numeric GENERATED ALWAYS AS (price / 1.19) STORED,
                        CONSTRAINT is_price CHECK (price >= 0));
                    CREATE TABLE parts (orders bigint REFERENCES orders, name text COLLATE \"C\") PARTITION BY HASH (orders);
                    CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
                    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
                    INSERT INTO orders (price) SELECT n FROM generate_series(1, 500) n;
                    INSERT INTO parts SELECT n, 'part ' || n FROM generate_series(1, 500) n;
                    CREATE STATISTICS of_orders ON price, at FROM orders; ANALYZE orders;
                    CREATE PUBLICATION all_of_it FOR TABLE orders;
                    CREATE VIEW dear AS SELECT id, price FROM orders WHERE price > 100;
                    SELECT lo_from_bytea(0, 'abc')";

#[tokio::test]
async fn a_dump_goes_to_its_own_version_and_to_newer_ones() {
    let majors = backout_fixtures::postgres::majors();
    let servers: Vec<Postgres> = majors
        .iter()
        .map(|major| Postgres::start(&Options { major: Some(*major), ..Options::default() }))
        .collect();
    let (oldest, newest) = (servers.first().expect("a server"), servers.last().expect("a server"));
    for (from, into) in [(oldest, oldest), (oldest, newest), (newest, newest), (newest, oldest)] {
        let folder = tempfile::tempdir().expect("a folder");
        let context = context(folder.path(), &[]);
        from.sql("postgres", "DROP DATABASE IF EXISTS shop WITH (FORCE)");
        from.sql("postgres", "CREATE DATABASE shop");
        from.sql("shop", SHOP);
        into.sql("postgres", "DROP DATABASE IF EXISTS copy WITH (FORCE)");
        into.sql("postgres", "CREATE DATABASE copy TEMPLATE template0");
        let (shop, copy) = (address(&from.url("shop")), address(&into.url("copy")));
        let (held, data) = save(&context, &shop, &Scope::Database).await;
        let fetched = taken_out(&context, &held, &data).await;
        let (source, target) = (held.version(), connect(&copy).await.expect("connect").version);
        let restored = restore(&context, &fetched, &copy, target, 2).await;
        if source.major() > target.major() {
            let error = restored.expect_err("an older server");
            assert_eq!(error.kind, ErrorKind::BadData);
            assert!(error.chain().contains("the target is the older"), "{}", error.chain());
            assert_eq!(into.sql("copy", "SELECT count(*) FROM pg_class WHERE relname = 'orders'"), "0");
            continue;
        }
        restored.expect("restore");
        let pace = Pace::of(&context);
        let one = look_at(&shop, &Scope::Database, 2, &pace).await.expect("look");
        let two = look_at(&copy, &Scope::Database, 2, &pace).await.expect("look");
        assert_eq!(one.rows, two.rows, "{source} to {target}");
        assert_eq!(one.sequences, two.sequences, "{source} to {target}");
        assert_eq!(one.large_objects, two.large_objects, "{source} to {target}");
        let differ = |name: &&String| two.schema.objects.get(*name) != one.schema.objects.get(*name);
        let differing: Vec<&String> =
            one.schema.objects.keys().filter(|name| !name.starts_with("database")).filter(differ).collect();
        assert!(differing.is_empty() || source.major() != target.major(), "{differing:?}");
        println!("{source} to {target}: {differing:?}");
    }
}
