//! Names of blobs: a keyed digest of the content. Small secrets lie in the vault and the names of blobs in the
//! journal, so a plain digest would give them away to whoever hashes a dictionary. The same content has the same
//! name, which is what makes it be kept once.

use std::fmt;
use std::io::{self, Read};

use backout_core::checkpoint::BlobId;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

const BUFFER: usize = 256 * 1024;

/// The key that blobs are named with.
#[derive(Clone, Copy)]
pub(crate) struct NamingKey([u8; 32]);

impl NamingKey {
    /// Derives it from the secret of a repository; it does not give the secret away.
    pub(crate) fn derive(secret: &[u8]) -> Self {
        let mut mac = begin(secret);
        mac.update(b"backout/vault/names/1");
        Self(mac.finalize().into_bytes().into())
    }

    pub(crate) const fn from_raw(raw: [u8; 32]) -> Self {
        Self(raw)
    }

    /// From 64 hexadecimal digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        // Written as a digest is, though it is none.
        let digits = BlobId::parse(text)?.to_string();
        let mut raw = [0; 32];
        for (slot, pair) in raw.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            *slot = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(raw))
    }

    pub(crate) const fn raw(&self) -> &[u8; 32] {
        &self.0
    }

    /// Begins a name.
    pub(crate) fn namer(&self) -> Namer {
        Namer { mac: begin(&self.0), bytes: 0 }
    }

    /// The name of bytes.
    pub(crate) fn name(&self, bytes: &[u8]) -> BlobId {
        let mut namer = self.namer();
        namer.update(bytes);
        namer.finish().0
    }

    /// The name and the size of what a reader gives, read to its end.
    pub(crate) fn name_of(&self, source: &mut dyn Read) -> io::Result<(BlobId, u64)> {
        let mut namer = self.namer();
        let mut buffer = vec![0; BUFFER];
        loop {
            match source.read(&mut buffer) {
                Ok(0) => return Ok(namer.finish()),
                Ok(read) => namer.update(buffer.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl fmt::Debug for NamingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NamingKey(***)")
    }
}

/// Names what passes through.
#[derive(Clone)]
pub(crate) struct Namer {
    mac: Hmac<Sha256>,
    bytes: u64,
}

impl Namer {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.mac.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// The name, and how many bytes it is of.
    pub(crate) fn finish(self) -> (BlobId, u64) {
        (BlobId::from_raw(self.mac.finalize().into_bytes().into()), self.bytes)
    }
}

fn begin(key: &[u8]) -> Hmac<Sha256> {
    let mut block = [0u8; 64];
    // As HMAC does it: a key longer than a block is hashed first. Ours never are.
    block.iter_mut().zip(key).for_each(|(slot, byte)| *slot = *byte);
    Hmac::new(&block.into())
}
