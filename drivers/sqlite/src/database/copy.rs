//! Copies whole databases by SQLite's own backup, page by page within one read transaction.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, ffi};

use super::open::own;
use super::read;
use super::state::{Access, State};
use crate::fault::{Fault, of_io};
use crate::pace::Pace;

const PAGES_BETWEEN_CHECKS: i32 = 2048;

/// Copies a database that is within a read transaction to a new private file, durably.
pub(super) fn to_new_file(source: &Connection, path: &Path, pace: &Pace) -> Result<(), Fault> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| of_io("make the copy", path, error).nothing_happened())?;
    let mut copy = write_only_by_us(path)?;
    {
        let backup = Backup::new(source, &mut copy)?;
        loop {
            pace.check("copy a database")?;
            match backup.step(PAGES_BETWEEN_CHECKS)? {
                StepResult::Done => break,
                StepResult::More => {}
                _ => return Err(busy().into()),
            }
        }
    }
    copy.close().map_err(|(_, error)| error)?;
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|error| of_io("make the copy durable", path, error).nothing_happened())?;
    Ok(())
}

/// A database that is about to be rewritten: locked against other writers, and still the old one. Dropped, it stays so.
pub(super) struct Rewrite<'a>(Backup<'a, 'a>);

impl<'a> Rewrite<'a> {
    /// Takes the lock, waiting for it as the target's connection does.
    pub(super) fn lock(source: &'a Connection, target: &'a mut Connection) -> Result<Self, Fault> {
        let backup = Backup::new(source, target)?;
        // No page, but the lock.
        match backup.step(0)? {
            StepResult::More => Ok(Self(backup)),
            _ => Err(busy().into()),
        }
    }

    /// Copies everything and commits: whoever has the target open sees the old one or the new one.
    pub(super) fn commit(self) -> Result<(), Fault> {
        match self.0.step(-1)? {
            StepResult::Done => Ok(()),
            _ => Err(busy().into()),
        }
    }
}

/// The state of a file that only we know.
pub(super) fn state_of(path: &Path, access: Access, pace: &Pace) -> Result<State, Fault> {
    let (connection, write_ahead) = own(path)?;
    connection.execute_batch("BEGIN")?;
    read::state(&connection, write_ahead, access, pace)
}

fn write_only_by_us(path: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::ZERO)?;
    // Nothing to go back to: a copy that was not finished is thrown away.
    let _: String = connection.query_row("PRAGMA journal_mode = OFF", [], |row| row.get(0))?;
    connection.execute_batch("PRAGMA synchronous = OFF")?;
    Ok(connection)
}

/// What SQLite says when somebody else is in.
pub(super) fn busy() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None)
}
