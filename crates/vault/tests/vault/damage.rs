//! Damage anywhere is found; what can be read in spite of it is read.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, symlink};

use backout_contract::{Vault, VaultError};
use backout_vault::FileVault;

use super::support::{files, noise, reopened, repository, vault};

#[tokio::test]
async fn every_damaged_byte_is_found_and_nothing_wrong_is_handed_out() {
    let (folder, vault) = vault();
    let blob = vault.put(b"what was saved").await.unwrap();
    drop(vault);
    let to = folder.path().join("to");
    let key =
        fs::read_dir(folder.path().join("vault/repository/keys")).unwrap().next().unwrap().unwrap().path();
    for (path, whole) in repository(&folder) {
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        for at in 0..whole.len() {
            file.write_all_at(&[whole[at] ^ 1], at as u64).unwrap();
            let place = format!("byte {at} of {}", path.display());
            let survey = reopened(&folder).survey().await;
            assert!(!matches!(&survey, Ok(found) if found.is_empty()), "{place}: {survey:?}");

            if at % 4 != 0 {
                file.write_all_at(&whole[at..=at], at as u64).unwrap();
                continue;
            }
            // Each looks with fresh eyes, as another process would.
            let checked = reopened(&folder).check(&blob).await;
            let got = reopened(&folder).get(&blob).await;
            let written = reopened(&folder).get_file(&blob, &to).await;
            assert_eq!(checked.is_ok(), got.is_ok(), "{place}");
            assert_eq!(written.is_ok(), got.is_ok(), "{place}");
            match got {
                // A byte that this blob does not need: the file of the password, the directory in a pack.
                Ok(bytes) => {
                    assert_eq!(bytes, b"what was saved", "{place}");
                    assert!(path == key || path.to_string_lossy().contains("/data/"), "{place}");
                    fs::remove_file(&to).unwrap();
                }
                Err(error) => {
                    let named = matches!(&error, VaultError::Damaged(named) if *named == blob)
                        || matches!(&error, VaultError::Sealed { .. })
                        || matches!(&error, VaultError::Io { source, .. } if source.kind() == std::io::ErrorKind::InvalidData);
                    assert!(named, "{place}: {error:?}");
                    assert!(!to.exists(), "{place}");
                }
            }
            file.write_all_at(&whole[at..=at], at as u64).unwrap();
        }
        for length in [0, 1, whole.len() - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            let survey = reopened(&folder).survey().await;
            assert!(!matches!(&survey, Ok(found) if found.is_empty()), "{} cut to {length}", path.display());
        }
        fs::write(&path, &whole).unwrap();
    }
    assert_eq!(reopened(&folder).survey().await.unwrap(), Vec::<String>::new());
    reopened(&folder).check(&blob).await.unwrap();
}

#[tokio::test]
async fn what_a_reader_has_read_before_is_read_from_the_disk_again() {
    let (folder, vault) = vault();
    let bytes = noise(4_000_000, 5);
    let (small, large) = (vault.put(b"small").await.unwrap(), vault.put(&bytes).await.unwrap());
    let reader = reopened(&folder);
    for blob in [small, large] {
        reader.get(&blob).await.unwrap();
        reader.check(&blob).await.unwrap();
    }
    for path in files(&folder.path().join("vault/repository/data")).into_keys() {
        let length = fs::metadata(&path).unwrap().len();
        let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        for at in (0..length).step_by(40) {
            file.write_all_at(&[0xA5], at).unwrap();
        }
    }
    for blob in [small, large] {
        assert!(matches!(reader.check(&blob).await, Err(VaultError::Damaged(_))));
        assert!(matches!(reader.get(&blob).await, Err(VaultError::Damaged(_))));
    }
}

