//! Blobs that are kept together: one snapshot for all puts that wait at the same time.

use std::io::{self, ErrorKind, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use backout_core::checkpoint::BlobId;
use rustic_core::jiff::Timestamp;
use rustic_core::repofile::{Metadata, Node, NodeType};
use rustic_core::{
    BackupOptions, IndexedFullStatus, ParentOptions, ReadSource, ReadSourceEntry, Repository, RusticResult,
    SnapshotOptions,
};

use crate::catalog::{BLOBS, path_of};
use crate::failed::copy;
use crate::names::{Namer, NamingKey};

/// Permissions of what a person restores with restic.
const MODE: u32 = 0o600;

/// What is to be kept.
pub(crate) struct Entry {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    pub(crate) inflow: Inflow,
}

impl Entry {
    /// A blob. Where its content may have changed since it was named, it is named again while it is read, and must still
    /// have that name.
    pub(crate) fn blob(
        blob: BlobId,
        size: u64,
        naming: Option<NamingKey>,
        source: Box<dyn Read + Send>,
    ) -> (Self, Arc<Fate>) {
        let fate = Arc::new(Fate::default());
        let inflow =
            Inflow { source, check: naming.map(|naming| (naming.namer(), blob)), fate: Arc::clone(&fate) };
        (Self { path: path_of(&blob), size, inflow }, fate)
    }

    /// Any other file.
    pub(crate) fn file(path: PathBuf, content: Vec<u8>) -> (Self, Arc<Fate>) {
        let fate = Arc::new(Fate::default());
        let size = content.len() as u64;
        let source = Box::new(io::Cursor::new(content));
        (Self { path, size, inflow: Inflow { source, check: None, fate: Arc::clone(&fate) } }, fate)
    }
}

/// What became of an entry. Rustic skips what it cannot read with a warning, so each is asked for itself.
#[derive(Debug, Default)]
pub(crate) struct Fate(Mutex<Reached>);

#[derive(Debug, Default)]
enum Reached {
    /// It was not read to its end.
    #[default]
    Begun,
    /// It was, and it is what it should be.
    Whole,
    /// Reading it failed.
    Failed(io::Error),
}

impl Fate {
    /// None when it was read whole, else why not.
    pub(crate) fn failure(&self) -> Option<io::Error> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Reached::Whole => None,
            Reached::Failed(error) => Some(copy(error)),
            Reached::Begun => Some(io::Error::other("it was not read to its end")),
        }
    }

    fn set(&self, reached: Reached) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reached;
    }
}

/// Content on its way in.
pub(crate) struct Inflow {
    source: Box<dyn Read + Send>,
    check: Option<(Namer, BlobId)>,
    fate: Arc<Fate>,
}

impl Read for Inflow {
    /// Fills the buffer unless the content ends: rustic's chunker would make its own smaller after a short read.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.source.read(rest) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.fate.set(Reached::Failed(copy(&error)));
                    return Err(error);
                }
            }
        }
        if let Some((namer, _)) = &mut self.check {
            namer.update(buffer.get(..filled).unwrap_or_default());
        }
        if filled == 0 && !buffer.is_empty() {
            self.end()?;
        }
        Ok(filled)
    }
}

impl Inflow {
    fn end(&mut self) -> io::Result<()> {
        if let Some((namer, blob)) = self.check.take()
            && namer.finish().0 != blob
        {
            let changed = || io::Error::new(ErrorKind::ResourceBusy, "it changed while it was read");
            self.fate.set(Reached::Failed(changed()));
            return Err(changed());
        }
        self.fate.set(Reached::Whole);
        Ok(())
    }
}

/// What a snapshot came to.
pub(crate) struct Kept {
    /// Whether some of the content was there before.
    pub(crate) met_known_content: bool,
    /// So many bytes were new.
    pub(crate) added: u64,
}

/// Keeps entries in one snapshot, durably. What failed by itself is not in it; see [`Fate`].
pub(crate) fn keep(
    repository: &Repository<IndexedFullStatus>,
    mut entries: Vec<Entry>,
    tags: &[String],
) -> RusticResult<Kept> {
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    let mut options = SnapshotOptions::default()
        .host("backout".to_owned())
        .label("backout".to_owned())
        // Else rustic writes down our command line.
        .command("backout".to_owned());
    for tag in tags {
        options = options.add_tags(tag)?;
    }
    // Every byte is read: what has the same name and size as before is not taken for the same.
    let reading = BackupOptions::default().no_scan(true).parent_opts(ParentOptions::default().force(true));
    let source = Source(Mutex::new(entries));
    let snapshot =
        repository.archive(&reading, &source, options.to_snapshot()?, &[PathBuf::from("/").join(BLOBS)])?;
    let summary = snapshot.summary.unwrap_or_default();
    let (added, processed) = (summary.data_added_files, summary.total_bytes_processed);
    Ok(Kept { met_known_content: added < processed, added })
}

/// Gives the entries, once.
struct Source(Mutex<Vec<Entry>>);

impl ReadSource for Source {
    type Open = Inflow;
    type Iter = Box<dyn Iterator<Item = RusticResult<ReadSourceEntry<Inflow>>> + Send>;

    fn size(&self) -> RusticResult<Option<u64>> {
        Ok(None)
    }

    fn entries(&self) -> Self::Iter {
        let entries = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let now = Timestamp::now();
        Box::new(entries.into_iter().map(move |entry| {
            let meta =
                Metadata { size: entry.size, mode: Some(MODE), mtime: Some(now), ..Default::default() };
            let name = entry.path.file_name().unwrap_or_default();
            let node = Node::new_node(name, NodeType::File, meta);
            Ok(ReadSourceEntry { node, open: Some(entry.inflow), path: entry.path })
        }))
    }
}
