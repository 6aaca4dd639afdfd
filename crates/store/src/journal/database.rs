//! The journal's SQLite file: made, opened, told from other files, read row by row.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use backout_contract::JournalError;
use backout_core::digest::Digest;
use backout_core::journal::{Broken, Chain, Record, genesis};
use backout_kit::atomic_put::sync_folder_of;
use backout_kit::file_error::OnFile;
use rusqlite::{Connection, OpenFlags, Row, TransactionBehavior, params};

use super::schema::{SCHEMA, TABLES};
use super::trouble::Trouble;
use crate::error::StateError;
use crate::layout::Layout;

/// `BKOT`: marks the database as a journal.
const APPLICATION: i64 = 0x424b_4f54;

/// Earlier ones can lose a part of the write-ahead log when it is reset.
const OLDEST_LIBRARY: i32 = 3_051_003;

/// One page of the smallest size.
const SHORTEST_DATABASE: u64 = 512;

/// Somebody may look into the file with `sqlite3` at the same moment.
const PATIENCE: Duration = Duration::from_secs(2);

/// A connection is used by one thread at a time, so SQLite need not lock it for each call; a long journal has millions.
const UNSHARED: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX;

/// How often a journal that is being made is looked at again.
const LOOKS_WHILE_MADE: u32 = 10;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
const JUST_NOW: Duration = Duration::from_secs(2);

/// Opens the journal for its one writer and makes it where there is none.
pub(super) fn open_to_write(path: &Path) -> Result<Connection, Trouble> {
    check_library()?;
    refuse_lost(path)?;
    make_private(path)?;
    check_length(path)?;
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | UNSHARED)?;
    connection.busy_timeout(PATIENCE)?;
    // Told apart before anything is written: the file may be somebody else's.
    let is_new = !identify(&connection)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    // Setting it may fail without an error, so the mode is asked for.
    let found: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    if found != "wal" {
        return Err(Trouble::NotWal { found });
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    if is_new {
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE;
             {TABLES}
             INSERT INTO head(sequence, digest) VALUES (0, '{}');
             PRAGMA application_id = {APPLICATION};
             PRAGMA user_version = {SCHEMA};
             COMMIT;",
            genesis(),
        ))?;
    }
    Ok(connection)
}

/// Opens the journal without changing anything; none where there is none or nothing was written yet.
///
/// A journal whose write-ahead log is gone was closed whole and is read as an immutable file, which needs no
/// helper files and works in a folder that cannot be written. Otherwise a writer lives or was killed, and SQLite
/// reads the log through the index that stands beside it.
pub(super) fn open_to_read(path: &Path) -> Result<Option<Connection>, Trouble> {
    // A journal that is being made at this moment can look like somebody else's file between two of its pages.
    for _ in 0..LOOKS_WHILE_MADE {
        match open_once_to_read(path) {
            Err(Trouble::Foreign) if was_changed_just_now(path) => std::thread::sleep(BETWEEN_LOOKS),
            found => return found,
        }
    }
    open_once_to_read(path)
}

fn was_changed_just_now(path: &Path) -> bool {
    let changed = fs::metadata(path).and_then(|there| there.modified());
    changed.is_ok_and(|at| at.elapsed().is_ok_and(|since| since < JUST_NOW))
}

fn open_once_to_read(path: &Path) -> Result<Option<Connection>, Trouble> {
    check_library()?;
    refuse_lost(path)?;
    if !check_length(path)? {
        return Ok(None);
    }
    let log = with_ending(path, "-wal");
    let immutable = fs::metadata(&log).map_or(true, |log| log.len() == 0);
    let uri = format!("file:{}?mode=ro{}", escaped(path), if immutable { "&immutable=1" } else { "" });
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | UNSHARED;
    let connection = Connection::open_with_flags(uri, flags)?;
    connection.busy_timeout(PATIENCE)?;
    match identify(&connection) {
        Ok(true) => Ok(Some(connection)),
        Ok(false) => Ok(None),
        Err(Trouble::Newer { .. }) => Ok(Some(connection)),
        Err(trouble) => Err(trouble),
    }
}

