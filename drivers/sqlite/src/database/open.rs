//! Looks at a database without leaving a trace.
//!
//! SQLite writes even when it only reads: it makes the files of a write-ahead log, plays a log back, rolls a hot
//! journal back, and as root gives the files beside a database their owner again, which moves their time of change.
//! So the way in is chosen by what lies there, and where one is barred, the next is taken.
//!
//! | # | log (`-wal`) | `-shm` | journal | ways in |
//! |---|---|---|---|---|
//! | 1 | any, beside an empty file | any | any | frozen: SQLite would delete a log or journal beside it |
//! | 2 | empty | any | any | frozen: all there is has been written back; joined |
//! | 3 | there | absent | any | a copy: its writer is dead, or lets nobody in; joined |
//! | 4 | there | there | any | joined, as one more reader beside those who write; a copy |
//! | 5 | as row 4, and we are root, and it is small | | | a copy; joined |
//! | 6 | absent | any | holds something | a copy: its writer is dead or in the middle of writing; shared |
//! | 7 | absent, and the header says that one is kept | any | none | frozen: nobody has it open, or nobody has written yet |
//! | 8 | absent | any | none | shared, as any reader; a copy |
//!
//! *Frozen* (`immutable=1`) takes no lock and makes no file. A *copy* is private, in our scratch folder; there SQLite
//! plays back and rolls back as it likes. Both count only when none of the files changed meanwhile. *Joined* reads
//! with a read-only `-shm`, *shared* under a shared lock; both wait for others as long as `busy` says. A database that
//! changes all that time under a frozen look or a copy has users who make and remove those files all the time, so that
//! at last we may do so too, as a plain reader.
//!
//! What remains: the kernel may move the time of the last access, and row 4 as root times of change.

use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use backout_contract::{DriverError, ErrorKind};
use backout_kit::quietly;
use backout_kit::scratch_folder::ScratchFolder;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use super::place::{Place, access_of, stat, with_ending};
use super::read::pragma;
use super::state::Access;
use crate::fault::{Fault, of_io};

/// An open database within a read transaction.
pub(super) struct Reading<'a> {
    pub(super) connection: &'a Connection,
    pub(super) write_ahead: bool,
    pub(super) access: Access,
}

/// Some file systems tell times no finer than the clock ticks.
const CLOCK_TICK: Duration = Duration::from_millis(20);
/// What is copied without a second thought, in bytes.
const SMALL: u64 = 64 << 20;
pub(super) const BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// A way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Frozen,
    Joined,
    Shared,
    Copied,
    Plain,
}

