//! Removes what nobody needs. First a snapshot of what stays is made durable, and what is used of packs that go is
//! written anew; only then anything is removed. Killed anywhere, what stays is whole, and pruning again ends it.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};

use backout_contract::VaultError;
use backout_core::checkpoint::BlobId;
use rustic_core::repofile::{Node, SnapshotFile};
use rustic_core::{
    Excludes, FileType, LimitOption, PruneOptions, RewriteOptions, RewriteTreesOptions, SnapshotOptions,
};

use crate::catalog::{Catalog, path_of};
use crate::failed::{on_disk, on_rustic};
use crate::repository::Shelf;
use crate::vault::FileVault;

/// What pruning did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// So many blobs were removed.
    pub removed: u64,
    /// So many stay.
    pub kept: u64,
    /// So many bytes of the disk are free again.
    pub freed: u64,
}

impl FileVault {
    /// Every blob that lies in the vault.
    ///
    /// # Errors
    /// The vault cannot be read.
    pub async fn blobs(&self) -> Result<BTreeSet<BlobId>, VaultError> {
        self.blocking(|inner| {
            let mut blobs = BTreeSet::new();
            if inner.shelf.is_made()? {
                blobs.extend(inner.shelf.fresh()?.blobs());
            }
            if let Some(legacy) = &inner.shelf.legacy {
                blobs.extend(legacy.list()?.into_iter().map(|(blob, _)| blob));
            }
            Ok(blobs)
        })
        .await
    }

    /// Removes every blob that is not to be kept, and what killed writers left. For the holder of the migration's
    /// lock. Whoever reads at the same time finds what stays, where it lies now.
    ///
    /// # Errors
    /// The repository is damaged: then nothing is removed, for nobody can tell what the damaged part refers to. Or
    /// the disk failed: then pruning again goes on.
    pub async fn prune(&self, keep: BTreeSet<BlobId>) -> Result<Pruned, VaultError> {
        self.blocking(move |inner| {
            let shelf = &inner.shelf;
            let _writing = shelf.writing();
            let mut pruned = Pruned::default();
            if shelf.is_made()? {
                let before = size(shelf)?;
                pruned = prune(shelf, &keep)?;
                pruned.freed = before.saturating_sub(size(shelf)?);
            }
            if let Some(legacy) = &shelf.legacy {
                for (blob, bytes) in legacy.list()? {
                    if keep.contains(&blob) {
                        pruned.kept += 1;
                    } else {
                        legacy.remove(&blob)?;
                        pruned.removed += 1;
                        pruned.freed += bytes;
                    }
                }
            }
            Ok(pruned)
        })
        .await
    }
}

const ATTEMPTED: &str = "prune the vault's repository";

fn prune(shelf: &Shelf, keep: &BTreeSet<BlobId>) -> Result<Pruned, VaultError> {
    let catalog = shelf.fresh()?;
    if let Some(fault) = catalog.faults.first() {
        let why = io::Error::new(ErrorKind::InvalidData, format!("{fault} is damaged"));
        return Err(VaultError::Io { attempted: ATTEMPTED.to_owned(), source: why });
    }
    let (kept, removed): (Vec<BlobId>, Vec<BlobId>) = catalog.blobs().partition(|blob| keep.contains(blob));
    let pruned = Pruned { removed: removed.len() as u64, kept: kept.len() as u64, freed: 0 };
    gather(shelf, &catalog, &kept, &removed)?;
    drop(catalog);
    shelf.forget();
    sweep(&*shelf.current()?)?;
    shelf.forget();
    Ok(pruned)
}

/// Makes one snapshot of what stays, and removes all others.
fn gather(shelf: &Shelf, catalog: &Catalog, kept: &[BlobId], removed: &[BlobId]) -> Result<(), VaultError> {
    let failed = || on_rustic(ATTEMPTED);
    let old: Vec<_> = catalog.snapshots.iter().map(|snapshot| snapshot.id).collect();
    if removed.is_empty() && old.len() < 2 {
        return Ok(());
    }
    if !kept.is_empty() {
        // The same name is the same content, so it does not matter which of two is taken.
        let same = |_: &Node, _: &Node| std::cmp::Ordering::Equal;
        let merged = catalog
            .repository
            .merge_snapshots(&catalog.snapshots, &same, blank(catalog).map_err(failed())?)
            .map_err(failed())?;
        if !removed.is_empty() {
            shelf.forget();
            let globs = removed.iter().map(|blob| format!("!{}", path_of(blob).display())).collect();
            let mut excludes = Excludes::default();
            excludes.globs = globs;
            let trees = RewriteTreesOptions::default().excludes(excludes);
            let rewriting = RewriteOptions::default().forget(true);
            shelf
                .current()?
                .repository
                .rewrite_snapshots_and_trees(vec![merged], &rewriting, &trees)
                .map_err(failed())?;
        }
    }
    catalog.repository.delete_snapshots(&old).map_err(failed())
}

/// A snapshot of nothing, with the tags of all that it stands for.
fn blank(catalog: &Catalog) -> rustic_core::RusticResult<SnapshotFile> {
    let options = SnapshotOptions::default()
        .host("backout".to_owned())
        .label("backout".to_owned())
        .command("backout".to_owned());
    let mut snapshot = options.to_snapshot()?;
    snapshot.add_tags(catalog.snapshots.iter().map(|old| old.tags.clone()).collect());
    Ok(snapshot)
}

/// Removes what no snapshot refers to.
fn sweep(catalog: &Catalog) -> Result<(), VaultError> {
    let failed = || on_rustic(ATTEMPTED);
    let mut options = PruneOptions::default();
    options.max_repack = LimitOption::Unlimited;
    options.max_unused = LimitOption::Percentage(0);
    // What a reader finds gone it looks up again, so nothing has to stay for a day.
    options.instant_delete = true;
    let plan = catalog.repository.prune_plan(&options).map_err(failed())?;
    catalog.repository.prune(&options, plan).map_err(failed())
}

/// The size of the repository on disk, in bytes.
fn size(shelf: &Shelf) -> Result<u64, VaultError> {
    let mut sum = 0;
    for kind in [FileType::Snapshot, FileType::Index, FileType::Pack] {
        sum += shelf.disk.list_files(kind).map_err(on_disk)?.iter().map(|(_, bytes)| bytes).sum::<u64>();
    }
    Ok(sum)
}
