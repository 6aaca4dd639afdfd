//! Makes the recorder of a saved database ready to go on where it is put back.
//!
//! Every recorded write has a number, and no number may be given twice over all copies of a database: the saved one
//! would go on counting where it stood, and give the numbers again that the displaced one gave since. So it counts on
//! far above both. What users write between the look at the live database and the lock that keeps them out gets
//! numbers below: they would have to write [`STRIDE`] rows meanwhile.

use std::path::Path;

use backout_contract::DriverError;
use backout_core::digest::Digest;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::database::config::Config;
use crate::database::open::look;
use crate::database::place::{Place, stat, with_ending};
use crate::database::recorder::{held, install};
use crate::fault::{Fault, bad_data};

/// Sixty-nine thousand million rows: more than anybody writes while he waits for a lock, and there is room for a hundred
/// million times as many.
pub(super) const STRIDE: i64 = 1 << 36;
/// How many strides apart those are that went over something whose numbers nobody could read.
const STRIDES_APART: u64 = 1 << 12;
const RESTORED: &str = "restored";

/// The highest numbers that a recorder gave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Numbers {
    writes: i64,
    eras: i64,
}

/// Prepares a staged database. Whether it has a recorder.
pub(super) fn prepare(
    place: &Place,
    config: &Config,
    staged: &Path,
    is_readable: bool,
) -> Result<bool, DriverError> {
    let attempted = format!("prepare the recorder of the saved copy of {}", place.shown);
    let live =
        if is_readable { look(place, &mut |reading| numbers(reading.connection))?.flatten() } else { None };
    prepare_staged(place, config, staged, is_readable, live)
        .map_err(|fault| fault.while_doing(&attempted).nothing_happened())
}

fn prepare_staged(
    place: &Place,
    config: &Config,
    staged: &Path,
    is_readable: bool,
    live: Option<Numbers>,
) -> Result<bool, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(staged, flags)?;
    // Before anything is read, so that no file is made for memory that is shared with nobody.
    let _: String = connection.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |row| row.get(0))?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF")?;
    if held::read(&connection)?.is_none() {
        return Ok(false);
    }
    let Some(saved) = numbers(&connection)? else { return Ok(false) };
    let next = after(saved, live, if is_readable { 0 } else { apart(place) });
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // The table gives no number that is not above this one, whatever it holds.
    let lifted = transaction
        .execute("UPDATE main.sqlite_sequence SET seq = ?1 WHERE name = '_backout_log'", [next.writes])?;
    if lifted == 0 {
        transaction.execute(
            "INSERT INTO main.sqlite_sequence (name, seq) VALUES ('_backout_log', ?1)",
            [next.writes],
        )?;
    }
    transaction.execute("DELETE FROM main._backout_writer", [])?;
    install::renew(&transaction, config, RESTORED, next.eras)?;
    transaction.commit()?;
    // All of it into the one file.
    let _: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    connection.close().map_err(|(_, error)| error)?;
    for ending in ["-wal", "-journal"] {
        if stat(&with_ending(staged, ending))?.is_some_and(|left| left.len() > 0) {
            return Err(Fault::Said(bad_data("write the recorder of the saved copy into its file")));
        }
    }
    backout_kit::failpoint!("sqlite-recorder-prepared");
    Ok(true)
}

/// Where to go on.
fn after(saved: Numbers, live: Option<Numbers>, apart: i64) -> Numbers {
    let live = live.unwrap_or_default();
    let lift = STRIDE.saturating_mul(apart.saturating_add(1));
    Numbers {
        writes: saved.writes.max(live.writes).saturating_add(lift),
        eras: saved.eras.max(live.eras).saturating_add(1).saturating_add(apart),
    }
}

/// The numbers of what cannot be read are not known; those of this run are not those of another one.
fn apart(place: &Place) -> i64 {
    let digest = Digest::of_bytes("backout/sqlite/apart", place.tag().as_bytes()).to_string();
    let bytes =
        digest.bytes().fold(0u64, |number, byte| number.wrapping_mul(31).wrapping_add(u64::from(byte)));
    i64::try_from(bytes % STRIDES_APART).unwrap_or(0) + 1
}

fn numbers(connection: &Connection) -> Result<Option<Numbers>, Fault> {
    let parts: i64 = connection.query_row(
        "SELECT count(*) FROM main.sqlite_schema WHERE type = 'table' AND name IN ('_backout_log', '_backout_era')",
        [],
        |row| row.get(0),
    )?;
    if parts < 2 {
        return Ok(None);
    }
    let query = "SELECT max(coalesce((SELECT max(seq) FROM main._backout_log), 0),
         coalesce((SELECT max(CAST(seq AS INTEGER)) FROM main.sqlite_sequence WHERE name = '_backout_log'), 0)),
         coalesce((SELECT max(era) FROM main._backout_era), 0)";
    let numbers =
        connection.query_row(query, [], |row| Ok(Numbers { writes: row.get(0)?, eras: row.get(1)? }))?;
    Ok(Some(numbers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_above_both_sides() {
        let numbers = |writes, eras| Numbers { writes, eras };
        for (saved, live, apart, expected) in [
            (numbers(10, 1), None, 0, numbers(10 + STRIDE, 2)),
            (numbers(10, 1), Some(numbers(500, 2)), 0, numbers(500 + STRIDE, 3)),
            // A checkpoint of a state that came later than what is live.
            (numbers(STRIDE + 7, 5), Some(numbers(500, 2)), 0, numbers(2 * STRIDE + 7, 6)),
            (numbers(10, 1), None, 3, numbers(10 + 4 * STRIDE, 5)),
            (numbers(i64::MAX - 1, 1), None, 0, numbers(i64::MAX, 2)),
        ] {
            assert_eq!(after(saved, live, apart), expected);
        }
    }
}
