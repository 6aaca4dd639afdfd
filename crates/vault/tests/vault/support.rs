use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use backout_vault::FileVault;
use tempfile::TempDir;

pub fn vault() -> (TempDir, FileVault) {
    let folder = tempfile::tempdir().unwrap();
    let vault = FileVault::prepare(&folder.path().join("vault")).unwrap();
    (folder, vault)
}

/// The same vault as another process would see it.
pub fn reopened(folder: &TempDir) -> FileVault {
    FileVault::open(&folder.path().join("vault")).unwrap()
}

/// Every file below a folder with its content.
pub fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    found
}

/// The files of the repository.
pub fn repository(folder: &TempDir) -> BTreeMap<PathBuf, Vec<u8>> {
    files(&folder.path().join("vault/repository"))
}

/// Bytes that neither compress nor repeat.
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
