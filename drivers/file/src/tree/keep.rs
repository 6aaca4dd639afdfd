//! Puts the files of a tree into the vault. Many small blobs would cost a wait for the disk each, so files share
//! packs; one that fills a pack has a blob of its own. An index tells where each content is.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use backout_contract::{Context, DriverError};
use backout_core::checkpoint::DataPart;
use backout_core::digest::Digest;
use serde::{Deserialize, Serialize};

use super::capture::Tries;
use super::content::{read, state_of};
use super::handle::Kind;
use super::selector::Selector;
use super::state::TreeState;
use super::walk::{Outline, Seen, Trouble, walk};
use crate::pace::{Pace, blocking};
use crate::trouble::{of_vault, unmade};

/// A pack is closed when it would grow beyond this; what is larger by itself is streamed. In bytes.
pub(super) const PACK: u64 = 8 * 1024 * 1024;

/// The name of the part that tells where each content is.
pub(super) const INDEX: &str = "index";

/// Where each content is, by its digest.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Index(pub(super) BTreeMap<String, Location>);

/// Where one content is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Location {
    /// The name of the part.
    pub(super) part: String,
    /// Where in it, in bytes.
    pub(super) at: u64,
    /// How long, in bytes.
    pub(super) bytes: u64,
}

/// Captures a tree and puts its data into the vault.
pub(super) async fn keep(
    context: &Context,
    root: &Path,
    selector: &Selector,
) -> Result<(Option<TreeState>, Vec<DataPart>), DriverError> {
    let mut tries = Tries::default();
    loop {
        match try_keep(context, root, selector).await {
            Ok(kept) => return Ok(kept),
            Err(trouble) => tries.again(trouble)?,
        }
    }
}

async fn try_keep(
    context: &Context,
    root: &Path,
    selector: &Selector,
) -> Result<(Option<TreeState>, Vec<DataPart>), Trouble> {
    let pace = Pace::of(context);
    let outline = {
        let (root, selector, pace) = (root.to_owned(), selector.clone(), pace.clone());
        blocking(move || walk(&root, &selector, &pace)).await?
    };
    let Some(outline) = outline else { return Ok((None, Vec::new())) };
    let scratch = context.scratch.join(format!("tree-{}", context.component));
    let mut gatherer = Gatherer::new(root.to_owned(), scratch, outline, pace);
    let mut index = Index::default();
    let mut parts: Vec<DataPart> = Vec::new();
    loop {
        let (back, portion) = blocking(move || {
            let portion = gatherer.next_portion()?;
            Ok::<_, Trouble>((gatherer, portion))
        })
        .await?;
        gatherer = back;
        let name = format!("content/{}", parts.len() + 1);
        let (blob, bytes) = match portion {
            Portion::Pack { bytes, members } => {
                let located = |at, bytes| Location { part: name.clone(), at, bytes };
                index.0.extend(
                    members.iter().map(|(digest, at, bytes)| (digest.to_string(), located(*at, *bytes))),
                );
                (context.vault.put(&bytes).await.map_err(of_vault)?, bytes.len() as u64)
            }
            Portion::Large { digest, path } => {
                let stored = context.vault.put_file(&path).await.map_err(of_vault);
                fs::remove_file(&path).map_err(|error| unmade("remove", &path, error))?;
                let (blob, bytes) = stored?;
                index.0.insert(digest.to_string(), Location { part: name.clone(), at: 0, bytes });
                (blob, bytes)
            }
            Portion::Nothing => break,
        };
        parts.push(DataPart { name, blob, bytes });
    }
    if !parts.is_empty() {
        let text = serde_json::to_vec(&index).map_err(|error| unmade("write the index of", root, error))?;
        let blob = context.vault.put(&text).await.map_err(of_vault)?;
        parts.push(DataPart { name: INDEX.to_owned(), blob, bytes: text.len() as u64 });
    }
    Ok((Some(gatherer.into_state()?), parts))
}

/// What goes into the vault at once.
enum Portion {
    /// Whole files, one behind the other: digest, offset, size.
    Pack { bytes: Vec<u8>, members: Vec<(Digest, u64, u64)> },
    /// One file, copied aside so that what is stored is what was digested.
    Large { digest: Digest, path: PathBuf },
    /// Every file was read.
    Nothing,
}

/// Reads the files of a tree one after another.
struct Gatherer {
    root: PathBuf,
    scratch: PathBuf,
    outline: Outline,
    pace: Pace,
    next: usize,
    digests: BTreeMap<String, Digest>,
    stored: HashSet<Digest>,
}

impl Gatherer {
    fn new(root: PathBuf, scratch: PathBuf, outline: Outline, pace: Pace) -> Self {
        Self { root, scratch, outline, pace, next: 0, digests: BTreeMap::new(), stored: HashSet::new() }
    }

    fn next_portion(&mut self) -> Result<Portion, Trouble> {
        let mut pack = Vec::new();
        let mut members = Vec::new();
        while let Some(seen) = self.outline.entries.get(self.next) {
            if seen.status.kind != Kind::File {
                self.next += 1;
                continue;
            }
            let at = pack.len() as u64;
            if !pack.is_empty() && at.saturating_add(seen.status.bytes) > PACK {
                break;
            }
            let is_large = seen.status.bytes > PACK;
            let digest = if is_large {
                self.copy_aside(seen)?
            } else {
                read(&self.root, seen, &self.pace, &mut |bytes| {
                    pack.extend_from_slice(bytes);
                    Ok(())
                })?
            };
            self.digests.insert(seen.text.clone(), digest);
            let (bytes, is_new) = (seen.status.bytes, self.stored.insert(digest));
            self.next += 1;
            if is_large {
                if is_new {
                    return Ok(Portion::Large { digest, path: self.scratch.clone() });
                }
                crate::displaced::remove(&self.scratch)?;
            } else if is_new {
                members.push((digest, at, bytes));
            } else {
                pack.truncate(usize::try_from(at).unwrap_or(usize::MAX));
            }
        }
        Ok(if members.is_empty() { Portion::Nothing } else { Portion::Pack { bytes: pack, members } })
    }

    fn copy_aside(&self, seen: &Seen) -> Result<Digest, Trouble> {
        let failed = |error| unmade("copy a large file to", &self.scratch, error);
        if let Some(folder) = self.scratch.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        }
        crate::displaced::remove(&self.scratch)?;
        let mut copy = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.scratch)
            .map_err(failed)?;
        let digest = read(&self.root, seen, &self.pace, &mut |bytes| copy.write_all(bytes));
        if digest.is_err() {
            // The cause is on its way already; what stays is removed by the next attempt.
            let _ = fs::remove_file(&self.scratch);
        }
        digest
    }

    fn into_state(self) -> Result<TreeState, Trouble> {
        state_of(&self.outline, |seen| {
            self.digests.get(&seen.text).copied().ok_or_else(|| Trouble::Changed(self.root.join(&seen.path)))
        })
    }
}
