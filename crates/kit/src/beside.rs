//! The new thing, a file or a whole tree, is built beside the old one under a reserved name, proven there, and
//! swapped in. Readers see one of the two at every instant, and the old one is kept.
//!
//! A swap over an old thing is two renames, one over nothing is one. A kill may fall between any two, so what
//! is left to do is decided by what exists, and by a predicate of the caller's that knows the new thing when it
//! sees it (without it, a row where both exist could not be told from the same row after the exchange).
//! "New" in the table is the predicate's answer; `·` means that it is not asked.
//!
//! | # | target | beside | displaced | state | left to do |
//! |---|---|---|---|---|---|
//! | 1 | absent | absent | absent | not prepared | build the new thing beside |
//! | 2 | absent | new | absent | ready, over nothing | rename beside to target |
//! | 3 | absent | not new | absent | not prepared | build the new thing beside, again |
//! | 4 | absent | · | there | disturbed | a person: somebody took the target away |
//! | 5 | new | absent | absent | done | nothing (there was no old thing) |
//! | 6 | not new | absent | absent | not prepared | build the new thing beside |
//! | 7 | new | absent | there | done | nothing |
//! | 8 | not new | absent | there | disturbed | a person: somebody changed the target after the swap |
//! | 9 | new | there | absent | exchanged | rename beside, now the old thing, to displaced |
//! | 10 | not new | new | absent | ready | exchange, then as row 9 |
//! | 11 | not new | not new | absent | not prepared | build the new thing beside, again |
//! | 12 | there | there | there | disturbed | a person: displaced is taken, and nothing is overwritten |
//!
//! Old and new that look alike to the predicate fall under row 9: the target is as it should be.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::atomic_put::{look, sync_folder_of};
use crate::file_error::{FileError, OnFile};
use crate::reserved::{folder_of, sibling};

/// Where the new thing is built: `<dir>/.backout-beside-<tag>-<name>`.
pub fn beside_path(target: &Path, tag: &str) -> Result<PathBuf, FileError> {
    sibling(target, &format!("beside-{tag}"))
}

/// Where the old thing is kept: `<dir>/.backout-displaced-<tag>-<name>`.
pub fn displaced_path(target: &Path, tag: &str) -> Result<PathBuf, FileError> {
    sibling(target, &format!("displaced-{tag}"))
}

/// How far a swap has come; see the table of the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SwapState {
    /// The new thing is not, or not wholly, beside the target.
    NotPrepared,
    /// The new thing is beside, the old one in place.
    Ready,
    /// The new thing is beside, and nothing is in place.
    ReadyOverNothing,
    /// The new thing is in place, the old one still under the name beside.
    Exchanged,
    /// The new thing is in place, the old one, if there was one, displaced.
    Done,
    /// No swap of ours leaves things this way.
    Disturbed,
}

/// Decides how far a swap has come. `is_new` is asked about paths that exist, once each at most.
pub fn swap_state(
    target: &Path,
    beside: &Path,
    displaced: &Path,
    is_new: &mut dyn FnMut(&Path) -> Result<bool, FileError>,
) -> Result<SwapState, FileError> {
    let is_there = |path| look(path).map(|there| there.is_some());
    Ok(match (is_there(target)?, is_there(beside)?, is_there(displaced)?) {
        (false, false, false) => SwapState::NotPrepared,
        (false, true, false) if is_new(beside)? => SwapState::ReadyOverNothing,
        (false, true, false) => SwapState::NotPrepared,
        (false, _, true) => SwapState::Disturbed,
        (true, false, _) if is_new(target)? => SwapState::Done,
        (true, false, false) => SwapState::NotPrepared,
        (true, false, true) => SwapState::Disturbed,
        (true, true, true) => SwapState::Disturbed,
        (true, true, false) if is_new(target)? => SwapState::Exchanged,
        (true, true, false) if is_new(beside)? => SwapState::Ready,
        (true, true, false) => SwapState::NotPrepared,
    })
}

/// Does what is left of a swap, durably, and returns the state it found. Call it again after a kill.
///
/// The content of the new thing must be durable already. Fails, with nothing changed, when the new thing is not
/// ready, when things were disturbed, when the three paths lie on more than one file system, and on file
/// systems that cannot exchange two names.
pub fn swap(
    target: &Path,
    beside: &Path,
    displaced: &Path,
    is_new: &mut dyn FnMut(&Path) -> Result<bool, FileError>,
) -> Result<SwapState, FileError> {
    let found = swap_state(target, beside, displaced, is_new)?;
    match found {
        SwapState::NotPrepared => {
            let why = "the new thing is not ready beside it";
            return Err(FileError::refuse("swap", target, ErrorKind::NotFound, why));
        }
        SwapState::Disturbed => {
            let why = "what is there was left by no swap";
            return Err(FileError::refuse("swap", target, ErrorKind::AlreadyExists, why));
        }
        SwapState::Ready | SwapState::ReadyOverNothing | SwapState::Exchanged => {
            refuse_two_file_systems(target, &[beside, displaced])?;
        }
        // The one that was killed may not have come to make it durable.
        SwapState::Done => sync_all_folders(&[target, beside, displaced])?,
    }
    match found {
        SwapState::ReadyOverNothing => rename(beside, target, RenameFlags::NOREPLACE, target)?,
        SwapState::Ready => rename(beside, target, RenameFlags::EXCHANGE, target)?,
        _ => {}
    }
    if matches!(found, SwapState::Ready | SwapState::Exchanged) {
        rename(beside, displaced, RenameFlags::NOREPLACE, target)?;
    }
    Ok(found)
}

/// Puts the target aside where nothing should be in its place. Fine when that is done already; fails when
/// both the target and the displaced thing are there, or neither.
pub fn displace(target: &Path, displaced: &Path) -> Result<(), FileError> {
    if look(target)?.is_none() && look(displaced)?.is_some() {
        return sync_all_folders(&[target, displaced]);
    }
    refuse_two_file_systems(target, &[displaced])?;
    rename(target, displaced, RenameFlags::NOREPLACE, target)
}

/// One rename, made durable before the next, so that no power cut can keep the second and lose the first.
fn rename(from: &Path, to: &Path, how: RenameFlags, target: &Path) -> Result<(), FileError> {
    let operation = if how.contains(RenameFlags::EXCHANGE) { "exchange" } else { "rename around" };
    renameat_with(CWD, from, CWD, to, how).on_file(operation, target)?;
    sync_all_folders(&[from, to])
}

fn sync_all_folders(paths: &[&Path]) -> Result<(), FileError> {
    let mut synced: Vec<&Path> = Vec::with_capacity(paths.len());
    for path in paths {
        if !synced.contains(&folder_of(path)) {
            sync_folder_of(path)?;
            synced.push(folder_of(path));
        }
    }
    Ok(())
}

/// Compares folders, not the things: an overlay reports devices of its layers for plain files.
fn refuse_two_file_systems(target: &Path, others: &[&Path]) -> Result<(), FileError> {
    let device = |path: &Path| {
        std::fs::metadata(folder_of(path)).map(|folder| folder.dev()).on_file("look at the folder of", path)
    };
    let home = device(target)?;
    for other in others {
        if device(other)? != home {
            let why = "the copies beside it lie on another file system";
            return Err(FileError::refuse("swap", target, ErrorKind::CrossesDevices, why));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
