//! What is put comes back, and once is enough.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, symlink};

use backout_contract::{Vault, VaultError};
use backout_vault::{FileVault, LARGEST_IN_MEMORY};

use super::support::{files, noise, reopened, repository, vault};

#[tokio::test]
async fn what_is_put_comes_back_in_every_size() {
    let (folder, vault) = vault();
    for size in [0, 1, 1000, 64 * 1024, 64 * 1024 + 1, 1_000_000, 9_000_000] {
        let bytes = noise(size, size as u64);
        let blob = vault.put(&bytes).await.unwrap();
        assert_eq!(vault.get(&blob).await.unwrap(), bytes, "{size}");
        vault.check(&blob).await.unwrap();

        let (from, to) =
            (folder.path().join(format!("{size}.from")), folder.path().join(format!("{size}.to")));
        let other: Vec<u8> = bytes.iter().map(|byte| byte ^ 0x55).collect();
        fs::write(&from, &other).unwrap();
        let (blob, counted) = vault.put_file(&from).await.unwrap();
        assert_eq!(counted, size as u64);
        assert_eq!(reopened(&folder).get_file(&blob, &to).await.unwrap(), size as u64);
        assert_eq!(fs::read(&to).unwrap(), other);
        assert_eq!(fs::metadata(&to).unwrap().mode() & 0o777, 0o600);
    }
    assert!(files(&folder.path().join("vault/incoming")).is_empty());
    assert_eq!(vault.survey().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn everything_is_private_compressed_and_encrypted() {
    let (folder, vault) = vault();
    let secret = b"correct horse battery staple ".repeat(10_000);
    let blob = vault.put(&secret).await.unwrap();
    let stored: u64 = repository(&folder).values().map(|bytes| bytes.len() as u64).sum();
    assert!(stored < 20_000, "it is compressed: {stored}");
    for (path, bytes) in files(&folder.path().join("vault")) {
        assert!(!bytes.windows(7).any(|part| part == b"battery"), "it is encrypted");
        assert!(!bytes.windows(64).any(|part| part == blob.to_string().as_bytes()), "so is its name");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600, "{}", path.display());
    }
    for inside in ["", "incoming", "repository", "repository/data", "repository/keys"] {
        let mode = fs::metadata(folder.path().join("vault").join(inside)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o700, "{inside}");
    }
}

#[tokio::test]
async fn what_is_said_to_be_compressed_is_kept_as_it_is() {
    let (folder, vault) = vault();
    let size = || repository(&folder).values().map(Vec::len).sum::<usize>();
    let before = size();
    let bytes = b"a piece out of the middle of a file".repeat(100_000);
    let blob = vault.put_compressed(bytes.clone()).await.unwrap();
    assert!(size() - before > bytes.len(), "nothing tried to compress it");
    assert_eq!(reopened(&folder).get(&blob).await.unwrap(), bytes);
    assert_eq!(vault.put(&bytes).await.unwrap(), blob, "the same content has the same name");
}

#[tokio::test]
async fn what_is_compressed_already_is_kept_as_it_is() {
    let (folder, vault) = vault();
    let configuration = fs::read(folder.path().join("vault/repository/config")).unwrap();
    for beginning in [b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18"] {
        let before: usize = repository(&folder).values().map(Vec::len).sum();
        let mut bytes = beginning.repeat(2_500_000);
        let from = folder.path().join("from");
        fs::write(&from, &bytes).unwrap();
        let (blob, _) = vault.put_file(&from).await.unwrap();
        let after: usize = repository(&folder).values().map(Vec::len).sum();
        // It repeats itself: of three chunks two are equal.
        assert!(after - before > 5_000_000, "{}", after - before);
        assert_eq!(reopened(&folder).get(&blob).await.unwrap(), bytes);
        assert_eq!(vault.put_file(&from).await.unwrap().0, blob, "once is enough");
        // What is small stays with the others.
        bytes.truncate(900_000);
        let small = vault.put(&bytes).await.unwrap();
        assert_eq!(vault.get(&small).await.unwrap(), bytes);
        let last: usize = repository(&folder).values().map(Vec::len).sum();
        assert!(last - after < 20_000, "{}", last - after);
    }
    assert_eq!(fs::read(folder.path().join("vault/repository/config")).unwrap(), configuration);
    assert_eq!(vault.survey().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn the_same_content_is_kept_once_and_has_one_name() {
    let (folder, vault) = vault();
    let bytes = noise(24_000_000, 1);
    let blob = vault.put(&bytes).await.unwrap();
    let stored = repository(&folder);
    let from = folder.path().join("from");
    fs::write(&from, &bytes).unwrap();
    assert_eq!(vault.put(&bytes).await.unwrap(), blob);
    let again = FileVault::prepare(&folder.path().join("vault")).unwrap();
    assert_eq!(again.put_file(&from).await.unwrap(), (blob, bytes.len() as u64));
    assert!(repository(&folder) == stored);

    // And what changed in a place shares the rest.
    let mut changed = bytes;
    changed[12_000_000] ^= 1;
    let other = again.put(&changed).await.unwrap();
    assert_ne!(other, blob);
    let added: usize = repository(&folder).values().map(Vec::len).sum::<usize>()
        - stored.values().map(Vec::len).sum::<usize>();
    assert!(added < 18_000_000, "{added}");
    assert_eq!(reopened(&folder).get(&other).await.unwrap(), changed);
}

#[tokio::test]
async fn the_same_size_is_not_taken_for_the_same_content() {
    let (folder, vault) = vault();
    let from = folder.path().join("from");
    let mut blobs = Vec::new();
    for content in ["old", "new"] {
        fs::write(&from, content).unwrap();
        let times = fs::FileTimes::new().set_modified(std::time::SystemTime::UNIX_EPOCH);
        OpenOptions::new().write(true).open(&from).unwrap().set_times(times).unwrap();
        blobs.push((vault.put_file(&from).await.unwrap().0, content));
    }
    for (blob, content) in blobs {
        assert_eq!(reopened(&folder).get(&blob).await.unwrap(), content.as_bytes());
    }
}

#[tokio::test]
async fn two_vaults_name_the_same_content_differently() {
    let ((_one, one), (_other, other)) = (vault(), vault());
    let (first, second) =
        (one.put(b"short secret").await.unwrap(), other.put(b"short secret").await.unwrap());
    assert_ne!(first, second);
}

#[tokio::test]
async fn puts_that_wait_together_share_a_snapshot() {
    let (folder, vault) = vault();
    let tasks: Vec<_> = (0..500u32)
        .map(|number| {
            let vault = vault.clone();
            tokio::spawn(async move { vault.put(&number.to_le_bytes()).await.unwrap() })
        })
        .collect();
    let mut blobs = Vec::new();
    for task in tasks {
        blobs.push(task.await.unwrap());
    }
    let snapshots = files(&folder.path().join("vault/repository/snapshots")).len();
    assert!(snapshots < 250, "{snapshots}");
    let reader = reopened(&folder);
    for (number, blob) in (0..500u32).zip(&blobs) {
        assert_eq!(reader.get(blob).await.unwrap(), number.to_le_bytes());
    }
}

#[tokio::test]
async fn blobs_are_put_and_read_side_by_side() {
    let (_folder, vault) = vault();
    let tasks: Vec<_> = (0..32u32)
        .map(|number| {
            let vault = vault.clone();
            tokio::spawn(async move {
                // Every content comes twice.
                let bytes = (number / 2).to_le_bytes().repeat(1000);
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
    assert_eq!(blobs.len(), 16);
}

#[tokio::test]
async fn one_that_cannot_be_read_does_not_keep_others_out() {
    let (folder, vault) = vault();
    let from = folder.path().join("from");
    fs::write(&from, noise(100_000, 3)).unwrap();
    let (good, bad) = tokio::join!(vault.put_file(&from), vault.put_file(folder.path()));
    assert!(bad.is_err());
    let (blob, _) = good.unwrap();
    reopened(&folder).check(&blob).await.unwrap();
}

#[tokio::test]
async fn what_is_tagged_is_the_same_vault() {
    let (_folder, vault) = vault();
    let tagged = vault.tagged("database").unwrap();
    let blob = tagged.put(b"rows").await.unwrap();
    assert_eq!(vault.get(&blob).await.unwrap(), b"rows");
    assert_eq!(vault.put(b"rows").await.unwrap(), blob);
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

#[tokio::test]
async fn a_small_blob_that_unpacks_to_a_huge_one_does_not_fill_the_memory() {
    let (folder, vault) = vault();
    let from = folder.path().join("from");
    File::create(&from).unwrap().set_len(LARGEST_IN_MEMORY + 1).unwrap();
    let (blob, size) = vault.put_file(&from).await.unwrap();
    assert_eq!(size, LARGEST_IN_MEMORY + 1);
    let stored: usize = repository(&folder).values().map(Vec::len).sum();
    assert!(stored < 1 << 20, "{stored}");
    let Err(VaultError::Io { source, .. }) = vault.get(&blob).await else { panic!("it was read") };
    assert_eq!(source.kind(), ErrorKind::FileTooLarge);
    vault.check(&blob).await.unwrap();
}

#[tokio::test]
async fn a_reader_sees_what_another_process_put_after_it_looked() {
    let (folder, vault) = vault();
    let reader = reopened(&folder);
    for number in 0..3u8 {
        let blob = vault.put(&[number; 10]).await.unwrap();
        assert_eq!(reader.get(&blob).await.unwrap(), [number; 10]);
    }
}

#[tokio::test]
async fn looking_changes_nothing() {
    let (folder, vault) = vault();
    let blob = vault.put(b"content").await.unwrap();
    drop(vault);
    let before = files(&folder.path().join("vault"));
    let reader = reopened(&folder);
    reader.get(&blob).await.unwrap();
    reader.check(&blob).await.unwrap();
    reader.survey().await.unwrap();
    drop(reader);
    assert!(files(&folder.path().join("vault")) == before);
}

#[tokio::test]
async fn a_disk_that_fails_is_told_and_waited_for_by_nobody() {
    let (folder, vault) = vault();
    let first = vault.put(b"first").await.unwrap();
    let from = folder.path().join("from");
    fs::write(&from, noise(40_000_000, 8)).unwrap();
    for part in ["data", "index", "snapshots"] {
        // No folder there any more, but for whoever is the superuser, too.
        let (place, aside) = (folder.path().join("vault/repository").join(part), folder.path().join("aside"));
        fs::rename(&place, &aside).unwrap();
        fs::write(&place, "").unwrap();
        let results = tokio::join!(vault.put(part.as_bytes()), vault.put_file(&from));
        for error in [results.0.map(drop).unwrap_err(), results.1.map(drop).unwrap_err()] {
            let VaultError::Io { attempted, source } = error else { panic!("{part}: {error:?}") };
            assert_eq!(source.kind(), ErrorKind::NotADirectory, "{part}");
            assert!(attempted.contains(part), "{part}: {attempted}");
        }
        fs::remove_file(&place).unwrap();
        fs::rename(&aside, &place).unwrap();
        assert!(files(&folder.path().join("vault/incoming")).is_empty(), "{part}");
    }
    let (blob, _) = vault.put_file(&from).await.unwrap();
    for blob in [blob, first] {
        reopened(&folder).check(&blob).await.unwrap();
    }
    assert_eq!(vault.survey().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_file_that_grows_is_kept_as_it_was_named() {
    let (folder, vault) = vault();
    let from = folder.path().join("from");
    fs::write(&from, noise(5_000_000, 9)).unwrap();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let writer = {
        let (from, stop) = (from.clone(), stop.clone());
        std::thread::spawn(move || {
            let mut file = OpenOptions::new().append(true).open(from).unwrap();
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                file.write_all(b"x").unwrap();
            }
        })
    };
    let kept = vault.put_file(&from).await;
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    writer.join().unwrap();
    let (blob, size) = kept.unwrap();
    let mut expected = Vec::new();
    File::open(&from).unwrap().take(size).read_to_end(&mut expected).unwrap();
    assert_eq!(vault.get(&blob).await.unwrap(), expected);
}
