//! Checkpoint data in a repository of restic's format, version 2: chunked by content, each chunk kept once,
//! compressed and encrypted. A stock `restic` opens, checks and dumps it; see `docs/formats/checkpoint.md`.
//!
//! A [`FileVault`] is used from one process at a time to write; a migration's lock sees to that. Readers need no lock.

mod batch;
mod catalog;
mod clerk;
mod disk;
mod export;
mod failed;
mod keys;
mod legacy;
mod names;
mod packed;
mod prune;
mod repository;
mod survey;
mod vault;

pub use export::{Exported, Import, import};
pub use prune::Pruned;
pub use vault::{FileVault, LARGEST_IN_MEMORY};
