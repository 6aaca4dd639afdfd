//! What goes wrong with the journal's file, told apart by what a person can do about it.

use std::path::Path;
use std::sync::Arc;

use backout_contract::JournalError;
use backout_kit::path_text;
use rusqlite::ErrorCode;
use rusqlite::ffi::{SQLITE_ERROR, SQLITE_IOERR_SHMSIZE};

use crate::error::StateError;

/// The cause of a [`JournalError::Io`].
#[derive(Debug, Clone, thiserror::Error)]
pub enum Trouble {
    /// The file is no SQLite database.
    #[error("it is not a database")]
    NotADatabase,
    /// The file is an SQLite database that is no journal.
    #[error("it is a database, and not a journal of backout")]
    Foreign,
    /// A newer program made it; reading may work, writing would spoil it.
    #[error("a newer program made it: its schema is {found}, and this program knows up to {known}")]
    Newer {
        /// The schema of the file.
        found: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// Another program holds the database locked.
    #[error("another program holds it locked")]
    Locked(#[source] Arc<rusqlite::Error>),
    /// Its pages contradict each other, or its end is missing.
    #[error("its content is damaged")]
    Damaged(#[source] Arc<rusqlite::Error>),
    /// The disk is full.
    #[error("there is no space left on its disk")]
    NoSpace(#[source] Arc<rusqlite::Error>),
    /// We may not open or write it.
    #[error("it may not be opened or written")]
    Denied(#[source] Arc<rusqlite::Error>),
    /// There are checkpoints, so there was a journal.
    #[error("it is gone or empty, and checkpoints that it tells about are there")]
    Lost,
    /// Somebody else wrote records that we did not read.
    #[error("another process wrote to it")]
    Overtaken(#[source] Arc<rusqlite::Error>),
    /// The file system did not take the write-ahead log.
    #[error("it uses the journal mode `{found}` where `wal` was asked for")]
    NotWal {
        /// The mode it uses.
        found: String,
    },
    /// The SQLite library has a bug that loses records.
    #[error("SQLite {found} can lose records; 3.51.3 is the oldest that does not")]
    OldLibrary {
        /// The version that is linked.
        found: String,
    },
    /// Its writer has ended.
    #[error("its writer has ended")]
    Ended,
    /// Something around the file failed.
    #[error(transparent)]
    State(Arc<StateError>),
    /// The file system or SQLite failed.
    #[error("the file system or the database failed")]
    Other(#[source] Arc<rusqlite::Error>),
}

impl Trouble {
    /// The trouble behind an error, where there is one.
    pub fn of(error: &JournalError) -> Option<&Self> {
        match error {
            JournalError::Io { source, .. } => source.downcast_ref(),
            JournalError::Broken(_) => None,
        }
    }

    /// What to do next.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::NotADatabase | Self::Damaged(_) | Self::Lost => {
                "put the state folder back from a backup; what is in the vault is kept apart and is not touched"
            }
            Self::Foreign => "see whether the state folder belongs to something else",
            Self::Newer { .. } => {
                "use the version of backout that wrote it, or a newer one; reading may still work"
            }
            Self::Locked(_) => {
                "close other programs that have it open, such as `sqlite3`, and run the command again"
            }
            Self::NoSpace(_) => {
                "free some space on that disk, then run the same command again, or `backout resume` where a run is open"
            }
            Self::Denied(_) => "reading commands need to read the state folder, all others to write in it",
            Self::Overtaken(_) => "see who else uses this state folder, then run `backout resume`",
            Self::NotWal { .. } => "keep the state folder on a local file system",
            Self::OldLibrary { .. } => "build backout with the SQLite it brings along",
            Self::Ended | Self::Other(_) => "run `backout resume`; what was recorded before is kept",
            Self::State(error) => return error.hints.clone(),
        };
        vec![hint.to_owned()]
    }

    pub(super) fn on(self, attempted: &str, path: &Path) -> JournalError {
        let attempted = format!("{attempted} {}", path_text::encode(path.as_os_str()));
        JournalError::Io { attempted, source: Box::new(self) }
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error_code();
        // The index of the log cannot grow: SQLite calls a full disk that is met there an I/O error.
        let has_no_room =
            error.sqlite_error().is_some_and(|error| error.extended_code == SQLITE_IOERR_SHMSIZE);
        let is_refused = error.sqlite_error().is_some_and(|error| error.extended_code == SQLITE_ERROR);
        let cause = Arc::new(error);
        match code {
            _ if has_no_room => Self::NoSpace(cause),
            Some(ErrorCode::NotADatabase) => Self::NotADatabase,
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged(cause),
            // Our own statements are right, so what they name is not there: a table or a column was dropped.
            _ if is_refused => Self::Damaged(cause),
            Some(
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed,
            ) => Self::Locked(cause),
            Some(ErrorCode::DiskFull) => Self::NoSpace(cause),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::Denied(cause)
            }
            Some(ErrorCode::ConstraintViolation) => Self::Overtaken(cause),
            _ => Self::Other(cause),
        }
    }
}

impl From<StateError> for Trouble {
    fn from(error: StateError) -> Self {
        Self::State(Arc::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_by_either_of_its_names() {
        for code in [rusqlite::ffi::SQLITE_FULL, SQLITE_IOERR_SHMSIZE] {
            let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
            assert!(matches!(Trouble::from(error), Trouble::NoSpace(_)), "{code}");
        }
    }
}
