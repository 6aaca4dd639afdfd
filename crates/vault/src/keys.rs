//! The secrets of a vault. `key.json` holds the repository's master key, in restic's own form, and opens it at once;
//! `password.txt` is for people with a stock restic. Either file alone is enough to read everything.

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::Path;

use aes256ctr_poly1305aes::aead::Aead as _;
use aes256ctr_poly1305aes::{Aes256CtrPoly1305Aes, Key, Nonce};
use backout_contract::VaultError;
use backout_kit::atomic_put::{Attributes, put};
use backout_kit::private_file;
use rustic_core::Credentials;
use rustic_core::repofile::{KeyFile, MasterKey};

use crate::failed::{on, on_file};
use crate::names::NamingKey;

/// What is longer was not written by us, in bytes.
const LONGEST: u64 = 64 * 1024;

/// The cost of making a key from the password. A password of 256 random bits cannot be guessed, so a costly
/// derivation would only make every opening slow.
const COST: (u8, u32, u32) = (10, 8, 1);

/// Opens one repository. Neither shown nor compared.
#[derive(Clone)]
pub(crate) struct Keys {
    master: MasterKey,
}

impl Keys {
    /// New ones.
    pub(crate) fn draw() -> Self {
        Self { master: MasterKey::new() }
    }

    /// Reads them from a file that only we may read.
    pub(crate) fn load(path: &Path) -> Result<Self, VaultError> {
        let bytes = private_file::read(path, LONGEST).map_err(on_file)?;
        // The cause is not handed on: it might quote the key.
        Self::parse(&bytes).ok_or_else(|| {
            let why = io::Error::new(ErrorKind::InvalidData, "it is not the key of a repository");
            on("read the vault's key", path)(why)
        })
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let master: MasterKey = serde_json::from_slice(bytes).ok()?;
        let lengths = (master.encrypt.len(), master.mac.k.len(), master.mac.r.len());
        (lengths == (32, 16, 16)).then_some(Self { master })
    }

    /// Writes them to a file that only we may read, durably.
    pub(crate) fn save(&self, path: &Path) -> Result<(), VaultError> {
        let mut text = serde_json::to_vec(&self.master)
            .map_err(|error| on("write the vault's key", path)(io::Error::other(error)))?;
        text.push(b'\n');
        put(path, &text, Attributes::default()).map_err(on_file)
    }

    /// What rustic opens the repository with.
    pub(crate) fn credentials(&self) -> Credentials {
        Credentials::Masterkey(self.master.clone())
    }

    /// What blobs are named with. It does not come from `r`, of which restic clears some bits when it writes the key
    /// out again.
    pub(crate) fn naming(&self) -> NamingKey {
        NamingKey::derive(&[&*self.master.encrypt, &*self.master.mac.k].concat())
    }

    /// The file by which restic gets from the password to the master key.
    pub(crate) fn file(&self, password: &Password) -> io::Result<Vec<u8>> {
        let (log_n, r, p) = COST;
        let salt: [u8; 64] = random()?;
        let params = scrypt::Params::new(log_n, r, p).map_err(io::Error::other)?;
        let mut derived = [0; 64];
        scrypt::scrypt(password.0.as_bytes(), &salt, &params, &mut derived).map_err(io::Error::other)?;
        let nonce: [u8; 16] = random()?;
        let master = serde_json::to_vec(&self.master)?;
        let sealed = Aes256CtrPoly1305Aes::new(Key::from_slice(&derived))
            .encrypt(Nonce::from_slice(&nonce), master.as_slice())
            .map_err(|_| io::Error::other("it cannot be sealed"))?;
        let file = KeyFile {
            hostname: Some("backout".to_owned()),
            username: Some("backout".to_owned()),
            created: None,
            kdf: "scrypt".to_owned(),
            n: 1 << log_n,
            r,
            p,
            data: [&nonce[..], &sealed].concat(),
            salt: salt.to_vec(),
        };
        Ok(serde_json::to_vec(&file)?)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(***)")
    }
}

/// What a person gives to a stock restic: 64 hexadecimal digits.
pub(crate) struct Password(String);

impl Password {
    /// A new one.
    pub(crate) fn draw() -> io::Result<Self> {
        let bytes: [u8; 32] = random()?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// Reads it, without the end of the line, as restic does.
    pub(crate) fn load(path: &Path) -> Result<Self, VaultError> {
        let bytes = private_file::read(path, LONGEST).map_err(on_file)?;
        let text = String::from_utf8(bytes).map_err(|_| {
            on("read the vault's password", path)(io::Error::new(ErrorKind::InvalidData, "it is not text"))
        })?;
        Ok(Self(text.trim_end_matches(['\r', '\n']).to_owned()))
    }

    /// Writes it to a file that only we may read, durably.
    pub(crate) fn save(&self, path: &Path) -> Result<(), VaultError> {
        put(path, self.text().as_bytes(), Attributes::default()).map_err(on_file)
    }

    /// As it stands in a file.
    pub(crate) fn text(&self) -> String {
        format!("{}\n", self.0)
    }

    /// What rustic opens a repository with, the slow way.
    pub(crate) fn credentials(&self) -> Credentials {
        Credentials::Password(self.0.clone())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(***)")
    }
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    // Up to 256 bytes are never cut short.
    match rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()) {
        Ok(drawn) if drawn == N => Ok(bytes),
        Ok(_) => Err(io::Error::other("the system gave too few random bytes")),
        Err(error) => Err(error.into()),
    }
}
