//! Where a path leads by its spelling, and what the kernel has mounted there.

use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};

use crate::path_text;

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
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOSYS) => Ok(false),
        Err(error) => Err(error.into()),
    }
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
}
