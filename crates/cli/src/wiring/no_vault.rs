//! The vault of a migration that saved nothing yet.

use std::io;
use std::path::Path;

use async_trait::async_trait;
use backout_contract::{Vault, VaultError};
use backout_core::checkpoint::BlobId;

/// Has nothing and takes nothing.
#[derive(Debug)]
pub struct NoVault;

fn takes_nothing() -> VaultError {
    VaultError::Io {
        attempted: "keep something while only looking".to_owned(),
        source: io::Error::from(io::ErrorKind::ReadOnlyFilesystem),
    }
}

#[async_trait]
impl Vault for NoVault {
    async fn put(&self, _: &[u8]) -> Result<BlobId, VaultError> {
        Err(takes_nothing())
    }

    async fn put_file(&self, _: &Path) -> Result<(BlobId, u64), VaultError> {
        Err(takes_nothing())
    }

    async fn get(&self, blob: &BlobId) -> Result<Vec<u8>, VaultError> {
        Err(VaultError::Missing(*blob))
    }

    async fn get_file(&self, blob: &BlobId, _: &Path) -> Result<u64, VaultError> {
        Err(VaultError::Missing(*blob))
    }

    async fn check(&self, blob: &BlobId) -> Result<(), VaultError> {
        Err(VaultError::Missing(*blob))
    }
}
