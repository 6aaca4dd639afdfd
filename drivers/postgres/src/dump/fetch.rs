//! Takes a dump out of the vault, and refuses it unless it is the whole dump of this very database.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backout_contract::{Context, DriverError};
use backout_core::checkpoint::DataPart;
use backout_kit::scratch_folder::ScratchFolder;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use sha2::{Digest as _, Sha256};

use super::contents::{Contents, Kept};
use super::toc::Toc;
use super::trouble::{refused, shown};
use super::{CONTENTS, PREFIX, TOC};
use crate::our_side::{of_file, of_vault};
use crate::server::{Pace, Version};
use crate::state::Taken;

/// So many pieces come out of the vault at a time.
const TOGETHER: usize = 4;

/// What a dump says of itself: everything but its rows.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    /// What was noted when it was made.
    pub(crate) contents: Contents,
    /// What is in it.
    pub(crate) toc: Toc,
}

/// A dump in a private folder, which is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// What it says of itself.
    pub(crate) header: Header,
    folder: PathBuf,
    _scratch: ScratchFolder,
}

impl Fetched {
    /// Where its files are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Reads what a dump says of itself, and that it is the dump of the database that was looked at then.
///
/// # Errors
/// When it is damaged, incomplete, or of another database.
pub(crate) async fn header(
    context: &Context,
    data: &[DataPart],
    taken: &Taken,
) -> Result<Header, DriverError> {
    let parts = parts(data)?;
    let note = parts.get(CONTENTS).ok_or_else(|| refused("the note on its contents is missing"))?;
    let note = get(context, note).await?;
    let contents = Contents::parse(&note).map_err(refused)?;
    let mut own = BTreeSet::from([CONTENTS.to_owned()]);
    for (name, kept) in &contents.files {
        let found = found(&parts, name, kept)?;
        kept.check(name, &found).map_err(|why| match name.as_str() {
            TOC => refused("its table of contents is not the one that was saved"),
            _ => refused(why),
        })?;
        own.extend(kept.part_names(name));
    }
    if let Some(extra) = parts.keys().find(|name| !own.contains(**name)) {
        return Err(refused(format!("it has a file that is not its own: {}", shown(extra))));
    }
    let Some(kept) = contents.files.get(TOC) else {
        return Err(refused("its table of contents is missing"));
    };
    let mut toc = Vec::new();
    for part in found(&parts, TOC, kept)? {
        toc.extend(get(context, part).await?);
    }
    if kept.sha256.as_ref().is_some_and(|noted| *noted != hexadecimal(&toc)) {
        return Err(refused("its table of contents is not the one that was saved"));
    }
    let toc = Toc::parse(&toc).map_err(refused)?;
    let header = Header { contents, toc };
    header.is_of(taken)?;
    Ok(header)
}

impl Header {
    /// That it is what was dumped from the database that was looked at.
    fn is_of(&self, taken: &Taken) -> Result<(), DriverError> {
        let Self { contents, toc } = self;
        if contents.system != taken.system {
            return Err(refused(format!(
                "it was dumped from the cluster {}, and the saved state is of the cluster {}",
                shown(&contents.system),
                shown(&taken.system)
            )));
        }
        if contents.number != taken.database {
            return Err(refused(format!(
                "it was dumped from another database of that cluster (number {}, not {})",
                contents.number, taken.database
            )));
        }
        if toc.database != contents.database {
            return Err(refused(format!(
                "it was dumped from the database {}, not {}",
                shown(&toc.database),
                shown(&contents.database)
            )));
        }
        if toc.entries.len() as u64 != contents.entries {
            return Err(refused("its table of contents does not list what was noted"));
        }
        if toc.major() != Some(contents.server.major()) {
            return Err(refused("its table of contents is of another version of the server than noted"));
        }
        Ok(())
    }

