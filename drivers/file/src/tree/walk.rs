//! What stands in a tree, without the content of its files.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use backout_contract::{DriverError, ErrorKind};
use rustix::fs::{CWD, Dir, readlinkat};
use rustix::io::Errno;

use super::handle::{Kind, Status, look, open_folder, open_root};
use super::selector::Selector;
use super::state::path_of;
use crate::pace::Pace;
use crate::trouble::{shown, unreadable};

/// How deep directories may lie in each other. Each level holds a descriptor while it is read.
const DEEPEST: usize = 200;

/// Why a look at a tree came to nothing.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Somebody changed this while it was read; the next look may be luckier.
    Changed(PathBuf),
    /// It cannot be read.
    Failed(DriverError),
}

impl From<DriverError> for Trouble {
    fn from(error: DriverError) -> Self {
        Self::Failed(error)
    }
}

/// What a tree looks like. Two equal outlines, one taken later, mean that nobody changed it between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outline {
    /// By path, as text.
    pub(super) entries: Vec<Seen>,
    /// What was left alone, and is not part of the tree.
    pub(super) left_alone: Vec<PathBuf>,
}

/// One thing in a tree, as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// Path text from the root of the tree.
    pub(super) text: String,
    /// The same as a path.
    pub(super) path: PathBuf,
    pub(super) status: Status,
    /// What it names, for a link.
    pub(super) target: Option<OsString>,
}

/// Looks at a whole tree; none where nothing is.
pub(super) fn walk(root: &Path, selector: &Selector, pace: &Pace) -> Result<Option<Outline>, Trouble> {
    let status = match look(CWD, root.as_os_str()) {
        Ok(status) => status,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(unreadable("look at", root, error).into()),
    };
    let mut outline = Outline { entries: Vec::new(), left_alone: Vec::new() };
    let seen = Seen { text: String::new(), path: PathBuf::new(), status, target: None };
    outline.entries.push(seen);
    match status.kind {
        Kind::File => {}
        Kind::Link => {
            let hint = "name what it points to, or use the kind file.link for the link itself";
            return Err(refused(root, "a symbolic link").hint(hint).into());
        }
        Kind::Other(kind) => return Err(refused(root, kind).into()),
        Kind::Directory => {
            let mut walker = Walker { root, selector, pace, outline };
            let folder = open_root(root).map_err(|error| walker.failed("open", Path::new(""), error))?;
            walker.descend(folder, Path::new(""), 0)?;
            outline = walker.outline;
            outline.entries.sort_by(|one, other| one.text.cmp(&other.text));
            outline.left_alone.sort();
        }
    }
    Ok(Some(outline))
}

struct Walker<'a> {
    root: &'a Path,
    selector: &'a Selector,
    pace: &'a Pace,
    outline: Outline,
}

impl Walker<'_> {
    fn descend(&mut self, folder: OwnedFd, path: &Path, depth: usize) -> Result<(), Trouble> {
        if depth > DEEPEST {
            let error = DriverError::new(
                ErrorKind::Unreadable,
                format!("descend below {}", shown(&self.root.join(path))),
            );
            let hint = format!("directories may lie {DEEPEST} deep in each other; exclude the deeper ones");
            return Err(error.hint(hint).nothing_happened().into());
        }
        self.pace.check("look at a tree")?;
        let mut listing = Dir::new(folder).map_err(|error| self.failed("list", path, error))?;
        let mut inner = Vec::new();
        while let Some(entry) = listing.read() {
            let entry = entry.map_err(|error| self.failed("list", path, error))?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes()).to_owned();
            if name == "." || name == ".." {
                continue;
            }
            let place = path.join(&name);
            if self.selector.leaves_alone(&place) {
                self.outline.left_alone.push(place);
                continue;
            }
            let folder = listing.fd().map_err(|error| self.failed("list", path, error))?;
            if self.note(folder, &name, place)? {
                inner.push(name);
            }
        }
        let folder = listing.fd().map_err(|error| self.failed("list", path, error))?;
        for name in inner {
            let place = path.join(&name);
            let opened = open_folder(folder, &name).map_err(|error| self.failed("open", &place, error))?;
            self.descend(opened, &place, depth + 1)?;
        }
        Ok(())
    }

    /// Notes one thing and says whether it is a directory.
    fn note(&mut self, folder: impl AsFd, name: &OsStr, path: PathBuf) -> Result<bool, Trouble> {
        let status = look(&folder, name).map_err(|error| self.failed("look at", &path, error))?;
        let hint = "leave it alone with `exclude`";
        if status.is_mount_point {
            return Err(refused(&self.root.join(path), "a mount point").hint(hint).into());
        }
        let target = match status.kind {
            Kind::Other(kind) => return Err(refused(&self.root.join(path), kind).hint(hint).into()),
            Kind::Link => {
                let read = readlinkat(&folder, name, Vec::new())
                    .map_err(|error| self.failed("read", &path, error))?;
                Some(OsString::from_vec(read.into_bytes()))
            }
            Kind::Directory | Kind::File => None,
        };
        self.outline.entries.push(Seen { text: path_of(&path), path, status, target });
        Ok(status.kind == Kind::Directory)
    }

    fn failed(&self, attempted: &str, path: &Path, error: Errno) -> Trouble {
        failed(attempted, self.root, path, error)
    }
}

/// What was there a moment ago and is gone, or is something else now, was changed.
pub(super) fn failed(attempted: &str, root: &Path, path: &Path, error: Errno) -> Trouble {
    match error {
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::STALE => Trouble::Changed(root.join(path)),
        error => Trouble::Failed(unreadable(attempted, &root.join(path), error)),
    }
}

/// What is left alone in a tree that cannot be read as a whole, as far as it can be found.
pub(super) fn left_alone(root: &Path, selector: &Selector) -> Vec<PathBuf> {
    fn descend(folder: OwnedFd, path: &Path, depth: usize, selector: &Selector, found: &mut Vec<PathBuf>) {
        let Ok(mut listing) = Dir::new(folder) else { return };
        let mut inner = Vec::new();
        while let Some(Ok(entry)) = listing.read() {
            let name = OsStr::from_bytes(entry.file_name().to_bytes()).to_owned();
            let place = path.join(&name);
            if name == "." || name == ".." {
                continue;
            }
            if selector.leaves_alone(&place) {
                found.push(place);
            } else {
                inner.push((name, place));
            }
        }
        let Ok(folder) = listing.fd() else { return };
        for (name, place) in inner {
            if let (true, Ok(opened)) = (depth < DEEPEST, open_folder(folder, &name)) {
                descend(opened, &place, depth + 1, selector, found);
            }
        }
    }
    let mut found = Vec::new();
    if let Ok(folder) = open_root(root) {
        descend(folder, Path::new(""), 0, selector, &mut found);
    }
    found.sort();
    found
}

fn refused(path: &Path, kind: &str) -> DriverError {
    DriverError::new(ErrorKind::Unreadable, format!("capture {}, which is {kind}", shown(path)))
        .nothing_happened()
}
