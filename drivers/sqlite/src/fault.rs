//! How failures of SQLite, the file system and the vault become errors of a driver.

use std::io;
use std::path::Path;

use backout_contract::{DriverError, ErrorKind, VaultError};
use backout_kit::file_error::FileError;
use backout_kit::path_text::encode;
use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;

/// What went wrong while a database was read or written.
#[derive(Debug)]
pub(crate) enum Fault {
    /// SQLite said so.
    Sqlite(rusqlite::Error),
    /// Something else, put in words already.
    Said(DriverError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<DriverError> for Fault {
    fn from(error: DriverError) -> Self {
        Self::Said(error)
    }
}

impl Fault {
    /// The error of a driver; in doubt.
    pub(crate) fn while_doing(self, attempted: &str) -> DriverError {
        match self {
            Self::Sqlite(error) => of_sqlite(attempted, error),
            Self::Said(error) => error,
        }
    }

    /// SQLite's extended code.
    pub(crate) fn code(&self) -> Option<i32> {
        match self {
            Self::Sqlite(error) => error.sqlite_error().map(|error| error.extended_code),
            Self::Said(_) => None,
        }
    }

    /// SQLite's primary code.
    pub(crate) fn primary_code(&self) -> Option<ErrorCode> {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code(),
            Self::Said(_) => None,
        }
    }
}

/// A failure of SQLite; in doubt.
pub(crate) fn of_sqlite(attempted: &str, source: rusqlite::Error) -> DriverError {
    // The index of a log that cannot grow: SQLite calls a full disk that is met there an I/O error.
    let has_no_room = source.sqlite_error().is_some_and(|error| error.extended_code == SQLITE_IOERR_SHMSIZE);
    let (kind, hint) = match source.sqlite_error_code() {
        _ if has_no_room => (ErrorKind::NoSpace, "make room on its disk"),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => (
            ErrorKind::Locked,
            "another connection holds it: stop the program that uses it, or let `busy` be longer",
        ),
        Some(ErrorCode::NotADatabase) => {
            (ErrorKind::Unreadable, "it is encrypted, or it is no SQLite database at all")
        }
        Some(ErrorCode::DatabaseCorrupt) => (ErrorKind::Unreadable, "its content is damaged"),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            (ErrorKind::Denied, "look at the owner and the mode of the file and of its folder")
        }
        Some(ErrorCode::DiskFull) => (ErrorKind::NoSpace, "make room on its disk"),
        Some(_) | None => (ErrorKind::Other, ""),
    };
    let error = DriverError::new(kind, attempted).caused_by(source);
    if hint.is_empty() { error } else { error.hint(hint) }
}

/// A failed operation on a file, in doubt.
pub(crate) fn of_io(attempted: &str, path: &Path, source: impl Into<io::Error>) -> DriverError {
    DriverError::io(format!("{attempted} {}", shown(path)), source.into())
}

/// A failure that the kit reported; in doubt.
pub(crate) fn of_file(error: FileError) -> DriverError {
    DriverError::io(error.to_string(), error.source)
}

/// A file for people that could not be written, while nothing was done to a database.
pub(crate) fn on_paper(error: FileError) -> DriverError {
    of_file(error).nothing_happened()
}

/// A failure of the vault, which never touches the database.
pub(crate) fn of_vault(error: VaultError) -> DriverError {
    let kind = match &error {
        VaultError::Missing(_) | VaultError::Damaged(_) | VaultError::Sealed { .. } => ErrorKind::BadData,
        VaultError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => ErrorKind::NoSpace,
        VaultError::Io { .. } => ErrorKind::Other,
    };
    DriverError::new(kind, "use the vault").caused_by(error).nothing_happened()
}

/// Saved data that is not what a capture made.
pub(crate) fn bad_data(what: impl Into<String>) -> DriverError {
    DriverError::new(ErrorKind::BadData, what).nothing_happened()
}

/// A path for people.
pub(crate) fn shown(path: &Path) -> String {
    encode(path.as_os_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_by_either_of_its_names() {
        for code in [rusqlite::ffi::SQLITE_FULL, SQLITE_IOERR_SHMSIZE] {
            let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
            assert_eq!(of_sqlite("write", error).kind, ErrorKind::NoSpace, "{code}");
        }
    }
}
