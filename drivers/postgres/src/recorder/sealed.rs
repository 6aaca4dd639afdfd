//! A file of recorded messages, in a private folder on its way to or from the vault. See `FORMAT.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use backout_contract::{DriverError, ErrorKind};
use backout_core::writes::Gap;
use backout_kit::scratch_folder::ScratchFolder;
use serde::{Deserialize, Serialize};

use super::message::garbled;
use super::snapshot::Since;
use crate::our_side::of_io;

const MAGIC: &[u8; 16] = b"backout writes 1";
const END: &[u8; 8] = b"the end.";
/// No message of a server is longer; what says so is garbled.
const LONGEST: u32 = 1 << 31;
const BUFFER: usize = 1 << 18;

/// What tells where the messages are from. Stands at the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    /// What tells this recorder from others.
    pub(super) nonce: String,
    /// `slot` or `triggers`.
    pub(super) kind: String,
    /// The cluster.
    pub(super) system: String,
    /// The database's object number.
    pub(super) database: u32,
    /// The database's name then, for people.
    pub(super) name: String,
    /// The end of the log up to which it goes, as bytes.
    pub(super) end: u64,
    /// A transaction from which no other one of the file is 2³¹ away.
    pub(super) near: u64,
    /// Transactions that the migration marked as its own.
    pub(super) migration: BTreeSet<u64>,
    /// Transactions in which writes were taken over.
    pub(super) merged: BTreeSet<u64>,
    /// Everything before the cutover is the migration's.
    pub(super) window: bool,
    /// The origin under which the migration writes.
    pub(super) origin: Option<String>,
    /// The cutovers: the transaction that marked each, and what was visible then.
    pub(super) cutovers: Vec<(u64, String)>,
    /// The transaction after whose end everything is recorded.
    pub(super) began: u64,
    /// Of a restored copy: the cluster of what it was copied from, and the first transaction that that one had not seen.
    /// Everything since is recorded too, for nobody came into the copy before.
    pub(super) copied: Option<(String, u64)>,
    /// What was not recorded before each era, by the transaction that began it.
    pub(super) interrupted: Vec<(u64, Vec<Gap>)>,
}

impl Header {
    /// Whether everything is told that a state lacks. What `follows` another recorder, which told everything up to a run, tells
    /// all of the rest where that run made its database.
    pub(super) fn tells(&self, since: &Since, follows: bool) -> bool {
        let is_of_copy = self.copied.as_ref().is_some_and(|(from, next)| match since {
            Since::State { system, snapshot, .. } => follows || (system == from && snapshot.next() >= *next),
            Since::Everything => false,
        });
        let seen = since.seen_of(&self.system, self.database);
        is_of_copy || seen.is_some_and(|seen| seen.is_after(self.began))
    }

    /// What was not recorded since a state was saved, as far as eras tell.
    pub(super) fn interruptions(&self, since: &Since) -> Vec<Gap> {
        let seen = since.seen_of(&self.system, self.database);
        let newer = self.interrupted.iter().filter(|(era, _)| seen.is_none_or(|seen| !seen.sees(*era)));
        newer.flat_map(|(_, gaps)| gaps.clone()).collect()
    }
}

/// What is known once all messages were seen. Stands at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Footer {
    /// Names of types, by `number:modifier`.
    pub(super) types: BTreeMap<String, String>,
    /// How many changes there are.
    pub(super) changes: u64,
}

/// A record of a file.
pub(super) enum Record {
    /// A message; it is in the buffer.
    Message,
    /// The number of the next change.
    Number(u64),
}

/// Writes one.
pub(super) struct Writer {
    folder: ScratchFolder,
    path: PathBuf,
    file: BufWriter<File>,
    at: u64,
}

/// A written file; gone when dropped.
pub(super) struct Written {
    _folder: ScratchFolder,
    pub(super) path: PathBuf,
}

fn on_write(error: io::Error) -> DriverError {
    of_io("put recorded writes into a private file", error).nothing_happened()
}

fn on_read(error: io::Error) -> DriverError {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return garbled();
    }
    DriverError::io("read recorded writes from a private file", error).nothing_happened()
}

impl Writer {
    pub(super) fn begin(scratch: &Path, header: &Header) -> Result<Self, DriverError> {
        let folder = ScratchFolder::make(scratch, 0).map_err(on_write)?;
        let path = folder.path().join("writes");
        let file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(on_write)?;
        let mut writer = Self { folder, path, file: BufWriter::with_capacity(BUFFER, file), at: 0 };
        let header = serde_json::to_vec(header).map_err(|error| on_write(error.into()))?;
        writer.put(MAGIC)?;
        writer.put(&u32::try_from(header.len()).unwrap_or(u32::MAX).to_be_bytes())?;
        writer.put(&header)?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), DriverError> {
        self.at += bytes.len() as u64;
        self.file.write_all(bytes).map_err(on_write)
    }

