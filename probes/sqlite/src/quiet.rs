//! Opens a database for reading without leaving a trace, in short what the driver of SQLite databases does.
//!
//! SQLite writes even when it only reads: it makes the files of a write-ahead log, plays a log back, rolls a hot
//! journal back, and as root gives the files beside a database their owner again.
//!
//! | # | log (`-wal`) | journal | way in |
//! |---|---|---|---|
//! | 1 | any, beside an empty file | any | frozen |
//! | 2 | empty | any | frozen |
//! | 3 | there, and small, and nobody serves it or we are root | any | a private copy |
//! | 4 | there | any | joined: with a read-only `-shm` |
//! | 5 | absent | holds something | a private copy |
//! | 6 | absent, and the header says that one is kept | none | frozen |
//! | 7 | absent | none | shared: under a shared lock |
//!
//! Frozen and copied count only when nothing changed meanwhile.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use backout_kit::quietly;
use backout_kit::scratch_folder::ScratchFolder;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

/// What is copied without a second thought, in bytes.
const SMALL: u64 = 64 << 20;

/// An open database, and how to tell whether what is read from it counts.
pub(crate) struct Quiet {
    pub(crate) connection: Connection,
    path: PathBuf,
    stamp: Option<Stamp>,
    // Dropped last: the connection may be to what lies in it.
    _copy: Option<ScratchFolder>,
}

/// Why it could not be opened.
#[derive(Debug)]
pub(crate) enum Trouble {
    Absent,
    File(io::Error),
    Sqlite(rusqlite::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        if error.kind() == ErrorKind::NotFound { Self::Absent } else { Self::File(error) }
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

type Stamp = [Option<(u64, u64, (i64, i64), (i64, i64))>; 3];

impl Quiet {
    pub(crate) fn open(path: &Path, scratch: &Path, patience: Duration) -> Result<Self, Trouble> {
        // SQLite keeps its journals beside what a link leads to.
        let path = fs::canonicalize(path)?;
        if !fs::metadata(&path)?.is_file() {
            return Err(io::Error::new(ErrorKind::InvalidInput, "it is not a file").into());
        }
        let stamp = stamp(&path)?;
        let [db, log, journal] = stamp.map(|file| file.map(|(_, size, _, _)| size));
        let served = with_ending(&path, "-shm").exists() && !rustix::process::geteuid().is_root();
        let is_small = db.unwrap_or(0) + log.unwrap_or(0) <= SMALL;
        let frozen = |path| connect(path, "mode=ro&immutable=1", patience);
        let (connection, copy, counts) = if db == Some(0) || log == Some(0) {
            (frozen(&path)?, None, false)
        } else if log.is_some() && !served && is_small || journal.is_some() && is_hot(&path)? {
            let folder = copy(&path, scratch)?;
            (connect(&folder.path().join("copy"), "mode=rw", Duration::ZERO)?, Some(folder), false)
        } else if log.is_some() {
            (connect(&path, "mode=ro&readonly_shm=1", patience)?, None, true)
        } else if is_write_ahead(&path)? {
            (frozen(&path)?, None, false)
        } else {
            (connect(&path, "mode=ro", patience)?, None, true)
        };
        if copy.is_some() && self::stamp(&path)? != stamp {
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                None,
            )
            .into());
        }
        connection.execute_batch("PRAGMA query_only = ON")?;
        let stamp = (!counts && copy.is_none()).then_some(stamp);
        Ok(Self { connection, path, stamp, _copy: copy })
    }

    /// Whether everything that was read is of one moment.
    pub(crate) fn counts(&self) -> bool {
        self.stamp.is_none_or(|then| stamp(&self.path).is_ok_and(|now| now == then))
    }
}

fn connect(path: &Path, how: &str, patience: Duration) -> rusqlite::Result<Connection> {
    let mut address = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                address.push(char::from(*byte))
            }
            other => address.push_str(&format!("%{other:02X}")),
        }
    }
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(format!("{address}?{how}"), flags)?;
    connection.busy_timeout(patience)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

/// Without locks SQLite cannot open a log and refuses to, and thereby tells without making one.
fn is_write_ahead(path: &Path) -> rusqlite::Result<bool> {
    let connection = connect(path, "mode=ro&nolock=1", Duration::ZERO)?;
    let version = connection.pragma_query_value(None, "schema_version", |row| row.get::<_, i64>(0));
    match version {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::CannotOpen) => Ok(true),
        // Anything else that is wrong is met again under a lock, and told then.
        _ => Ok(false),
    }
}

fn is_hot(path: &Path) -> io::Result<bool> {
    let mut first = [0u8; 1];
    let read = File::open(with_ending(path, "-journal"))?.read(&mut first)?;
    Ok(read > 0 && first != [0])
}

fn copy(path: &Path, scratch: &Path) -> io::Result<ScratchFolder> {
    let sizes = ["", "-wal", "-journal"].map(|ending| fs::metadata(with_ending(path, ending)));
    let folder = ScratchFolder::make(scratch, sizes.iter().flatten().map(fs::Metadata::len).sum())?;
    for ending in ["", "-wal", "-journal"] {
        match quietly::copy(&with_ending(path, ending), &folder.path().join(format!("copy{ending}"))) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(folder)
}

fn stamp(path: &Path) -> io::Result<Stamp> {
    let of = |ending| match fs::metadata(with_ending(path, ending)) {
        Ok(about) => {
            let times = ((about.mtime(), about.mtime_nsec()), (about.ctime(), about.ctime_nsec()));
            Ok(Some((about.ino(), about.size(), times.0, times.1)))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    Ok([of("")?, of("-wal")?, of("-journal")?])
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut whole = path.as_os_str().to_owned();
    whole.push(ending);
    whole.into()
}
