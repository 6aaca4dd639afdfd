//! Replaces one file or one symbolic link. Whoever looks sees the old one or the new one, whole, also after a
//! power cut; whoever has the old file open keeps it.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown, lchown, symlink};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::file_error::{FileError, OnFile};
use crate::reserved::{self, folder_of};
use crate::scratch_file::{self, ScratchFile};

/// Mode of a new file when none is asked for: what we write may be secret.
const PRIVATE_MODE: u32 = 0o600;

/// Who owns a file, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// User id.
    pub user: u32,
    /// Group id.
    pub group: u32,
}

/// What a file should look like besides its content. What is not asked for is kept from the file replaced; a
/// new file is ours and private (0600). Extended attributes and access lists are not kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Permission bits, set-id and sticky bits included.
    pub mode: Option<u32>,
    /// Owner and group.
    pub owner: Option<Owner>,
}

/// Puts a file with this content. Refuses where something other than a regular file stands, a symbolic link
/// included: the caller decides whether the link or what it names is meant.
pub fn put(path: &Path, content: &[u8], attributes: Attributes) -> Result<(), FileError> {
    put_from(path, &mut &*content, attributes)
}

/// The same as [`put`], with the content read to its end from `source`. When reading fails, nothing changed.
pub fn put_from(path: &Path, source: &mut dyn Read, attributes: Attributes) -> Result<(), FileError> {
    let replaced = look(path)?;
    if replaced.as_ref().is_some_and(|there| !there.is_file()) {
        return Err(FileError::refuse("replace", path, ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut scratch = ScratchFile::beside(path)?;
    io::copy(source, &mut scratch.file).and_then(|_| scratch.file.flush()).on_file("write", path)?;
    dress(&scratch.file, replaced.as_ref(), attributes, path)?;
    scratch.file.sync_all().on_file("sync", path)?;
    scratch.become_target(path)?;
    sync_folder_of(path)
}

/// Replaces a file by what `change` makes of its content; `None` leaves it as it is. Tells whether it was replaced.
/// Edits by one process take turns, so that of two edits of one file none is lost.
pub fn edit(path: &Path, change: impl FnOnce(&[u8]) -> Option<Vec<u8>>) -> Result<bool, FileError> {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let content = fs::read(path).on_file("read", path)?;
    match change(&content) {
        Some(changed) => put(path, &changed, Attributes::default()).map(|()| true),
        None => Ok(false),
    }
}

/// Puts a symbolic link that names `target`, which need not exist. Replaces a link only, and keeps its owner.
pub fn put_link(path: &Path, target: &Path) -> Result<(), FileError> {
    let replaced = look(path)?;
    if replaced.as_ref().is_some_and(|there| !there.is_symlink()) {
        return Err(FileError::refuse("replace", path, ErrorKind::InvalidInput, "it is not a symbolic link"));
    }
    let scratch = reserved::sibling(path, "put")?;
    {
        // A link cannot carry the lock that keeps two writers of one file apart.
        let _turn = scratch_file::turn();
        remove_file_if_there(&scratch).on_file("clear a leftover beside", path)?;
        symlink(target, &scratch).on_file("make a link beside", path)?;
        keep_owner_of_link(replaced.as_ref(), &scratch)
            .on_file("set the owner of", path)
            .and_then(|()| fs::rename(&scratch, path).on_file("rename into place", path))
            .inspect_err(|_| drop(fs::remove_file(&scratch)))?;
    }
    sync_folder_of(path)
}

/// Makes the entry of `path` in its folder durable: a rename or removal outlives a power cut only after this.
pub fn sync_folder_of(path: &Path) -> Result<(), FileError> {
    let folder = folder_of(path);
    match File::open(folder).and_then(|opened| opened.sync_all()) {
        // Some file systems have nothing to sync in a folder, and say so this way.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        result => result.on_file("sync the folder", folder),
    }
}

/// Removes a file or link; fine when it is not there.
pub(crate) fn remove_file_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What stands at the path itself, links not followed; `None` when nothing does.
pub(crate) fn look(path: &Path) -> Result<Option<Metadata>, FileError> {
    match fs::symlink_metadata(path) {
        Ok(there) => Ok(Some(there)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).on_file("look at", path),
    }
}

fn owner_of(there: &Metadata) -> Owner {
    Owner { user: there.uid(), group: there.gid() }
}

fn dress(
    file: &File,
    replaced: Option<&Metadata>,
    attributes: Attributes,
    path: &Path,
) -> Result<(), FileError> {
    let own = file.metadata().map(|made| owner_of(&made)).on_file("look at", path)?;
    let owner = attributes.owner.or_else(|| replaced.map(owner_of)).unwrap_or(own);
    if owner != own {
        fchown(file, Some(owner.user), Some(owner.group)).on_file("set the owner of", path)?;
    }
    // After the owner: changing it takes set-id bits away.
    let kept = replaced.map(|there| there.mode() & 0o7777);
    let mode = attributes.mode.or(kept).unwrap_or(PRIVATE_MODE);
    file.set_permissions(Permissions::from_mode(mode)).on_file("set the mode of", path)
}

fn keep_owner_of_link(replaced: Option<&Metadata>, scratch: &Path) -> io::Result<()> {
    let Some(owner) = replaced.map(owner_of) else { return Ok(()) };
    if owner == owner_of(&fs::symlink_metadata(scratch)?) {
        return Ok(());
    }
    lchown(scratch, Some(owner.user), Some(owner.group))
}

#[cfg(test)]
mod tests;
