//! How errors of files become errors of the vault.

use std::io;
use std::path::Path;

use backout_contract::VaultError;
use backout_kit::file_error::FileError;
use backout_kit::path_text;

pub(crate) fn on_file(error: FileError) -> VaultError {
    VaultError::Io { attempted: error.to_string(), source: error.source }
}

pub(crate) fn on(operation: &str, path: &Path) -> impl FnOnce(io::Error) -> VaultError {
    let attempted = format!("{operation} {}", path_text::encode(path.as_os_str()));
    move |source| VaultError::Io { attempted, source }
}
