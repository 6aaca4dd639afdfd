//! A vault's repository: opened when something is wanted of it, read again when it changed on disk.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind, Seek as _, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use backout_contract::VaultError;
use backout_core::checkpoint::BlobId;
use rustic_core::{
    ConfigOptions, Credentials, FileType, Id, KeyOptions, Repository, RepositoryBackends, RepositoryOptions,
};
use sha2::{Digest as _, Sha256};

use crate::catalog::{Catalog, Sink};
use crate::disk::{Disk, make};
use crate::failed::{WrongKey, on, on_disk, on_rustic};
use crate::keys::{Keys, Password};
use crate::legacy::Legacy;
use crate::names::NamingKey;

/// Chunks have at least this many bytes and twice as many on average. Looking for borders is what takes the time, and
/// none is looked for before the least size is reached.
const CHUNK: u64 = 1024 * 1024;

/// A pack is closed when it has this many bytes. Two or three of them are in memory at a time.
const PACK: u64 = 16 * 1024 * 1024;

const ATTEMPTED: &str = "open the vault's repository";

/// The files of a vault.
pub(crate) struct Places {
    pub(crate) key: PathBuf,
    pub(crate) password: PathBuf,
    pub(crate) repository: PathBuf,
    pub(crate) incoming: PathBuf,
}

impl Places {
    pub(crate) fn of(folder: &Path) -> Self {
        Self {
            key: folder.join("key.json"),
            password: folder.join("password.txt"),
            repository: folder.join("repository"),
            incoming: folder.join("incoming"),
        }
    }

    pub(crate) fn disk(&self) -> Disk {
        Disk::new(self.repository.clone(), self.incoming.clone())
    }
}

/// A repository and what is known of it.
pub(crate) struct Shelf {
    pub(crate) disk: Arc<Disk>,
    /// None in a vault of an earlier version that was not written to since.
    credentials: Option<Credentials>,
    naming: NamingKey,
    /// What the content of blobs is named that have other names: those of before there was a repository.
    aliases: BTreeMap<BlobId, BlobId>,
    pub(crate) legacy: Option<Legacy>,
    catalog: Mutex<Option<Arc<Catalog>>>,
    turn: Mutex<()>,
}

impl Shelf {
    pub(crate) fn new(
        disk: Disk,
        credentials: Option<Credentials>,
        naming: NamingKey,
        legacy: Option<Legacy>,
    ) -> Self {
        let (catalog, turn, aliases) = (Mutex::default(), Mutex::default(), BTreeMap::new());
        Self { disk: Arc::new(disk), credentials, naming, aliases, legacy, catalog, turn }
    }

    /// The same with other names for some contents.
    pub(crate) fn with_aliases(mut self, aliases: BTreeMap<BlobId, BlobId>) -> Self {
        self.aliases = aliases;
        self
    }

    pub(crate) fn naming(&self) -> NamingKey {
        self.naming
    }

