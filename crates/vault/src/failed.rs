//! How errors of files and of rustic become errors of the vault.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::Path;

use backout_contract::VaultError;
use backout_kit::file_error::FileError;
use backout_kit::path_text;
use rustic_core::RusticError;

use crate::disk::DiskError;

pub(crate) fn on_file(error: FileError) -> VaultError {
    VaultError::Io { attempted: error.to_string(), source: error.source }
}

pub(crate) fn on(operation: &str, path: &Path) -> impl FnOnce(io::Error) -> VaultError {
    let attempted = format!("{operation} {}", path_text::encode(path.as_os_str()));
    move |source| VaultError::Io { attempted, source }
}

pub(crate) fn on_disk(error: DiskError) -> VaultError {
    VaultError::Io { attempted: error.attempted, source: error.source }
}

/// An error of rustic while something was attempted: where it comes from a file, the file is named.
pub(crate) fn on_rustic(attempted: &str) -> impl FnOnce(Box<RusticError>) -> VaultError {
    let attempted = attempted.to_owned();
    move |error| match of_disk(&error) {
        Some(disk) => VaultError::Io { attempted: disk.attempted.clone(), source: copy(&disk.source) },
        None => {
            VaultError::Io { attempted, source: io::Error::new(ErrorKind::InvalidData, innermost(&error)) }
        }
    }
}

/// The repository is whole, and these keys do not open it, or its configuration is damaged: nobody can tell.
#[derive(Debug)]
pub(crate) struct WrongKey;

impl fmt::Display for WrongKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key does not open its configuration")
    }
}

impl Error for WrongKey {}

/// An error of rustic while the repository was opened.
pub(crate) fn on_opening(error: Box<RusticError>) -> VaultError {
    let attempted = "open the vault's repository";
    match of_disk(&error) {
        Some(_) => on_rustic(attempted)(error),
        None => VaultError::Io {
            attempted: attempted.to_owned(),
            source: io::Error::new(ErrorKind::InvalidData, WrongKey),
        },
    }
}

/// The error of a file that an error of rustic comes from.
pub(crate) fn of_disk(error: &RusticError) -> Option<&DiskError> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// The same error again; the system's own errors keep their number.
pub(crate) fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(number) => io::Error::from_raw_os_error(number),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

/// Rustic's own text is an essay over many lines; what it stems from is a line.
fn innermost(error: &RusticError) -> String {
    let text = causes(error).last().map_or_else(|| error.display_log(), ToString::to_string);
    text.lines().next().unwrap_or_default().to_owned()
}

fn causes(error: &RusticError) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}
