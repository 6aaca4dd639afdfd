//! Small files that only their owner may read: keys and the like. They are written with
//! [`put`](crate::atomic_put::put), whose new files are private.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use crate::file_error::{FileError, OnFile};

/// The content of a private file of at most `longest` bytes. Refuses one that others may read or write (error
/// kind `PermissionDenied`), one that is no regular file, a symbolic link included, and a longer one.
pub fn read(path: &Path, longest: u64) -> Result<Vec<u8>, FileError> {
    let refuse = |kind, why| Err(FileError::refuse("read the private file", path, kind, why));
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .on_file("read the private file", path)?;
    let about = file.metadata().on_file("look at", path)?;
    if !about.is_file() {
        return refuse(ErrorKind::InvalidData, "it is not a regular file");
    }
    if about.mode() & 0o077 != 0 {
        return refuse(ErrorKind::PermissionDenied, "others may read or write it");
    }
    let mut bytes = Vec::new();
    file.take(longest.saturating_add(1)).read_to_end(&mut bytes).on_file("read the private file", path)?;
    if bytes.len() as u64 > longest {
        return refuse(ErrorKind::InvalidData, "it is longer than it can be");
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::atomic_put::{Attributes, put};
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn only_a_private_regular_file_of_the_right_length_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        put(&path, b"0123", Attributes::default()).unwrap();
        assert_eq!(read(&path, 4).unwrap(), b"0123");
        assert_eq!(read(&path, 3).unwrap_err().source.kind(), ErrorKind::InvalidData);
        for mode in [0o640, 0o604, 0o620, 0o602, 0o601] {
            set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(read(&path, 4).unwrap_err().source.kind(), ErrorKind::PermissionDenied, "{mode:o}");
        }
        set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        assert_eq!(read(&path, 4).unwrap(), b"0123");

        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(read(&link, 4).is_err());
        assert!(read(folder.path(), 4).is_err());
        assert!(read(&folder.path().join("absent"), 4).unwrap_err().is_absent());
    }
}
