//! What a repository holds, read once and kept in memory: where each blob is.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;

use backout_contract::VaultError;
use backout_core::checkpoint::BlobId;
use rustic_core::repofile::{BlobType, Node, SnapshotFile};
use rustic_core::{
    FileType, Id, IndexedFullStatus, Repository, RepositoryBackends, RepositoryOptions, RusticError, TreeId,
};

use crate::disk::Disk;
use crate::failed::{of_disk, on_disk, on_opening, on_rustic};
use crate::keys::Keys;

/// The folder of a snapshot that blobs lie in, each under its name.
pub(crate) const BLOBS: &str = "blobs";

/// So many times a listing is read again that another process changed meanwhile.
const MOST_TRIES: u32 = 5;

/// An open repository and what is in it.
pub(crate) struct Catalog {
    pub(crate) repository: Repository<IndexedFullStatus>,
    nodes: BTreeMap<BlobId, Node>,
    pub(crate) snapshots: Vec<SnapshotFile>,
    seen: BTreeSet<Id>,
    /// What could not be read, in words. Blobs may be missing because of it.
    pub(crate) faults: Vec<String>,
}

/// Opens a repository without reading what is in it.
pub(crate) fn open(
    disk: &Arc<Disk>,
    keys: &Keys,
) -> Result<Repository<rustic_core::OpenStatus>, Box<RusticError>> {
    let backends = RepositoryBackends::new(Arc::clone(disk) as _, None);
    let options = RepositoryOptions::default().no_cache(true);
    Repository::new(&options, &backends)?.open(&keys.credentials())
}

impl Catalog {
    /// Reads it.
    pub(crate) fn load(disk: &Arc<Disk>, keys: &Keys) -> Result<Self, VaultError> {
        let mut tries = 0;
        loop {
            match Self::try_load(disk, keys) {
                // Another process prunes at this moment.
                Err(VaultError::Io { source, .. })
                    if source.kind() == ErrorKind::NotFound && tries < MOST_TRIES =>
                {
                    tries += 1;
                }
                result => return result,
            }
        }
    }

    fn try_load(disk: &Arc<Disk>, keys: &Keys) -> Result<Self, VaultError> {
        let faults = disk.hide_damaged().map_err(on_disk)?;
        // Snapshots before the index: what a snapshot refers to was in the index when the snapshot was written.
        let snapshots = disk.list_files(FileType::Snapshot).map_err(on_disk)?;
        let seen = listed(disk)?;
        let failed = || on_rustic("read what the vault's repository holds");
        let opened = open(disk, keys).map_err(on_opening)?;
        let ids: Vec<String> = snapshots.iter().map(|(id, _)| id.to_hex().as_str().to_owned()).collect();
        let snapshots = match ids.is_empty() {
            true => Vec::new(),
            false => opened.get_snapshots(&ids).map_err(failed())?,
        };
        let repository = opened.to_indexed().map_err(failed())?;
        let mut catalog = Self { repository, nodes: BTreeMap::new(), snapshots, seen, faults };
        for tree in catalog.snapshots.iter().map(|snapshot| snapshot.tree).collect::<Vec<_>>() {
            if let Err(error) = catalog.add(tree) {
                if let Some(VaultError::Io { source, .. }) = Some(on_rustic("")(error))
                    && source.kind() == ErrorKind::NotFound
                {
                    return Err(VaultError::Io {
                        attempted: "read a snapshot in the vault".to_owned(),
                        source,
                    });
                }
                catalog.faults.push(format!("the folder {tree} of a snapshot"));
            }
        }
        Ok(catalog)
    }

    fn add(&mut self, tree: TreeId) -> Result<(), Box<RusticError>> {
        for folder in self.repository.get_tree(&tree)?.nodes {
            // A person may have put other things there, with restic.
            let Some(inside) = folder.subtree.filter(|_| folder.name == BLOBS) else { continue };
            for node in self.repository.get_tree(&inside)?.nodes {
                if let Some(blob) = BlobId::parse(&node.name) {
                    self.nodes.insert(blob, node);
                }
            }
        }
        Ok(())
    }

    /// Whether the repository on disk holds something else by now, or the same elsewhere.
    pub(crate) fn is_stale(&self, disk: &Disk) -> Result<bool, VaultError> {
        Ok(listed(disk)? != self.seen)
    }

    pub(crate) fn find(&self, blob: &BlobId) -> Option<&Node> {
        self.nodes.get(blob)
    }

    pub(crate) fn blobs(&self) -> impl Iterator<Item = &BlobId> {
        self.nodes.keys()
    }

    /// Reads a blob's content from the disk. What of it is wrong is told by the sink, which sees the content.
    pub(crate) fn read(&self, blob: &BlobId, node: &Node, sink: &mut Sink<'_>) -> Result<(), VaultError> {
        let chunks = node.content.as_deref().unwrap_or_default();
        let read = match chunks {
            [] => Ok(()),
            // Reading one chunk by `dump` would take it from a cache, and what is damaged on disk is to be found.
            [chunk] => self.repository.cat_blob(BlobType::Data, chunk.to_hex().as_str()).map(|bytes| {
                // A sink that fails remembers why.
                let _ = sink.write_all(&bytes);
            }),
            _ => self.repository.dump(node, sink),
        };
        match (read, sink.failed.take()) {
            (_, Some(error)) => Err((sink.on_failure)(error)),
            (Ok(()), None) => Ok(()),
            (Err(error), None) => Err(self.of_content(blob, &error)),
        }
    }

    fn of_content(&self, blob: &BlobId, error: &RusticError) -> VaultError {
        match of_disk(error) {
            Some(disk) => match disk.source.kind() {
                ErrorKind::NotFound => VaultError::Missing(*blob),
                ErrorKind::UnexpectedEof | ErrorKind::InvalidData => VaultError::Damaged(*blob),
                _ => VaultError::Io {
                    attempted: disk.attempted.clone(),
                    source: crate::failed::copy(&disk.source),
                },
            },
            None => VaultError::Damaged(*blob),
        }
    }
}

/// The snapshots and the files of the index.
fn listed(disk: &Disk) -> Result<BTreeSet<Id>, VaultError> {
    let mut listed = BTreeSet::new();
    for kind in [FileType::Snapshot, FileType::Index] {
        listed.extend(disk.list_files(kind).map_err(on_disk)?.into_iter().map(|(id, _)| id));
    }
    Ok(listed)
}

/// Where content goes to: counted, named on its way, and its own errors kept apart from those of reading.
pub(crate) struct Sink<'a> {
    pub(crate) inner: &'a mut dyn Write,
    pub(crate) namer: crate::names::Namer,
    pub(crate) bytes: u64,
    pub(crate) failed: Option<io::Error>,
    pub(crate) on_failure: &'a dyn Fn(io::Error) -> VaultError,
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.failed.is_some() {
            return Err(io::Error::other("the sink failed before"));
        }
        if let Err(error) = self.inner.write_all(bytes) {
            let shown = crate::failed::copy(&error);
            self.failed = Some(error);
            return Err(shown);
        }
        self.namer.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The path of a blob in a snapshot.
pub(crate) fn path_of(blob: &BlobId) -> std::path::PathBuf {
    Path::new("/").join(BLOBS).join(blob.to_string())
}
