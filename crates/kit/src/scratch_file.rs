//! A temporary file beside a target. Its name follows from the target's, so that whoever tries again after a
//! kill finds what was left behind and clears it away; a lock on it, which dies with its holder, tells what was
//! left behind from what somebody is writing at this moment.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::OFlags;

use crate::file_error::{FileError, OnFile};
use crate::reserved;

/// An empty private file, ours alone. Removed when dropped before [`ScratchFile::become_target`].
pub(crate) struct ScratchFile {
    pub(crate) file: File,
    path: PathBuf,
    placed: bool,
}

impl ScratchFile {
    /// Makes the file, waiting for another writer of the same target if there is one.
    pub(crate) fn beside(target: &Path) -> Result<Self, FileError> {
        let path = reserved::sibling(target, "put")?;
        loop {
            match try_create(&path).on_file("make a temporary file beside", target)? {
                Attempt::Made(file) => return Ok(Self { file, path, placed: false }),
                Attempt::InUse(by_another) => lock(&by_another),
                Attempt::Again => {}
            }
        }
    }

    /// Renames the file over the target.
    pub(crate) fn become_target(mut self, target: &Path) -> Result<(), FileError> {
        fs::rename(&self.path, target).on_file("rename into place", target)?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for ScratchFile {
    fn drop(&mut self) {
        if !self.placed {
            // The cause is already on its way to the caller; the next attempt clears away what stays.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Held while a temporary name is cleared and taken, so that nobody clears what another has just taken. Writers
/// of one target in several processes are kept apart by the lock of the migration.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

enum Attempt {
    Made(File),
    /// Locked by another writer, until it is done.
    InUse(File),
    Again,
}

fn try_create(path: &Path) -> io::Result<Attempt> {
    let _turn = turn();
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => {
            lock(&file);
            Ok(if is_entry(&file, path)? { Attempt::Made(file) } else { Attempt::Again })
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => clear_leftover(path),
        Err(error) => Err(error),
    }
}

fn clear_leftover(path: &Path) -> io::Result<Attempt> {
    let is_ours = match fs::symlink_metadata(path) {
        Ok(there) => there.is_file(),
        Err(error) => return again_if_absent(Err(error)),
    };
    if is_ours {
        // Without following a link: what was looked at may have been replaced by anybody.
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let leftover = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
            Ok(leftover) => leftover,
            Err(error) => return again_if_absent(Err(error)),
        };
        if matches!(leftover.try_lock(), Err(TryLockError::WouldBlock)) {
            return Ok(Attempt::InUse(leftover));
        }
        if !is_entry(&leftover, path)? {
            return Ok(Attempt::Again);
        }
    }
    again_if_absent(fs::remove_file(path))
}

fn again_if_absent(result: io::Result<()>) -> io::Result<Attempt> {
    match result {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(Attempt::Again),
    }
}

fn lock(file: &File) {
    // A file system without locks is served without them: one migration has one writer anyway.
    let _ = file.lock();
}

fn is_entry(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
