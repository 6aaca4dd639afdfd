//! A vault in a folder.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use age::x25519::Identity;
use async_trait::async_trait;
use backout_contract::{Vault, VaultError};
use backout_core::checkpoint::BlobId;
use backout_kit::atomic_put::sync_folder_of;
use rustix::fs::OFlags;

use crate::codec::{self, Failure};
use crate::failed::{on, on_file};
use crate::incoming::Incoming;
use crate::key;

/// The largest blob that is read into memory, in bytes; larger ones go through files.
pub const LARGEST_IN_MEMORY: u64 = 256 * 1024 * 1024;

/// A vault in a folder.
#[derive(Clone)]
pub struct FileVault {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    identity: Identity,
}

impl FileVault {
    /// Opens a vault that is there, and changes nothing.
    ///
    /// # Errors
    /// Its key is missing, damaged, or can be read by others.
    pub fn open(folder: &Path) -> Result<Self, VaultError> {
        let identity = key::load(&folder.join("key.txt"))?;
        Ok(Self { inner: Arc::new(Inner { folder: folder.to_owned(), identity }) })
    }

    /// Opens a vault for writing, and makes it where there is none. For the holder of the migration's lock: what
    /// an earlier process left unfinished is cleared away.
    ///
    /// # Errors
    /// See [`FileVault::open`]; a key that is missing beside blobs was lost and is not replaced.
    pub fn prepare(folder: &Path) -> Result<Self, VaultError> {
        for folder in [folder.to_owned(), folder.join("blobs"), folder.join("incoming")] {
            make(&folder).map_err(on("make the folder", &folder))?;
        }
        let incoming = folder.join("incoming");
        clear(&incoming).map_err(on("clear the folder", &incoming))?;
        let (key, blobs) = (folder.join("key.txt"), folder.join("blobs"));
        let is_new = !key.try_exists().map_err(on("look at", &key))?;
        let is_empty = fs::read_dir(&blobs).map_err(on("read the folder", &blobs))?.next().is_none();
        if is_new && is_empty {
            let identity = key::draw(&key)?;
            return Ok(Self { inner: Arc::new(Inner { folder: folder.to_owned(), identity }) });
        }
        Self::open(folder)
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || work(&inner)).await.unwrap_or_else(|error| {
            Err(VaultError::Io { attempted: "work in the vault".to_owned(), source: io::Error::other(error) })
        })
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
        let whole = move |inner: &Inner| inner.store(&mut bytes.as_slice(), Some(size), &inner.folder);
        self.blocking(whole).await.map(|(blob, _)| blob)
    }

    async fn put_file(&self, path: &Path) -> Result<(BlobId, u64), VaultError> {
        let path = path.to_owned();
        self.blocking(move |inner| {
            let mut file = open_regular(&path).map_err(on("read", &path))?;
            // Its size is not promised to the frame: somebody may be writing to it.
            inner.store(&mut file, None, &path)
        })
        .await
    }

    async fn get(&self, blob: &BlobId) -> Result<Vec<u8>, VaultError> {
        let blob = *blob;
        self.blocking(move |inner| {
            let mut bytes = Bounded { bytes: Vec::new() };
            let into_memory = |_| too_large(&format!("read blob {blob} into memory"));
            inner.fetch(&blob, &mut bytes, into_memory).map(|_| bytes.bytes)
        })
        .await
    }

    async fn get_file(&self, blob: &BlobId, path: &Path) -> Result<u64, VaultError> {
        let (blob, path) = (*blob, path.to_owned());
        self.blocking(move |inner| {
            let new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
            let mut file = new.map_err(on("make the file", &path))?;
            let fetched = inner.fetch(&blob, &mut file, on("write", &path));
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
        let nowhere = move |source| VaultError::Io { attempted: format!("check blob {blob}"), source };
        self.blocking(move |inner| inner.fetch(&blob, &mut io::sink(), nowhere).map(drop)).await
    }
}

impl Inner {
    fn store(
        &self,
        source: &mut dyn Read,
        size: Option<u64>,
        from: &Path,
    ) -> Result<(BlobId, u64), VaultError> {
        let folder = self.folder.join("incoming");
        let incoming = Incoming::begin(&folder).map_err(on("write a blob in", &folder))?;
        let sealed = codec::seal(source, size, incoming, &self.identity.to_public());
        let (incoming, bytes) = sealed.map_err(|failure| match failure {
            Failure::Source(error) => on("read", from)(error),
            Failure::Sink(error) => on("write a blob in", &folder)(error),
            // Only unsealing tells these.
            Failure::Damaged | Failure::Sealed(_) => on("read", from)(ErrorKind::InvalidData.into()),
        })?;
        let blob = incoming
            .keep(|blob| {
                let path = self.path_of(blob);
                path.parent().map_or(Ok(()), make).map(|()| path)
            })
            .map_err(on("keep a blob in", &self.folder))?;
        sync_folder_of(&self.path_of(&blob)).map_err(on_file)?;
        Ok((blob, bytes))
    }

    fn fetch(
        &self,
        blob: &BlobId,
        sink: &mut dyn Write,
        on_sink: impl FnOnce(io::Error) -> VaultError,
    ) -> Result<u64, VaultError> {
        let path = self.path_of(blob);
        let stored = match open_regular(&path) {
            Ok(stored) => stored,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(VaultError::Missing(*blob)),
            Err(error) => return Err(on("read", &path)(error)),
        };
        codec::unseal(stored, blob, &self.identity, sink).map_err(|failure| match failure {
            Failure::Source(error) => on("read", &path)(error),
            Failure::Sink(error) => on_sink(error),
            Failure::Damaged => VaultError::Damaged(*blob),
            Failure::Sealed(source) => VaultError::Sealed { blob: *blob, source },
        })
    }

    fn path_of(&self, blob: &BlobId) -> PathBuf {
        let name = blob.to_string();
        let shelf = name.get(..2).unwrap_or_default();
        self.folder.join("blobs").join(shelf).join(&name)
    }
}

/// Collects bytes up to a limit, so that a small blob that unpacks to a huge one does not fill the memory.
struct Bounded {
    bytes: Vec<u8>,
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

/// Opens a file to read, never waiting and never following a link, and without touching its time of access where
/// that is allowed.
fn open_regular(path: &Path) -> io::Result<File> {
    let open = |flags: OFlags| {
        let flags = (flags | OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        OpenOptions::new().read(true).custom_flags(flags).open(path)
    };
    let file = match open(OFlags::NOATIME) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => open(OFlags::empty())?,
        result => result?,
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file"));
    }
    Ok(file)
}

fn make(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder_of(folder).map_err(|error| error.source),
    }
}

fn clear(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        fs::remove_file(entry?.path())?;
    }
    Ok(())
}