    /// That a server, and the program that will read it, are not older than it is.
    ///
    /// # Errors
    /// When they are.
    pub(crate) fn fits(&self, target: Version, program: u32) -> Result<(), DriverError> {
        let from = self.contents.server;
        if from.major() > target.major() {
            return Err(refused(format!(
                "it was dumped from PostgreSQL {from}, and the target is the older {target}"
            )));
        }
        let newest = match program {
            ..=15 => 14,
            16 => 15,
            17 | 18 => 16,
            // Newer ones read every older format, and tell by themselves of one that they do not know.
            _ => u8::MAX,
        };
        if self.toc.format.1 > newest {
            return Err(refused(format!(
                "its format 1.{} is newer than what pg_restore of PostgreSQL {program} reads",
                self.toc.format.1
            ))
            .hint("install the client programs of the version that wrote it"));
        }
        Ok(())
    }
}

/// Takes a whole dump out of the vault and compares every file with what was noted: nothing of it is missing, damaged,
/// too much, or of another database.
///
/// # Errors
/// When any of that is so, or there is no room. No target has been touched.
pub(crate) async fn fetch(
    context: &Context,
    data: &[DataPart],
    taken: &Taken,
) -> Result<Fetched, DriverError> {
    let header = header(context, data, taken).await?;
    let parts = parts(data)?;
    let pace = Pace::of(context);
    let scratch = ScratchFolder::make(&context.scratch, header.contents.bytes())
        .map_err(|error| of_file("make a folder in", &context.scratch, error))?;
    let folder = scratch.path().join("dump");
    DirBuilder::new().mode(0o700).create(&folder).map_err(|error| of_file("make", &folder, error))?;
    let mut takes = Vec::new();
    for (name, kept) in &header.contents.files {
        let path = folder.join(name);
        let new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = Arc::new(new.map_err(|error| of_file("make", &path, error))?);
        let mut offset = 0;
        for part in found(&parts, name, kept)? {
            takes.push(take(context, &pace, part, Arc::clone(&file), path.clone(), offset));
            offset += part.bytes;
        }
    }
    stream::iter(takes).buffer_unordered(TOGETHER).try_collect::<Vec<()>>().await?;
    // Pieces are named after their content, and the vault has compared each with its name.
    let noted = header.contents.files.iter().filter(|(_, kept)| kept.sha256.is_some());
    for (name, kept) in noted {
        let path = folder.join(name);
        let read = path.clone();
        let found = tokio::task::spawn_blocking(move || Kept::of(&read)).await;
        let found = found.map_err(std::io::Error::other).and_then(|found| found);
        if found.map_err(|error| of_file("read", &path, error))? != *kept {
            return Err(refused(format!("its file {name} is not the one that was saved")));
        }
    }
    let there = header.contents.files.keys().cloned().collect();
    header.toc.expect(&folder, &there).map_err(refused)?;
    Ok(Fetched { header, folder, _scratch: scratch })
}

/// Takes a piece out of the vault, which checks it, to its place in a file. Nobody waits for the disk: the file is gone once
/// it was put back.
async fn take(
    context: &Context,
    pace: &Pace,
    part: &DataPart,
    file: Arc<File>,
    path: PathBuf,
    offset: u64,
) -> Result<(), DriverError> {
    pace.check("take a dump out of the vault")?;
    let bytes = get(context, part).await?;
    let written = tokio::task::spawn_blocking(move || file.write_all_at(&bytes, offset)).await;
    let written = written.map_err(std::io::Error::other).and_then(|written| written);
    written.map_err(|error| of_file("write", &path, error))
}

/// The pieces of a file, in their order.
fn found<'a>(
    parts: &BTreeMap<&str, &'a DataPart>,
    name: &str,
    kept: &Kept,
) -> Result<Vec<&'a DataPart>, DriverError> {
    let names = kept.part_names(name).into_iter();
    let pieces = names.map(|piece| parts.get(piece.as_str()).copied());
    pieces.collect::<Option<_>>().ok_or_else(|| refused(format!("its file {name} is missing")))
}

/// The parts of the dump by name; each once.
fn parts(data: &[DataPart]) -> Result<BTreeMap<&str, &DataPart>, DriverError> {
    let mut parts = BTreeMap::new();
    for part in data.iter().filter(|part| part.name.starts_with(PREFIX)) {
        if parts.insert(part.name.as_str(), part).is_some() {
            return Err(refused(format!("{} is there twice", shown(&part.name))));
        }
    }
    if parts.is_empty() {
        return Err(refused("the checkpoint has no dump of it"));
    }
    Ok(parts)
}

async fn get(context: &Context, part: &DataPart) -> Result<Vec<u8>, DriverError> {
    let bytes = context
        .vault
        .get(&part.blob)
        .await
        .map_err(|error| of_vault(format!("take {} out of the vault", shown(&part.name)), error))?;
    if bytes.len() as u64 != part.bytes {
        return Err(refused(format!("{} is not as long as it was when it was saved", shown(&part.name))));
    }
    Ok(bytes)
}

fn hexadecimal(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Toc {
    /// The files that it names: itself, those with rows, and, by their lists, those of large objects.
    pub(super) fn files(&self, folder: &Path) -> Result<BTreeSet<String>, String> {
        let suffix = self.suffix();
        let mut files = BTreeSet::from([TOC.to_owned()]);
        for entry in &self.entries {
            let Some(file) = &entry.file else { continue };
            if entry.kind != "BLOBS" {
                files.insert(format!("{file}{suffix}"));
                continue;
            }
            let list = fs::read_to_string(folder.join(file));
            let list = list.map_err(|_| format!("its list {} cannot be read", shown(file)))?;
            files.insert(file.clone());
            for line in list.lines() {
                let (_, name) =
                    line.split_once(' ').ok_or_else(|| format!("its list {} is damaged", shown(file)))?;
                files.insert(format!("{name}{suffix}"));
            }
        }
        Ok(files)
    }

    /// That what is there is what it names, neither more nor less.
    pub(super) fn expect(&self, folder: &Path, there: &BTreeSet<String>) -> Result<(), String> {
        let named = self.files(folder)?;
        if let Some(name) = named.difference(there).next() {
            return Err(format!("its table of contents names {}, which is missing", shown(name)));
        }
        match there.difference(&named).next() {
            Some(name) => Err(format!("its table of contents does not name {}", shown(name))),
            None => Ok(()),
        }
    }
}
