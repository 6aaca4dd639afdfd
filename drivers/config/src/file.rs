//! The settings file as bytes: read without touching it, put as a whole.

use std::fs::{self, File};
use std::io::{ErrorKind as Io, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use backout_contract::{Context, DriverError};
use backout_kit::atomic_put::{Attributes, Owner, put, sync_folder_of};
use backout_kit::leftovers;
use backout_kit::reserved::sibling;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use crate::state::FileFacts;
use crate::trouble::{not_ours, of_file, shown, unreadable};

/// No settings file is longer, in bytes.
pub(crate) const LONGEST: u64 = 8 * 1024 * 1024;

/// The names that a run uses beside a settings file: an edited copy before it takes the file's place, a whole copy
/// before it is swapped in, and what stood there and could not be read.
const ROLES: [&str; 3] = ["edit", "beside", "displaced"];

/// A file that was read.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) bytes: Vec<u8>,
    pub(crate) facts: FileFacts,
    /// Which file it was: one that took its place has another.
    node: (u64, u64),
}

/// The file; none where nothing is.
pub(crate) fn read(path: &Path) -> Result<Option<Content>, DriverError> {
    let file = match open(path) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP) => {
            let hint = "name the file that the link leads to";
            return Err(not_ours(path, "it is a symbolic link").hint(hint));
        }
        Err(Errno::NXIO) => return Err(not_ours(path, "it is no regular file")),
        Err(error) => return Err(unreadable("open", path, error)),
    };
    let about = file.metadata().map_err(|error| unreadable("look at", path, error))?;
    if !about.is_file() {
        return Err(not_ours(path, "it is no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|error| unreadable("read", path, error))?;
    if bytes.len() as u64 > LONGEST {
        return Err(not_ours(path, "it is larger than 8 MiB"));
    }
    let facts = FileFacts { mode: about.mode() & 0o7777, user: about.uid(), group: about.gid() };
    Ok(Some(Content { bytes, facts, node: (about.dev(), about.ino()) }))
}

/// Without following a link or waiting for a pipe, and without touching the time of reading where the file is ours.
fn open(path: &Path) -> rustix::io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match openat(CWD, path, flags | OFlags::NOATIME, Mode::empty()) {
        Err(Errno::PERM) => openat(CWD, path, flags, Mode::empty()),
        result => result,
    }
    .map(File::from)
}

/// The names beside a file that belong to one run.
pub(crate) struct Places {
    pub(crate) target: PathBuf,
    pub(crate) edit: PathBuf,
    pub(crate) beside: PathBuf,
    pub(crate) displaced: PathBuf,
}

impl Places {
    /// For the run of a call.
    pub(crate) fn of(target: &Path, context: &Context) -> Result<Self, DriverError> {
        // Outside a run nothing is put back but by a test.
        let tag = context.run.as_ref().map_or("r0", |run| run.as_str());
        let [edit, beside, displaced] = ROLES.map(|role| {
            sibling(target, &format!("{role}-{tag}")).map_err(|error| of_file(error).nothing_happened())
        });
        Ok(Self { target: target.to_owned(), edit: edit?, beside: beside?, displaced: displaced? })
    }
}

/// Writes a file of our own, with the mode and the owner of another.
pub(crate) fn write(path: &Path, bytes: &[u8], facts: &FileFacts) -> Result<(), DriverError> {
    let owner = Owner { user: facts.user, group: facts.group };
    let attributes = Attributes { mode: Some(facts.mode), owner: Some(owner) };
    put(path, bytes, attributes).map_err(|error| {
        let denied = error.is_denied();
        let error = of_file(error).nothing_happened();
        if denied {
            error.hint("the folder must be ours to write, and only root may give files to others")
        } else {
            error
        }
    })
}

/// Lets an edited copy take the file's place, if the file is still the one that was edited.
pub(crate) fn replace(places: &Places, edited: &Content) -> Result<bool, DriverError> {
    if read(&places.target)?.as_ref() != Some(edited) {
        return Ok(false);
    }
    fs::rename(&places.edit, &places.target)
        .map_err(|error| unreadable("rename into the place of", &places.target, error))?;
    sync_folder_of(&places.target).map_err(of_file)?;
    Ok(true)
}

/// Whether something stands at a path, a dangling link included.
pub(crate) fn is_there(path: &Path) -> Result<bool, DriverError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == Io::NotFound => Ok(false),
        Err(error) => Err(unreadable("look at", path, error)),
    }
}

/// Removes something of our own; fine when it is not there.
pub(crate) fn remove(path: &Path) -> Result<(), DriverError> {
    leftovers::remove(path).map_err(|error| of_file(error).nothing_happened())
}

/// What runs left beside a file, for people.
pub(crate) fn left_beside(target: &Path) -> Result<Vec<String>, DriverError> {
    let left = leftovers::left_beside(target, &ROLES).map_err(|error| of_file(error).nothing_happened())?;
    Ok(left.iter().map(|path| shown(path)).collect())
}

/// Removes what runs left beside a file.
pub(crate) fn release(target: &Path) -> Result<(), DriverError> {
    leftovers::release(target, &ROLES).map_err(of_file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_takes_the_place_only_of_what_was_edited() {
        type Change = fn(&Path);
        let rows: [(&str, bool, Change); 4] = [
            ("nobody was there", true, |_| {}),
            ("somebody wrote into it", false, |path| fs::write(path, "other").unwrap()),
            ("somebody put another with the same content", false, |path| {
                fs::write(path.with_file_name("new"), "live").unwrap();
                fs::rename(path.with_file_name("new"), path).unwrap();
            }),
            ("somebody took it away", false, |path| fs::remove_file(path).unwrap()),
        ];
        for (what, expected, change) in rows {
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join(name);
            let places = Places {
                target: at("x"),
                edit: at("edit"),
                beside: at("beside"),
                displaced: at("displaced"),
            };
            fs::write(&places.target, "live").unwrap();
            let live = read(&places.target).unwrap().unwrap();
            write(&places.edit, b"edited", &live.facts).unwrap();
            change(&places.target);
            let before = fs::read(&places.target).ok();
            assert_eq!(replace(&places, &live).unwrap(), expected, "{what}");
            let after = fs::read(&places.target).ok();
            assert_eq!(after, if expected { Some(b"edited".to_vec()) } else { before }, "{what}");
        }
    }
}
