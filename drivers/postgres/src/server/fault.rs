//! How failures of PostgreSQL become errors of a driver.

use backout_contract::{DriverError, ErrorKind};
use tokio_postgres::error::SqlState;

/// What helps where a server has no room.
pub(crate) const MAKE_ROOM: &str = "make room on the server's disk, then run the same command again";

/// What went wrong while a server was asked.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The server or the connection said so.
    Postgres(tokio_postgres::Error),
    /// Something else, put in words already.
    Said(DriverError),
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<DriverError> for Fault {
    fn from(error: DriverError) -> Self {
        Self::Said(error)
    }
}

impl Fault {
    /// The error of a driver; in doubt.
    pub(crate) fn while_doing(self, attempted: impl Into<String>) -> DriverError {
        match self {
            Self::Postgres(error) => of_postgres(attempted, error),
            Self::Said(error) => error,
        }
    }

    /// The server's code, where the server answered.
    pub(crate) fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Postgres(error) => error.code(),
            Self::Said(_) => None,
        }
    }
}

/// A failure of the server or of a connection; in doubt. Of what the server says only its message is kept: its details
/// may hold rows.
pub(crate) fn of_postgres(attempted: impl Into<String>, error: tokio_postgres::Error) -> DriverError {
    let Some(told) = error.as_db_error() else {
        let kind = if error.is_closed() || is_io(&error) { ErrorKind::Unreachable } else { ErrorKind::Other };
        return DriverError::new(kind, attempted).caused_by(cause_of(&error));
    };
    let code = told.code();
    let class = code.code().get(..2).unwrap_or_default();
    let (kind, hint) = match class {
        _ if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            (ErrorKind::Denied, "grant the right to the role of the address, or use another role")
        }
        _ if *code == SqlState::QUERY_CANCELED => (ErrorKind::TimedOut, ""),
        _ if *code == SqlState::LOCK_NOT_AVAILABLE || *code == SqlState::OBJECT_IN_USE => {
            (ErrorKind::Locked, "somebody holds it: end what uses it, and try again")
        }
        _ if *code == SqlState::DISK_FULL => (ErrorKind::NoSpace, MAKE_ROOM),
        _ if *code == SqlState::UNDEFINED_DATABASE => (ErrorKind::Unreadable, ""),
        "28" => (ErrorKind::Denied, "look at the user and the password of the address, and at pg_hba.conf"),
        "08" | "57" => (ErrorKind::Unreachable, ""),
        "53" => (
            ErrorKind::Unreachable,
            "the server has no room for us: too many connections, or too little memory",
        ),
        "58" | "XX" => (ErrorKind::Unreadable, "look at the server's log"),
        _ => (ErrorKind::Other, ""),
    };
    let error = DriverError::new(kind, attempted).caused_by(format!("{} ({})", told.message(), code.code()));
    if hint.is_empty() { error } else { error.hint(hint) }
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<std::io::Error>() {
            return true;
        }
        source = cause.source();
    }
    false
}

fn cause_of(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        source = cause.source();
    }
    text
}
