//! The one writer of a vault: a thread that puts what waits at the same time into one snapshot. Each costs several
//! waits for the disk, so they are shared.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

use backout_contract::VaultError;
use backout_core::checkpoint::BlobId;
use backout_kit::path_text;
use rustic_core::{IndexedFullStatus, Repository};
use tokio::sync::oneshot;

use crate::batch::{Entry, Fate, Kept, keep};
use crate::catalog::Catalog;
use crate::failed::on_rustic;
use crate::packed::is_compressed;
use crate::repository::Shelf;

/// So many puts share a snapshot at most.
const MOST_TOGETHER: usize = 5_000;

/// The repository is read again when so many bytes were added, so that what comes next is compared with them too.
const MOST_UNREAD: u64 = 64 * 1024 * 1024;

/// Smaller blobs are kept together with those that are not compressed: a snapshot more costs more.
const LEAST_PACKED: u64 = 1024 * 1024;

const ATTEMPTED: &str = "keep blobs in the vault";

/// Rustic reads a few KiB at a time.
const BUFFER: usize = 256 * 1024;

/// What to keep.
pub(crate) struct Order {
    pub(crate) blob: BlobId,
    pub(crate) size: u64,
    pub(crate) matter: Matter,
    pub(crate) tag: Option<Arc<str>>,
    pub(crate) reply: oneshot::Sender<Result<(), VaultError>>,
}

/// Where the content is.
pub(crate) enum Matter {
    /// In memory.
    Bytes(Vec<u8>),
    /// In memory, and compressed already.
    Compressed(Vec<u8>),
    /// In a file.
    File(File, PathBuf),
}

impl Matter {
    fn named(&self) -> String {
        match self {
            Self::Bytes(_) | Self::Compressed(_) => "bytes".to_owned(),
            Self::File(_, path) => path_text::encode(path.as_os_str()),
        }
    }

    /// Whether it is compressed already. What cannot be read is told when it is.
    fn is_compressed(&self) -> bool {
        match self {
            Self::Bytes(bytes) => is_compressed(bytes),
            Self::Compressed(_) => true,
            Self::File(file, _) => {
                let mut beginning = [0; 4];
                file.read_exact_at(&mut beginning, 0).is_ok() && is_compressed(&beginning)
            }
        }
    }

    fn reader(self, size: u64) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::Bytes(bytes) | Self::Compressed(bytes) => Box::new(io::Cursor::new(bytes)),
            Self::File(mut file, _) => {
                file.rewind()?;
                // What was appended meanwhile is not part of what was named.
                Box::new(BufReader::with_capacity(BUFFER, file.take(size)))
            }
        })
    }
}

/// Its thread ends when it is dropped, after what was ordered is done.
#[derive(Debug)]
pub(crate) struct Clerk {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Clerk {
    pub(crate) fn start(shelf: Arc<Shelf>) -> io::Result<Self> {
        let (orders, received) = mpsc::channel();
        let thread =
            std::thread::Builder::new().name("vault".to_owned()).spawn(move || serve(&shelf, &received))?;
        Ok(Self { orders: Some(orders), thread: Some(thread) })
    }

    /// Hands it something to keep.
    pub(crate) fn order(&self, order: Order) {
        if let Some(orders) = &self.orders {
            // A clerk that is gone drops the order, and with it the reply, which tells.
            let _ = orders.send(order);
        }
    }
}

impl Drop for Clerk {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // One that panicked has dropped its replies, which told.
            let _ = thread.join();
        }
    }
}

fn serve(shelf: &Shelf, received: &Receiver<Order>) {
    let mut known = Known::default();
    while let Ok(first) = received.recv() {
        let mut orders = vec![first];
        while orders.len() < MOST_TOGETHER
            && let Ok(next) = received.try_recv()
        {
            orders.push(next);
        }
        let _writing = shelf.writing();
        let mut waiting: BTreeMap<BlobId, Vec<oneshot::Sender<Result<(), VaultError>>>> = BTreeMap::new();
        let mut fresh = Vec::new();
        let mut tags = BTreeSet::new();
        for Order { blob, size, matter, tag, reply } in orders {
            let others = waiting.entry(blob).or_default();
            if others.is_empty() {
                fresh.push((blob, size, matter));
                tags.extend(tag.map(|tag| tag.to_string()));
            }
            others.push(reply);
        }
        let tags: Vec<String> = tags.into_iter().collect();
        let mut done = |blob: &BlobId, result: &dyn Fn() -> Result<(), VaultError>| {
            for reply in waiting.remove(blob).unwrap_or_default() {
                // Who does not wait any more does not want to know.
                let _ = reply.send(result());
            }
        };
        commit(shelf, &mut known, fresh, &tags, &mut done);
    }
}

/// What this thread kept since the repository was read last. Reading it again after each snapshot would cost more
/// with every one.
#[derive(Default)]
struct Known {
    since: Option<Arc<Catalog>>,
    /// The repository for what is compressed already, opened when something is.
    packed: Option<Repository<IndexedFullStatus>>,
    blobs: BTreeSet<BlobId>,
    bytes: u64,
}

