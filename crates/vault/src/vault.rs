//! A vault in a folder.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use backout_contract::{Vault, VaultError};
use backout_core::checkpoint::BlobId;
use backout_kit::atomic_put::sync_folder_of;
use tokio::sync::oneshot;

use crate::clerk::{Clerk, Matter, Order, ended};
use crate::disk::{make, open};
use crate::failed::{on, on_file};
use crate::keys::{Keys, Password};
use crate::legacy::Legacy;
use crate::names::NamingKey;
use crate::repository::{Places, Shelf, Target, clear, make_repository};

/// The largest blob that is read into memory, in bytes; larger ones go through files.
pub const LARGEST_IN_MEMORY: u64 = 256 * 1024 * 1024;

/// So many times a file is read that changes meanwhile.
const MOST_TRIES: u32 = 3;

/// A vault in a folder. Clones share what they know of it.
#[derive(Clone)]
pub struct FileVault {
    pub(crate) inner: Arc<Inner>,
    tag: Option<Arc<str>>,
}

pub(crate) struct Inner {
    folder: PathBuf,
    pub(crate) shelf: Arc<Shelf>,
    clerk: Mutex<Option<Clerk>>,
}

impl FileVault {
    /// Opens a vault that is there, and changes nothing. Reads no more than its keys: the repository is opened when
    /// something is wanted of it.
    ///
    /// # Errors
    /// Its key is missing, damaged, or can be read by others.
    pub fn open(folder: &Path) -> Result<Self, VaultError> {
        let places = Places::of(folder);
        let legacy = Legacy::open(folder)?;
        let is_new = places.key.try_exists().map_err(on("look at", &places.key))?;
        let is_made = places.disk().is_made().map_err(on("look at", &places.repository))?;
        // A vault of an earlier version has no repository, and needs no key for one.
        let keys = (is_new || is_made || legacy.is_none()).then(|| Keys::load(&places.key)).transpose()?;
        Ok(Self::with(folder, keys, legacy))
    }

    /// Opens a vault for writing, and makes it where there is none. For the holder of the migration's lock: what
    /// an earlier process left unfinished is cleared away.
    ///
    /// # Errors
    /// See [`FileVault::open`]; a key that is missing beside blobs was lost and is not replaced.
    pub fn prepare(folder: &Path) -> Result<Self, VaultError> {
        make(folder).map_err(on("make the folder", folder))?;
        let places = Places::of(folder);
        let legacy = Legacy::open(folder)?;
        clear(&places.incoming)?;
        let disk = Arc::new(places.disk());
        let is_made = disk.is_made().map_err(on("look at", &places.repository))?;
        let keys = match places.key.try_exists().map_err(on("look at", &places.key))? || is_made {
            true => Keys::load(&places.key)?,
            false => {
                let keys = Keys::draw();
                keys.save(&places.key)?;
                keys
            }
        };
        if !is_made {
            let password = match places.password.try_exists().map_err(on("look at", &places.password))? {
                true => Password::load(&places.password)?,
                false => {
                    let password = Password::draw().map_err(on("draw", &places.password))?;
                    password.save(&places.password)?;
                    password
                }
            };
            make_repository(&disk, &keys, &password)?;
        }
        Ok(Self::with(folder, Some(keys), legacy))
    }

    fn with(folder: &Path, keys: Option<Keys>, legacy: Option<Legacy>) -> Self {
        let naming = keys.as_ref().map_or(NamingKey::from_raw([0; 32]), Keys::naming);
        let credentials = keys.as_ref().map(Keys::credentials);
        Self::on(folder, Shelf::new(Places::of(folder).disk(), credentials, naming, legacy))
    }

    pub(crate) fn on(folder: &Path, shelf: Shelf) -> Self {
        let inner = Inner { folder: folder.to_owned(), shelf: Arc::new(shelf), clerk: Mutex::default() };
        Self { inner: Arc::new(inner), tag: None }
    }

    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || work(&inner)).await.unwrap_or_else(|error| {
            Err(VaultError::Io { attempted: "work in the vault".to_owned(), source: io::Error::other(error) })
        })
    }

    async fn keep(
        &self,
        named: impl FnOnce(&Inner) -> Result<(BlobId, u64, Matter), VaultError> + Send + 'static,
    ) -> Result<(BlobId, u64), VaultError> {
        let tag = self.tag.clone();
        let (blob, size, answer) = self
            .blocking(move |inner| {
                // Before anything is read: without keys there is nothing to name it with.
                inner.shelf.credentials()?;
                let (blob, size, matter) = named(inner)?;
                let (reply, answer) = oneshot::channel();
                inner.order(Order { blob, size, matter, tag, reply })?;
                Ok((blob, size, answer))
            })
            .await?;
        answer.await.unwrap_or_else(|_| Err(ended())).map(|()| (blob, size))
    }
}

