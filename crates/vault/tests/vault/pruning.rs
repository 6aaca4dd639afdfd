//! What is to be kept stays, whatever happens meanwhile.

use std::collections::BTreeSet;

use backout_contract::{Vault, VaultError};
use backout_vault::FileVault;

use super::support::{files, noise, reopened, repository, vault};

#[tokio::test]
async fn what_is_not_kept_goes_and_the_disk_is_freed() {
    let (folder, vault) = vault();
    let mut blobs = Vec::new();
    for number in 0..20 {
        blobs.push((vault.put(&noise(200_000, number)).await.unwrap(), number));
    }
    let keep: BTreeSet<_> =
        blobs.iter().filter(|(_, number)| number % 3 == 0).map(|(blob, _)| *blob).collect();
    let before: usize = repository(&folder).values().map(Vec::len).sum();
    let reader = reopened(&folder);
    reader.get(&blobs[0].0).await.unwrap();
    let pruned = vault.prune(keep.clone()).await.unwrap();
    let after: usize = repository(&folder).values().map(Vec::len).sum();
    assert_eq!((pruned.removed, pruned.kept), (13, 7));
    assert_eq!(pruned.freed, (before - after) as u64);
    assert!(after < 7 * 200_000 + 50_000, "{after}");
    assert_eq!(files(&folder.path().join("vault/repository/snapshots")).len(), 1);
    for (blob, number) in &blobs {
        // One of them looked before, and finds what lies elsewhere now.
        for vault in [&reader, &vault, &reopened(&folder)] {
            match vault.get(blob).await {
                Ok(bytes) => assert_eq!((bytes, number % 3), (noise(200_000, *number), 0)),
                Err(VaultError::Missing(_)) => assert_ne!(number % 3, 0),
                Err(error) => panic!("{error:?}"),
            }
        }
    }
    assert_eq!(vault.blobs().await.unwrap(), keep);
    assert_eq!(vault.survey().await.unwrap(), Vec::<String>::new());

    // What went can be put again; twice takes nothing more; nothing at all can be kept.
    assert_eq!(vault.put(&noise(200_000, 1)).await.unwrap(), blobs[1].0);
    assert_eq!(vault.get(&blobs[1].0).await.unwrap(), noise(200_000, 1));
    let mut keep = keep;
    keep.insert(blobs[1].0);
    assert_eq!(vault.prune(keep).await.unwrap().removed, 0);
    assert_eq!(vault.prune(BTreeSet::new()).await.unwrap().removed, 8);
    assert!(vault.blobs().await.unwrap().is_empty());
    let blob = vault.put(b"again").await.unwrap();
    assert_eq!(reopened(&folder).get(&blob).await.unwrap(), b"again");
    assert_eq!(vault.survey().await.unwrap(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_reads_while_it_is_written_and_pruned_reads_what_is_right() {
    let (folder, vault) = vault();
    let (tell, told) = tokio::sync::watch::channel(Vec::new());
    let writer = tokio::spawn(async move {
        let mut kept = Vec::new();
        for number in 0..24u64 {
            let litter = vault.put(&noise(30_000, 1_000 + number)).await.unwrap();
            // Some of several chunks.
            let size = if number % 6 == 0 { 5_000_000 } else { 40_000 };
            kept.push((vault.put(&noise(size, number)).await.unwrap(), size, number));
            tell.send(kept.clone()).unwrap();
            if number % 4 == 3 {
                let mut keep = vault.blobs().await.unwrap();
                keep.remove(&litter);
                vault.prune(keep).await.unwrap();
            }
        }
    });
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (reader, mut told) = (reopened(&folder), told.clone());
            tokio::spawn(async move {
                let mut read = 0;
                while told.changed().await.is_ok() {
                    let kept = told.borrow_and_update().clone();
                    for (blob, size, number) in kept.iter().rev().take(4) {
                        assert!(reader.get(blob).await.unwrap() == noise(*size, *number));
                        read += 1;
                    }
                }
                read
            })
        })
        .collect();
    writer.await.unwrap();
    for reader in readers {
        assert!(reader.await.unwrap() > 0);
    }
    assert_eq!(reopened(&folder).survey().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn content_that_is_shared_stays_for_the_other() {
    let (folder, vault) = vault();
    let bytes = noise(5_000_000, 1);
    let mut longer = bytes.clone();
    longer.extend_from_slice(&noise(1_000_000, 2));
    let (goes, stays) = (vault.put(&bytes).await.unwrap(), vault.put(&longer).await.unwrap());
    vault.prune([stays].into()).await.unwrap();
    assert_eq!(reopened(&folder).get(&stays).await.unwrap(), longer);
    assert!(matches!(reopened(&folder).get(&goes).await, Err(VaultError::Missing(_))));
}

#[tokio::test]
async fn what_killed_writers_left_goes_too() {
    let (folder, vault) = vault();
    let blob = vault.put(b"kept").await.unwrap();
    let known = files(&folder.path().join("vault/repository/snapshots"));
    vault.put(&noise(300_000, 1)).await.unwrap();
    drop(vault);
    // As if killed before the last file, the snapshot, was written.
    for path in files(&folder.path().join("vault/repository/snapshots")).into_keys() {
        if !known.contains_key(&path) {
            std::fs::remove_file(path).unwrap();
        }
    }
    let vault = FileVault::prepare(&folder.path().join("vault")).unwrap();
    assert_eq!(vault.survey().await.unwrap(), Vec::<String>::new(), "litter is no damage");
    assert!(vault.prune([blob].into()).await.unwrap().freed > 300_000);
    assert_eq!(vault.get(&blob).await.unwrap(), b"kept");
}
