//! Checkpoint data on disk, one file a blob, compressed and encrypted, named by the digest of what is stored.
//!
//! ```text
//! vault/key.txt                     an age identity
//! vault/blobs/ab/abcdef…            zstd, then age; the name is the SHA-256 of these very bytes
//! vault/incoming/                   what is being written
//! ```
//!
//! Without backout at hand: `sha256sum BLOB`, and `age -d -i key.txt BLOB | zstd -d`.

mod codec;
mod failed;
mod file_vault;
mod incoming;
mod key;

pub use file_vault::{FileVault, LARGEST_IN_MEMORY};