/// Reads a database; none when nothing is there. `read` may be called several times, and only what its last call
/// brought back counts.
pub(super) fn look<T>(
    place: &Place,
    read: &mut dyn FnMut(&Reading<'_>) -> Result<T, Fault>,
) -> Result<Option<T>, DriverError> {
    let attempted = format!("read the database {}", place.shown);
    let until = Instant::now() + place.busy;
    let mut is_patient = true;
    loop {
        let Some(before) = Stamp::of(place)? else { return Ok(None) };
        let ways = if is_patient { before.ways(&place.live)? } else { vec![Way::Plain] };
        for way in ways {
            match by(way, place, &before, read) {
                // What a copy held still holds, whatever became of the files since.
                Ok(found) if way == Way::Copied || before.holds_for(way, place)? => return Ok(Some(found)),
                Err(fault)
                    if !is_barred(way, &fault)
                        && before.is_same_file(place)?
                        && before.holds_for(way, place)? =>
                {
                    return Err(fault.while_doing(&attempted).nothing_happened());
                }
                _ => {}
            }
        }
        is_patient = Instant::now() < until;
        sleep(BETWEEN_TRIES);
    }
}

/// Opens a file that nobody but us knows, for reading.
pub(super) fn own(path: &Path) -> rusqlite::Result<(Connection, bool)> {
    let write_ahead = is_write_ahead(path)?;
    Ok((frozen(path)?, write_ahead))
}

/// A frozen connection: no lock, no file beside it. Right only where nobody writes.
pub(super) fn frozen(path: &Path) -> rusqlite::Result<Connection> {
    connect(path, "mode=ro&immutable=1", Duration::ZERO)
}

fn by<T>(
    way: Way,
    place: &Place,
    before: &Stamp,
    read: &mut dyn FnMut(&Reading<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let entered = enter(way, place, before)?;
    transact(&entered.connection, entered.write_ahead, before.access, read)
}

/// An open database, before anything was read of it.
pub(super) struct Entered {
    // Dropped first: the folder goes with the copy in it.
    pub(super) connection: Connection,
    write_ahead: Option<bool>,
    _copy: Option<ScratchFolder>,
}

/// Opens the database by one of the ways in.
pub(super) fn enter(way: Way, place: &Place, before: &Stamp) -> Result<Entered, Fault> {
    let path = &place.live;
    let entered = |connection, write_ahead| Entered { connection, write_ahead, _copy: None };
    Ok(match way {
        Way::Frozen => {
            before.db.wait_for_the_clock();
            let write_ahead = before.db.size > 0 && is_write_ahead(path)?;
            entered(frozen(path)?, Some(write_ahead))
        }
        Way::Joined => entered(connect(path, "mode=ro&readonly_shm=1", place.busy)?, None),
        Way::Shared => entered(connect(path, "mode=ro", place.busy)?, Some(false)),
        Way::Plain => entered(connect(path, "mode=ro", place.busy)?, None),
        Way::Copied => {
            let folder = private_folder(place)?;
            let copy = folder.path().join("copy");
            before.db.wait_for_the_clock();
            for ending in ["", "-wal", "-journal"] {
                copy_if_there(&place.sidecar(ending), &with_ending(&copy, ending))?;
            }
            if !before.holds_for(way, place)? {
                return Err(Fault::Said(changing(place)));
            }
            // Of the copy: here SQLite may play back and roll back as it likes.
            let connection = connect(&copy, "mode=rw", Duration::ZERO)?;
            Entered { connection, write_ahead: None, _copy: Some(folder) }
        }
    })
}

/// Whether another way may lead in.
pub(super) fn is_barred(way: Way, fault: &Fault) -> bool {
    let needs_recovery = [
        ffi::SQLITE_READONLY_ROLLBACK,
        ffi::SQLITE_READONLY_RECOVERY,
        ffi::SQLITE_READONLY_CANTINIT,
        ffi::SQLITE_READONLY_CANTLOCK,
    ];
    match way {
        Way::Joined => {
            fault.primary_code() == Some(ErrorCode::CannotOpen)
                || fault.code().is_some_and(|code| needs_recovery.contains(&code))
        }
        Way::Shared => fault.code().is_some_and(|code| needs_recovery.contains(&code)),
        Way::Frozen | Way::Copied | Way::Plain => false,
    }
}

fn transact<T>(
    connection: &Connection,
    write_ahead: Option<bool>,
    access: Access,
    read: &mut dyn FnMut(&Reading<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    connection.execute_batch("BEGIN")?;
    // Begins the reading: a bare BEGIN waits for the first statement that reads.
    let _: i64 = pragma(connection, "schema_version")?;
    let write_ahead = match write_ahead {
        Some(known) => known,
        None => pragma::<String>(connection, "journal_mode")? == "wal",
    };
    read(&Reading { connection, write_ahead, access })
}

/// Whether the header says that a log is written ahead. Without locks SQLite cannot open a log and refuses to,
/// and thereby tells without making one.
fn is_write_ahead(path: &Path) -> rusqlite::Result<bool> {
    let connection = connect(path, "mode=ro&nolock=1", Duration::ZERO)?;
    match pragma::<i64>(&connection, "schema_version") {
        Ok(_) => Ok(false),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::CannotOpen) => Ok(true),
        Err(error) => Err(error),
    }
}

fn connect(path: &Path, how: &str, busy: Duration) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(address(path, how), flags)?;
    connection.busy_timeout(busy)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

/// A path as the address that SQLite takes, whatever bytes it has.
fn address(path: &Path, how: &str) -> String {
    let mut address = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                address.push(char::from(*byte))
            }
            other => address.push_str(&format!("%{other:02X}")),
        }
    }
    address + "?" + how
}

/// A folder of our own with room for a copy, gone when it is dropped.
pub(super) fn private_folder(place: &Place) -> Result<ScratchFolder, DriverError> {
    let sizes = ["", "-wal", "-journal"].map(|ending| stat(&place.sidecar(ending)));
    let bytes = sizes.into_iter().flatten().flatten().map(|file| file.len()).sum();
    ScratchFolder::make(&place.scratch, bytes)
        .map_err(|error| of_io("make a private folder in", &place.scratch, error).nothing_happened())
}

/// Closing a file gives up every lock that this process has on it, so this is not for databases that another
/// connection of ours is reading at this moment; components do not share a database.
fn copy_if_there(from: &Path, to: &Path) -> Result<(), DriverError> {
    match quietly::copy(from, to) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(of_io("make a private copy of", from, error).nothing_happened())
        }
        _ => Ok(()),
    }
}

