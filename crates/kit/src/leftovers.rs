//! What runs left beside a target: things that stood there, and copies that were never swapped in.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::atomic_put::sync_folder_of;
use crate::file_error::{FileError, OnFile};
use crate::reserved::{PREFIX, folder_of, sibling};

/// Everything beside a target that has one of these roles for some run (`.backout-<role>-<run>-<name>`), in the
/// order of the names. A role may hold dashes, the name of a run may not.
pub fn left_beside(target: &Path, roles: &[&str]) -> Result<Vec<PathBuf>, FileError> {
    let folder = folder_of(target);
    let listing = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        result => result.on_file("list", folder)?,
    };
    let mut found = Vec::new();
    for entry in listing {
        let name = entry.on_file("list", folder)?.file_name();
        if is_left_by_a_run(&name, target, roles) {
            found.push(target.with_file_name(name));
        }
    }
    found.sort();
    Ok(found)
}

/// Removes everything that [`left_beside`] finds, durably.
pub fn release(target: &Path, roles: &[&str]) -> Result<(), FileError> {
    let left = left_beside(target, roles)?;
    for path in &left {
        remove(path)?;
    }
    if left.is_empty() { Ok(()) } else { sync_folder_of(target) }
}

/// Removes a tree, a file or a link with everything below it, links not followed; fine when nothing is there.
/// Folders that forbid it are made writable first.
pub fn remove(path: &Path) -> Result<(), FileError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(there) if there.is_dir() => match fs::remove_dir_all(path) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                make_writable(path).and_then(|()| fs::remove_dir_all(path))
            }
            result => result,
        },
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result.on_file("remove", path),
    }
}

/// Whether a name is one that a run gives to something beside this target, and not beside one whose name merely
/// ends alike.
fn is_left_by_a_run(name: &OsStr, target: &Path, roles: &[&str]) -> bool {
    let Some(rest) = name.as_bytes().strip_prefix(PREFIX.as_bytes()) else { return false };
    roles.iter().any(|role| {
        let after_role = rest.strip_prefix(role.as_bytes()).and_then(|rest| rest.strip_prefix(b"-"));
        let run = after_role.and_then(|rest| rest.split(|byte| *byte == b'-').next());
        run.and_then(|run| std::str::from_utf8(run).ok()).filter(|run| !run.is_empty()).is_some_and(|run| {
            sibling(target, &format!("{role}-{run}")).is_ok_and(|path| path.file_name() == Some(name))
        })
    })
}

fn make_writable(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            make_writable(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: [&str; 3] = ["displaced", "beside", "build-link"];

    #[test]
    fn only_what_runs_left_beside_this_target_is_found() {
        for (name, target, expected) in [
            (".backout-displaced-r1-site", "/srv/site", true),
            (".backout-beside-r12-site", "/srv/site", true),
            (".backout-build-link-r1-site", "/srv/site", true),
            (".backout-other-r1-site", "/srv/site", false),
            (".backout-displaced-r1-site", "/srv/my-site", false),
            (".backout-displaced-r1-my-site", "/srv/site", false),
            (".backout-displaced-r1-my-site", "/srv/my-site", true),
            (".backout-marker-site", "/srv/site", false),
            (".backout-displaced--site", "/srv/site", false),
            ("displaced-r1-site", "/srv/site", false),
            (".backout-displaced-r1-site2", "/srv/site", false),
        ] {
            assert_eq!(
                is_left_by_a_run(OsStr::new(name), Path::new(target), &ROLES),
                expected,
                "{name} {target}"
            );
        }
    }

    #[test]
    fn whatever_is_left_can_be_removed_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("site");
        let outside = folder.path().join("outside");
        fs::write(&outside, "stays").unwrap();
        let left = folder.path().join(".backout-displaced-r1-site");
        fs::create_dir_all(left.join("closed/deep")).unwrap();
        std::os::unix::fs::symlink(&outside, left.join("closed/link")).unwrap();
        fs::set_permissions(left.join("closed"), Permissions::from_mode(0o500)).unwrap();
        fs::set_permissions(&left, Permissions::from_mode(0o000)).unwrap();
        assert_eq!(left_beside(&target, &ROLES).unwrap(), [left]);
        release(&target, &ROLES).unwrap();
        release(&target, &ROLES).unwrap();
        assert_eq!(left_beside(&target, &ROLES).unwrap(), Vec::<PathBuf>::new());
        assert_eq!(fs::read_to_string(outside).unwrap(), "stays");
    }
}
