//! How saved data is told that cannot be used.

use backout_contract::{DriverError, ErrorKind};
use backout_kit::path_text;

/// Saved data that is not what it should be; refused before anything was touched.
pub(super) fn refused(why: impl Into<String>) -> DriverError {
    DriverError::new(ErrorKind::BadData, "read the saved dump").caused_by(why.into()).nothing_happened()
}

/// A name for people, safe for a terminal.
pub(super) fn shown(name: &str) -> String {
    path_text::encode(std::ffi::OsStr::new(name))
}
