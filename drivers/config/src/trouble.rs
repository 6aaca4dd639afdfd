//! How failures become errors of a driver. None of them holds anything of a file's content.

use std::io;
use std::path::Path;

use backout_contract::{DriverError, ErrorKind, VaultError};
use backout_kit::file_error::FileError;
use backout_kit::path_text::encode;

use crate::format::Unfit;

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

/// A file that stands there and is not what it should be.
pub(crate) fn not_ours(path: &Path, why: &str) -> DriverError {
    let what = format!("read the settings in {}: {why}", shown(path));
    DriverError::new(ErrorKind::Unreadable, what).nothing_happened()
}

/// A text that cannot be understood, with its place.
pub(crate) fn unfit(path: &Path, unfit: &Unfit) -> DriverError {
    let place = unfit.line.map(|line| format!(", line {line}")).unwrap_or_default();
    let what = format!("read the settings in {}{place}: {}", shown(path), unfit.what);
    if unfit.is_well {
        // A look that says nothing: unlike what is broken, the file is never set aside for it.
        return DriverError::new(ErrorKind::Config, what)
            .hint("write it so that the value stands by itself, or name others in `keys`")
            .nothing_happened();
    }
    DriverError::new(ErrorKind::Unreadable, what).nothing_happened()
}

/// A failure that the kit reported; in doubt.
pub(crate) fn of_file(error: FileError) -> DriverError {
    let mount = error.is_held();
    let error = DriverError::io(error.to_string(), error.source);
    if mount {
        error.hint("a file that is mounted by itself cannot be replaced: mount its folder")
    } else {
        error
    }
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
