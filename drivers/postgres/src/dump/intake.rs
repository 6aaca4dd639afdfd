//! Puts what a program writes into a folder into the vault while it is written, piece by piece, so that hardly anything is
//! left to do when the program ends. The programs write each file of rows once, from its beginning to its end; whether
//! that was so is looked at when they are done.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use backout_contract::{Context, DriverError};
use backout_core::checkpoint::DataPart;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};
use rustix::io::Errno;
use tokio::sync::watch;

use super::trouble::{refused, shown};
use super::{PIECE, TOC, part_name};
use crate::our_side::{of_file, of_vault};
use crate::server::Pace;

/// So many pieces are on their way at a time, and so many bytes: they are in memory.
const TOGETHER: usize = 64;
const BYTES_TOGETHER: u64 = 6 * PIECE;

/// How often files that grow are looked at.
const EVERY: Duration = Duration::from_millis(50);

/// A folder that a program writes into.
pub(super) struct Intake {
    folder: PathBuf,
    /// None where it cannot be watched: then all of it is taken in once the program has ended.
    events: Option<OwnedFd>,
    files: BTreeMap<String, Growing>,
}

/// A file on its way into the vault.
#[derive(Default)]
struct Growing {
    /// Whether nobody writes into it any more.
    is_whole: bool,
    /// So many bytes of it are in the vault, or on their way.
    taken: u64,
    /// Its pieces that are there.
    pieces: BTreeMap<usize, DataPart>,
    /// How many were begun.
    begun: usize,
    is_removed: bool,
}

/// A piece that was put: the file, its number, and what it is called now.
type Put<'a> = BoxFuture<'a, Result<(String, usize, DataPart), DriverError>>;

/// The next piece: the file, its number in it, where it begins and how long it is.
type Next = ((String, usize), u64, u64);