/// Reads the records that follow, in order, and moves the chain on. `visit` gets each record with its line.
pub(super) fn read_rows(
    connection: &Connection,
    chain: &mut Chain,
    mut visit: impl FnMut(Record, &str) -> Result<(), Broken>,
) -> Result<(), ReadError> {
    // The first read has no lower bound, so that a row before the first record shows.
    let last = match chain.next_sequence() {
        1 => i64::MIN,
        next => i64::try_from(next - 1).unwrap_or(i64::MAX),
    };
    // One transaction, so that the rows and the head are of one moment.
    let transaction = connection.unchecked_transaction()?;
    let mut statement = transaction
        .prepare("SELECT sequence, line, digest FROM record WHERE sequence > ?1 ORDER BY sequence")?;
    let mut rows = statement.query([last])?;
    while let Some(row) = rows.next()? {
        let (record, line) = follow(chain, row)?;
        visit(record, line).map_err(ReadError::Refused)?;
    }
    // More than one row is as wrong as none: which of them would be read is chance.
    let mut heads = transaction.prepare("SELECT sequence, digest FROM head LIMIT 2")?;
    let heads: Vec<(i64, String)> =
        heads.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
    Ok(check_head(chain, &heads)?)
}

/// Appends lines and moves the head, all or nothing. Durable when it returns.
pub(super) fn append_rows(connection: &mut Connection, lines: &[Line]) -> rusqlite::Result<()> {
    let Some(last) = lines.last() else { return Ok(()) };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut insert =
            transaction.prepare_cached("INSERT INTO record(sequence, line, digest) VALUES (?1, ?2, ?3)")?;
        for line in lines {
            insert.execute(params![line.sequence, line.text, line.digest])?;
        }
        transaction
            .prepare_cached("UPDATE head SET sequence = ?1, digest = ?2")?
            .execute(params![last.sequence, last.digest])?;
    }
    transaction.commit()
}

/// A record as it is stored.
pub(super) struct Line {
    /// Its number, as SQLite counts.
    pub(super) sequence: i64,
    /// Its text.
    pub(super) text: String,
    /// The digest of its text.
    pub(super) digest: String,
}

/// The chain cannot tell whether its last records are gone or changed; the head can.
fn check_head(chain: &Chain, heads: &[(i64, String)]) -> Result<(), Broken> {
    let next = chain.next_sequence();
    let last = (next - 1).max(1);
    let [(stored, digest)] = heads else { return Err(Broken::Edited { sequence: last }) };
    match u64::try_from(*stored) {
        Ok(newest) if newest >= next => Err(Broken::Gap { expected: next, found: newest.saturating_add(1) }),
        Ok(newest) if newest + 1 == next && *digest == chain.head().to_string() => Ok(()),
        _ => Err(Broken::Edited { sequence: last }),
    }
}

/// Why reading rows ended early.
pub(super) enum ReadError {
    /// A record does not follow.
    Broken(Broken),
    /// The visitor refused a record.
    Refused(Broken),
    Trouble(Trouble),
}

impl ReadError {
    pub(super) fn on(self, path: &Path) -> JournalError {
        match self {
            Self::Broken(broken) | Self::Refused(broken) => broken.into(),
            Self::Trouble(trouble) => trouble.on("read the journal", path),
        }
    }
}

impl From<Broken> for ReadError {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Trouble(error.into())
    }
}

