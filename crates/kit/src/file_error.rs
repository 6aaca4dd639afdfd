//! An error of the file system that says what was attempted on which path.

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::path_text;

/// Something that was attempted on a path, and failed.
#[derive(Debug)]
pub struct FileError {
    /// What was attempted, as a verb that the path can follow: "write", "rename into place".
    pub operation: &'static str,
    /// The path that a person would recognise, not the temporary one.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl FileError {
    /// An error of our own making, for what the system would allow but must not happen.
    pub fn refuse(operation: &'static str, path: &Path, kind: ErrorKind, why: &'static str) -> Self {
        Self { operation, path: path.to_owned(), source: io::Error::new(kind, why) }
    }

    /// The disk, or what we may use of it, is full.
    pub fn is_no_space(&self) -> bool {
        matches!(self.source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
    }

    /// The file system is mounted read-only.
    pub fn is_read_only(&self) -> bool {
        self.source.kind() == ErrorKind::ReadOnlyFilesystem
    }

    /// Rights are missing.
    pub fn is_denied(&self) -> bool {
        self.source.kind() == ErrorKind::PermissionDenied
    }

    /// The path, or a folder on the way to it, is not there.
    pub fn is_absent(&self) -> bool {
        self.source.kind() == ErrorKind::NotFound
    }

    /// Something is already where nothing should be.
    pub fn is_occupied(&self) -> bool {
        matches!(self.source.kind(), ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty)
    }

    /// The operation would have to cross from one file system to another.
    pub fn is_crossing_file_systems(&self) -> bool {
        self.source.kind() == ErrorKind::CrossesDevices
    }

    /// The path is a mount point, a running program or otherwise held by the kernel.
    pub fn is_held(&self) -> bool {
        matches!(self.source.kind(), ErrorKind::ResourceBusy | ErrorKind::ExecutableFileBusy)
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.operation, path_text::encode(self.path.as_os_str()))
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Tells a result of the system which operation and path it belongs to.
pub trait OnFile<T> {
    /// Turns the error into a [`FileError`].
    fn on_file(self, operation: &'static str, path: &Path) -> Result<T, FileError>;
}

impl<T, E: Into<io::Error>> OnFile<T> for Result<T, E> {
    fn on_file(self, operation: &'static str, path: &Path) -> Result<T, FileError> {
        self.map_err(|error| FileError { operation, path: path.to_owned(), source: error.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;
    use std::error::Error;

    fn failed(errno: Errno) -> FileError {
        Err::<(), _>(errno).on_file("write", Path::new("a\nb")).unwrap_err()
    }

    #[test]
    fn each_helper_knows_its_codes_and_no_others() {
        type Helper = fn(&FileError) -> bool;
        let helpers: [(Helper, &[Errno]); 7] = [
            (FileError::is_no_space, &[Errno::NOSPC, Errno::DQUOT]),
            (FileError::is_read_only, &[Errno::ROFS]),
            (FileError::is_denied, &[Errno::ACCESS, Errno::PERM]),
            (FileError::is_absent, &[Errno::NOENT]),
            (FileError::is_occupied, &[Errno::EXIST, Errno::NOTEMPTY]),
            (FileError::is_crossing_file_systems, &[Errno::XDEV]),
            (FileError::is_held, &[Errno::BUSY, Errno::TXTBSY]),
        ];
        for (at, (helper, _)) in helpers.iter().enumerate() {
            for (of, (_, codes)) in helpers.iter().enumerate() {
                for code in *codes {
                    assert_eq!(helper(&failed(*code)), at == of, "helper {at}, {code:?}");
                }
            }
        }
    }

    #[test]
    fn the_message_names_operation_and_path_and_leaves_the_cause_to_the_source() {
        let error = failed(Errno::NOSPC);
        assert_eq!(error.to_string(), "write a\\x0ab");
        assert!(error.source().unwrap().to_string().contains("No space"));
    }
}
