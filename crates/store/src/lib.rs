//! The state of one migration on disk: the journal, the lock that makes its writer the only one, the inbox, the
//! keys and the manifests of checkpoints.
//!
//! A command that changes something prepares the folder ([`Layout::prepare`]), takes the [`Lock`], reads or
//! draws the [`Keys`], and gives the lock to the [`Writer`], which answers with what the journal adds up to. A
//! command that reads takes no lock and changes nothing: [`load_life`], [`Follower`], [`verify`].

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking"))]

mod checkpoints;
mod error;
mod inbox;
mod journal;
mod keys;
mod layout;
mod lock;

pub use checkpoints::{get_manifest, manifest_path, put_manifest};
pub use error::{StateError, StateErrorKind};
pub use inbox::{FileInbox, Mail};
pub use journal::{Follower, Trouble, Verified, Writer, load_life, read_all, verify};
pub use keys::Keys;
pub use layout::{FOLDER, Layout};
pub use lock::{Busy, Holder, Lock, LockError, Standing, current_holder};
