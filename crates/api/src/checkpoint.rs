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
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
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
            pieces: saved.data.len(),
            bytes: saved.data.iter().map(|part| part.bytes).sum(),
        });
        Self {
            id: id.to_string(),
            opened: life.opened,
            by: life.by.to_string(),
            sealed: life.sealed.map(|(_, at)| at),
            seal: life.sealed.map(|(seal, _)| seal.to_string()),
            components: components.collect(),
        }
    }
}
