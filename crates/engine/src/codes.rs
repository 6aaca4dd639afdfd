//! The codes of the engine. Each has a page under `docs/errors`; a code is never given a new meaning.

use backout_core::diagnostic::Code;

/// A component could not be saved.
pub const NOT_SAVED: Code = Code("BK0201");
/// Nothing was captured yet.
pub const NO_CHECKPOINT: Code = Code("BK0202");
/// A piece of the checkpoint is missing.
pub const MISSING: Code = Code("BK0203");
/// A piece of the checkpoint is damaged.
pub const DAMAGED: Code = Code("BK0204");
/// The checkpoint is not the one that was sealed.
pub const NOT_AS_SEALED: Code = Code("BK0205");
/// A piece of the checkpoint cannot be opened or read.
pub const UNREADABLE: Code = Code("BK0206");
/// The migration file no longer has a component that was captured, or has it with another kind.
pub const FILE_MOVED: Code = Code("BK0207");
/// The world moved since the plan was made.
pub const STALE: Code = Code("BK0306");
/// The plan wants an answer first.
pub const UNANSWERED: Code = Code("BK0307");
/// The price is above what was accepted.
pub const TOO_DEAR: Code = Code("BK0308");
/// The target belongs to another migration.
pub const ANOTHER_MIGRATION: Code = Code("BK0401");
/// The target was claimed by a newer state of this migration.
pub const NEWER_CLAIM: Code = Code("BK0402");
/// This state directory is a copy of one that still lives.
pub const COPIED: Code = Code("BK0403");
/// The target lost its marker, so it may be another thing with the same name.
pub const MARKER_GONE: Code = Code("BK0404");
/// A marker cannot be read.
pub const MARKER_UNREADABLE: Code = Code("BK0405");
/// A run is under way or unfinished.
pub const RUN_OPEN: Code = Code("BK0406");
/// Something that a run needs is not ready.
pub const NOT_READY: Code = Code("BK0407");
/// The target is not the thing that was captured.
pub const ANOTHER_THING: Code = Code("BK0408");
/// There is no run to go on with.
pub const NO_RUN: Code = Code("BK0409");
/// A field that this version does not act on.
pub const NOT_YET: Code = Code("BK0602");
/// Writes that are to be merged are not recorded.
pub const NOT_RECORDED: Code = Code("BK0221");
/// A component whose writes are to be merged has no recorder.
pub const NOT_ARMED: Code = Code("BK0222");
/// No checkpoint has this name.
pub const NO_SUCH_CHECKPOINT: Code = Code("BK0223");
/// The state before a run was not kept, or was let go.
pub const BEFORE_GONE: Code = Code("BK0224");
/// There are no writes that could be recovered.
pub const NOTHING_TO_RECOVER: Code = Code("BK0225");
