//! Blobs as files: what is stored, what stock tools make of it, and what is done about damage.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File, OpenOptions, Permissions, set_permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::iter;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use backout_contract::{Vault, VaultError};
use backout_core::checkpoint::BlobId;
use backout_vault::{FileVault, LARGEST_IN_MEMORY};
use tempfile::TempDir;

fn vault() -> (TempDir, FileVault) {
    let folder = tempfile::tempdir().unwrap();
    let vault = FileVault::prepare(&folder.path().join("vault")).unwrap();
    (folder, vault)
}

fn path_of(folder: &TempDir, blob: &BlobId) -> PathBuf {
    let name = blob.to_string();
    folder.path().join("vault/blobs").join(&name[..2]).join(name)
}

fn identity(folder: &TempDir) -> age::x25519::Identity {
    let text = fs::read_to_string(folder.path().join("vault/key.txt")).unwrap();
    text.lines().find(|line| !line.starts_with('#')).unwrap().parse().unwrap()
}

/// Every file below a folder with its content.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
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

#[tokio::test]
async fn what_is_put_comes_back_in_every_size() {
    let (folder, vault) = vault();
    for size in [0, 1, 1000, 64 * 1024, 64 * 1024 + 1, 1_000_000] {
        let bytes: Vec<u8> = (0..size).map(|at: usize| (at * at % 251) as u8).collect();
        let blob = vault.put(&bytes).await.unwrap();
        assert_eq!(vault.get(&blob).await.unwrap(), bytes, "{size}");
        vault.check(&blob).await.unwrap();

        let (from, to) =
            (folder.path().join(format!("{size}.from")), folder.path().join(format!("{size}.to")));
        fs::write(&from, &bytes).unwrap();
        let (blob, counted) = vault.put_file(&from).await.unwrap();
        assert_eq!(counted, size as u64);
        assert_eq!(vault.get_file(&blob, &to).await.unwrap(), size as u64);
        assert_eq!(fs::read(&to).unwrap(), bytes);
        assert_eq!(fs::metadata(&to).unwrap().mode() & 0o777, 0o600);
    }
    assert!(files(&folder.path().join("vault/incoming")).is_empty());
}

#[tokio::test]
async fn a_blob_is_private_named_by_its_digest_and_opens_with_plain_age_and_zstd() {
    use sha2::{Digest as _, Sha256};
    let (folder, vault) = vault();
    let secret = b"correct horse battery staple ".repeat(100);
    let blob = vault.put(&secret).await.unwrap();
    let stored = fs::read(path_of(&folder, &blob)).unwrap();
    let sum: String = Sha256::digest(&stored).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(blob.to_string(), sum);
    assert!(stored.len() < secret.len(), "it is compressed");
    assert!(!stored.windows(7).any(|part| part == b"battery"), "it is encrypted");

    let identity = identity(&folder);
    let decryptor = age::Decryptor::new(stored.as_slice()).unwrap();
    let plain = decryptor.decrypt(iter::once(&identity as &dyn age::Identity)).unwrap();
    assert_eq!(zstd::decode_all(plain).unwrap(), secret);

    for (path, _) in files(&folder.path().join("vault")) {
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600, "{}", path.display());
    }
    for inside in ["", "blobs", "incoming"] {
        let mode = fs::metadata(folder.path().join("vault").join(inside)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o700, "{inside}");
    }
}

#[tokio::test]
async fn the_same_bytes_are_stored_under_another_name_each_time() {
    let (_folder, vault) = vault();
    assert_ne!(vault.put(b"same").await.unwrap(), vault.put(b"same").await.unwrap());
}