/// Whether a journal is one: a journal that is kept for the next transaction begins with zeros.
fn holds_something(journal: &Path) -> Result<bool, DriverError> {
    let mut first = [0u8; 1];
    match fs::File::open(journal).and_then(|mut file| file.read(&mut first)) {
        Ok(read) => Ok(read > 0 && first != [0]),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(of_io("read the journal", journal, error).nothing_happened()),
    }
}

fn changing(place: &Place) -> DriverError {
    DriverError::new(ErrorKind::Locked, format!("read the database {} while it stands still", place.shown))
        .nothing_happened()
}

/// What tells whether somebody wrote.
pub(super) struct Stamp {
    db: FileStamp,
    log: Option<FileStamp>,
    journal: Option<FileStamp>,
    has_shared_memory: bool,
    access: Access,
}

#[derive(PartialEq, Eq)]
struct FileStamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(place: &Place) -> Result<Option<Self>, DriverError> {
        let Some(metadata) = stat(&place.live)? else { return Ok(None) };
        if !metadata.is_file() {
            return Err(DriverError::new(
                ErrorKind::Unreadable,
                format!("read the database {}: it is not a file", place.shown),
            )
            .nothing_happened());
        }
        let beside = |ending| Ok::<_, DriverError>(stat(&place.sidecar(ending))?.as_ref().map(FileStamp::of));
        Ok(Some(Self {
            db: FileStamp::of(&metadata),
            log: beside("-wal")?,
            journal: beside("-journal")?,
            has_shared_memory: beside("-shm")?.is_some(),
            access: access_of(&metadata),
        }))
    }

    /// The ways in, by the table of the module.
    pub(super) fn ways(&self, path: &Path) -> Result<Vec<Way>, DriverError> {
        let size = |file: &Option<FileStamp>| file.as_ref().map_or(0, |file| file.size);
        let is_small = self.db.size + size(&self.log) <= SMALL;
        // Nobody serves it, or serving it would leave a trace.
        let is_better_copied = !self.has_shared_memory || (is_small && rustix::process::geteuid().is_root());
        Ok(if self.db.size == 0 {
            vec![Way::Frozen]
        } else if self.log.is_some() && size(&self.log) == 0 {
            vec![Way::Frozen, Way::Joined]
        } else if self.log.is_some() {
            if is_better_copied { vec![Way::Copied, Way::Joined] } else { vec![Way::Joined, Way::Copied] }
        } else if size(&self.journal) > 0 && holds_something(&with_ending(path, "-journal"))? {
            vec![Way::Copied, Way::Shared]
        } else if matches!(is_write_ahead(path), Ok(true)) {
            vec![Way::Frozen]
        } else {
            vec![Way::Shared, Way::Copied]
        })
    }

    pub(super) fn is_same_file(&self, place: &Place) -> Result<bool, DriverError> {
        let now = stat(&place.live)?;
        Ok(now.is_some_and(|now| (now.dev(), now.ino()) == (self.db.device, self.db.inode)))
    }

    /// Whether nobody wrote since another look.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        self.db == other.db && self.log == other.log && self.journal == other.journal
    }

    /// Whether what was read that way is of one moment.
    pub(super) fn holds_for(&self, way: Way, place: &Place) -> Result<bool, DriverError> {
        if matches!(way, Way::Joined | Way::Shared | Way::Plain) {
            return Ok(true);
        }
        let now = Self::of(place)?;
        Ok(now.is_some_and(|now| now.is_as(self)))
    }
}

impl FileStamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// A file that was written within this very tick of the clock could be written again without a trace.
    fn wait_for_the_clock(&self) {
        let (seconds, nanoseconds) = self.modified;
        let (Ok(seconds), Ok(nanoseconds)) = (u64::try_from(seconds), u32::try_from(nanoseconds)) else {
            return;
        };
        let modified = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds);
        if let Ok(age) = SystemTime::now().duration_since(modified)
            && let Some(rest) = CLOCK_TICK.checked_sub(age)
        {
            sleep(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_any_path() {
        let path = Path::new(std::ffi::OsStr::from_bytes(b"/a b/\xff?#%/t\xc3\xb6.db"));
        assert_eq!(address(path, "mode=ro"), "file:/a%20b/%FF%3F%23%25/t%C3%B6.db?mode=ro");
    }
}
