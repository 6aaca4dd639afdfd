//! Whether a tree can be put back here. Reads only.

use std::ffi::OsStr;
use std::path::Path;

use backout_contract::DriverError;
use backout_kit::{place, space};
use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;
use rustix::process::{getegid, geteuid, getgroups};

use super::handle::{Kind, look};
use super::selector::Selector;
use super::state::TreeState;
use crate::trouble::{of_file, shown, unreadable};

/// Room for what the file system itself needs, in bytes a thing.
const OVERHEAD: u64 = 4096;

/// One sentence for each thing that stands in the way.
pub(super) fn ready(
    target: &Path,
    selector: &Selector,
    saved: Option<&TreeState>,
) -> Result<Vec<String>, DriverError> {
    let mut found = place_is_ready(target)?;
    let Some(saved) = saved else { return Ok(found) };
    found.extend(enough_space(target, saved)?);
    found.extend(owners_can_be_set(saved));
    found.extend(saved.check().err().map(|error| format!("the saved tree is damaged: {error}")));
    let excluded = saved
        .entries
        .iter()
        .skip(1)
        .find(|entry| entry.place().is_ok_and(|place| selector.leaves_alone(&place)));
    found.extend(excluded.map(|entry| {
        format!(
            "`{}` was saved and is excluded now: take the pattern out of `exclude`, or capture again",
            entry.path
        )
    }));
    Ok(found)
}

/// Whether names in the folder of the target can be changed. For whatever is put back by renaming.
pub(crate) fn place_is_ready(target: &Path) -> Result<Vec<String>, DriverError> {
    let Some(folder) = target.parent() else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    match accessat(CWD, folder, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS) {
        Ok(()) => {}
        Err(Errno::NOENT) => found.push(format!("the folder {} is not there", shown(folder))),
        Err(Errno::NOTDIR) => found.push(format!("{} is no folder", shown(folder))),
        Err(Errno::ROFS) => found.push(format!("the file system of {} is read-only", shown(folder))),
        Err(Errno::ACCESS | Errno::PERM) => {
            found.push(format!("we may not write to the folder {}", shown(folder)));
        }
        Err(error) => return Err(unreadable("look at", folder, error)),
    }
    if place::is_mount_point(target).map_err(|error| unreadable("look at", target, error))? {
        found.push(format!("{} is a mount point and cannot be swapped: name what lies in it", shown(target)));
    }
    if let (Ok(there), Ok(around)) = (look(CWD, target.as_os_str()), look(CWD, folder.as_os_str())) {
        let we = geteuid().as_raw();
        if around.kind == Kind::Directory
            && around.mode & 0o1000 != 0
            && ![there.user, around.user, 0].contains(&we)
            && we != 0
        {
            found.push(format!(
                "{} belongs to another user, and its folder lets only them rename it",
                shown(target)
            ));
        }
    }
    Ok(found)
}

fn enough_space(target: &Path, saved: &TreeState) -> Result<Option<String>, DriverError> {
    let needed = saved.bytes().saturating_add(OVERHEAD.saturating_mul(saved.entries.len() as u64));
    let free = space::free_bytes(target.parent().unwrap_or(Path::new(OsStr::new("/")))).map_err(of_file)?;
    Ok((free < needed).then(|| format!("the copy beside needs {needed} bytes, and {free} are free")))
}

fn owners_can_be_set(saved: &TreeState) -> Option<String> {
    let we = geteuid().as_raw();
    if we == 0 {
        return None;
    }
    let mut groups: Vec<u32> = getgroups().unwrap_or_default().iter().map(|group| group.as_raw()).collect();
    groups.push(getegid().as_raw());
    let foreign = saved
        .entries
        .iter()
        .filter(|entry| entry.user != we || !groups.contains(&entry.group))
        .collect::<Vec<_>>();
    let first = foreign.first()?;
    let path = if first.path.is_empty() { "." } else { &first.path };
    Some(format!(
        "{} things belong to others (`{path}` to {}:{}), and only root can give them back to their owners",
        foreign.len(),
        first.user,
        first.group
    ))
}