impl Known {
    fn packed(&mut self, shelf: &Shelf) -> Result<&Repository<IndexedFullStatus>, VaultError> {
        match &mut self.packed {
            Some(repository) => Ok(repository),
            empty => {
                let opened = crate::packed::open(&shelf.disk, shelf.credentials()?);
                Ok(empty.insert(opened.map_err(on_rustic(ATTEMPTED))?))
            }
        }
    }
}

type Done<'a> = dyn FnMut(&BlobId, &dyn Fn() -> Result<(), VaultError>) + 'a;

fn commit(
    shelf: &Shelf,
    known: &mut Known,
    fresh: Vec<(BlobId, u64, Matter)>,
    tags: &[String],
    done: &mut Done<'_>,
) {
    let catalog = match shelf.current() {
        Ok(catalog) => catalog,
        Err(error) => {
            fresh.iter().for_each(|(blob, ..)| done(blob, &|| Err(again(&error))));
            return;
        }
    };
    if !known.since.as_ref().is_some_and(|since| Arc::ptr_eq(since, &catalog)) {
        *known = Known { since: Some(Arc::clone(&catalog)), ..Known::default() };
    }
    // As they come, and those that are compressed already.
    let mut batches = [Batch::default(), Batch::default()];
    for (blob, size, matter) in fresh {
        if catalog.find(&blob).is_some() || known.blobs.contains(&blob) {
            // Kept before: worth something only while it can be read.
            let checked = shelf.check(&blob);
            done(&blob, &|| checked.as_ref().map_or_else(|error| Err(again(error)), |()| Ok(())));
            continue;
        }
        let named = matter.named();
        // A file may change between being named and being read; what is in memory cannot.
        let naming = matches!(matter, Matter::File(..)).then(|| shelf.naming());
        let [plain, packed] = &mut batches;
        let batch = if size >= LEAST_PACKED && matter.is_compressed() { packed } else { plain };
        match matter.reader(size) {
            Ok(source) => {
                let (entry, fate) = Entry::blob(blob, size, naming, source);
                batch.entries.push(entry);
                batch.fates.push((blob, named, fate));
            }
            Err(error) => done(&blob, &|| Err(failed(&named, &error))),
        }
    }
    for (is_packed, batch) in [false, true].into_iter().zip(batches) {
        if batch.entries.is_empty() {
            continue;
        }
        let kept = match is_packed {
            false => keep(&catalog.repository, batch.entries, tags).map_err(on_rustic(ATTEMPTED)),
            true => known
                .packed(shelf)
                .and_then(|repository| keep(repository, batch.entries, tags).map_err(on_rustic(ATTEMPTED))),
        };
        settle(shelf, known, batch.fates, kept, done);
    }
    if known.bytes > MOST_UNREAD {
        shelf.forget();
    }
}

/// Blobs that are kept in one way.
#[derive(Default)]
struct Batch {
    entries: Vec<Entry>,
    fates: Vec<(BlobId, String, Arc<Fate>)>,
}

/// Tells what became of each.
fn settle(
    shelf: &Shelf,
    known: &mut Known,
    fates: Vec<(BlobId, String, Arc<Fate>)>,
    kept: Result<Kept, VaultError>,
    done: &mut Done<'_>,
) {
    for (blob, named, fate) in fates {
        match (&kept, fate.failure()) {
            (_, Some(error)) if kept.is_ok() => done(&blob, &|| Err(failed(&named, &error))),
            (Err(error), _) => done(&blob, &|| Err(again(error))),
            // Chunks that were there before are worth something only while they can be read.
            (Ok(kept), _) if kept.met_known_content => {
                let checked = shelf.check(&blob);
                done(&blob, &|| checked.as_ref().map_or_else(|error| Err(again(error)), |()| Ok(())));
            }
            (Ok(_), _) => done(&blob, &|| Ok(())),
        }
        if kept.is_ok() && fate.failure().is_none() {
            known.blobs.insert(blob);
        }
    }
    known.bytes += kept.map_or(0, |kept| kept.added);
}

fn failed(named: &str, error: &io::Error) -> VaultError {
    VaultError::Io { attempted: format!("read {named}"), source: crate::failed::copy(error) }
}

/// The same error for everybody who waits.
fn again(error: &VaultError) -> VaultError {
    match error {
        VaultError::Missing(blob) => VaultError::Missing(*blob),
        VaultError::Damaged(blob) => VaultError::Damaged(*blob),
        VaultError::Sealed { blob, source } => {
            VaultError::Sealed { blob: *blob, source: source.to_string().into() }
        }
        VaultError::Io { attempted, source } => {
            VaultError::Io { attempted: attempted.clone(), source: crate::failed::copy(source) }
        }
    }
}

/// The vault's thread is gone.
pub(crate) fn ended() -> VaultError {
    let attempted = "keep something in the vault".to_owned();
    VaultError::Io { attempted, source: io::Error::other("its thread ended") }
}
