//! What a repository holds, read once and kept in memory: where each blob is.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::sync::Arc;

use backout_contract::VaultError;
use backout_core::checkpoint::BlobId;
use bytes::Bytes;
use rustic_core::repofile::{BlobType, Node, SnapshotFile};
use rustic_core::{
    Credentials, FileType, Id, IndexedFullStatus, Repository, RepositoryBackends, RepositoryOptions,
    RusticError, TreeId, WriteBackend,
};

use crate::disk::Disk;
use crate::failed::{of_disk, on_disk, on_opening, on_rustic};
use crate::repository::Target;

/// The folder of a snapshot that blobs lie in, each under its name.
pub(crate) const BLOBS: &str = "blobs";

/// So many times a listing is read again that another process changed meanwhile.
const MOST_TRIES: u32 = 5;

/// An open repository and what is in it.
pub(crate) struct Catalog {
    pub(crate) repository: Repository<IndexedFullStatus>,
    nodes: BTreeMap<BlobId, Node>,
    /// Files beside the blobs, in exported checkpoints.
    files: BTreeMap<String, Node>,
    pub(crate) snapshots: Vec<SnapshotFile>,
    seen: BTreeSet<Id>,
    /// What could not be read, in words. Blobs may be missing because of it.
    pub(crate) faults: Vec<String>,
}

/// Opens a repository without reading what is in it.
pub(crate) fn open(
    disk: &Arc<Disk>,
    credentials: &Credentials,
) -> Result<Repository<rustic_core::OpenStatus>, Box<RusticError>> {
    open_on(Arc::clone(disk) as _, credentials)
}

/// The same, on other files.
pub(crate) fn open_on(
    files: Arc<dyn WriteBackend>,
    credentials: &Credentials,
) -> Result<Repository<rustic_core::OpenStatus>, Box<RusticError>> {
    let backends = RepositoryBackends::new(files, None);
    let options = RepositoryOptions::default().no_cache(true);
    Repository::new(&options, &backends)?.open(credentials)
}

impl Catalog {
    /// Reads it.
    pub(crate) fn load(disk: &Arc<Disk>, credentials: &Credentials) -> Result<Self, VaultError> {
        let mut tries = 0;
        loop {
            match Self::try_load(disk, credentials) {
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

    fn try_load(disk: &Arc<Disk>, credentials: &Credentials) -> Result<Self, VaultError> {
        let faults = disk.hide_damaged().map_err(on_disk)?;
        // Snapshots before the index: what a snapshot refers to was in the index when the snapshot was written.
        let snapshots = disk.list_files(FileType::Snapshot).map_err(on_disk)?;
        let seen = listed(disk)?;
        let failed = || on_rustic("read what the vault's repository holds");
        let opened = open(disk, credentials).map_err(on_opening)?;
        let ids: Vec<String> = snapshots.iter().map(|(id, _)| id.to_hex().as_str().to_owned()).collect();
        let snapshots = match ids.is_empty() {
            true => Vec::new(),
            false => opened.get_snapshots(&ids).map_err(failed())?,
        };
        let repository = opened.to_indexed().map_err(failed())?;
        let mut catalog =
            Self { repository, nodes: BTreeMap::new(), files: BTreeMap::new(), snapshots, seen, faults };
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
        // A person may have put other things there, with restic.
        for node in self.repository.get_tree(&tree)?.nodes {
            match node.subtree {
                Some(inside) if node.name == BLOBS => {
                    for node in self.repository.get_tree(&inside)?.nodes {
                        if let Some(blob) = BlobId::parse(&node.name) {
                            self.nodes.insert(blob, node);
                        }
                    }
                }
                Some(_) => {}
                None => drop(self.files.insert(node.name.clone(), node)),
            }
        }
        Ok(())
    }

    /// The names of files beside the blobs.
    pub(crate) fn file_names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// The content of a file beside the blobs; none where there is none.
    pub(crate) fn file(&self, name: &str) -> Result<Option<Vec<u8>>, VaultError> {
        let Some(node) = self.files.get(name) else { return Ok(None) };
        let mut content = Vec::new();
        let read = self.repository.dump(node, &mut content);
        read.map_err(on_rustic(&format!("read {name} in the repository")))?;
        Ok(Some(content))
    }

    /// A blob's content, read as it is asked for.
    pub(crate) fn reader(self: &Arc<Self>, blob: &BlobId) -> Option<ContentReader> {
        let node = self.nodes.get(blob)?;
        let chunks: Vec<String> =
            node.content.iter().flatten().map(|chunk| chunk.to_hex().as_str().to_owned()).collect();
        Some(ContentReader { catalog: Arc::clone(self), chunks: chunks.into_iter(), current: Bytes::new() })
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

/// Reads a blob's content, chunk by chunk. Nothing is compared with its name.
pub(crate) struct ContentReader {
    catalog: Arc<Catalog>,
    chunks: std::vec::IntoIter<String>,
    current: Bytes,
}

impl Read for ContentReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            let Some(chunk) = self.chunks.next() else { return Ok(0) };
            let read = self.catalog.repository.cat_blob(BlobType::Data, &chunk);
            self.current = read.map_err(|error| match of_disk(&error) {
                Some(disk) => crate::failed::copy(&disk.source),
                None => io::Error::new(ErrorKind::InvalidData, "it is damaged"),
            })?;
        }
        let taken = self.current.split_to(self.current.len().min(buffer.len()));
        buffer.iter_mut().zip(&taken).for_each(|(slot, byte)| *slot = *byte);
        Ok(taken.len())
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
    pub(crate) inner: &'a mut dyn Target,
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
