//! The manifest of a checkpoint: what was saved, where its data is, sealed by a digest.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::name::{CheckpointId, ComponentName, MigrationName, RunId};
use crate::observation::Observation;

/// The manifest format this version writes. Older ones can be read, newer ones are refused.
pub const FORMAT: u16 = 1;

/// How the name of a checkpoint begins that stands for the state before a run (`before-r1`).
const BEFORE: &str = "before-";

impl CheckpointId {
    /// The checkpoint that stands for the state before a run; none where the run's name is too long for that.
    pub fn before(run: &RunId) -> Option<Self> {
        Self::new(&format!("{BEFORE}{run}")).ok()
    }

    /// Whether it stands for the state before a run, and not for what was captured.
    pub fn is_before_a_run(&self) -> bool {
        self.as_str().starts_with(BEFORE)
    }
}

/// The identifier of a blob in the vault: a digest of its content, keyed by the vault, so that it can be written
/// down without giving short secrets away. In old vaults it is the digest of the stored (compressed, encrypted) bytes.
pub type BlobId = Digest;

/// One piece of data that belongs to an observation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataPart {
    /// What the driver calls it (`database`, `content/…`).
    pub name: String,
    /// Where it is in the vault.
    pub blob: BlobId,
    /// Its size before compression, in bytes.
    pub bytes: u64,
}

/// One component as it was saved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// The look.
    pub observation: Observation,
    /// The driver's state, in the vault; none when the component was absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<BlobId>,
    /// The component's data, in the vault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<DataPart>,
}

/// The sealed set of observations before the migration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format version, see [`FORMAT`].
    pub format: u16,
    /// Which checkpoint.
    pub checkpoint: CheckpointId,
    /// Of which migration.
    pub migration: MigrationName,
    /// The nonce of the migration's state directory: a checkpoint of another one is foreign.
    pub nonce: String,
    /// Digest of the migration file it was taken with.
    pub file: Digest,
    /// When the capture was opened.
    pub opened: Timestamp,
    /// Every component, by name.
    pub components: BTreeMap<ComponentName, Saved>,
}

impl Manifest {
    /// The digest that seals this manifest; it is journaled when the checkpoint is sealed.
    ///
    /// # Errors
    /// When the manifest cannot be written as JSON, which no manifest that was read from JSON does.
    pub fn seal(&self) -> Result<Digest, serde_json::Error> {
        Ok(Digest::of_value("backout/manifest", &serde_json::to_value(self)?))
    }

    /// Every blob that this checkpoint needs, with the component that needs it.
    pub fn blobs(&self) -> impl Iterator<Item = (&ComponentName, BlobId)> {
        self.components.iter().flat_map(|(name, saved)| {
            saved
                .state
                .iter()
                .copied()
                .chain(saved.data.iter().map(|part| part.blob))
                .map(move |blob| (name, blob))
        })
    }
}
