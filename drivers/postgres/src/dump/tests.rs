//! Against a real server.

mod before;
mod hostile;
mod pieces;
mod refused;
mod rights;
mod round_trip;
mod speed;
mod stopped;
mod versions;

use std::collections::BTreeMap;

use backout_contract::Context;
use backout_core::checkpoint::DataPart;

use super::{Fetched, fetch, keep};
use crate::catalog::Scope;
use crate::server::{Address, Link, Version, connect, identifier};
use crate::state::Taken;
use crate::testing::{address, server};

/// A snapshot that stays open, and what a look would note of it.
pub(super) struct Held {
    pub(super) link: Link,
    pub(super) snapshot: String,
    pub(super) taken: Taken,
}

impl Held {
    pub(super) async fn of(address: &Address) -> Self {
        let link = connect(address).await.expect("connect");
        link.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.expect("begin");
        let row = link
            .query_one(
                "SELECT pg_export_snapshot(), pg_current_snapshot()::text, \
                 (SELECT system_identifier::text FROM pg_control_system()), \
                 (SELECT oid FROM pg_database WHERE datname = current_database())",
                &[],
            )
            .await
            .expect("export a snapshot");
        let taken = Taken {
            version: link.version,
            system: row.get(2),
            database: row.get(3),
            snapshot: row.get(1),
            position: 0,
            timeline: 1,
            restore_point: None,
        };
        Self { snapshot: row.get(0), link, taken }
    }

    pub(super) fn version(&self) -> Version {
        self.link.version
    }
}

/// Saves a database.
pub(super) async fn save(context: &Context, address: &Address, scope: &Scope) -> (Held, Vec<DataPart>) {
    let held = Held::of(address).await;
    let data = keep(context, address, held.version(), &held.snapshot, scope).await.expect("keep");
    (held, data)
}

pub(super) async fn taken_out(context: &Context, held: &Held, data: &[DataPart]) -> Fetched {
    fetch(context, data, &held.taken).await.expect("fetch")
}

/// An empty database like `template0`, as the superuser.
pub(super) fn empty(name: &str, owner: &str) -> Address {
    let sql = format!("CREATE DATABASE {} TEMPLATE template0 OWNER {}", identifier(name), identifier(owner));
    server().sql("postgres", &sql);
    address(&server().url("postgres")).of_database(name)
}

/// The definitions of a database as text, and a digest of the rows of each table.
pub(super) fn all_of(name: &str) -> (String, BTreeMap<String, String>) {
    let programs = server().programs();
    let output = std::process::Command::new(programs.join("pg_dump"))
        .args(["-s", "--restrict-key=same", "--no-subscriptions"])
        .env("PGDATABASE", name)
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", server().port().to_string())
        .env("PGUSER", "postgres")
        .env("PGPASSWORD", backout_fixtures::Postgres::PASSWORD)
        .output()
        .expect("run pg_dump");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let shape = String::from_utf8_lossy(&output.stdout).into_owned();
    let tables = server().sql(
        name,
        "SELECT string_agg(format('%I.%I', n.nspname, c.relname), E'\\x01' ORDER BY 1) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')",
    );
    let mut rows = BTreeMap::new();
    for table in tables.split('\x01').filter(|table| !table.is_empty()) {
        let digest = server().sql(
            name,
            &format!("SELECT count(*), md5(string_agg(t::text, E'\\n' ORDER BY t::text)) FROM {table} t"),
        );
        rows.insert(table.to_owned(), digest);
    }
    let sequences = "SELECT string_agg(s::text, ' ' ORDER BY s) FROM pg_sequences s";
    rows.insert("sequences".to_owned(), server().sql(name, sequences));
    let large =
        "SELECT count(*), md5(string_agg(md5(lo_get(oid)), '' ORDER BY oid)) FROM pg_largeobject_metadata";
    rows.insert("large objects".to_owned(), server().sql(name, large));
    (shape, rows)
}
