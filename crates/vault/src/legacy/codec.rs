//! Stored bytes to plain content, as a stream: memory does not grow with the content.

use std::io::{self, BufReader, Read, Write};
use std::iter;

use age::x25519::Identity;
use age::{DecryptError, Decryptor};
use backout_core::digest::Digest;
use sha2::{Digest as _, Sha256};

const CHUNK: usize = 128 * 1024;

/// What went wrong on which side.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Where content comes from.
    Source(io::Error),
    /// Where it goes to.
    Sink(io::Error),
    /// The stored bytes are not the ones whose digest was asked for.
    Damaged,
    /// They are, and do not open with this key.
    Sealed(Box<dyn std::error::Error + Send + Sync>),
}

/// Checks, decrypts and decompresses; gives the number of plain bytes. The sink must be thrown away on error:
/// the digest is known only when all has been read.
pub(crate) fn unseal(
    stored: impl Read,
    expected: &Digest,
    identity: &Identity,
    sink: &mut dyn Write,
) -> Result<u64, Failure> {
    let mut hashing = Hashing { inner: stored, hasher: Sha256::new() };
    let opened = open(&mut hashing, identity, sink);
    if let Err(Failure::Sink(error)) = opened {
        return Err(Failure::Sink(error));
    }
    // Whatever opening made of it, damaged bytes are to be called damaged, not sealed.
    io::copy(&mut hashing, &mut io::sink()).map_err(Failure::Source)?;
    if Digest::from_raw(hashing.hasher.finalize().into()) != *expected {
        return Err(Failure::Damaged);
    }
    opened
}

fn open(stored: impl Read, identity: &Identity, sink: &mut dyn Write) -> Result<u64, Failure> {
    let decryptor = match Decryptor::new_buffered(BufReader::with_capacity(CHUNK, stored)) {
        Ok(decryptor) => decryptor,
        Err(error) => return Err(sealed(error)),
    };
    let decrypting = decryptor.decrypt(iter::once(identity as &dyn age::Identity)).map_err(sealed)?;
    let mut plain = zstd::Decoder::new(decrypting).map_err(|error| Failure::Sealed(error.into()))?;
    copy(&mut plain, sink).map_err(|failure| match failure {
        // Reading here is decrypting and decompressing; a disk that fails fails again in the caller's drain.
        Failure::Source(error) => Failure::Sealed(error.into()),
        other => other,
    })
}

fn sealed(error: DecryptError) -> Failure {
    Failure::Sealed(error.into())
}

fn copy(source: &mut dyn Read, sink: &mut dyn Write) -> Result<u64, Failure> {
    let mut buffer = vec![0; CHUNK];
    let mut bytes = 0;
    loop {
        let read = match source.read(&mut buffer) {
            Ok(0) => return Ok(bytes),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::Source(error)),
        };
        sink.write_all(buffer.get(..read).unwrap_or_default()).map_err(Failure::Sink)?;
        bytes += read as u64;
    }
}

struct Hashing<R> {
    inner: R,
    hasher: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}