fn follow<'row>(chain: &mut Chain, row: &'row Row<'_>) -> Result<(Record, &'row str), ReadError> {
    let expected = chain.next_sequence();
    let unreadable = |why: &str| Broken::Unreadable { sequence: expected, cause: why.to_owned() };
    let stored: i64 = row.get(0)?;
    let found = u64::try_from(stored).map_err(|_| unreadable("its number is negative"))?;
    if found != expected {
        return Err(Broken::Gap { expected, found }.into());
    }
    let line = row.get_ref(1)?.as_str().map_err(|_| unreadable("its line is not text"))?;
    // A record counts as read when its digest agrees too.
    let mut ahead = chain.clone();
    let record = ahead.read(line)?;
    let digest = row.get_ref(2)?.as_str().ok().and_then(Digest::parse);
    if digest != Some(ahead.head()) {
        return Err(Broken::Edited { sequence: expected }.into());
    }
    *chain = ahead;
    Ok((record, line))
}

/// Whether it is a journal (true) or still empty (false).
fn identify(connection: &Connection) -> Result<bool, Trouble> {
    // One transaction, so that a journal which is being made this moment is seen before or after, not between.
    let transaction = connection.unchecked_transaction()?;
    let number = |pragma: &str| transaction.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let application = number("PRAGMA application_id")?;
    let schema = number("PRAGMA user_version")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    match (application, schema) {
        (0, 0) if tables == 0 => Ok(false),
        (APPLICATION, 1..=SCHEMA) => Ok(true),
        (APPLICATION, found) if found > SCHEMA => Err(Trouble::Newer { found, known: SCHEMA }),
        _ => Err(Trouble::Foreign),
    }
}

/// Whether there is a file. SQLite takes a file of one byte for an empty database, and so for a new journal.
fn check_length(path: &Path) -> Result<bool, Trouble> {
    match fs::metadata(path) {
        Ok(there) if there.is_file() && !(1..SHORTEST_DATABASE).contains(&there.len()) => Ok(true),
        Ok(_) => Err(Trouble::NotADatabase),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        failed => Ok(failed.on_file("look at", path).map(|_| false).map_err(StateError::from)?),
    }
}

/// Refuses to take a journal for a new one that is gone or was emptied, where checkpoints tell that there was one.
fn refuse_lost(path: &Path) -> Result<(), Trouble> {
    let holds_nothing =
        |path: &Path| fs::metadata(path).is_ok_and(|there| there.is_file() && there.len() == 0);
    let is_gone =
        |path: &Path| fs::symlink_metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound);
    let has_none = |path: &Path| is_gone(path) || holds_nothing(path);
    let Some(folder) = path.parent().filter(|_| has_none(path) && has_none(&with_ending(path, "-wal")))
    else {
        return Ok(());
    };
    let checkpoints = Layout::at(folder).checkpoints();
    let begun = fs::read_dir(checkpoints).is_ok_and(|mut entries| entries.next().is_some());
    if begun { Err(Trouble::Lost) } else { Ok(()) }
}

fn check_library() -> Result<(), Trouble> {
    if rusqlite::version_number() < OLDEST_LIBRARY {
        return Err(Trouble::OldLibrary { found: rusqlite::version().to_owned() });
    }
    Ok(())
}

/// Makes the file before SQLite does, which would let others read it. Only where there is none: closing a
/// database that is open elsewhere in this process would let go of its locks.
fn make_private(path: &Path) -> Result<(), Trouble> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(sync_folder_of(path).map_err(StateError::from)?),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        failed => Ok(failed.on_file("make the journal", path).map(drop).map_err(StateError::from)?),
    }
}

/// Tells a file that was changed while it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp([Option<(u64, u64, i64, i64)>; 2]);

impl Stamp {
    /// Of the database and of its log.
    pub(super) fn of(path: &Path) -> Self {
        let stamp = |path: &Path| {
            let there = fs::metadata(path).ok()?;
            Some((there.ino(), there.len(), there.mtime(), there.mtime_nsec()))
        };
        Self([stamp(path), stamp(&with_ending(path, "-wal"))])
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The path as SQLite reads it in a URI.
fn escaped(path: &Path) -> String {
    let mut text = String::new();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => {
                text.push(char::from(*byte))
            }
            other => text.push_str(&format!("%{other:02x}")),
        }
    }
    text
}
