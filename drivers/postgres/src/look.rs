//! A look at a database: everything in it, read in one snapshot over several connections.

mod taken;

pub(crate) use taken::taken;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use backout_contract::{DriverError, ErrorKind};
use futures_util::future::try_join_all;
use tokio_postgres::error::SqlState;

use crate::catalog::{Scope, Table, schema, tables};
use crate::rows::{Reading, large_objects, sequences};
#[cfg(test)]
use crate::server::{Address, connect};
use crate::server::{Fault, Link, Pace, literal};
use crate::state::State;

/// How often a look begins again because objects went away under it.
const TRIES: usize = 10;

/// Connections that see one snapshot, for as long as this is held: what they read, and what a dump reads that is told
/// [`snapshot`](Self::snapshot), is of one moment.
pub(crate) struct Held {
    links: Vec<Link>,
    snapshot: String,
}

/// Looks at a database, or a part of it, over that many connections.
///
/// # Errors
/// When it cannot be reached or read. A table that cannot be read is no error; the state says so.
#[cfg(test)]
pub(crate) async fn look_at(
    address: &Address,
    scope: &Scope,
    workers: usize,
    pace: &Pace,
) -> Result<State, DriverError> {
    let links = try_join_all((0..workers.max(1)).map(|_| connect(address))).await?;
    look(links, scope, pace).await
}

/// Looks over connections that are there already; with those of a database whose door is shut, say. Begins again where
/// somebody drops objects meanwhile.
///
/// # Errors
/// As [`look_at`].
pub(crate) async fn look(links: Vec<Link>, scope: &Scope, pace: &Pace) -> Result<State, DriverError> {
    until_nothing_goes_away(links, scope, pace, true).await
}

/// The objects, and no rows: what it says of a position means nothing.
///
/// # Errors
/// As [`look_at`].
pub(crate) async fn shape(links: Vec<Link>, scope: &Scope, pace: &Pace) -> Result<State, DriverError> {
    until_nothing_goes_away(links, scope, pace, false).await
}

async fn until_nothing_goes_away(
    mut links: Vec<Link>,
    scope: &Scope,
    pace: &Pace,
    with_rows: bool,
) -> Result<State, DriverError> {
    let attempted = "look at a database";
    let mut tries = 1;
    loop {
        let held = Held::begin(links, pace).await?;
        let read = async {
            Ok(match with_rows {
                true => held.read(scope, pace).await,
                false => held.read_shape(scope).await,
            })
        };
        match pace.within(attempted, read).await? {
            Ok(state) => {
                held.close().await;
                return Ok(state);
            }
            Err(fault) if tries < TRIES && went_away(&fault) => {
                tries += 1;
                links = held.close().await;
            }
            Err(fault) => return Err(fault.while_doing(attempted).nothing_happened()),
        }
    }
}

/// Whether something that was there when a look began is gone.
fn went_away(fault: &Fault) -> bool {
    let Fault::Postgres(error) = fault else { return false };
    let Some(told) = error.as_db_error() else { return false };
    [
        SqlState::UNDEFINED_TABLE,
        SqlState::UNDEFINED_COLUMN,
        SqlState::UNDEFINED_OBJECT,
        SqlState::UNDEFINED_FUNCTION,
    ]
    .contains(told.code())
        || (*told.code() == SqlState::INTERNAL_ERROR
            && (told.message().starts_with("cache lookup failed")
                || told.message().starts_with("could not open relation")))
}

impl Held {
    /// Begins a transaction on each connection; all of them see what the first one sees. They only read, and the server
    /// ends what they do when our time is up or we are gone.
    ///
    /// # Errors
    /// When the server does not let us.
    pub(crate) async fn begin(links: Vec<Link>, pace: &Pace) -> Result<Self, DriverError> {
        let attempted = "open a snapshot of a database";
        let begun = async {
            let Some((first, others)) = links.split_first() else {
                return Err(Fault::Said(DriverError::new(ErrorKind::Other, attempted)));
            };
            begin(first, None, pace).await?;
            let exported = first.query_typed("SELECT pg_export_snapshot()", &[]).await?;
            let snapshot: String = exported.first().map(|row| row.get(0)).unwrap_or_default();
            try_join_all(others.iter().map(|link| begin(link, Some(&snapshot), pace))).await?;
            Ok(snapshot)
        };
        let begun = pace.within(attempted, async { Ok(begun.await) }).await?;
        let snapshot = begun.map_err(|fault| fault.while_doing(attempted).nothing_happened())?;
        Ok(Self { links, snapshot })
    }

    /// What the server calls the snapshot, for whoever else shall see it.
    pub(crate) fn snapshot(&self) -> &str {
        &self.snapshot
    }

    /// The first connection, within its transaction.
    pub(crate) fn link(&self) -> Option<&Link> {
        self.links.first()
    }