#[tokio::test]
async fn damage_far_into_a_large_file_leaves_no_file_behind() {
    let (folder, vault) = vault();
    let from = folder.path().join("from");
    fs::write(&from, noise(12_000_000, 7)).unwrap();
    let (blob, _) = vault.put_file(&from).await.unwrap();
    let packs = files(&folder.path().join("vault/repository/data"));
    let (path, bytes) = packs.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
    let mut bytes = bytes.clone();
    let at = bytes.len() - 5000;
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
    let to = folder.path().join("to");
    assert!(matches!(reopened(&folder).get_file(&blob, &to).await, Err(VaultError::Damaged(_))));
    assert!(!to.exists());
}

#[tokio::test]
async fn a_damaged_snapshot_does_not_hide_what_is_in_others() {
    let (folder, vault) = vault();
    let first = vault.put(b"first").await.unwrap();
    let known = files(&folder.path().join("vault/repository/snapshots"));
    let second = vault.put(b"second").await.unwrap();
    let damaged = known.into_keys().next().unwrap();
    fs::write(&damaged, "nonsense").unwrap();
    let reader = reopened(&folder);
    assert_eq!(reader.get(&second).await.unwrap(), b"second");
    let error = reader.get(&first).await.unwrap_err();
    let name = damaged.file_name().unwrap().to_string_lossy().into_owned();
    assert!(error.to_string().contains(&name), "{error}: it names the file");
    assert!(reader.prune([second].into()).await.is_err(), "nobody can tell what the damaged one refers to");
    assert_eq!(reader.get(&second).await.unwrap(), b"second");
}

#[tokio::test]
async fn known_content_that_is_damaged_is_not_counted_on() {
    let (folder, vault) = vault();
    let bytes = noise(9_000_000, 2);
    vault.put(&bytes).await.unwrap();
    drop(vault);
    for (path, mut bytes) in files(&folder.path().join("vault/repository/data")) {
        if bytes.len() > 1_000_000 {
            bytes.iter_mut().step_by(50_000).for_each(|byte| *byte ^= 1);
            fs::write(path, bytes).unwrap();
        }
    }
    let again = FileVault::prepare(&folder.path().join("vault")).unwrap();
    assert!(matches!(again.put(&bytes).await, Err(VaultError::Damaged(_))), "whole");
    let mut longer = bytes;
    longer.extend_from_slice(b"and more");
    assert!(matches!(again.put(&longer).await, Err(VaultError::Damaged(_))), "in part");
}

#[tokio::test]
async fn missing_and_foreign_blobs_are_told_apart() {
    let (folder, vault) = vault();
    let blob = vault.put(b"ours").await.unwrap();
    let (other_folder, other) = self::vault();
    assert!(matches!(other.get(&blob).await, Err(VaultError::Missing(named)) if named == blob));
    assert!(matches!(other.check(&blob).await, Err(VaultError::Missing(_))));

    // Another key in front of the same repository.
    let (key, foreign) = ("vault/key.json", other_folder.path().join("vault/key.json"));
    fs::copy(&foreign, folder.path().join(key)).unwrap();
    let sealed = reopened(&folder);
    for result in [sealed.get(&blob).await.map(drop), sealed.check(&blob).await] {
        let error = result.unwrap_err();
        assert!(matches!(error, VaultError::Sealed { .. }), "{error:?}");
        assert!(error.source().is_some());
    }
    assert!(sealed.put(b"more").await.is_err());
}

#[tokio::test]
async fn lost_packs_are_missing_and_links_are_not_followed() {
    let (folder, vault) = vault();
    let blob = vault.put(&noise(100_000, 4)).await.unwrap();
    let packs = files(&folder.path().join("vault/repository/data"));
    let (path, bytes) = packs.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
    fs::remove_file(path).unwrap();
    assert!(matches!(reopened(&folder).get(&blob).await, Err(VaultError::Missing(_))));
    assert!(!reopened(&folder).survey().await.unwrap().is_empty());
    let elsewhere = folder.path().join("elsewhere");
    fs::write(&elsewhere, bytes).unwrap();
    symlink(&elsewhere, path).unwrap();
    assert!(matches!(reopened(&folder).get(&blob).await, Err(VaultError::Io { .. })));
}
