//! Moves a database aside where none was saved.
//!
//! | # | database | journals | displaced | left to do |
//! |---|---|---|---|---|
//! | 1 | in place | in place | none | all of it |
//! | 2 | in place | empty or none | none | rename the database |
//! | 3 | displaced | empty, perhaps | database | remove the empty ones; nobody misses them |
//!
//! A database that can be read is locked and its log written back first, so that the one file is all of it. One
//! that cannot be read takes its journals along.

use std::fs;

use backout_contract::{DriverError, Effect};
use rusqlite::Connection;

use super::{kept, overtaken, rewrite};
use crate::database::config::SIDECARS;
use crate::database::copy::busy;
use crate::database::judge::{Found, Origin};
use crate::database::place::{Place, stat};
use crate::database::read::{pragma, shape_digest};
use crate::fault::{Fault, of_io, shown};

pub(super) fn remove(place: &Place, found: &Found, origin: &Origin) -> Result<Effect, DriverError> {
    let lock = match found {
        Found::Present(_) => {
            let locked = lock(place, origin).map_err(|fault| {
                fault.while_doing(&format!("lock {} before it is moved", place.shown)).nothing_happened()
            })?;
            let Some(lock) = locked else { return Ok(overtaken()) };
            Some(lock)
        }
        Found::Unreadable(_) | Found::Absent => None,
    };
    backout_kit::failpoint!("sqlite-before-removal");
    if lock.is_none() {
        kept::move_sidecars_aside(place)?;
    }
    let kept = kept::move_aside(place, &place.live)?;
    backout_kit::failpoint!("sqlite-removed");
    drop(lock);
    clear_journals(place)?;
    Ok(Effect::Applied { evidence: format!("{} was moved to {}", place.shown, shown(&kept)) })
}

/// Keeps everybody out for as long as the connection lives; none when the schema is not the expected one.
fn lock(place: &Place, origin: &Origin) -> Result<Option<Connection>, Fault> {
    let live = rewrite::open(place)?;
    // Before anything is read, so that no memory is shared and no file is made for it.
    let _: String = live.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |row| row.get(0))?;
    live.execute_batch("PRAGMA synchronous = FULL; BEGIN EXCLUSIVE")?;
    if origin.shape != Some(shape_digest(&live)?) {
        return Ok(None);
    }
    live.execute_batch("COMMIT")?;
    if pragma::<String>(&live, "journal_mode")? == "wal" {
        let is_blocked: bool = live.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if is_blocked {
            return Err(busy().into());
        }
    }
    Ok(Some(live))
}

/// Removes what SQLite leaves when its file is moved under it: journals without content, and the index of a log.
pub(super) fn clear_journals(place: &Place) -> Result<(), DriverError> {
    let mut is_changed = false;
    for ending in SIDECARS {
        let path = place.sidecar(ending);
        if stat(&path)?.is_some_and(|left| left.len() == 0 || ending == "-shm") {
            fs::remove_file(&path).map_err(|error| of_io("remove", &path, error))?;
            is_changed = true;
        }
    }
    if is_changed { kept::sync(&place.live) } else { Ok(()) }
}
