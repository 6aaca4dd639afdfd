//! The files of a repository in a folder, in restic's layout. A file is written beside, made durable and renamed, so
//! that it is there whole or not at all. Packs are made durable together, before the file of the index that names them
//! is written: one wait for the disk after another would cost more than the writing.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use backout_kit::atomic_put::sync_folder_of;
use backout_kit::{path_text, quietly};
use bytes::Bytes;
use rustic_core::{
    BytesList, ErrorKind as RusticKind, FileType, Id, ReadBackend, RusticError, RusticResult, WriteBackend,
};
use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};

/// A repository's files.
#[derive(Debug)]
pub(crate) struct Disk {
    folder: PathBuf,
    /// Where a file is until it is whole. On the same file system.
    incoming: PathBuf,
    /// Files of the index and snapshots that are damaged: they are not listed, so that the rest can be read.
    hidden: Mutex<BTreeSet<PathBuf>>,
    /// Those that were found whole.
    whole: Mutex<BTreeSet<PathBuf>>,
    /// Packs that were written and are not durable yet.
    unsettled: Mutex<BTreeSet<PathBuf>>,
}

/// What went wrong with which file.
#[derive(Debug)]
pub(crate) struct DiskError {
    /// What was attempted on which file.
    pub(crate) attempted: String,
    /// Why it failed.
    pub(crate) source: io::Error,
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.attempted)
    }
}

impl Error for DiskError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

type DiskResult<T> = Result<T, DiskError>;

impl Disk {
    pub(crate) fn new(folder: PathBuf, incoming: PathBuf) -> Self {
        let (hidden, whole, unsettled) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { folder, incoming, hidden, whole, unsettled }
    }

    /// Whether a repository was made here. Its configuration is written last.
    pub(crate) fn is_made(&self) -> io::Result<bool> {
        self.folder.join("config").try_exists()
    }

    /// Makes the folders of a repository.
    pub(crate) fn make_folders(&self) -> io::Result<()> {
        make(&self.folder)?;
        let types = [FileType::Key, FileType::Snapshot, FileType::Index, FileType::Pack];
        types.iter().try_for_each(|kind| make(&self.folder.join(kind.dirname())))
    }

