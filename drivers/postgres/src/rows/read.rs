//! Counts and digests of many tables, over several connections that see one snapshot.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::Rows;
use super::formula::{By, Value, formula};
use crate::catalog::Table;
use crate::server::{Fault, Pace, identifier};

/// The work of reading tables, shared between connections: each takes the largest that nobody has taken.
pub(crate) struct Reading {
    left: Mutex<Vec<Work>>,
    done: Mutex<BTreeMap<String, Rows>>,
    pace: Pace,
}

/// One table that is to be read.
struct Work {
    name: String,
    sql: String,
    bytes: i64,
}

impl Reading {
    /// What is to be read of those tables that hold rows; those that we may not read are told at once.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(crate) async fn of(client: &Client, tables: &[Table], pace: &Pace) -> Result<Self, Fault> {
        let wanted: Vec<&Table> = tables.iter().filter(|table| table.holds_rows()).collect();
        let numbers: Vec<u32> = wanted.iter().map(|table| table.oid).collect();
        let (mut columns, bytes) = tokio::try_join!(columns(client, &numbers), bytes(client, &numbers))?;
        let mut done = BTreeMap::new();
        let mut left = Vec::new();
        for table in wanted {
            let name = table.name.sql();
            if !table.readable {
                done.insert(name, Rows::unreadable("permission denied"));
                continue;
            }
            let columns = columns.remove(&table.oid).unwrap_or_default();
            let sql = format!("SELECT count(*), {} FROM ONLY {name} AS t", formula(&columns));
            left.push(Work { name, sql, bytes: bytes.get(&table.oid).copied().unwrap_or_default() });
        }
        left.sort_by_key(|work| work.bytes);
        Ok(Self { left: Mutex::new(left), done: Mutex::new(done), pace: pace.clone() })
    }

    /// Reads tables over one connection until none is left.
    ///
    /// # Errors
    /// As [`rows`].
    pub(crate) async fn work(&self, link: &Client) -> Result<(), Fault> {
        link.batch_execute("SET LOCAL jit = off; SET LOCAL row_security = off; SAVEPOINT reading").await?;
        loop {
            let next = self.left.lock().ok().and_then(|mut left| left.pop());
            let Some(work) = next else { return Ok(()) };
            self.pace.check("read tables")?;
            let found = match link.query_typed(&work.sql, &[]).await {
                Ok(answer) => answer.first().map_or(Rows { count: 0, digest: "-".into() }, |row| Rows {
                    count: u64::try_from(row.get::<_, i64>(0)).unwrap_or_default(),
                    digest: row.get::<_, Option<String>>(1).unwrap_or_else(|| "-".to_owned()),
                }),
                Err(error) => {
                    let Some(why) = unreadable(&error) else { return Err(error.into()) };
                    link.batch_execute("ROLLBACK TO SAVEPOINT reading").await?;
                    Rows::unreadable(&why)
                }
            };
            if let Ok(mut done) = self.done.lock() {
                done.insert(work.name, found);
            }
        }
    }

    /// What was read.
    pub(crate) fn into_rows(self) -> BTreeMap<String, Rows> {
        self.done.into_inner().unwrap_or_default()
    }
}

/// Why one table cannot be read while others can; none where that would say nothing about the table. What the server
/// says beyond that may hold values.
pub(crate) fn unreadable(error: &tokio_postgres::Error) -> Option<String> {
    let told = error.as_db_error()?;
    let code = told.code();
    if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        return Some("permission denied".to_owned());
    }
    if *code == SqlState::INTERNAL_ERROR && told.message().starts_with("cache lookup failed") {
        return None;
    }
    match code.code().get(..2) {
        // Damaged pages and indexes, files that are gone, values that do not fit into memory.
        Some("XX" | "58" | "54") => Some(format!("{} ({})", told.message(), code.code())),
        Some("53") if *code == SqlState::OUT_OF_MEMORY => {
            Some(format!("{} ({})", told.message(), code.code()))
        }
        Some("22" | "38" | "39") => Some(format!("its values cannot be printed ({})", code.code())),
        _ => None,
    }
}

async fn columns(client: &Client, tables: &[u32]) -> Result<HashMap<u32, Vec<Value>>, Fault> {
    let statement = "\
        WITH RECURSIVE base(type, below) AS ( \
            SELECT oid, oid FROM pg_type WHERE typtype <> 'd' \
            UNION ALL \
            SELECT t.oid, base.below FROM pg_type t JOIN base ON t.typbasetype = base.type WHERE t.typtype = 'd') \
        SELECT a.attrelid, a.attname::text, t.oid, t.typoutput::regproc::text \
        FROM pg_attribute a JOIN base ON base.type = a.atttypid JOIN pg_type t ON t.oid = base.below \
        WHERE a.attrelid = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' \
        ORDER BY a.attrelid, a.attnum";
    let mut columns: HashMap<u32, Vec<Value>> = HashMap::new();
    for row in client.query(statement, &[&tables]).await? {
        let sql = format!("t.{}", identifier(row.get(1)));
        let column = Value { sql, by: By::of(row.get(2), row.get(3)) };
        columns.entry(row.get(0)).or_default().push(column);
    }
    Ok(columns)
}

async fn bytes(client: &Client, tables: &[u32]) -> Result<HashMap<u32, i64>, Fault> {
    let statement = "SELECT oid, coalesce(pg_table_size(oid), 0) FROM unnest($1::oid[]) AS oid";
    let sizes = client.query(statement, &[&tables]).await?;
    Ok(sizes.iter().map(|row| (row.get(0), row.get(1))).collect())
}