impl Inner {
    fn order(&self, order: Order) -> Result<(), VaultError> {
        let mut clerk = self.clerk.lock().unwrap_or_else(PoisonError::into_inner);
        if clerk.is_none() {
            let started = Clerk::start(Arc::clone(&self.shelf));
            *clerk = Some(started.map_err(on("start the thread of", &self.folder))?);
        }
        if let Some(clerk) = &*clerk {
            clerk.order(order);
        }
        Ok(())
    }
}

impl fmt::Debug for FileVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileVault").field("folder", &self.inner.folder).finish_non_exhaustive()
    }
}

#[async_trait]
impl Vault for FileVault {
    async fn put(&self, bytes: &[u8]) -> Result<BlobId, VaultError> {
        let size = bytes.len() as u64;
        if size > LARGEST_IN_MEMORY {
            return Err(too_large("keep bytes in the vault"));
        }
        let bytes = bytes.to_vec();
        let named = move |inner: &Inner| Ok((inner.shelf.naming().name(&bytes), size, Matter::Bytes(bytes)));
        self.keep(named).await.map(|(blob, _)| blob)
    }

    async fn put_compressed(&self, bytes: Vec<u8>) -> Result<BlobId, VaultError> {
        let size = bytes.len() as u64;
        if size > LARGEST_IN_MEMORY {
            return Err(too_large("keep bytes in the vault"));
        }
        let named =
            move |inner: &Inner| Ok((inner.shelf.naming().name(&bytes), size, Matter::Compressed(bytes)));
        self.keep(named).await.map(|(blob, _)| blob)
    }

    async fn put_file(&self, path: &Path) -> Result<(BlobId, u64), VaultError> {
        let mut tries = 1;
        loop {
            let path = path.to_owned();
            let kept = self
                .keep(move |inner| {
                    let mut file = open(&path).map_err(on("read", &path))?;
                    let (blob, size) = inner.shelf.naming().name_of(&mut file).map_err(on("read", &path))?;
                    Ok((blob, size, Matter::File(file, path)))
                })
                .await;
            match kept {
                Err(VaultError::Io { source, .. })
                    if source.kind() == ErrorKind::ResourceBusy && tries < MOST_TRIES =>
                {
                    tries += 1;
                }
                kept => return kept,
            }
        }
    }

    async fn get(&self, blob: &BlobId) -> Result<Vec<u8>, VaultError> {
        let blob = *blob;
        self.blocking(move |inner| {
            let mut bytes = Bounded { bytes: Vec::new() };
            let into_memory = |_| too_large(&format!("read blob {blob} into memory"));
            inner.shelf.fetch(&blob, &mut bytes, &into_memory)?;
            Ok(bytes.bytes)
        })
        .await
    }

    async fn get_file(&self, blob: &BlobId, path: &Path) -> Result<u64, VaultError> {
        let (blob, path) = (*blob, path.to_owned());
        self.blocking(move |inner| {
            let new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
            let mut file = new.map_err(on("make the file", &path))?;
            let fetched = inner.shelf.fetch(&blob, &mut file, &|error| on("write", &path)(error));
            let durable = fetched.and_then(|bytes| {
                file.sync_all().map_err(on("sync", &path))?;
                sync_folder_of(&path).map_err(on_file)?;
                Ok(bytes)
            });
            // What cannot be trusted is not left for somebody to find.
            durable.inspect_err(|_| drop(fs::remove_file(&path)))
        })
        .await
    }

    async fn check(&self, blob: &BlobId) -> Result<(), VaultError> {
        let blob = *blob;
        self.blocking(move |inner| inner.shelf.check(&blob)).await
    }

    fn tagged(&self, tag: &str) -> Option<Arc<dyn Vault>> {
        Some(Arc::new(Self { inner: Arc::clone(&self.inner), tag: Some(tag.into()) }))
    }
}

/// Collects bytes up to a limit, so that a small blob that unpacks to a huge one does not fill the memory.
struct Bounded {
    bytes: Vec<u8>,
}

impl Target for Bounded {
    fn restart(&mut self) -> io::Result<()> {
        self.bytes.clear();
        Ok(())
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if (self.bytes.len() + bytes.len()) as u64 > LARGEST_IN_MEMORY {
            return Err(ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn too_large(attempted: &str) -> VaultError {
    let why = format!("it has more than {LARGEST_IN_MEMORY} bytes, which only a file takes");
    VaultError::Io { attempted: attempted.to_owned(), source: io::Error::new(ErrorKind::FileTooLarge, why) }
}
