//! Vaults of earlier versions go on being read.

use std::fs::{self, Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use backout_contract::{Vault, VaultError};
use backout_core::checkpoint::BlobId;
use backout_vault::FileVault;
use tempfile::TempDir;

use super::support::{files, reopened};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// A copy of a vault as the first version wrote it: one file a blob, age around zstd.
pub fn first() -> (TempDir, Vec<(BlobId, Vec<u8>)>) {
    let folder = tempfile::tempdir().unwrap();
    for (file, bytes) in files(&golden("first/vault")) {
        let to = folder.path().join("vault").join(file.strip_prefix(golden("first/vault")).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(&to, bytes).unwrap();
        set_permissions(&to, Permissions::from_mode(0o600)).unwrap();
    }
    let list = fs::read_to_string(golden("first/blobs.txt")).unwrap();
    let blobs = list.lines().map(|line| {
        let (name, blob) = line.split_once(' ').unwrap();
        let content =
            if name == "empty" { Vec::new() } else { fs::read(golden("first").join(name)).unwrap() };
        (BlobId::parse(blob).unwrap(), content)
    });
    let blobs: Vec<_> = blobs.collect();
    assert_eq!(blobs.len(), 3);
    (folder, blobs)
}

#[tokio::test]
async fn blobs_of_the_first_version_are_read_and_nothing_is_changed() {
    let (folder, blobs) = first();
    let before = files(folder.path());
    let vault = reopened(&folder);
    for (blob, content) in &blobs {
        assert_eq!(vault.get(blob).await.unwrap(), *content);
        vault.check(blob).await.unwrap();
    }
    let unknown = BlobId::from_raw([7; 32]);
    assert!(matches!(vault.get(&unknown).await, Err(VaultError::Missing(_))));
    assert_eq!(vault.blobs().await.unwrap(), blobs.iter().map(|(blob, _)| *blob).collect());
    assert_eq!(vault.survey().await.unwrap(), Vec::<String>::new());
    assert!(vault.put(b"more").await.is_err(), "there is nothing to put it into yet");
    assert_eq!(files(folder.path()), before);
}

#[tokio::test]
async fn a_vault_of_the_first_version_is_written_on_beside() {
    let (folder, blobs) = first();
    let before = files(&folder.path().join("vault/blobs"));
    let vault = FileVault::prepare(&folder.path().join("vault")).unwrap();
    let new = vault.put(b"new").await.unwrap();
    let reader = reopened(&folder);
    for (blob, content) in &blobs {
        assert_eq!(reader.get(blob).await.unwrap(), *content);
    }
    assert_eq!(reader.get(&new).await.unwrap(), b"new");
    assert_eq!(files(&folder.path().join("vault/blobs")), before);

    let kept = vault.prune([blobs[0].0, new].into()).await.unwrap();
    assert_eq!((kept.removed, kept.kept), (2, 2));
    assert!(kept.freed > 3000, "{kept:?}");
    assert_eq!(reopened(&folder).get(&blobs[0].0).await.unwrap(), blobs[0].1);
    assert!(matches!(reopened(&folder).get(&blobs[1].0).await, Err(VaultError::Missing(_))));
}

#[tokio::test]
async fn damage_and_lost_keys_of_old_blobs_are_told() {
    let (folder, blobs) = first();
    for (path, mut bytes) in files(&folder.path().join("vault/blobs")) {
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(path, bytes).unwrap();
    }
    for (blob, _) in &blobs {
        assert!(
            matches!(reopened(&folder).check(blob).await, Err(VaultError::Damaged(named)) if named == *blob)
        );
    }
    let vault = folder.path().join("vault");
    fs::remove_file(vault.join("key.txt")).unwrap();
    assert!(FileVault::open(&vault).is_err());
    assert!(FileVault::prepare(&vault).is_err(), "a lost key is not replaced");
}