impl Intake {
    /// Makes the folder, and watches it from the first file on.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn make(folder: &Path) -> Result<Self, DriverError> {
        DirBuilder::new().mode(0o700).create(folder).map_err(|error| of_file("make", folder, error))?;
        let watched = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).and_then(|events| {
            add_watch(&events, folder, WatchFlags::CREATE | WatchFlags::CLOSE_WRITE)?;
            Ok(events)
        });
        Ok(Self { folder: folder.to_owned(), events: watched.ok(), files: BTreeMap::new() })
    }

    /// Takes everything in until the program has ended, and what is left then. Gives each file's pieces in their order.
    ///
    /// # Errors
    /// When the vault or the disk fails, or a file did not stay as it was.
    pub(super) async fn take(
        mut self,
        context: &Context,
        pace: &Pace,
        mut ended: watch::Receiver<bool>,
    ) -> Result<BTreeMap<String, Vec<DataPart>>, DriverError> {
        let mut on_the_way: FuturesUnordered<Put<'_>> = FuturesUnordered::new();
        let mut bytes = 0;
        loop {
            // Asked first: what is written before the end is seen below.
            let is_over = *ended.borrow();
            match is_over {
                true => self.sweep()?,
                false => self.look()?,
            }
            while on_the_way.len() < TOGETHER && bytes < BYTES_TOGETHER {
                let Some((piece, offset, length)) = self.next()? else { break };
                pace.check("keep a dump")?;
                bytes += length;
                on_the_way.push(Box::pin(put(context, self.folder.join(&piece.0), piece, offset, length)));
            }
            if is_over && on_the_way.is_empty() {
                return Ok(self.pieces());
            }
            tokio::select! {
                Some(put) = on_the_way.next() => {
                    let (name, number, part) = put?;
                    bytes -= part.bytes;
                    self.has(&name, number, part);
                }
                () = tokio::time::sleep(EVERY), if !is_over => {}
                _ = ended.changed(), if !is_over => {}
            }
        }
    }

    /// Asks what was begun and ended in the folder. What is missed here is found when the program has ended.
    fn look(&mut self) -> Result<(), DriverError> {
        let Some(events) = &self.events else { return Ok(()) };
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(events, &mut buffer);
        loop {
            match reader.next() {
                Ok(event) => {
                    let Some(name) = event.file_name().and_then(|name| name.to_str().ok()) else { continue };
                    // Small, and read again before they are put.
                    if name == TOC || name.ends_with(".toc") {
                        continue;
                    }
                    let file = self.files.entry(name.to_owned()).or_default();
                    file.is_whole |= event.events().contains(ReadFlags::CLOSE_WRITE);
                }
                Err(Errno::WOULDBLOCK) => return Ok(()),
                Err(error) => return Err(of_file("watch", &self.folder, error.into())),
            }
        }
    }

    /// Looks at what is there when the program has ended.
    fn sweep(&mut self) -> Result<(), DriverError> {
        for name in names_in(&self.folder)? {
            let file = self.files.entry(name).or_default();
            if file.is_removed {
                return Err(refused("a file of it was written twice"));
            }
            file.is_whole = true;
        }
        Ok(())
    }

    /// The next piece that is there: a whole one, or the rest of a file that is whole. An empty file is one piece.
    fn next(&mut self) -> Result<Option<Next>, DriverError> {
        for (name, file) in self.files.iter_mut().filter(|(_, file)| !file.is_removed) {
            let path = self.folder.join(name);
            let size = fs::metadata(&path).map_err(|error| of_file("look at", &path, error))?.len();
            let left = size.checked_sub(file.taken).ok_or_else(|| changed(name))?;
            if left >= PIECE || (file.is_whole && (left > 0 || file.begun == 0)) {
                let (number, offset, length) = (file.begun, file.taken, left.min(PIECE));
                file.begun += 1;
                file.taken += length;
                return Ok(Some(((name.clone(), number), offset, length)));
            }
        }
        Ok(None)
    }

    /// A piece is in the vault. A file that is there as a whole makes room for what is still to come.
    fn has(&mut self, name: &str, number: usize, part: DataPart) {
        let Some(file) = self.files.get_mut(name) else { return };
        file.pieces.insert(number, part);
        if file.is_whole && file.pieces.len() == file.begun && !name.ends_with(".toc") && name != TOC {
            let path = self.folder.join(name);
            if fs::metadata(&path).is_ok_and(|there| there.len() == file.taken) {
                file.is_removed = fs::remove_file(&path).is_ok();
            }
        }
    }

    fn pieces(self) -> BTreeMap<String, Vec<DataPart>> {
        self.files.into_iter().map(|(name, file)| (name, file.pieces.into_values().collect())).collect()
    }
}

/// Reads a piece, and puts it into the vault.
async fn put(
    context: &Context,
    path: PathBuf,
    (name, number): (String, usize),
    offset: u64,
    length: u64,
) -> Result<(String, usize, DataPart), DriverError> {
    let read = {
        let path = path.clone();
        tokio::task::spawn_blocking(move || {
            let mut bytes = vec![0; usize::try_from(length).map_err(std::io::Error::other)?];
            File::open(&path)?.read_exact_at(&mut bytes, offset)?;
            Ok(bytes)
        })
    };
    let bytes = read
        .await
        .map_err(std::io::Error::other)
        .and_then(|read| read)
        .map_err(|error| of_file("read", &path, error))?;
    let put = match name.contains(".dat.") {
        true => context.vault.put_compressed(bytes).await,
        false => context.vault.put(&bytes).await,
    };
    let blob = put.map_err(|error| of_vault(format!("keep {} of a dump", shown(&name)), error))?;
    let part = DataPart { name: part_name(&name, number), blob, bytes: length };
    Ok((name, number, part))
}

fn changed(name: &str) -> DriverError {
    refused(format!("{} changed while it was kept", shown(name)))
}

fn names_in(folder: &Path) -> Result<BTreeSet<String>, DriverError> {
    let failed = |error| of_file("read", folder, error);
    let entries = fs::read_dir(folder).map_err(failed)?;
    entries
        .map(|entry| {
            let name = entry.map_err(failed)?.file_name();
            name.into_string().map_err(|_| refused("it has a file with an odd name"))
        })
        .collect()
}