#[tokio::test]
async fn every_damaged_byte_is_found_and_nothing_is_handed_out() {
    let (folder, vault) = vault();
    let blob = vault.put(b"what was saved").await.unwrap();
    let path = path_of(&folder, &blob);
    let whole = fs::read(&path).unwrap();
    let to = folder.path().join("to");
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    for at in 0..whole.len() {
        file.write_all_at(&[whole[at] ^ 1], at as u64).unwrap();
        let results = [
            vault.get(&blob).await.map(drop),
            vault.get_file(&blob, &to).await.map(drop),
            vault.check(&blob).await,
        ];
        for result in results {
            assert!(
                matches!(result, Err(VaultError::Damaged(named)) if named == blob),
                "byte {at}: {result:?}"
            );
        }
        assert!(!to.exists(), "byte {at}");
        file.write_all_at(&whole[at..=at], at as u64).unwrap();
    }
    for length in [0, 1, 100, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(matches!(vault.get(&blob).await, Err(VaultError::Damaged(_))), "cut to {length}");
    }
    fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
    assert!(matches!(vault.check(&blob).await, Err(VaultError::Damaged(_))), "grown");
    fs::write(&path, &whole).unwrap();
    vault.check(&blob).await.unwrap();
}

#[tokio::test]
async fn damage_far_into_a_large_file_leaves_no_file_behind() {
    let (folder, vault) = vault();
    let from = folder.path().join("from");
    // Bytes that do not compress, so that most of them are written before the damage is met.
    let bytes: Vec<u8> = (0..3_000_000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
    fs::write(&from, &bytes).unwrap();
    let (blob, _) = vault.put_file(&from).await.unwrap();
    let stored = OpenOptions::new().read(true).write(true).open(path_of(&folder, &blob)).unwrap();
    let at = stored.metadata().unwrap().len() - 20;
    let mut byte = [0];
    stored.read_exact_at(&mut byte, at).unwrap();
    stored.write_all_at(&[byte[0] ^ 1], at).unwrap();
    let to = folder.path().join("to");
    assert!(matches!(vault.get_file(&blob, &to).await, Err(VaultError::Damaged(_))));
    assert!(!to.exists());
}

#[tokio::test]
async fn missing_and_foreign_blobs_are_told_apart() {
    let (folder, vault) = vault();
    let blob = vault.put(b"ours").await.unwrap();
    let (other_folder, other) = self::vault();
    assert!(matches!(other.get(&blob).await, Err(VaultError::Missing(named)) if named == blob));
    assert!(matches!(other.check(&blob).await, Err(VaultError::Missing(_))));

    let there = path_of(&other_folder, &blob);
    fs::create_dir_all(there.parent().unwrap()).unwrap();
    fs::copy(path_of(&folder, &blob), &there).unwrap();
    for result in [other.get(&blob).await.map(drop), other.check(&blob).await] {
        let error = result.unwrap_err();
        assert!(matches!(error, VaultError::Sealed { .. }), "{error:?}");
        assert!(error.source().is_some());
    }
    fs::remove_file(&there).unwrap();
    symlink(path_of(&folder, &blob), &there).unwrap();
    assert!(matches!(other.get(&blob).await, Err(VaultError::Io { .. })), "a link is not followed");
}

#[tokio::test]
async fn a_file_that_is_there_is_not_overwritten() {
    let (folder, vault) = vault();
    let blob = vault.put(b"new").await.unwrap();
    let to = folder.path().join("to");
    fs::write(&to, "old").unwrap();
    let Err(VaultError::Io { source, .. }) = vault.get_file(&blob, &to).await else {
        panic!("it was overwritten")
    };
    assert_eq!(source.kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(&to).unwrap(), "old");
}

#[tokio::test]
async fn only_regular_files_are_put_and_the_time_of_access_stays() {
    let (folder, vault) = vault();
    let from = folder.path().join("from");
    File::create(&from).unwrap().write_all(b"content").unwrap();
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    let times = fs::FileTimes::new().set_accessed(long_ago);
    OpenOptions::new().write(true).open(&from).unwrap().set_times(times).unwrap();
    vault.put_file(&from).await.unwrap();
    assert_eq!(fs::metadata(&from).unwrap().accessed().unwrap(), long_ago);

    let (link, pipe) = (folder.path().join("link"), folder.path().join("pipe"));
    symlink(&from, &link).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
    for path in [link, pipe, folder.path().to_owned(), folder.path().join("absent")] {
        assert!(matches!(vault.put_file(&path).await, Err(VaultError::Io { .. })), "{}", path.display());
    }
    assert!(files(&folder.path().join("vault/incoming")).is_empty());
}

/// A blob as a vault would write it, of so many zeros, without holding them.
fn bomb(folder: &TempDir, zeros: u64) -> BlobId {
    use sha2::{Digest as _, Sha256};
    let recipient = identity(folder).to_public();
    let encryptor = age::Encryptor::with_recipients(iter::once(&recipient as &dyn age::Recipient)).unwrap();
    let mut writer = zstd::Encoder::new(encryptor.wrap_output(Vec::new()).unwrap(), 3).unwrap();
    io::copy(&mut io::repeat(0).take(zeros), &mut writer).unwrap();
    let stored = writer.finish().unwrap().finish().unwrap();
    let blob = BlobId::from_raw(Sha256::digest(&stored).into());
    let path = path_of(folder, &blob);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, stored).unwrap();
    blob
}