    /// Keeps others of this process from writing.
    pub(crate) fn writing(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What opens the repository, where there is one.
    pub(crate) fn credentials(&self) -> Result<&Credentials, VaultError> {
        self.credentials.as_ref().ok_or_else(|| VaultError::Io {
            attempted: ATTEMPTED.to_owned(),
            source: io::Error::new(ErrorKind::NotFound, "there is none yet"),
        })
    }

    /// Whether there is a repository that can be opened.
    pub(crate) fn is_made(&self) -> Result<bool, VaultError> {
        let failed = |source| VaultError::Io { attempted: ATTEMPTED.to_owned(), source };
        Ok(self.credentials.is_some() && self.disk.is_made().map_err(failed)?)
    }

    /// What the repository held when it was read last, or holds now if it was not read yet.
    pub(crate) fn current(&self) -> Result<Arc<Catalog>, VaultError> {
        let mut catalog = self.catalog.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(catalog) = &*catalog {
            return Ok(Arc::clone(catalog));
        }
        let loaded = Arc::new(Catalog::load(&self.disk, self.credentials()?)?);
        *catalog = Some(Arc::clone(&loaded));
        Ok(loaded)
    }

    /// What it holds now.
    pub(crate) fn fresh(&self) -> Result<Arc<Catalog>, VaultError> {
        let known = self.current()?;
        if !known.is_stale(&self.disk)? {
            return Ok(known);
        }
        self.forget();
        self.current()
    }

    /// Has it read again when it is asked for.
    pub(crate) fn forget(&self) {
        *self.catalog.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Gives a blob's content to a target, which must be thrown away on error: what is wrong may be known only at
    /// the end. Gives its size in bytes.
    pub(crate) fn fetch(
        &self,
        blob: &BlobId,
        into: &mut dyn Target,
        on_failure: &dyn Fn(io::Error) -> VaultError,
    ) -> Result<u64, VaultError> {
        let mut fault = None;
        if self.is_made()? {
            for may_be_stale in [true, false] {
                let catalog = if may_be_stale { self.current() } else { self.fresh() };
                let catalog = catalog.map_err(|error| sealed(blob, error))?;
                let Some(node) = catalog.find(blob) else {
                    fault = catalog.faults.first().cloned();
                    continue;
                };
                let namer = self.naming.namer();
                let mut sink = Sink { inner: &mut *into, namer, bytes: 0, failed: None, on_failure };
                match catalog.read(blob, node, &mut sink) {
                    // Another process may have pruned: its content lies elsewhere now.
                    Err(_) if may_be_stale => {
                        into.restart().map_err(on_failure)?;
                        continue;
                    }
                    Err(error) => return Err(error),
                    Ok(()) => {}
                }
                let (name, bytes) = sink.namer.finish();
                let expected = self.aliases.get(blob).unwrap_or(blob);
                return if name == *expected { Ok(bytes) } else { Err(VaultError::Damaged(*blob)) };
            }
        }
        if let Some(legacy) = &self.legacy {
            match legacy.fetch(blob, into, on_failure) {
                Err(VaultError::Missing(_)) => {}
                result => return result,
            }
        }
        match fault {
            // It may be listed in the file that cannot be read.
            Some(file) => Err(VaultError::Io {
                attempted: format!("look for blob {blob} in {file}"),
                source: io::Error::new(ErrorKind::InvalidData, "it is damaged"),
            }),
            None => Err(VaultError::Missing(*blob)),
        }
    }

    /// Reads a blob from first to last byte.
    pub(crate) fn check(&self, blob: &BlobId) -> Result<(), VaultError> {
        let nowhere = |source| VaultError::Io { attempted: format!("check blob {blob}"), source };
        self.fetch(blob, &mut io::sink(), &nowhere).map(drop)
    }
}

/// Where content goes to. It can be taken back, when reading has to begin again.
pub(crate) trait Target: Write {
    /// Forgets what was written.
    fn restart(&mut self) -> io::Result<()>;
}

impl Target for io::Sink {
    fn restart(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Target for fs::File {
    fn restart(&mut self) -> io::Result<()> {
        self.set_len(0)?;
        self.rewind()
    }
}

fn sealed(blob: &BlobId, error: VaultError) -> VaultError {
    match error {
        VaultError::Io { source, .. } if source.get_ref().is_some_and(|inner| inner.is::<WrongKey>()) => {
            VaultError::Sealed { blob: *blob, source: source.into() }
        }
        other => other,
    }
}

/// Makes a repository where there is none, and mends what an earlier attempt left half made. The password opens it
/// in a stock restic.
pub(crate) fn make_repository(disk: &Arc<Disk>, keys: &Keys, password: &Password) -> Result<(), VaultError> {
    let attempted = "make the vault's repository";
    let failed = |source| VaultError::Io { attempted: attempted.to_owned(), source };
    disk.make_folders().map_err(failed)?;
    if disk.list_files(FileType::Key).map_err(on_disk)?.is_empty() {
        let file = keys.file(password).map_err(failed)?;
        let id = Id::new(Sha256::digest(&file).into());
        disk.write_file(FileType::Key, &id, &[file.into()]).map_err(on_disk)?;
    }
    if !disk.is_made().map_err(failed)? {
        let options = ConfigOptions::default()
            .set_datapack_size(bytesize::ByteSize::b(PACK))
            .set_datapack_growfactor(0u32)
            .set_chunk_size(bytesize::ByteSize::b(CHUNK))
            .set_chunk_min_size(bytesize::ByteSize::b(CHUNK))
            .set_extra_verify(true);
        let backends = RepositoryBackends::new(Arc::clone(disk) as _, None);
        Repository::new(&RepositoryOptions::default().no_cache(true), &backends)
            .and_then(|repository| repository.init(&keys.credentials(), &KeyOptions::default(), &options))
            .map_err(on_rustic(attempted))?;
    }
    Ok(())
}

/// Removes what an earlier process left unfinished.
pub(crate) fn clear(folder: &Path) -> Result<(), VaultError> {
    make(folder).map_err(on("make the folder", folder))?;
    let cleared = fs::read_dir(folder)
        .and_then(|mut entries| entries.try_for_each(|entry| fs::remove_file(entry?.path())));
    cleared.map_err(on("clear the folder", folder))
}
