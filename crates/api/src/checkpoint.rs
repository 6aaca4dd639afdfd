//! Checkpoints.

use backout_core::life::CheckpointLife;
use backout_core::name::CheckpointId;
use serde::Serialize;

use crate::{Diagnostic, Shape};

/// Every checkpoint, oldest first.
#[derive(Debug, Serialize)]
pub struct Checkpoints {
    /// The one that a rollback would go back to.
    pub current: Option<String>,
    /// All of them.
    pub checkpoints: Vec<Checkpoint>,
}

/// One checkpoint.
#[derive(Debug, Serialize)]
pub struct Checkpoint {
    /// `c1`, `c2`, …
    pub id: String,
    /// When its capture began.
    pub opened: jiff::Timestamp,
    /// By whom.
    pub by: String,
    /// When it was sealed; none for one that was never completed.
    pub sealed: Option<jiff::Timestamp>,
    /// Its seal.
    pub seal: Option<String>,
    /// When its data was removed; nothing can be gone back to there since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pruned: Option<jiff::Timestamp>,
    /// What was saved.
    pub components: Vec<SavedComponent>,
}

/// One component as it was saved.
#[derive(Debug, Serialize)]
pub struct SavedComponent {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// `present` or `absent`.
    pub seen: &'static str,
    /// When it was looked at.
    pub at: jiff::Timestamp,
    /// When it was last put back into a scratch copy and found to be what was sealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proven: Option<jiff::Timestamp>,
    /// How many pieces of data belong to it.
    pub pieces: usize,
    /// Their size before compression, in bytes.
    pub bytes: u64,
}

/// What a look at a checkpoint's data found.
#[derive(Debug, Serialize)]
pub struct Health {
    /// Which checkpoint.
    pub checkpoint: String,
    /// Whether every piece is what was stored.
    pub intact: bool,
    /// How many pieces were read from first to last byte.
    pub pieces: usize,
    /// What was put into a scratch folder and compared, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored: Option<Restored>,
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
}

/// What was put into a scratch folder and compared with what was sealed.
#[derive(Debug, Serialize)]
pub struct Restored {
    /// How many pieces of data.
    pub pieces: usize,
    /// How many states, understood by their drivers.
    pub states: usize,
    /// The size of the pieces, in bytes.
    pub bytes: u64,
    /// Components that were put back into a scratch copy of their own, which is what was sealed.
    pub proven: Vec<String>,
}

/// What pruning removes, or removed.
#[derive(Debug, Serialize)]
pub struct Pruning {
    /// Whether anything was removed.
    pub pruned: bool,
    /// Checkpoints whose data goes.
    pub goes: Vec<String>,
    /// Checkpoints whose data stays, and why.
    pub stays: Vec<Stays>,
    /// How many bytes of the disk were freed; none before it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freed: Option<u64>,
}

/// Why a checkpoint stays.
#[derive(Debug, Serialize)]
pub struct Stays {
    /// Which checkpoint.
    pub checkpoint: String,
    /// Why, in words.
    pub because: String,
}

/// A checkpoint in one file.
#[derive(Debug, Serialize)]
pub struct Export {
    /// Which checkpoint.
    pub checkpoint: String,
    /// The file.
    pub file: String,
    /// The file with its key.
    pub key: String,
    /// How many pieces of data are in it.
    pub pieces: u64,
    /// The size of the file, in bytes.
    pub bytes: u64,
}

impl Shape for Pruning {
    const TYPE: &'static str = "checkpoint-pruning";
}

impl Shape for Export {
    const TYPE: &'static str = "checkpoint-export";
}

impl Shape for Checkpoints {
    const TYPE: &'static str = "checkpoints";
}

impl Shape for Checkpoint {
    const TYPE: &'static str = "checkpoint";
}

impl Shape for Health {
    const TYPE: &'static str = "checkpoint-health";
}

impl Checkpoint {
    /// One checkpoint of a migration's life.
    pub fn of(id: &CheckpointId, life: &CheckpointLife) -> Self {
        let components = life.components.iter().map(|(name, saved)| SavedComponent {
            name: name.to_string(),
            kind: saved.observation.kind.to_string(),
            seen: saved.observation.seen.word(),
            at: saved.observation.at,
            proven: life.proven.get(name).copied(),
            pieces: saved.data.len(),
            bytes: saved.data.iter().map(|part| part.bytes).fold(0, u64::saturating_add),
        });
        Self {
            id: id.to_string(),
            opened: life.opened,
            by: life.by.to_string(),
            sealed: life.sealed.map(|(_, at)| at),
            seal: life.sealed.map(|(seal, _)| seal.to_string()),
            pruned: life.pruned,
            components: components.collect(),
        }
    }
}
