//! Whether the repository as a whole is well: every file of it, also what no blob needs at this moment.

use std::io::ErrorKind;

use backout_contract::VaultError;
use rustic_core::{CheckOptions, FileType};

use crate::catalog::open;
use crate::disk::Disk;
use crate::failed::{on_disk, on_opening, on_rustic};
use crate::repository::Shelf;
use crate::vault::FileVault;

impl FileVault {
    /// Reads every file of the repository from first to last byte and compares what refers to what. Gives what is
    /// wrong, a line each; old blobs from before the repository are not part of it.
    ///
    /// # Errors
    /// It cannot be read at all.
    pub async fn survey(&self) -> Result<Vec<String>, VaultError> {
        self.blocking(|inner| survey(&inner.shelf)).await
    }
}

fn survey(shelf: &Shelf) -> Result<Vec<String>, VaultError> {
    if !shelf
        .disk
        .is_made()
        .map_err(|source| VaultError::Io { attempted: "open the vault's repository".to_owned(), source })?
    {
        return Ok(Vec::new());
    }
    let disk = &shelf.disk;
    let mut found: Vec<String> =
        disk.hide_damaged().map_err(on_disk)?.into_iter().map(|file| format!("{file} is damaged")).collect();
    for kind in [FileType::Key, FileType::Pack] {
        found.extend(damaged(disk, kind)?);
    }
    let repository = open(disk, shelf.credentials()?).map_err(on_opening)?;
    let checked =
        repository.check(CheckOptions::default()).map_err(on_rustic("check the vault's repository"))?;
    let is_wrong = checked.is_ok().is_err();
    found.extend(checked.0.into_iter().filter(|_| is_wrong).map(|(_, finding)| finding.to_string()));
    Ok(found)
}

fn damaged(disk: &Disk, kind: FileType) -> Result<Vec<String>, VaultError> {
    let mut found = Vec::new();
    for (id, _) in disk.list_files(kind).map_err(on_disk)? {
        match disk.read_whole(kind, &id) {
            Ok(_) => {}
            Err(error) if error.source.kind() == ErrorKind::NotFound => {}
            Err(error) if error.source.kind() == ErrorKind::InvalidData => {
                let name = id.to_hex();
                found.push(format!("{}/{} is damaged", kind.dirname(), name.as_str()));
            }
            Err(error) => return Err(on_disk(error)),
        }
    }
    Ok(found)
}