    /// Reads everything. The snapshot stays held.
    ///
    /// # Errors
    /// As [`look_at`]; and when somebody drops what is read, for a held snapshot cannot begin again.
    pub(crate) async fn look(&self, scope: &Scope, pace: &Pace) -> Result<State, DriverError> {
        let attempted = "look at a database";
        let read = pace.within(attempted, async { Ok(self.read(scope, pace).await) }).await?;
        read.map_err(|fault| fault.while_doing(attempted).nothing_happened())
    }

    async fn read(&self, scope: &Scope, pace: &Pace) -> Result<State, Fault> {
        let Some((first, others)) = self.links.split_first() else {
            return Err(Fault::Said(DriverError::new(ErrorKind::Other, "look at a database")));
        };
        let taken = taken(first).await?;
        let tables = tables(first, first.version, scope).await?;
        let reading = Reading::of(first, &tables, pace).await?;
        // The first one reads the catalog while the others begin with rows.
        let of_first = async {
            let schema = schema(first, first.version, scope).await?;
            let sequences = sequences(first, scope).await?;
            let objects = match scope {
                Scope::Database => large_objects(first).await?,
                Scope::Part { .. } => None,
            };
            let invalid = invalid_indexes(first, &tables).await?;
            reading.work(first).await?;
            Ok::<_, Fault>((schema, sequences, objects, invalid))
        };
        let of_others = try_join_all(others.iter().map(|link| reading.work(link)));
        let ((schema, sequences, objects, invalid), _) = tokio::try_join!(of_first, of_others)?;
        let rows = reading.into_rows();
        let mut notes = invalid;
        for table in tables.iter().filter(|table| table.unlogged && table.holds_rows()) {
            notes.push(format!("table {}: is unlogged, a crash of the server empties it", table.name));
        }
        for table in &tables {
            if let Some(rows) = rows.get(&table.name.sql()).filter(|rows| rows.is_unreadable()) {
                notes.push(format!("table {}: {}", table.name, rows.digest));
            }
        }
        notes.extend(
            sequences.unreadable.iter().map(|name| format!("sequence {name}: unreadable: permission denied")),
        );
        if let Some(objects) = objects.as_ref().filter(|objects| objects.is_unreadable()) {
            notes.push(format!("large objects: {}", objects.digest));
        }
        notes.sort();
        Ok(State { schema, rows, sequences: sequences.next, large_objects: objects, notes, taken })
    }

    async fn read_shape(&self, scope: &Scope) -> Result<State, Fault> {
        let Some(link) = self.links.first() else {
            return Err(Fault::Said(DriverError::new(ErrorKind::Other, "look at a database")));
        };
        let taken = taken::taken(link).await?;
        let schema = schema(link, link.version, scope).await?;
        let (rows, sequences) = (BTreeMap::new(), BTreeMap::new());
        Ok(State { schema, rows, sequences, large_objects: None, notes: Vec::new(), taken })
    }

    /// Lets go of the snapshot. The connections are free again.
    pub(crate) async fn close(self) -> Vec<Link> {
        for link in &self.links {
            // A connection that is lost has let go as well.
            drop(link.batch_execute("ROLLBACK").await);
        }
        self.links
    }
}

/// Begins a transaction that only reads, of that snapshot or a new one.
pub(crate) async fn begin(link: &Link, snapshot: Option<&str>, pace: &Pace) -> Result<(), Fault> {
    // A day at most: the server takes no more than an int of milliseconds.
    let left = pace.left().min(Duration::from_secs(86_400)).as_millis().max(1);
    let mut sql = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ".to_owned();
    if let Some(snapshot) = snapshot {
        sql.push_str(&format!("SET TRANSACTION SNAPSHOT {}; ", literal(snapshot)));
    }
    sql.push_str(&format!(
        "SET LOCAL statement_timeout = {left}; SET LOCAL jit = off; SET LOCAL row_security = off"
    ));
    if link.version.major() >= 14 {
        sql.push_str("; SET LOCAL client_connection_check_interval = '2s'");
    }
    link.batch_execute(&sql).await?;
    Ok(())
}

/// Indexes that a failed build left behind: no dump has them, so they are told and compared with nothing.
async fn invalid_indexes(link: &Link, tables: &[Table]) -> Result<Vec<String>, Fault> {
    let names: BTreeMap<u32, &Table> = tables.iter().map(|table| (table.oid, table)).collect();
    let statement = "SELECT x.indrelid, i.relname::text FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid \
                     WHERE NOT x.indisvalid AND i.relkind = 'i'";
    let found = link.query_typed(statement, &[]).await?;
    let told = found.iter().filter_map(|row| {
        let table = names.get(&row.get(0))?;
        Some(format!("table {}: index {} is invalid, and is not kept", table.name, row.get::<_, String>(1)))
    });
    Ok(told.collect())
}
