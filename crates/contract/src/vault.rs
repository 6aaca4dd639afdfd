//! Checkpoint data, by digest.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use backout_core::checkpoint::BlobId;

/// What went wrong with a blob. `Display` names the blob; the cause is the `source`.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// It is not there.
    #[error("blob {0} is missing from the vault")]
    Missing(BlobId),
    /// Its bytes are not the ones that were stored.
    #[error("blob {0} is damaged: its content is not what was stored")]
    Damaged(BlobId),
    /// It cannot be opened with this migration's key.
    #[error("blob {blob} cannot be opened with this migration's key")]
    Sealed {
        /// Which blob.
        blob: BlobId,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file system failed.
    #[error("{attempted}")]
    Io {
        /// What was attempted on which file.
        attempted: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Keeps blobs. Storing the same bytes again may give the same identifier or another one; reading checks every byte
/// before it is handed out.
#[async_trait]
pub trait Vault: Send + Sync {
    /// Stores bytes; durable when it returns.
    async fn put(&self, bytes: &[u8]) -> Result<BlobId, VaultError>;

    /// Stores bytes that are compressed already, as they are; durable when it returns.
    async fn put_compressed(&self, bytes: Vec<u8>) -> Result<BlobId, VaultError> {
        self.put(&bytes).await
    }

    /// Stores a file's content; durable when it returns. Memory does not grow with the file.
    async fn put_file(&self, path: &Path) -> Result<(BlobId, u64), VaultError>;

    /// The bytes of a blob.
    async fn get(&self, blob: &BlobId) -> Result<Vec<u8>, VaultError>;

    /// Writes a blob's content to a new file, which must not exist, and makes it durable.
    async fn get_file(&self, blob: &BlobId, path: &Path) -> Result<u64, VaultError>;

    /// Reads a blob from first to last byte and checks it.
    async fn check(&self, blob: &BlobId) -> Result<(), VaultError>;

    /// The same vault; what is stored through it is marked with a word (the component's name), so that a person who
    /// looks at the vault with other tools finds it. None where blobs cannot be marked.
    fn tagged(&self, _word: &str) -> Option<Arc<dyn Vault>> {
        None
    }
}
