//! The codes of this crate. Each has a page under `docs/errors`; a code is never given a new meaning.

use backout_core::diagnostic::Code;

pub use backout_engine::codes::{DAMAGED, MISSING, NOT_AS_SEALED, UNREADABLE};
pub use backout_engine::codes::{NO_CHECKPOINT, NOT_READY, RUN_OPEN, UNANSWERED};

/// The manifest of a checkpoint is not the one that was sealed.
pub const MANIFEST: Code = Code("BK0209");
/// The vault's repository is not whole.
pub const REPOSITORY: Code = Code("BK0210");

/// The state folder cannot be used.
pub const STATE: Code = Code("BK0501");
/// There is no room left.
pub const NO_SPACE: Code = Code("BK0502");
/// The journal cannot be followed.
pub const JOURNAL_BROKEN: Code = Code("BK0503");
/// A newer version wrote the journal or the state folder.
pub const NEWER: Code = Code("BK0504");
/// Another process holds the migration.
pub const BUSY: Code = Code("BK0505");
/// The journal could not be read or written.
pub const JOURNAL: Code = Code("BK0506");
/// The vault could not be read or written.
pub const VAULT: Code = Code("BK0507");
/// Something is not as this program wrote it.
pub const CORRUPT: Code = Code("BK0508");
/// The state folder belongs to another migration.
pub const FOREIGN_STATE: Code = Code("BK0509");

/// A component could not be handled.
pub const DRIVER: Code = Code("BK0604");
/// Something to know before a component is put back.
pub const ADVICE: Code = Code("BK0605");
/// A component could not be looked at.
pub const NOT_SEEN: Code = Code("BK0603");

/// There is no migration file.
pub const NO_FILE: Code = Code("BK0701");
/// A change needs to be confirmed.
pub const UNCONFIRMED: Code = Code("BK0702");
/// A plan file cannot be used.
pub const PLAN_FILE: Code = Code("BK0703");
/// A plan file was changed after it was written.
pub const PLAN_EDITED: Code = Code("BK0704");
/// Nothing is known under this name.
pub const UNKNOWN_NAME: Code = Code("BK0705");
/// A file is there already.
pub const FILE_THERE: Code = Code("BK0707");
/// The command does not fit where the migration stands.
pub const NOT_NOW: Code = Code("BK0708");
/// A loss that nothing could bring back was not accepted.
pub const LOSS: Code = Code("BK0709");
/// A time that cannot be.
pub const TIME: Code = Code("BK0710");
/// The migration's own command failed.
pub const COMMAND: Code = Code("BK0711");
/// Two sides could not be compared.
pub const NOT_COMPARED: Code = Code("BK0714");
/// There is no second side.
pub const ONE_SIDE: Code = Code("BK0715");
/// An address that nothing here knows.
pub const ADDRESS: Code = Code("BK0716");
/// A mapping file cannot be used.
pub const MAP_FILE: Code = Code("BK0717");
/// An option that cannot be used as it was typed.
pub const OPTION: Code = Code("BK0718");
/// What was waited for did not happen.
pub const WAITED: Code = Code("BK0712");
/// The machine did not give what the command needs.
pub const MACHINE: Code = Code("BK0713");
