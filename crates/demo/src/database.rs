//! Opening the database of an estate.

use anyhow::{Context, Result};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

const BUSY: Duration = Duration::from_secs(5);

/// Opens an existing database for reading and writing; a missing one is an error, not a new empty one.
pub fn open(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    prepare(Connection::open_with_flags(path, flags), path)
}

/// Creates a database in WAL mode.
pub fn create(path: &Path) -> Result<Connection> {
    let connection = prepare(Connection::open(path), path)?;
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
        .with_context(|| format!("switch {} to write-ahead logging", path.display()))?;
    anyhow::ensure!(mode == "wal", "switch {} to write-ahead logging (it stayed {mode})", path.display());
    Ok(connection)
}

fn prepare(opened: rusqlite::Result<Connection>, path: &Path) -> Result<Connection> {
    let settle = || -> rusqlite::Result<_> {
        let connection = opened?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "synchronous", "normal")?;
        Ok(connection)
    };
    settle().with_context(|| format!("open the database {}", path.display()))
}

/// The version that the schema gives itself: 1 with integer keys, 2 with UUIDs.
pub fn schema_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Opens an existing database and refuses to write to it.
///
/// The file is opened for writing all the same: a reader without that right leaves the files of the
/// write-ahead log behind.
pub fn open_to_read(path: &Path) -> Result<Connection> {
    let connection = open(path)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}
