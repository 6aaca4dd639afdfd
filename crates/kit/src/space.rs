//! Asked before anything big is written, so that a full disk is met at a safe border.

use std::path::Path;

use crate::file_error::{FileError, OnFile};

/// Bytes that we may still write on the file system of `path`. A path that is not there yet is judged by its
/// nearest folder that is.
pub fn free_bytes(path: &Path) -> Result<u64, FileError> {
    let mut place = path;
    loop {
        match rustix::fs::statvfs(if place.as_os_str().is_empty() { Path::new(".") } else { place }) {
            Ok(status) => return Ok(status.f_bavail.saturating_mul(status.f_frsize)),
            Err(rustix::io::Errno::NOENT) => match place.parent() {
                Some(parent) => place = parent,
                None => return Err(rustix::io::Errno::NOENT).on_file("measure free space at", path),
            },
            Err(error) => return Err(error).on_file("measure free space at", path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_space_also_where_nothing_is_yet() {
        let folder = tempfile::tempdir().unwrap();
        assert!(free_bytes(folder.path()).unwrap() > 0);
        assert!(free_bytes(&folder.path().join("not/there/yet")).unwrap() > 0);
        assert!(free_bytes(Path::new("not-there-yet")).unwrap() > 0);
    }

    #[test]
    fn a_file_system_without_blocks_has_none() {
        assert_eq!(free_bytes(Path::new("/proc")).unwrap(), 0);
    }

    #[test]
    fn a_path_through_a_file_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(free_bytes(&file.path().join("below")).is_err());
    }
}
