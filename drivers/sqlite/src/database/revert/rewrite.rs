//! Rewrites a live database within one transaction of SQLite's own.
//!
//! The lock comes first; behind it the schema is compared with the one the step starts from, and what is there is
//! copied aside; then the content is rewritten and committed, and the lock is let go. So nobody's write falls
//! between the copy and the rewrite, and a kill at any instant leaves the old or the new database:
//!
//! | killed | live | beside | left to do |
//! |---|---|---|---|
//! | before the lock | old | staged, perhaps | all of it, again |
//! | while it is copied aside | old | staged, a part under the name `build` | all of it, again |
//! | after | old | staged, displaced | all of it, again; the same copy is not kept twice |
//! | within the transaction | old, once SQLite has rolled back | staged, displaced | all of it, again |
//! | after the commit | new | staged, displaced | remove the staged file |
//!
//! With a write-ahead log, readers go on reading what they read. With a rollback journal they must be gone, and so
//! must everybody where the log has to be given up: SQLite changes neither its page size nor its journal under
//! others. Nobody is waited for longer than `busy`.

use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use backout_contract::{DriverError, Effect};
use rusqlite::{Connection, OpenFlags};

use super::{impossible, kept, overtaken};
use crate::database::copy::{Rewrite, busy};
use crate::database::judge::Origin;
use crate::database::open::frozen;
use crate::database::place::{Place, access_of, stat};
use crate::database::read::{pragma, shape_digest};
use crate::database::state::State;
use crate::fault::{Fault, shown};
use crate::pace::Pace;

const BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// Why a rewrite did not come about.
enum Halt {
    /// The schema is not the one the step starts from.
    Overtaken,
    /// Nothing was rewritten.
    Before(Fault),
    /// SQLite says that nothing was rewritten.
    Within(Fault),
}

impl<E: Into<Fault>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self::Before(error.into())
    }
}

/// What a rewrite needs to know.
struct Task<'a> {
    place: &'a Place,
    origin: &'a Origin,
    pace: &'a Pace,
}

pub(super) fn rewrite(
    place: &Place,
    staged: &Path,
    saved: &State,
    origin: &Origin,
    pace: &Pace,
) -> Result<Effect, DriverError> {
    let attempted = format!("rewrite {}", place.shown);
    match (Task { place, origin, pace }).attempt(staged, saved) {
        Ok(kept) => {
            backout_kit::failpoint!("sqlite-rewritten");
            let evidence = format!(
                "{} was rewritten in one transaction; what stood there is kept as {}",
                place.shown,
                shown(&kept)
            );
            Ok(Effect::Applied { evidence })
        }
        Err(Halt::Overtaken) => Ok(overtaken()),
        Err(Halt::Before(fault)) => Err(fault.while_doing(&attempted).nothing_happened()),
        Err(Halt::Within(fault)) => Err(fault.while_doing(&attempted)),
    }
}

impl Task<'_> {
    fn attempt(&self, staged: &Path, saved: &State) -> Result<PathBuf, Halt> {
        let staged = frozen(staged)?;
        let mut live = connect(self.place)?;
        let keeps_log = pragma::<String>(&live, "journal_mode")? == "wal";
        let page_size: u32 = pragma(&live, "page_size")?;
        if keeps_log && saved.write_ahead && page_size == saved.page_size {
            self.behind_the_write_lock(&staged, &mut live)
        } else {
            self.behind_the_exclusive_lock(&staged, &mut live, keeps_log)
        }
    }

    /// Readers go on. The connection that rewrites holds the lock and can do nothing else, so another one reads.
    fn behind_the_write_lock(&self, staged: &Connection, live: &mut Connection) -> Result<PathBuf, Halt> {
        let reader = connect(self.place)?;
        let rewrite = Rewrite::lock(staged, live)?;
        reader.execute_batch("BEGIN")?;
        let kept = self.keep(&reader)?;
        reader.execute_batch("COMMIT")?;
        backout_kit::failpoint!("sqlite-before-rewrite");
        rewrite.commit().map_err(Halt::Within)?;
        // As much as readers allow; the rest is done by whoever comes next.
        let _ = live.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        Ok(kept)
    }

    /// Nobody else is in. One connection holds the lock over all it does: in exclusive mode a lock that was taken
    /// stays taken between transactions.
    fn behind_the_exclusive_lock(
        &self,
        staged: &Connection,
        live: &mut Connection,
        keeps_log: bool,
    ) -> Result<PathBuf, Halt> {
        let _: String = live.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |row| row.get(0))?;
        if keeps_log {
            give_up_the_log(live, self.place.busy)?;
            backout_kit::failpoint!("sqlite-log-given-up");
        }
        let outcome = self.within_the_exclusive_lock(staged, live);
        if outcome.is_err() && keeps_log {
            // Best effort: which journal is kept was not to change.
            let _ = live.execute_batch("ROLLBACK");
            let _ = live.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()));
        }
        outcome
    }

    fn within_the_exclusive_lock(&self, staged: &Connection, live: &mut Connection) -> Result<PathBuf, Halt> {
        live.execute_batch("BEGIN EXCLUSIVE; COMMIT; BEGIN")?;
        let kept = self.keep(live)?;
        live.execute_batch("COMMIT")?;
        backout_kit::failpoint!("sqlite-before-rewrite");
        Rewrite::lock(staged, live)?.commit().map_err(Halt::Within)?;
        Ok(kept)
    }

    /// Behind the lock: compares the schema, and copies what is there aside.
    fn keep(&self, connection: &Connection) -> Result<PathBuf, Halt> {
        if self.origin.shape != Some(shape_digest(connection)?) {
            return Err(Halt::Overtaken);
        }
        let there = stat(&self.place.live)?.ok_or_else(|| impossible("find the database that is locked"))?;
        Ok(kept::copy_aside(self.place, connection, self.origin.shape, access_of(&there), self.pace)?)
    }
}

/// Back to a rollback journal, which SQLite does only when nobody else is in, and does not wait for.
fn give_up_the_log(live: &Connection, patience: Duration) -> Result<(), Fault> {
    let until = Instant::now() + patience;
    loop {
        match live.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get::<_, String>(0)) {
            Ok(mode) if mode == "delete" => return Ok(()),
            Err(error) if Instant::now() >= until => return Err(error.into()),
            Ok(_) if Instant::now() >= until => return Err(busy().into()),
            _ => sleep(BETWEEN_TRIES),
        }
    }
}

fn connect(place: &Place) -> rusqlite::Result<Connection> {
    let connection = open(place)?;
    connection.execute_batch("PRAGMA synchronous = FULL")?;
    Ok(connection)
}

/// Opens the live database for writing, without reading it yet. Whoever reads first recovers what a dead writer left.
pub(in crate::database) fn open(place: &Place) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&place.live, flags)?;
    connection.busy_timeout(place.busy)?;
    Ok(connection)
}