    /// Compares files of the index and snapshots with their names, hides those that are damaged, and names them.
    pub(crate) fn hide_damaged(&self) -> DiskResult<Vec<String>> {
        for kind in [FileType::Snapshot, FileType::Index] {
            for (id, _) in self.list_files(kind)? {
                let path = self.path(kind, &id);
                if lock(&self.whole).contains(&path) {
                    continue;
                }
                match self.read_whole(kind, &id) {
                    Ok(_) => drop(lock(&self.whole).insert(path)),
                    Err(error) if error.source.kind() == ErrorKind::NotFound => {}
                    Err(error) if error.source.kind() == ErrorKind::InvalidData => {
                        lock(&self.hidden).insert(path);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(lock(&self.hidden).iter().map(|path| path_text::encode(path.as_os_str())).collect())
    }

    /// The identifiers of all files of a kind with their sizes in bytes, but for the damaged ones that are hidden.
    pub(crate) fn list_files(&self, kind: FileType) -> DiskResult<Vec<(Id, u64)>> {
        let mut found = Vec::new();
        if kind == FileType::Config {
            let path = self.path(kind, &Id::default());
            match fs::metadata(&path) {
                Ok(there) => found.push((Id::default(), there.len())),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(on("look at", &path)(error)),
            }
            return Ok(found);
        }
        let folder = self.folder.join(kind.dirname());
        if kind == FileType::Pack {
            for shelf in names_in(&folder).map_err(on("read the folder", &folder))? {
                self.list_folder(kind, &folder.join(shelf), &mut found)?;
            }
        } else {
            self.list_folder(kind, &folder, &mut found)?;
        }
        Ok(found)
    }

    fn list_folder(&self, kind: FileType, folder: &Path, found: &mut Vec<(Id, u64)>) -> DiskResult<()> {
        for name in names_in(folder).map_err(on("read the folder", folder))? {
            // Whatever has another name is not of the repository.
            let Some(id) =
                name.to_str().filter(|name| name.len() == 64).and_then(|name| Id::from_str(name).ok())
            else {
                continue;
            };
            let path = self.path(kind, &id);
            if lock(&self.hidden).contains(&path) {
                continue;
            }
            match fs::symlink_metadata(&path) {
                Ok(there) => found.push((id, there.len())),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(on("look at", &path)(error)),
            }
        }
        Ok(())
    }

    /// Reads a file from first to last byte. All but the configuration are compared with their names.
    pub(crate) fn read_whole(&self, kind: FileType, id: &Id) -> DiskResult<Vec<u8>> {
        let path = self.path(kind, id);
        let mut bytes = Vec::new();
        open(&path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(on("read", &path))?;
        if kind != FileType::Config && Id::new(Sha256::digest(&bytes).into()) != *id {
            let why = io::Error::new(ErrorKind::InvalidData, "its content is not what its name says");
            return Err(on("read", &path)(why));
        }
        Ok(bytes)
    }

    fn read_part(&self, kind: FileType, id: &Id, offset: u32, length: u32) -> DiskResult<Vec<u8>> {
        let path = self.path(kind, id);
        let mut bytes = vec![0; length as usize];
        let file = open(&path).map_err(on("read", &path))?;
        file.read_exact_at(&mut bytes, u64::from(offset)).map_err(on("read", &path))?;
        Ok(bytes)
    }

    /// Writes a file: durably, but for a pack, which is durable once the next other file is written.
    pub(crate) fn write_file(&self, kind: FileType, id: &Id, content: &[Bytes]) -> DiskResult<()> {
        let path = self.path(kind, id);
        if kind == FileType::Pack {
            if let Some(shelf) = path.parent() {
                make(shelf).map_err(on("make the folder", shelf))?;
            }
        } else {
            self.settle()?;
        }
        let incoming = Incoming::begin(&self.incoming).map_err(on("write in", &self.incoming))?;
        incoming.fill(content).map_err(on("write in", &self.incoming))?;
        if kind == FileType::Pack {
            incoming.place(&path).map_err(on("keep a file as", &path))?;
            lock(&self.unsettled).insert(path);
            return Ok(());
        }
        incoming.file.sync_all().map_err(on("sync in", &self.incoming))?;
        incoming.place(&path).map_err(on("keep a file as", &path))?;
        sync_folder(&path)
    }

    /// Makes the packs durable that were written so far.
    fn settle(&self) -> DiskResult<()> {
        let packs = std::mem::take(&mut *lock(&self.unsettled));
        for pack in &packs {
            File::open(pack).and_then(|file| file.sync_all()).map_err(on("sync", pack))?;
        }
        let shelves: BTreeSet<&Path> = packs.iter().filter_map(|pack| pack.parent()).collect();
        shelves.into_iter().try_for_each(|shelf| sync_folder(&shelf.join("any")))
    }

    fn remove_file(&self, kind: FileType, id: &Id) -> DiskResult<()> {
        let path = self.path(kind, id);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(on("remove", &path)(error)),
            _ => {}
        }
        if kind == FileType::Pack {
            return Ok(());
        }
        // What no longer refers to a pack has to be gone for good before the pack goes.
        sync_folder_of(&path)
            .map_err(|error| DiskError { attempted: error.to_string(), source: error.source })
    }

    /// Where a file is.
    pub(crate) fn path(&self, kind: FileType, id: &Id) -> PathBuf {
        let name = id.to_hex();
        let name = name.as_str();
        match kind {
            FileType::Config => self.folder.join("config"),
            FileType::Pack => self.folder.join("data").join(name.get(..2).unwrap_or_default()).join(name),
            FileType::Key | FileType::Snapshot | FileType::Index => {
                self.folder.join(kind.dirname()).join(name)
            }
        }
    }
}

impl ReadBackend for Disk {
    fn location(&self) -> String {
        path_text::encode(self.folder.as_os_str())
    }

    fn list_with_size(&self, kind: FileType) -> RusticResult<Vec<(Id, u32)>> {
        let files = self.list_files(kind).map_err(rustic)?;
        Ok(files.into_iter().map(|(id, bytes)| (id, u32::try_from(bytes).unwrap_or(u32::MAX))).collect())
    }

    fn read_full(&self, kind: FileType, id: &Id) -> RusticResult<Bytes> {
        self.read_whole(kind, id).map(Bytes::from).map_err(rustic)
    }

    fn read_partial(
        &self,
        kind: FileType,
        id: &Id,
        _cacheable: bool,
        offset: u32,
        length: u32,
    ) -> RusticResult<Bytes> {
        self.read_part(kind, id, offset, length).map(Bytes::from).map_err(rustic)
    }

    fn warmup_path(&self, kind: FileType, id: &Id) -> String {
        path_text::encode(self.path(kind, id).as_os_str())
    }
}

impl WriteBackend for Disk {
    fn write_bytes(&self, kind: FileType, id: &Id, _cacheable: bool, content: BytesList) -> RusticResult<()> {
        self.write_file(kind, id, content.slice()).map_err(rustic)
    }

    fn remove(&self, kind: FileType, id: &Id, _cacheable: bool) -> RusticResult<()> {
        self.remove_file(kind, id).map_err(rustic)
    }
}

/// A file that is not whole yet. Removed when dropped before it has its place.
struct Incoming {
    file: File,
    path: PathBuf,
    placed: bool,
}

impl Incoming {
    fn begin(folder: &Path) -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("{}-{count}", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => return Ok(Self { file, path, placed: false }),
                // Left by an earlier process of the same number.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn fill(&self, content: &[Bytes]) -> io::Result<()> {
        let mut writer = io::BufWriter::with_capacity(128 * 1024, &self.file);
        content.iter().try_for_each(|bytes| writer.write_all(bytes))?;
        writer.flush()
    }

    fn place(mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.placed {
            // The cause is already on its way to the caller; the next owner clears away what stays.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Opens a file to read, never waiting and never following a link, and without touching its time of access where
/// that is allowed.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let file = quietly::open_with(path, OFlags::NOFOLLOW)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file"));
    }
    Ok(file)
}

/// Makes a folder that only we may enter, durably; fine when it is there.
pub(crate) fn make(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder_of(folder).map_err(|error| error.source),
    }
}

/// The names in a folder; none where there is no such folder.
fn names_in(folder: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.file_name())).collect(),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

/// Makes the names in the folder of a path durable.
fn sync_folder(path: &Path) -> DiskResult<()> {
    sync_folder_of(path).map_err(|error| DiskError { attempted: error.to_string(), source: error.source })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn on(operation: &str, path: &Path) -> impl FnOnce(io::Error) -> DiskError {
    let attempted = format!("{operation} {}", path_text::encode(path.as_os_str()));
    move |source| DiskError { attempted, source }
}

fn rustic(error: DiskError) -> Box<RusticError> {
    RusticError::with_source(RusticKind::Backend, error.attempted.clone(), error)
}
