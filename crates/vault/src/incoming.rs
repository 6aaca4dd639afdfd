//! A blob that is being written and has no name yet. It hashes what passes through.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use backout_core::digest::Digest;
use sha2::{Digest as _, Sha256};

/// Removed when dropped before [`Incoming::keep`].
pub(crate) struct Incoming {
    file: File,
    path: PathBuf,
    hasher: Sha256,
    placed: bool,
}

impl Incoming {
    pub(crate) fn begin(folder: &Path) -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("{}-{count}", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => return Ok(Self { file, path, hasher: Sha256::new(), placed: false }),
                // Left by an earlier process of the same number.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes the bytes durable and gives them their name.
    pub(crate) fn keep(mut self, path_of: impl FnOnce(&Digest) -> io::Result<PathBuf>) -> io::Result<Digest> {
        let digest = Digest::from_raw(std::mem::take(&mut self.hasher).finalize().into());
        self.file.sync_all()?;
        fs::rename(&self.path, path_of(&digest)?)?;
        self.placed = true;
        Ok(digest)
    }
}

impl Write for Incoming {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.placed {
            // The cause is already on its way to the caller; the next owner clears away what stays.
            let _ = fs::remove_file(&self.path);
        }
    }
}
