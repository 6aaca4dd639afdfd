//! How failures of the file system become errors of a driver.

use std::io;
use std::path::Path;

use backout_contract::{DriverError, ErrorKind, VaultError};
use backout_kit::file_error::FileError;
use backout_kit::path_text::encode;

/// A path for people.
pub(crate) fn shown(path: &Path) -> String {
    encode(path.as_os_str())
}

/// A look that failed. What has no kind of its own is there and cannot be understood.
pub(crate) fn unreadable(attempted: &str, path: &Path, source: impl Into<io::Error>) -> DriverError {
    let mut error = DriverError::io(format!("{attempted} {}", shown(path)), source.into()).nothing_happened();
    if error.kind == ErrorKind::Other {
        error.kind = ErrorKind::Unreadable;
    }
    error
}

/// A change that failed before it could be seen from outside.
pub(crate) fn unmade(attempted: &str, path: &Path, source: impl Into<io::Error>) -> DriverError {
    DriverError::io(format!("{attempted} {}", shown(path)), source.into()).nothing_happened()
}

/// A failure that the kit reported; in doubt.
pub(crate) fn of_file(error: FileError) -> DriverError {
    let mount = error.is_held() || error.is_crossing_file_systems();
    let error = DriverError::io(error.to_string(), error.source);
    if mount { error.hint("what is mounted cannot be swapped: name what lies in it instead") } else { error }
}

/// A failure of the vault.
pub(crate) fn of_vault(error: VaultError) -> DriverError {
    let kind = match &error {
        VaultError::Missing(_) | VaultError::Damaged(_) | VaultError::Sealed { .. } => ErrorKind::BadData,
        VaultError::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => ErrorKind::NoSpace,
        VaultError::Io { .. } => ErrorKind::Other,
    };
    DriverError::new(kind, "use the vault").caused_by(error).nothing_happened()
}

/// Saved data that was not made by a capture.
pub(crate) fn bad_data(what: impl Into<String>) -> DriverError {
    DriverError::new(ErrorKind::BadData, what).nothing_happened()
}
