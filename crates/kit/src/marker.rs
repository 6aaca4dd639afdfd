//! A small JSON file next to a target, for targets that cannot hold a marker inside themselves.

use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde_json::Value;

use crate::atomic_put::{Attributes, put, remove_file_if_there, sync_folder_of};
use crate::file_error::{FileError, OnFile};
use crate::{quietly, reserved};

/// A marker is a few fields; what is longer was not written by us.
const LONGEST_MARKER: u64 = 64 * 1024;

/// Where the marker of a target lies: `<dir>/.backout-marker-<name>`.
pub fn marker_path(target: &Path) -> Result<PathBuf, FileError> {
    reserved::sibling(target, "marker")
}

/// The marker of a target; `None` when it has none. One that is no JSON, too long or no regular file is an error.
pub fn read(target: &Path) -> Result<Option<Value>, FileError> {
    let path = marker_path(target)?;
    match read_bounded(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).on_file("read the marker", &path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).on_file("read the marker", &path),
    }
}

/// Writes the marker of a target, atomically and durably.
pub fn write(target: &Path, marker: &Value) -> Result<(), FileError> {
    let path = marker_path(target)?;
    put(&path, format!("{marker:#}\n").as_bytes(), Attributes::default())
}

/// Removes the marker of a target; fine when there is none.
pub fn remove(target: &Path) -> Result<(), FileError> {
    let path = marker_path(target)?;
    remove_file_if_there(&path).on_file("remove the marker", &path)?;
    sync_folder_of(&path)
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let file = quietly::open_with(path, OFlags::NOFOLLOW)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidData, "it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(LONGEST_MARKER + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST_MARKER {
        return Err(io::Error::new(ErrorKind::InvalidData, "it is longer than any marker"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::fs;

    #[test]
    fn what_is_written_is_read_until_removed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("database");
        assert_eq!(read(&target).unwrap(), None);
        for generation in [1, 2] {
            let marker = json!({"migration": "m", "generation": generation});
            write(&target, &marker).unwrap();
            assert_eq!(read(&target).unwrap(), Some(marker));
        }
        assert!(folder.path().join(".backout-marker-database").is_file());
        remove(&target).unwrap();
        remove(&target).unwrap();
        assert_eq!(read(&target).unwrap(), None);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_marker_that_cannot_be_ours_is_an_error_and_no_absence() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("t");
        let path = marker_path(&target).unwrap();
        let long = format!("\"{}\"", "x".repeat(LONGEST_MARKER as usize));
        for content in ["", "{\"cut", long.as_str()] {
            fs::write(&path, content).unwrap();
            let error = read(&target).unwrap_err();
            assert_eq!((error.operation, &error.path), ("read the marker", &path));
        }
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", &path).unwrap();
        assert!(read(&target).is_err());
        fs::remove_file(&path).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
        assert!(read(&target).is_err());
    }
}
