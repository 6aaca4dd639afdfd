//! Whether a tree can be put back here. Reads only.

use std::ffi::OsStr;
use std::path::Path;

use backout_contract::DriverError;
use backout_kit::{place, space};
use rustix::process::{getegid, geteuid, getgroups};

use super::selector::Selector;
use super::state::TreeState;
use crate::trouble::of_file;

/// Room for what the file system itself needs, in bytes a thing.
const OVERHEAD: u64 = 4096;

/// One sentence for each thing that stands in the way.
pub(super) fn ready(
    target: &Path,
    selector: &Selector,
    saved: Option<&TreeState>,
) -> Result<Vec<String>, DriverError> {
    let mut found = place::obstacles(target).map_err(of_file)?;
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
