//! A private folder for what is copied or put together only to be looked at. A lock on it, which dies with its
//! holder, tells what a kill left behind from what somebody is using at this moment.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::leftovers::remove;
use crate::space::free_bytes;

/// What a folder needs besides its content.
const SLACK: u64 = 256 * 1024;

/// How often a name is tried again that another has taken or is clearing away.
const MOST_TRIES: usize = 1000;

/// A folder of our own, gone when it is dropped.
#[derive(Debug)]
pub struct ScratchFolder {
    path: PathBuf,
    _lock: File,
}

impl ScratchFolder {
    /// Makes one in `scratch`; where that cannot be written or has no room for so many bytes, in the system's folder
    /// for temporary files, so that looking works beside a full disk and on a read-only one.
    ///
    /// # Errors
    /// Neither can be written.
    pub fn make(scratch: &Path, bytes: u64) -> io::Result<Self> {
        let has_room = free_bytes(scratch).is_ok_and(|free| free >= bytes.saturating_add(SLACK));
        let first = if has_room { Self::make_in(scratch) } else { Err(ErrorKind::StorageFull.into()) };
        first.or_else(|_| Self::make_in(&std::env::temp_dir())).or_else(|_| Self::make_in(scratch))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn make_in(folder: &Path) -> io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        fs::create_dir_all(folder)?;
        for _ in 0..MOST_TRIES {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("backout-look-{}-{number}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                made => made?,
            }
            // Until it is locked, it looks like something that was left behind.
            if let Some(lock) = lock(&path)? {
                return Ok(Self { path, _lock: lock });
            }
        }
        Err(ErrorKind::AlreadyExists.into())
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        // What stays is cleared away by the next sweep.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Clears away what killed processes left in `scratch`. What cannot be removed stays; nothing depends on it.
pub fn sweep(scratch: &Path) {
    let Ok(entries) = fs::read_dir(scratch) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if let Ok(Some(_lock)) = lock(&path) {
            let _ = remove(&path);
        }
    }
}

/// Locks what is there under this name; none when somebody else holds it, or it went away meanwhile.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    if file.try_lock().is_err() {
        return Ok(None);
    }
    let is_still_there = fs::symlink_metadata(path).is_ok_and(|there| {
        file.metadata().is_ok_and(|held| (there.dev(), there.ino()) == (held.dev(), held.ino()))
    });
    Ok(is_still_there.then_some(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_is_private_and_gone_when_dropped() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = ScratchFolder::make(scratch.path(), 10).unwrap();
        assert!(folder.path().starts_with(scratch.path()));
        assert_eq!(fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o700);
        fs::write(folder.path().join("copy"), "x").unwrap();
        drop(folder);
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
    }

    #[test]
    fn without_room_or_a_place_it_is_elsewhere() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("file");
        fs::write(&file, "").unwrap();
        for (place, bytes) in [(scratch.path(), u64::MAX), (file.as_path(), 0)] {
            let folder = ScratchFolder::make(place, bytes).unwrap();
            assert!(!folder.path().starts_with(scratch.path()), "{}", folder.path().display());
        }
    }

    #[test]
    fn a_sweep_takes_what_the_dead_left_and_nothing_else() {
        let scratch = tempfile::tempdir().unwrap();
        let used = ScratchFolder::make(scratch.path(), 0).unwrap();
        let left = scratch.path().join("left");
        fs::create_dir_all(left.join("below")).unwrap();
        sweep(scratch.path());
        assert!(used.path().exists() && !left.exists());
        sweep(&scratch.path().join("absent"));
    }
}
