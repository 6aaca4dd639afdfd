//! Blobs of vaults that were made before the repository: one file each, zstd inside age, named by the SHA-256 of
//! the stored bytes. They are read, and written no more.

mod codec;
mod key;

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use age::x25519::Identity;
use backout_contract::VaultError;
use backout_core::checkpoint::BlobId;

use self::codec::Failure;
use crate::disk::open;
use crate::failed::on;

/// The old blobs and their key.
pub(crate) struct Legacy {
    blobs: PathBuf,
    identity: Identity,
}

impl Legacy {
    /// None where there never were any. A key that is missing beside blobs is an error.
    pub(crate) fn open(folder: &Path) -> Result<Option<Self>, VaultError> {
        let (key, blobs) = (folder.join("key.txt"), folder.join("blobs"));
        let has_key = key.try_exists().map_err(on("look at", &key))?;
        if !has_key && !has_entries(&blobs).map_err(on("read the folder", &blobs))? {
            return Ok(None);
        }
        Ok(Some(Self { blobs, identity: key::load(&key)? }))
    }

    /// See [`crate::repository::Shelf::fetch`].
    pub(crate) fn fetch(
        &self,
        blob: &BlobId,
        into: &mut dyn Write,
        on_failure: &dyn Fn(io::Error) -> VaultError,
    ) -> Result<u64, VaultError> {
        let path = self.path_of(blob);
        let stored = match open(&path) {
            Ok(stored) => stored,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(VaultError::Missing(*blob)),
            Err(error) => return Err(on("read", &path)(error)),
        };
        codec::unseal(stored, blob, &self.identity, into).map_err(|failure| match failure {
            Failure::Source(error) => on("read", &path)(error),
            Failure::Sink(error) => on_failure(error),
            Failure::Damaged => VaultError::Damaged(*blob),
            Failure::Sealed(source) => VaultError::Sealed { blob: *blob, source },
        })
    }

    /// Every old blob with its size on disk, in bytes.
    pub(crate) fn list(&self) -> Result<Vec<(BlobId, u64)>, VaultError> {
        let mut found = Vec::new();
        let walk = || -> io::Result<()> {
            for shelf in fs::read_dir(&self.blobs)? {
                let shelf = shelf?;
                if !shelf.file_type()?.is_dir() {
                    continue;
                }
                for entry in fs::read_dir(shelf.path())? {
                    let entry = entry?;
                    if let Some(blob) = entry.file_name().to_str().and_then(BlobId::parse) {
                        found.push((blob, entry.metadata()?.len()));
                    }
                }
            }
            Ok(())
        };
        match { walk }() {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(on("read the folder", &self.blobs)(error))
            }
            _ => Ok(found),
        }
    }

    /// Removes an old blob.
    pub(crate) fn remove(&self, blob: &BlobId) -> Result<(), VaultError> {
        let path = self.path_of(blob);
        fs::remove_file(&path).map_err(on("remove", &path))
    }

    fn path_of(&self, blob: &BlobId) -> PathBuf {
        let name = blob.to_string();
        self.blobs.join(name.get(..2).unwrap_or_default()).join(&name)
    }
}

fn has_entries(folder: &Path) -> io::Result<bool> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
