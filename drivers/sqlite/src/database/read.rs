//! The state of a database, read through an open connection.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::recorder::{held, is_ours};
use super::rows;
use super::state::{Access, SchemaEntry, Shape, State};
use crate::fault::Fault;
use crate::pace::Pace;

/// Everything about a database. The caller has begun a transaction, so that all of it is of one moment.
pub(super) fn state(
    connection: &Connection,
    write_ahead: bool,
    access: Access,
    pace: &Pace,
) -> Result<State, Fault> {
    let schema = schema(connection)?;
    let mut tables = BTreeMap::new();
    for table in tables_with_rows(connection)? {
        let content = rows::content_of(connection, &table, pace)?;
        tables.insert(table, content);
    }
    Ok(State {
        page_size: pragma(connection, "page_size")?,
        encoding: pragma(connection, "encoding")?,
        auto_vacuum: pragma(connection, "auto_vacuum")?,
        write_ahead,
        user_version: pragma(connection, "user_version")?,
        application_id: pragma(connection, "application_id")?,
        schema,
        tables,
        sequences: sequences(connection)?,
        foreign_key_violations: foreign_key_violations(connection, pace)?,
        access,
        recorder: held::read(connection)?,
    })
}

/// The digest of the shape alone, without reading any row.
pub(super) fn shape_digest(connection: &Connection) -> Result<backout_core::digest::Digest, Fault> {
    let schema = schema(connection)?;
    let encoding: String = pragma(connection, "encoding")?;
    Ok(Shape {
        schema: &schema,
        user_version: pragma(connection, "user_version")?,
        application_id: pragma(connection, "application_id")?,
        encoding: &encoding,
    }
    .digest())
}

/// The value of a pragma.
pub(super) fn pragma<T: rusqlite::types::FromSql>(
    connection: &Connection,
    name: &str,
) -> rusqlite::Result<T> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// How many rows have a foreign key that leads nowhere. A schema whose foreign keys are wrong in themselves
/// cannot be counted.
pub(super) fn foreign_key_violations(connection: &Connection, pace: &Pace) -> Result<Option<u64>, Fault> {
    let mut count = 0u64;
    let looked = connection.prepare("PRAGMA main.foreign_key_check").and_then(|mut statement| {
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {
            count += 1;
        }
        Ok(())
    });
    pace.check("check the foreign keys of a database")?;
    match looked {
        Ok(()) => Ok(Some(count)),
        Err(error) if is_about_the_schema(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether SQLite complains about a statement or a schema, not about the file.
pub(super) fn is_about_the_schema(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code & 0xff == rusqlite::ffi::SQLITE_ERROR)
}

/// Without what is SQLite's own, and without our recorder.
fn schema(connection: &Connection) -> Result<Vec<SchemaEntry>, Fault> {
    let mut statement = connection.prepare("SELECT type, name, tbl_name, sql FROM main.sqlite_schema")?;
    let entries = statement.query_map([], |row| {
        Ok(SchemaEntry { kind: row.get(0)?, name: row.get(1)?, table: row.get(2)?, sql: row.get(3)? })
    })?;
    let mut schema = entries
        .filter(|entry| entry.as_ref().map_or(true, |entry| !is_left_out(&entry.name)))
        .collect::<rusqlite::Result<Vec<_>>>()?;
    schema.sort();
    Ok(schema)
}

/// Tables with a place in the file: virtual ones have none, and keep their rows in shadow tables.
fn tables_with_rows(connection: &Connection) -> Result<Vec<String>, Fault> {
    let mut statement = connection
        .prepare("SELECT name FROM main.sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY name")?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    let names = names.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(names.into_iter().filter(|name| !is_left_out(name)).collect())
}

pub(super) fn is_left_out(name: &str) -> bool {
    is_own(name) || is_ours(name)
}

/// Names that begin with `sqlite_` are SQLite's own: indexes that follow from tables, statistics, sequences.
pub(super) fn is_own(name: &str) -> bool {
    name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("sqlite_"))
}

/// What `AUTOINCREMENT` counts, by table, as SQL literals.
pub(super) fn sequences(connection: &Connection) -> Result<BTreeMap<String, String>, Fault> {
    let is_there: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE name = 'sqlite_sequence')",
        [],
        |row| row.get(0),
    )?;
    if !is_there {
        return Ok(BTreeMap::new());
    }
    let mut statement =
        connection.prepare("SELECT CAST(name AS TEXT), quote(seq) FROM main.sqlite_sequence")?;
    let sequences = statement
        .query_map([], |row| Ok((row.get::<_, Option<String>>(0)?.unwrap_or_default(), row.get(1)?)))?;
    let sequences = sequences.collect::<rusqlite::Result<BTreeMap<String, String>>>()?;
    Ok(sequences.into_iter().filter(|(table, _)| !is_ours(table)).collect())
}
