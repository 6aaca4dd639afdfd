//! One bounded look through a folder: what in it deserves a component of its own, and what could not be saved.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use backout_kit::{quietly, reserved};
use rustix::fs::{Dir, OFlags};

use super::look::{self, Thing};

/// Most entries that are looked at.
pub const MOST: usize = 20_000;
/// Deepest folder below the first.
pub const DEEPEST: usize = 32;
/// What SQLite keeps beside a database.
pub const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// What a look through a folder found.
#[derive(Debug, Default)]
pub struct Walked {
    /// How many files there are; databases and what SQLite keeps beside them left out.
    pub files: usize,
    /// How long those are together, in bytes.
    pub bytes: u64,
    /// Files that begin as a SQLite database does.
    pub databases: Vec<PathBuf>,
    /// Files called `.env` and the like.
    pub settings: Vec<PathBuf>,
    /// What cannot be saved with the rest, and why.
    pub odd: Vec<(PathBuf, String)>,
    /// Why not everything was looked at.
    pub bounded: Option<String>,
    /// Files that are no databases, with their lengths.
    others: Vec<(PathBuf, u64)>,
}

/// Looks through a folder, the upper ones first. Links are not followed, other file systems not entered.
///
/// # Errors
/// The folder itself cannot be read.
pub fn walk(folder: &Path, skip: &[&Path]) -> io::Result<Walked> {
    let mut found = Walked::default();
    let device = folder.symlink_metadata()?.dev();
    let mut left: VecDeque<(PathBuf, usize)> = VecDeque::from([(folder.to_owned(), 0)]);
    let mut seen = 0;
    while let Some((here, depth)) = left.pop_front() {
        let names = match names(&here, MOST - seen) {
            Ok(names) => names,
            Err(error) if depth == 0 => return Err(error),
            Err(error) => {
                found.odd.push((here, format!("it cannot be read: {error}")));
                continue;
            }
        };
        seen += names.len();
        for name in names {
            let path = here.join(OsStr::from_bytes(&name));
            if skip.contains(&path.as_path()) || path.file_name().is_some_and(reserved::is_reserved) {
                continue;
            }
            let Ok(about) = path.symlink_metadata() else { continue };
            match look::thing(about.file_type()) {
                Thing::Folder if about.dev() != device => {
                    found.odd.push((path, "another file system is mounted there".into()));
                }
                Thing::Folder if depth >= DEEPEST => {
                    found.bounded = Some(format!("it is more than {DEEPEST} folders deep"));
                }
                Thing::Folder => left.push_back((path, depth + 1)),
                Thing::File => found.file(path, about.len()),
                Thing::Other(what) => found.odd.push((path, format!("it is a {what}"))),
                Thing::Link => {}
            }
        }
        if seen >= MOST {
            found.bounded = Some(format!("it holds more than {MOST} names"));
            break;
        }
    }
    found.count();
    Ok(found)
}

impl Walked {
    fn file(&mut self, path: PathBuf, length: u64) {
        match look::is_database(&path) {
            Ok(true) => self.databases.push(path),
            Ok(false) => {
                let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
                if name.is_some_and(|name| name == ".env" || name.ends_with(".env")) {
                    self.settings.push(path.clone());
                }
                self.others.push((path, length));
            }
            Err(error) => self.odd.push((path, format!("it cannot be read: {error}"))),
        }
    }

    /// Counts what belongs to no database.
    fn count(&mut self) {
        let companions: BTreeSet<PathBuf> =
            self.databases.iter().flat_map(|path| BESIDE.map(|ending| beside(path, ending))).collect();
        for (path, length) in std::mem::take(&mut self.others) {
            if !companions.contains(&path) {
                self.files += 1;
                self.bytes = self.bytes.saturating_add(length);
            }
        }
    }
}

/// The file beside a database with this ending.
pub fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The names in a folder, in order, at most so many and one.
///
/// # Errors
/// It cannot be read.
pub fn names(folder: &Path, most: usize) -> io::Result<Vec<Vec<u8>>> {
    let open = quietly::open_with(folder, OFlags::DIRECTORY | OFlags::NOFOLLOW)?;
    let mut names = Vec::new();
    for entry in Dir::read_from(&open)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(name.to_vec());
        }
        if names.len() > most {
            break;
        }
    }
    names.sort();
    Ok(names)
}
