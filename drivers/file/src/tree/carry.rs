//! What is left alone stays where it is while the tree around it is exchanged: it gets a second name in the new
//! tree before the exchange. Nothing is copied, so whoever writes to such a file goes on writing to it.

use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use backout_contract::{DriverError, ErrorKind};
use rustix::fs::{AtFlags, Dir, Mode, Timespec, Timestamps, UTIME_OMIT, futimens, linkat, mkdirat, syncfs};
use rustix::io::Errno;

use super::handle::{Kind, Status, look, look_at_open, open_folder, open_parent, open_root};
use crate::displaced::remove;
use crate::trouble::{shown, unmade};

/// Gives everything that was left alone in the old tree a name in the new one, in place of what an earlier
/// attempt carried over. Returns what found no place there, because its folder is not part of the new tree.
pub(super) fn carry(
    old: &Path,
    new: &Path,
    left_alone: &[PathBuf],
    carried_before: &[PathBuf],
) -> Result<Vec<PathBuf>, DriverError> {
    for place in carried_before {
        remove(&new.join(place))?;
    }
    let mut homeless = Vec::new();
    if left_alone.is_empty() {
        return Ok(homeless);
    }
    let open = |root: &Path| open_root(root).map_err(|error| unmade("open", root, error));
    let (old_root, new_root) = (open(old)?, open(new)?);
    for place in left_alone {
        let failed = |error: Errno| cannot_carry(&old.join(place), error);
        let Some(name) = place.file_name() else { continue };
        let from = open_parent(&old_root, place).map_err(failed)?;
        let to = match open_parent(&new_root, place) {
            Ok(folder) => folder,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {
                homeless.push(place.clone());
                continue;
            }
            Err(error) => return Err(failed(error)),
        };
        let before = look_at_open(&to).map_err(failed)?;
        carry_one(&from, &to, name).map_err(failed)?;
        set_time(&to, &before).map_err(failed)?;
    }
    syncfs(new_root).map_err(|error| unmade("sync", new, error))?;
    Ok(homeless)
}

fn carry_one(from: &OwnedFd, to: &OwnedFd, name: &OsStr) -> rustix::io::Result<()> {
    let status = match look(from, name) {
        // It went away by itself, as what is left alone may.
        Err(Errno::NOENT) => return Ok(()),
        result => result?,
    };
    if status.is_mount_point {
        return Err(Errno::XDEV);
    }
    if status.kind != Kind::Directory {
        return match linkat(from, name, to, name, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            result => result,
        };
    }
    let from = open_folder(from, name)?;
    mkdirat(to, name, Mode::RWXU)?;
    let to = open_folder(to, name)?;
    let mut listing = Dir::new(from.as_fd().try_clone_to_owned().map_err(errno)?)?;
    while let Some(entry) = listing.read() {
        let entry = entry?;
        let inner = OsStr::from_bytes(entry.file_name().to_bytes());
        if inner != "." && inner != ".." {
            carry_one(&from, &to, inner)?;
        }
    }
    dress_folder(to, &status)
}

fn dress_folder(folder: OwnedFd, like: &Status) -> rustix::io::Result<()> {
    let file = File::from(folder);
    let status = look_at_open(&file)?;
    if (status.user, status.group) != (like.user, like.group) {
        fchown(&file, Some(like.user), Some(like.group)).map_err(errno)?;
    }
    file.set_permissions(Permissions::from_mode(like.mode)).map_err(errno)?;
    set_time(&file, like)
}

fn set_time(folder: impl AsFd, like: &Status) -> rustix::io::Result<()> {
    let (seconds, nanoseconds) = like.modified;
    let times = Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: seconds, tv_nsec: nanoseconds.into() },
    };
    futimens(folder, &times)
}

fn errno(error: std::io::Error) -> Errno {
    Errno::from_io_error(&error).unwrap_or(Errno::IO)
}

fn cannot_carry(path: &Path, error: Errno) -> DriverError {
    let failed = unmade("carry over", path, error);
    match error {
        Errno::XDEV => {
            let what = format!("carry over {}, where something else is mounted", shown(path));
            let hint = "name what lies beside the mount point instead of the tree around it";
            DriverError::new(ErrorKind::Config, what).hint(hint).nothing_happened()
        }
        Errno::PERM | Errno::ACCESS => {
            failed.hint("what is left alone must be ours, or root must carry it over")
        }
        _ => failed,
    }
}
