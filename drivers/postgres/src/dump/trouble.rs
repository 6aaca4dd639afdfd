//! How failures of the vault, of files and of saved data are told.

use std::path::Path;

use backout_contract::{DriverError, ErrorKind, VaultError};
use backout_kit::path_text;

/// A failure of the vault; nothing outside has changed.
pub(super) fn of_vault(attempted: impl Into<String>, error: VaultError) -> DriverError {
    let kind = match &error {
        VaultError::Missing(_) | VaultError::Damaged(_) | VaultError::Sealed { .. } => ErrorKind::BadData,
        VaultError::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
            ErrorKind::NoSpace
        }
        VaultError::Io { .. } => ErrorKind::Other,
    };
    DriverError::new(kind, attempted).caused_by(error).nothing_happened()
}

/// A failure of a file of ours.
pub(super) fn of_file(attempted: &str, path: &Path, error: std::io::Error) -> DriverError {
    DriverError::io(format!("{attempted} {}", path_text::encode(path.as_os_str())), error).nothing_happened()
}

/// Saved data that is not what it should be; refused before anything was touched.
pub(super) fn refused(why: impl Into<String>) -> DriverError {
    DriverError::new(ErrorKind::BadData, "read the saved dump").caused_by(why.into()).nothing_happened()
}

/// A name for people, safe for a terminal.
pub(super) fn shown(name: &str) -> String {
    path_text::encode(std::ffi::OsStr::new(name))
}
