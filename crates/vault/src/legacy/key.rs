//! The key of an old vault: an age identity in a file that only its owner may read.

use std::io::{self, ErrorKind};
use std::path::Path;

use age::x25519::Identity;
use backout_contract::VaultError;
use backout_kit::private_file;

use crate::failed::{on, on_file};

/// An identity is a line or a few; what is longer was not written by us.
const LONGEST: u64 = 64 * 1024;

const PREFIX: &str = "AGE-SECRET-KEY-1";

/// Reads the key.
pub(crate) fn load(path: &Path) -> Result<Identity, VaultError> {
    let bytes = private_file::read(path, LONGEST).map_err(on_file)?;
    let line =
        std::str::from_utf8(&bytes).ok().and_then(|text| text.lines().find(|line| line.starts_with(PREFIX)));
    // The cause is not handed on: it might quote the key.
    line.and_then(|line| line.trim_end().parse().ok()).ok_or_else(|| {
        let why = io::Error::new(ErrorKind::InvalidData, "it is not an age identity");
        on("read the vault's key", path)(why)
    })
}
