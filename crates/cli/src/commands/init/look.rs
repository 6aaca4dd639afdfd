//! Looks at what is there, without a trace in its times, without following a link, and without waiting for a pipe.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use backout_kit::{path_text, quietly};
use rustix::fs::OFlags;

/// The largest text that is read, in bytes.
pub const LONGEST: u64 = 4 * 1024 * 1024;

/// How every SQLite file begins.
const SQLITE: &[u8; 16] = b"SQLite format 3\0";
/// The smallest page, and so the shortest database, in bytes.
const SHORTEST_DATABASE: u64 = 512;

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thing {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A pipe, a socket or a device, by name.
    Other(&'static str),
}

/// What stands at a path; a link is not followed.
///
/// # Errors
/// Nothing is there, or we may not look.
pub fn at(path: &Path) -> io::Result<Thing> {
    Ok(thing(path.symlink_metadata()?.file_type()))
}

/// What a file's type means here.
pub fn thing(kind: fs::FileType) -> Thing {
    use std::os::unix::fs::FileTypeExt;
    match kind {
        kind if kind.is_file() => Thing::File,
        kind if kind.is_dir() => Thing::Folder,
        kind if kind.is_symlink() => Thing::Link,
        kind if kind.is_fifo() => Thing::Other("pipe"),
        kind if kind.is_socket() => Thing::Other("socket"),
        _ => Thing::Other("device"),
    }
}

/// Whether a regular file begins as a SQLite database does. SQLite itself is not asked, for it would make files
/// beside it.
///
/// # Errors
/// It cannot be read.
pub fn is_database(path: &Path) -> io::Result<bool> {
    let mut head = [0; 16];
    let mut file = open(path)?;
    let is_long_enough = file.metadata()?.len() >= SHORTEST_DATABASE;
    match file.read_exact(&mut head) {
        Ok(()) => Ok(is_long_enough && head == *SQLITE),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// The text of a regular file.
///
/// # Errors
/// It cannot be read, is longer than [`LONGEST`], or is no UTF-8.
pub fn text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(refused("it is larger than 4 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| refused("it is not UTF-8 text"))
}

fn open(path: &Path) -> io::Result<fs::File> {
    let file = quietly::open_with(path, OFlags::NOFOLLOW)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(refused("it is not a regular file")) }
}

/// An error that is ours and not the system's.
pub fn refused(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

/// The path with the links on the way to it resolved, but not itself. `base` is where a relative one begins.
///
/// # Errors
/// Its folder is not there.
pub fn settled(base: &Path, path: &Path) -> io::Result<PathBuf> {
    let whole = base.join(path);
    match (whole.parent(), whole.file_name()) {
        (Some(folder), Some(name)) => Ok(folder.canonicalize()?.join(name)),
        _ => whole.canonicalize(),
    }
}

/// Whether no symbolic link is on the way to it; itself may be one.
pub fn is_straight(path: &Path) -> bool {
    path.parent().is_none_or(|folder| folder.canonicalize().is_ok_and(|real| real == folder))
}

/// For people.
pub fn shown(path: &Path) -> String {
    path_text::encode(path.as_os_str())
}