#[tokio::test]
async fn a_small_blob_that_unpacks_to_a_huge_one_does_not_fill_the_memory() {
    let (folder, vault) = vault();
    let blob = bomb(&folder, LARGEST_IN_MEMORY + 1);
    assert!(fs::metadata(path_of(&folder, &blob)).unwrap().len() < 1 << 20);
    let Err(VaultError::Io { source, .. }) = vault.get(&blob).await else { panic!("it was read") };
    assert_eq!(source.kind(), ErrorKind::FileTooLarge);
}

#[test]
fn the_key_is_kept_and_must_be_private_whole_and_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vault");
    let key = path.join("key.txt");
    assert!(FileVault::open(&path).is_err());
    assert!(!path.exists(), "opening makes nothing");
    FileVault::prepare(&path).unwrap();
    let drawn = fs::read_to_string(&key).unwrap();
    FileVault::prepare(&path).unwrap();
    FileVault::open(&path).unwrap();
    assert_eq!(fs::read_to_string(&key).unwrap(), drawn);

    set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    let shown = format!("{:?}", FileVault::open(&path).unwrap_err());
    assert!(shown.contains("others may read"), "{shown}");
    set_permissions(&key, Permissions::from_mode(0o600)).unwrap();

    let secret = drawn.lines().last().unwrap();
    for damaged in ["", &drawn[..drawn.len() - 5], &secret.to_lowercase()] {
        fs::write(&key, damaged).unwrap();
        let shown = format!("{:?}", FileVault::open(&path).unwrap_err());
        assert!(!shown.contains(&secret[20..40]), "the error shows the key: {shown}");
    }

    fs::create_dir(path.join("blobs/ab")).unwrap();
    fs::remove_file(&key).unwrap();
    assert!(FileVault::prepare(&path).is_err(), "a lost key is not replaced");
    assert!(!key.exists());
}

#[tokio::test]
async fn what_a_killed_process_left_is_cleared_away_and_the_key_does_not_show() {
    let (folder, vault) = vault();
    let blob = vault.put(b"kept").await.unwrap();
    fs::write(folder.path().join("vault/incoming/4711-0"), "half").unwrap();
    let again = FileVault::prepare(&folder.path().join("vault")).unwrap();
    assert!(files(&folder.path().join("vault/incoming")).is_empty());
    assert_eq!(again.get(&blob).await.unwrap(), b"kept");
    assert!(!format!("{again:?}").to_uppercase().contains("SECRET"));
}

#[tokio::test]
async fn blobs_are_put_side_by_side() {
    let (_folder, vault) = vault();
    let tasks: Vec<_> = (0..32u32)
        .map(|number| {
            let vault = vault.clone();
            tokio::spawn(async move {
                let bytes = number.to_le_bytes().repeat(1000);
                let blob = vault.put(&bytes).await.unwrap();
                assert_eq!(vault.get(&blob).await.unwrap(), bytes);
                blob
            })
        })
        .collect();
    let mut blobs = std::collections::BTreeSet::new();
    for task in tasks {
        blobs.insert(task.await.unwrap());
    }
    assert_eq!(blobs.len(), 32);
}
