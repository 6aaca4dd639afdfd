//! The repository as those see it who keep what is compressed already: nothing is compressed again, and chunks are cut
//! by length alone, since one changed byte changes everything after it in such a file. What is written so is read like
//! everything else, by us and by restic.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rustic_core::repofile::Chunker;
use rustic_core::{
    BytesList, ConfigOptions, Credentials, FileType, Id, IndexedFullStatus, ReadBackend, Repository,
    RusticResult, WriteBackend,
};

use crate::catalog::open_on;
use crate::disk::Disk;

/// Chunks have this many bytes.
const CHUNK: u64 = 4 * 1024 * 1024;

/// What compressed files begin with: gzip, zstd, LZ4, zip.
const BEGINNINGS: [&[u8]; 4] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"PK\x03\x04"];

/// Whether what begins so is compressed.
pub(crate) fn is_compressed(beginning: &[u8]) -> bool {
    BEGINNINGS.iter().any(|known| beginning.starts_with(known))
}

/// Opens the repository with a configuration of its own, which is never written to the disk: rustic takes how to
/// compress and to cut from nowhere else.
pub(crate) fn open(
    disk: &Arc<Disk>,
    credentials: &Credentials,
) -> RusticResult<Repository<IndexedFullStatus>> {
    let packed = Arc::new(Packed { disk: Arc::clone(disk), configuration: Mutex::default() });
    let options = ConfigOptions::default()
        .set_compression(0)
        .set_chunker(Chunker::FixedSize)
        .set_chunk_size(bytesize::ByteSize::b(CHUNK))
        .set_extra_verify(true);
    open_on(Arc::clone(&packed) as _, credentials)?.apply_config(&options)?;
    open_on(packed, credentials)?.to_indexed()
}

/// The files on the disk, but for the configuration, once that was written.
#[derive(Debug)]
struct Packed {
    disk: Arc<Disk>,
    configuration: Mutex<Option<Bytes>>,
}

impl ReadBackend for Packed {
    fn location(&self) -> String {
        self.disk.location()
    }

    fn list_with_size(&self, kind: FileType) -> RusticResult<Vec<(Id, u32)>> {
        self.disk.list_with_size(kind)
    }

    fn read_full(&self, kind: FileType, id: &Id) -> RusticResult<Bytes> {
        let configuration = self.configuration.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match configuration {
            Some(bytes) if kind == FileType::Config => Ok(bytes),
            _ => self.disk.read_full(kind, id),
        }
    }

    fn read_partial(
        &self,
        kind: FileType,
        id: &Id,
        cacheable: bool,
        offset: u32,
        length: u32,
    ) -> RusticResult<Bytes> {
        self.disk.read_partial(kind, id, cacheable, offset, length)
    }

    fn warmup_path(&self, kind: FileType, id: &Id) -> String {
        self.disk.warmup_path(kind, id)
    }
}

impl WriteBackend for Packed {
    fn write_bytes(&self, kind: FileType, id: &Id, cacheable: bool, content: BytesList) -> RusticResult<()> {
        if kind == FileType::Config {
            let bytes: Vec<u8> = content.slice().iter().flatten().copied().collect();
            *self.configuration.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes.into());
            return Ok(());
        }
        self.disk.write_bytes(kind, id, cacheable, content)
    }

    fn remove(&self, kind: FileType, id: &Id, cacheable: bool) -> RusticResult<()> {
        self.disk.remove(kind, id, cacheable)
    }
}
