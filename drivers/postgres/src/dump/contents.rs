//! What was noted of a dump when it was made, kept beside it: whose it is, and what each file must be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use backout_core::checkpoint::{BlobId, DataPart};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::server::{Link, Version};

/// The version of this note. In the first one each file was a blob, and its digest was noted beside it.
const FORMAT: u32 = 2;

const BUFFER: usize = 256 * 1024;

/// What was noted of a dump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contents {
    /// The version of this note.
    pub(crate) format: u32,
    /// The server's version.
    pub(crate) server: Version,
    /// The version of `pg_dump`, in its own words.
    pub(crate) program: String,
    /// The database's name then.
    pub(crate) database: String,
    /// Its object number.
    pub(crate) number: u32,
    /// The cluster it was in.
    pub(crate) system: String,
    /// Whether it is of a part of the database.
    pub(crate) part: bool,
    /// How many things its table of contents lists.
    pub(crate) entries: u64,
    /// The bytes of the whole database on its server.
    pub(crate) database_bytes: u64,
    /// Roles that own something in it, or may do something with it.
    pub(crate) roles: BTreeSet<String>,
    /// Each file of the dump.
    pub(crate) files: BTreeMap<String, Kept>,
}

/// One file: as many blobs as it has pieces, each named after its content by the vault, which compares every byte with that
/// name before it hands it out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kept {
    /// Its bytes.
    pub(crate) bytes: u64,
    /// Its pieces, one after another; none in the first version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) pieces: Vec<BlobId>,
    /// Its SHA-256, in hexadecimal digits, in the first version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sha256: Option<String>,
}

impl Contents {
    /// What is known of the database that a connection is in; files and counts are filled in later.
    pub(crate) async fn of(link: &Link) -> Result<Self, tokio_postgres::Error> {
        let row = link
            .query_one(
                "SELECT d.datname::text, d.oid, (SELECT system_identifier::text FROM pg_catalog.pg_control_system()), \
                 pg_catalog.pg_database_size(d.oid) FROM pg_catalog.pg_database d \
                 WHERE d.datname = pg_catalog.current_database()",
                &[],
            )
            .await?;
        let roles = link
            .query(
                "SELECT DISTINCT r.rolname::text FROM pg_catalog.pg_shdepend s \
                 JOIN pg_catalog.pg_roles r ON r.oid = s.refobjid \
                 WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass \
                 AND s.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())",
                &[],
            )
            .await?;
        Ok(Self {
            format: FORMAT,
            server: link.version,
            program: String::new(),
            database: row.get(0),
            number: row.get(1),
            system: row.get(2),
            part: false,
            entries: 0,
            database_bytes: u64::try_from(row.get::<_, i64>(3)).unwrap_or_default(),
            roles: roles.iter().map(|row| row.get(0)).collect(),
            files: BTreeMap::new(),
        })
    }

    /// Reads a note.
    ///
    /// # Errors
    /// Why it is none.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let contents: Self = serde_json::from_slice(bytes)
            .map_err(|_| "the note on its contents cannot be read".to_owned())?;
        if !(1..=FORMAT).contains(&contents.format) {
            return Err(format!("the note on its contents has format {}, not {FORMAT}", contents.format));
        }
        if let Some(name) = contents.files.keys().find(|name| !super::toc::is_plain(name)) {
            return Err(format!("it names a file outside of it: {}", super::trouble::shown(name)));
        }
        Ok(contents)
    }

    /// The bytes of all files.
    pub(crate) fn bytes(&self) -> u64 {
        self.files.values().map(|kept| kept.bytes).sum()
    }
}

impl Kept {
    /// A file that was put into the vault in pieces.
    pub(super) fn in_pieces(parts: &[DataPart]) -> Self {
        let pieces = parts.iter().map(|part| part.blob).collect();
        Self { bytes: parts.iter().map(|part| part.bytes).sum(), pieces, sha256: None }
    }

    /// What its parts in a checkpoint are called.
    pub(super) fn part_names(&self, name: &str) -> Vec<String> {
        (0..self.pieces.len().max(1)).map(|number| super::part_name(name, number)).collect()
    }

    /// That the parts found of it are those that were put into the vault.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn check(&self, name: &str, parts: &[&DataPart]) -> Result<(), String> {
        let bytes: u64 = parts.iter().map(|part| part.bytes).sum();
        if bytes != self.bytes {
            return Err(format!(
                "its file {name} has {bytes} bytes, and had {} when it was saved",
                self.bytes
            ));
        }
        let is_same = self.pieces.is_empty() || parts.iter().map(|part| &part.blob).eq(&self.pieces);
        if is_same { Ok(()) } else { Err(format!("its file {name} is not the one that was saved")) }
    }

    /// What a file is, as the first version noted it.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut digest = Sha256::new();
        let mut bytes = 0;
        let mut buffer = vec![0; BUFFER];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    digest.update(buffer.get(..count).unwrap_or_default());
                    bytes += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let sha256 = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { bytes, pieces: Vec::new(), sha256: Some(sha256) })
    }
}
