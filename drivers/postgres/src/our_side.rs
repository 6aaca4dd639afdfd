//! How failures on our own side are told: of the vault, and of files on their way there or back.

use std::io::{self, ErrorKind as Io};
use std::path::Path;

use backout_contract::{DriverError, ErrorKind, VaultError};
use backout_kit::file_error::FileError;
use backout_kit::path_text;

/// What helps where there is no room on our side.
pub(crate) const MAKE_ROOM: &str =
    "make room on the disk of the folder `.backout` on this machine, then run the same command again";

/// A failure of the vault; nothing outside has changed.
pub(crate) fn of_vault(attempted: impl Into<String>, error: VaultError) -> DriverError {
    let kind = match &error {
        VaultError::Missing(_) | VaultError::Damaged(_) | VaultError::Sealed { .. } => ErrorKind::BadData,
        VaultError::Io { source, .. } if is_full(source) => ErrorKind::NoSpace,
        VaultError::Io { .. } => ErrorKind::Other,
    };
    advised(DriverError::new(kind, attempted).caused_by(error).nothing_happened())
}

/// A failure of a file of ours.
pub(crate) fn of_file(attempted: &str, path: &Path, error: io::Error) -> DriverError {
    of_io(format!("{attempted} {}", path_text::encode(path.as_os_str())), error).nothing_happened()
}

/// A failure of a file of ours that is told by what it was for; in doubt.
pub(crate) fn of_io(attempted: impl Into<String>, error: io::Error) -> DriverError {
    advised(DriverError::io(attempted, error))
}

/// A file for people that could not be written, while nothing was done to a server.
pub(crate) fn on_paper(error: FileError) -> DriverError {
    of_io(error.to_string(), error.source).nothing_happened()
}

fn advised(error: DriverError) -> DriverError {
    if error.kind == ErrorKind::NoSpace { error.hint(MAKE_ROOM) } else { error }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), Io::StorageFull | Io::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_of_ours_is_told_with_what_helps() {
        let failed = |kind: Io| VaultError::Io { attempted: "write a pack".into(), source: kind.into() };
        for (error, kind) in [
            (of_vault("keep it", failed(Io::StorageFull)), ErrorKind::NoSpace),
            (of_vault("keep it", failed(Io::QuotaExceeded)), ErrorKind::NoSpace),
            (of_vault("keep it", failed(Io::NotConnected)), ErrorKind::Other),
            (of_file("write", Path::new("x"), Io::StorageFull.into()), ErrorKind::NoSpace),
            (of_file("write", Path::new("x"), Io::NotFound.into()), ErrorKind::Other),
        ] {
            assert_eq!(error.kind, kind, "{}", error.chain());
            assert_eq!(error.hints.len(), usize::from(kind == ErrorKind::NoSpace), "{}", error.chain());
        }
    }
}
