//! A vault for tests: plain files in a folder, so that a second process can open it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use backout_contract::{Vault, VaultError};
use backout_core::checkpoint::BlobId;
use backout_core::digest::Digest;

const LABEL: &str = "conformance/blob";
const SALT: usize = 12;

/// Keeps each blob in a file of its own. As in a real vault, storing the same bytes twice gives two identifiers.
#[derive(Debug, Clone)]
pub struct FolderVault {
    folder: PathBuf,
}

impl FolderVault {
    /// A vault in an existing folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Damages a blob: its last byte is turned.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn damage(&self, blob: &BlobId) -> io::Result<()> {
        let path = self.path(blob);
        let mut stored = fs::read(&path)?;
        if let Some(last) = stored.last_mut() {
            *last ^= 1;
        }
        fs::write(path, stored)
    }

    /// Loses a blob.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn lose(&self, blob: &BlobId) -> io::Result<()> {
        fs::remove_file(self.path(blob))
    }

    fn path(&self, blob: &BlobId) -> PathBuf {
        self.folder.join(blob.to_string())
    }

    fn read(&self, blob: &BlobId) -> Result<Vec<u8>, VaultError> {
        let path = self.path(blob);
        let stored = fs::read(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => VaultError::Missing(*blob),
            _ => VaultError::Io { attempted: format!("read blob {blob}"), source },
        })?;
        if Digest::of_bytes(LABEL, &stored) != *blob {
            return Err(VaultError::Damaged(*blob));
        }
        stored.get(SALT..).map(<[u8]>::to_vec).ok_or(VaultError::Damaged(*blob))
    }
}

#[async_trait]
impl Vault for FolderVault {
    async fn put(&self, bytes: &[u8]) -> Result<BlobId, VaultError> {
        static STORED: AtomicU64 = AtomicU64::new(0);
        let mut stored = Vec::with_capacity(SALT + bytes.len());
        stored.extend_from_slice(&std::process::id().to_le_bytes());
        stored.extend_from_slice(&STORED.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        stored.extend_from_slice(bytes);
        let blob = Digest::of_bytes(LABEL, &stored);
        fs::write(self.path(&blob), stored)
            .map_err(|source| VaultError::Io { attempted: format!("write blob {blob}"), source })?;
        Ok(blob)
    }

    async fn put_file(&self, path: &Path) -> Result<(BlobId, u64), VaultError> {
        let bytes = fs::read(path)
            .map_err(|source| VaultError::Io { attempted: format!("read {}", path.display()), source })?;
        Ok((self.put(&bytes).await?, bytes.len() as u64))
    }

    async fn get(&self, blob: &BlobId) -> Result<Vec<u8>, VaultError> {
        self.read(blob)
    }

    async fn get_file(&self, blob: &BlobId, path: &Path) -> Result<u64, VaultError> {
        let bytes = self.read(blob)?;
        let failed = |source| VaultError::Io { attempted: format!("write {}", path.display()), source };
        let mut file = fs::File::create_new(path).map_err(failed)?;
        io::Write::write_all(&mut file, &bytes).and_then(|()| file.sync_all()).map_err(failed)?;
        Ok(bytes.len() as u64)
    }

    async fn check(&self, blob: &BlobId) -> Result<(), VaultError> {
        self.read(blob).map(|_| ())
    }
}