    pub(super) fn message(&mut self, bytes: &[u8]) -> Result<(), DriverError> {
        self.put(&u32::try_from(bytes.len()).map_err(|_| garbled())?.to_be_bytes())?;
        self.put(bytes)
    }

    pub(super) fn number(&mut self, number: u64) -> Result<(), DriverError> {
        self.put(&9_u32.to_be_bytes())?;
        self.put(b"#")?;
        self.put(&number.to_be_bytes())
    }

    pub(super) fn end(mut self, footer: &Footer) -> Result<Written, DriverError> {
        self.put(&0_u32.to_be_bytes())?;
        let at = self.at;
        let footer = serde_json::to_vec(footer).map_err(|error| on_write(error.into()))?;
        self.put(&footer)?;
        self.put(&at.to_be_bytes())?;
        self.put(END)?;
        self.file.flush().map_err(on_write)?;
        Ok(Written { _folder: self.folder, path: self.path })
    }
}

impl Written {
    /// One that somebody else puts there: a private folder, and the path of the file in it.
    pub(super) fn expected(scratch: &Path, bytes: u64) -> Result<Self, DriverError> {
        let folder = ScratchFolder::make(scratch, bytes).map_err(on_write)?;
        let path = folder.path().join("writes");
        Ok(Self { _folder: folder, path })
    }
}

/// Reads one.
pub(super) struct Reader {
    file: BufReader<File>,
    pub(super) header: Header,
    pub(super) footer: Footer,
    /// The message that was read last.
    pub(super) buffer: Vec<u8>,
    written: Written,
}

impl Reader {
    /// From the beginning again.
    pub(super) fn again(self) -> Result<Self, DriverError> {
        Self::open(self.written)
    }

    /// # Errors
    /// When it is no such file, or not a whole one.
    pub(super) fn open(written: Written) -> Result<Self, DriverError> {
        let mut file = File::open(&written.path).map_err(on_read)?;
        let size = file.metadata().map_err(on_read)?.len();
        let tail = 16;
        let foot = size.checked_sub(tail).ok_or_else(garbled)?;
        file.seek(SeekFrom::Start(foot)).map_err(on_read)?;
        let (mut at, mut end) = ([0; 8], [0; 8]);
        file.read_exact(&mut at).map_err(on_read)?;
        file.read_exact(&mut end).map_err(on_read)?;
        let at = u64::from_be_bytes(at);
        if &end != END || at > foot {
            return Err(garbled());
        }
        file.seek(SeekFrom::Start(at)).map_err(on_read)?;
        let mut footer = Vec::new();
        (&mut file).take(foot - at).read_to_end(&mut footer).map_err(on_read)?;
        let footer = serde_json::from_slice(&footer).map_err(|_| garbled())?;
        file.seek(SeekFrom::Start(0)).map_err(on_read)?;
        let mut file = BufReader::with_capacity(BUFFER, file);
        let (mut magic, mut length) = ([0; 16], [0; 4]);
        file.read_exact(&mut magic).map_err(on_read)?;
        if &magic != MAGIC {
            return Err(DriverError::new(ErrorKind::BadData, "read recorded writes")
                .caused_by("they are written in a way that this version does not know")
                .nothing_happened());
        }
        file.read_exact(&mut length).map_err(on_read)?;
        let length = u64::from(u32::from_be_bytes(length));
        let mut header = Vec::new();
        (&mut file).take(length).read_to_end(&mut header).map_err(on_read)?;
        let header = serde_json::from_slice(&header).map_err(|_| garbled())?;
        Ok(Self { file, header, footer, buffer: Vec::new(), written })
    }

    /// The next record; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<Record>, DriverError> {
        let mut length = [0; 4];
        self.file.read_exact(&mut length).map_err(on_read)?;
        let length = u32::from_be_bytes(length);
        if length == 0 {
            return Ok(None);
        }
        if length > LONGEST {
            return Err(garbled());
        }
        self.buffer.resize(usize::try_from(length).map_err(|_| garbled())?, 0);
        self.file.read_exact(&mut self.buffer).map_err(on_read)?;
        Ok(Some(match self.buffer.split_first() {
            Some((b'#', number)) => {
                Record::Number(u64::from_be_bytes(number.try_into().map_err(|_| garbled())?))
            }
            _ => Record::Message,
        }))
    }
}
