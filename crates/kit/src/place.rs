//! Where a path leads by its spelling, and what the kernel has mounted there.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, StatxAttributes, StatxFlags, accessat, statx};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::file_error::{FileError, OnFile};
use crate::path_text;
use crate::reserved::folder_of;

/// A path made absolute against `root`, without `.`, `..` and a trailing slash. By its spelling alone: symbolic
/// links on the way are not looked at.
pub fn absolute(root: &Path, path: &Path) -> PathBuf {
    let mut pieces: Vec<OsString> = Vec::new();
    for piece in root.join(path).components() {
        match piece {
            Component::ParentDir => drop(pieces.pop()),
            Component::Normal(name) => pieces.push(name.to_owned()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    pieces.iter().fold(PathBuf::from("/"), |whole, piece| whole.join(piece))
}

/// The pieces of an absolute path from the outside in, as path text: the address under which a component claims
/// a file.
pub fn pieces(path: &Path) -> Vec<String> {
    path.components()
        .filter_map(|piece| match piece {
            Component::Normal(name) => Some(path_text::encode(name)),
            _ => None,
        })
        .collect()
}

/// Whether something is mounted exactly here, a single file included; no name of a mount point can be renamed or
/// exchanged. `false` where nothing is, and where the kernel cannot tell.
///
/// # Errors
/// When the path cannot be looked at.
pub fn is_mount_point(path: &Path) -> io::Result<bool> {
    match statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS) {
        Ok(status) => Ok(status.stx_attributes.contains(StatxAttributes::MOUNT_ROOT)),
        Err(Errno::NOENT | Errno::NOSYS) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// What keeps us from giving the name of a target to something else: rights, a read-only file system, a mount
/// point. One sentence each; reads only.
///
/// # Errors
/// When the folder of the target cannot be looked at.
pub fn obstacles(target: &Path) -> Result<Vec<String>, FileError> {
    let folder = folder_of(target);
    let (shown, shown_folder) = (encode(target), encode(folder));
    let mut found = Vec::new();
    if folder.metadata().is_ok_and(|around| !around.is_dir()) {
        return Ok(vec![format!("{shown_folder} is no folder")]);
    }
    match accessat(CWD, folder, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS) {
        Ok(()) => {}
        Err(Errno::NOENT) => found.push(format!("the folder {shown_folder} is not there")),
        Err(Errno::ROFS) => found.push(format!("the file system of {shown_folder} is read-only")),
        Err(Errno::ACCESS | Errno::PERM) => {
            found.push(format!("we may not write to the folder {shown_folder}"))
        }
        Err(error) => return Err(error).on_file("look at", folder),
    }
    if is_mount_point(target).unwrap_or(false) {
        found.push(format!("{shown} is a mount point and cannot be swapped: name what lies in it"));
    }
    if let (Ok(there), Ok(around)) = (target.symlink_metadata(), folder.metadata()) {
        let we = geteuid().as_raw();
        // In a sticky folder only the owners of the thing and of the folder may rename.
        if around.mode() & 0o1000 != 0 && ![0, there.uid(), around.uid()].contains(&we) {
            found.push(format!("{shown} belongs to another user, and its folder lets only them rename it"));
        }
    }
    Ok(found)
}

fn encode(path: &Path) -> String {
    path_text::encode(path.as_os_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_absolute_by_their_spelling() {
        for (root, path, expected) in [
            ("/srv/app", "site", "/srv/app/site"),
            ("/srv/app", "./a//b/", "/srv/app/a/b"),
            ("/srv/app", "../other", "/srv/other"),
            ("/srv/app", "../../../x", "/x"),
            ("/srv/app", "/etc/x", "/etc/x"),
            ("/srv/app", ".", "/srv/app"),
            ("/srv/app", "/", "/"),
        ] {
            assert_eq!(absolute(Path::new(root), Path::new(path)), Path::new(expected), "{path}");
        }
    }

    #[test]
    fn pieces_are_safe_to_show() {
        assert_eq!(pieces(Path::new("/srv/a\nb/c")), ["srv", "a\\x0ab", "c"]);
        assert_eq!(pieces(Path::new("/")), Vec::<String>::new());
    }

    #[test]
    fn mount_points_are_known() {
        let folder = tempfile::tempdir().unwrap();
        assert!(is_mount_point(Path::new("/proc")).unwrap());
        assert!(!is_mount_point(folder.path()).unwrap());
        assert!(!is_mount_point(&folder.path().join("absent")).unwrap());
    }

    #[test]
    fn obstacles_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        for (target, expected) in [
            (file.clone(), None),
            (folder.path().join("not there yet"), None),
            (folder.path().join("no/folder"), Some("is not there")),
            (file.join("below"), Some("is no folder")),
            ("/proc".into(), Some("mount point")),
        ] {
            let found = obstacles(&target).unwrap().join("; ");
            assert_eq!(found.is_empty(), expected.is_none(), "{found}");
            assert!(found.contains(expected.unwrap_or_default()), "{found}");
        }
    }
}
