//! What runs left beside a target: things that stood there, and copies that were never swapped in.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use backout_contract::{Context, DriverError};
use backout_kit::atomic_put::sync_folder_of;
use backout_kit::file_error::FileError;
use backout_kit::reserved::{PREFIX, sibling};

use crate::trouble::{of_file, shown, unmade, unreadable};

/// Where a copy is put together; it gets the name beside only when it is whole and proven, so that whatever has
/// that name is either the new thing or, after the exchange, the old one, and never a part of something.
const BUILD: &str = "build";
const BESIDE: &str = "beside";
const DISPLACED: &str = "displaced";

/// The names beside a target that belong to one run.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) target: PathBuf,
    pub(crate) build: PathBuf,
    pub(crate) beside: PathBuf,
    pub(crate) displaced: PathBuf,
}

impl Places {
    /// For the run of a call.
    pub(crate) fn of(target: &Path, context: &Context) -> Result<Self, DriverError> {
        // Outside a run nothing is put back but by a test.
        let tag = context.run.as_ref().map_or("r0", |run| run.as_str());
        let named = |role: &str| {
            sibling(target, &format!("{role}-{tag}")).map_err(|error| of_file(error).nothing_happened())
        };
        Ok(Self {
            target: target.to_owned(),
            build: named(BUILD)?,
            beside: named(BESIDE)?,
            displaced: named(DISPLACED)?,
        })
    }
}

/// Whether something stands at a path, a dangling link included.
pub(crate) fn is_there(path: &Path) -> Result<bool, DriverError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(unreadable("look at", path, error)),
    }
}

/// Everything that runs left beside a target, in the order of their names.
pub(crate) fn left_beside(target: &Path) -> Result<Vec<PathBuf>, DriverError> {
    let Some(folder) = target.parent() else { return Ok(Vec::new()) };
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable("list", folder, error)),
    };
    let mut found = Vec::new();
    for entry in listing {
        let entry = entry.map_err(|error| unreadable("list", folder, error))?;
        if is_left_by_a_run(&entry.file_name(), target) {
            found.push(folder.join(entry.file_name()));
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a name is one that a run gives to something beside this target, and not beside one whose name merely
/// ends alike: runs have no dash in their names.
fn is_left_by_a_run(name: &OsStr, target: &Path) -> bool {
    let Some(rest) = name.as_bytes().strip_prefix(PREFIX.as_bytes()) else { return false };
    [BUILD, BESIDE, DISPLACED].iter().any(|role| {
        let after_role = rest.strip_prefix(role.as_bytes()).and_then(|rest| rest.strip_prefix(b"-"));
        let run = after_role.and_then(|rest| rest.split(|byte| *byte == b'-').next());
        run.and_then(|run| std::str::from_utf8(run).ok()).filter(|run| !run.is_empty()).is_some_and(|run| {
            sibling(target, &format!("{role}-{run}")).is_ok_and(|path| path.file_name() == Some(name))
        })
    })
}

/// What was left beside, for people.
pub(crate) fn listed(target: &Path) -> Result<Vec<String>, DriverError> {
    Ok(left_beside(target)?.iter().map(|path| shown(path)).collect())
}

/// Removes everything that runs left beside a target.
pub(crate) fn release(target: &Path) -> Result<(), DriverError> {
    let left = left_beside(target)?;
    for path in &left {
        remove(path)?;
    }
    if left.is_empty() { Ok(()) } else { sync_folder_of(target).map_err(of_file) }
}

/// Removes a tree, a file or a link with everything below it, links not followed; fine when nothing is there.
/// Directories that forbid it are made writable first.
pub(crate) fn remove(path: &Path) -> Result<(), DriverError> {
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
        Err(error) if error.kind() != ErrorKind::NotFound => Err(unmade("remove", path, error)),
        _ => Ok(()),
    }
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

/// Gives a finished copy its name beside the target, durably.
pub(crate) fn call_it_ready(places: &Places) -> Result<(), DriverError> {
    fs::rename(&places.build, &places.beside)
        .map_err(|error| unmade("rename the copy beside", &places.target, error))?;
    sync_folder_of(&places.beside).map_err(|error: FileError| of_file(error).nothing_happened())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_runs_left_beside_this_target_is_found() {
        for (name, target, expected) in [
            (".backout-displaced-r1-site", "/srv/site", true),
            (".backout-beside-r12-site", "/srv/site", true),
            (".backout-build-r1-site", "/srv/site", true),
            (".backout-displaced-r1-site", "/srv/my-site", false),
            (".backout-displaced-r1-my-site", "/srv/site", false),
            (".backout-displaced-r1-my-site", "/srv/my-site", true),
            (".backout-marker-site", "/srv/site", false),
            (".backout-displaced--site", "/srv/site", false),
            ("displaced-r1-site", "/srv/site", false),
            (".backout-displaced-r1-site2", "/srv/site", false),
        ] {
            assert_eq!(is_left_by_a_run(OsStr::new(name), Path::new(target)), expected, "{name} {target}");
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
        assert_eq!(left_beside(&target).unwrap(), [left]);
        release(&target).unwrap();
        release(&target).unwrap();
        assert_eq!(left_beside(&target).unwrap(), Vec::<PathBuf>::new());
        assert_eq!(fs::read_to_string(outside).unwrap(), "stays");
    }
}
