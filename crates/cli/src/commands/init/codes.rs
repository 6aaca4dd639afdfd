//! The codes of `init --from`.

use backout_core::diagnostic::Code;

/// A file to propose from cannot be read.
pub const UNREADABLE: Code = Code("BK0720");
/// Nobody knows what a file to propose from is.
pub const UNKNOWN: Code = Code("BK0721");
/// A file to propose from is not what its name promises.
pub const BROKEN: Code = Code("BK0722");
/// There is nothing in the files that could be put back.
pub const NOTHING: Code = Code("BK0723");
/// What was put together is no migration file.
pub const UNFIT: Code = Code("BK0724");
