//! The databases that runs displaced, opened where they lie.

use backout_contract::{DriverError, ErrorKind};
use backout_core::name::RunId;
use rusqlite::Connection;

use crate::database::open::own;
use crate::database::place::{Place, stat};
use crate::fault::{of_sqlite, shown};

/// A database that a run displaced.
pub(super) struct Displaced {
    pub(super) run: String,
    /// Where it is, for people.
    pub(super) shown: String,
    pub(super) connection: Connection,
}

/// What these runs displaced, oldest first: of one run, there are several where an attempt was repeated.
pub(super) fn open(place: &Place, runs: &[RunId]) -> Result<Vec<Displaced>, DriverError> {
    let mut found = Vec::new();
    for run in runs {
        let place = place.of_run(run);
        for path in place.displaced(&place.live) {
            let path = path?;
            if stat(&path)?.is_none_or(|there| !there.is_file()) {
                break;
            }
            let shown = shown(&path);
            let attempted = format!("read what is kept as {shown}");
            let (connection, _) = own(&path).map_err(|error| {
                let error = of_sqlite(&attempted, error).nothing_happened();
                if error.kind == ErrorKind::Unreadable {
                    error.hint("what users wrote to it cannot be taken over; it is kept as it was")
                } else {
                    error
                }
            })?;
            connection
                .execute_batch("BEGIN")
                .map_err(|error| of_sqlite(&attempted, error).nothing_happened())?;
            connection.set_prepared_statement_cache_capacity(64);
            found.push(Displaced { run: run.to_string(), shown, connection });
        }
    }
    Ok(found)
}
