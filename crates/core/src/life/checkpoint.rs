//! What is known of a checkpoint, and which one can be gone back to.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Life, RunLife};
use crate::checkpoint::Saved;
use crate::digest::Digest;
use crate::journal::Actor;
use crate::name::{CheckpointId, ComponentName, RunId};

/// One checkpoint's way.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckpointLife {
    /// When its capture began.
    pub opened: Timestamp,
    /// Digest of the migration file it was taken with.
    pub file: Digest,
    /// The run whose state before it this is; none for a capture.
    pub before_run: Option<RunId>,
    /// How many runs came before its state was set aside or saved: none of the later ones is in it.
    pub runs_before: usize,
    /// By whom.
    pub by: Actor,
    /// What was saved so far.
    pub components: BTreeMap<ComponentName, Saved>,
    /// What could not be looked at.
    pub failed: BTreeMap<ComponentName, String>,
    /// Its seal and when it was set, once it is complete.
    pub sealed: Option<(Digest, Timestamp)>,
    /// Components that were put back into a scratch copy and found to be what was sealed, and when last.
    pub proven: BTreeMap<ComponentName, Timestamp>,
    /// When its data was removed from the vault.
    pub pruned: Option<Timestamp>,
}

impl Life {
    /// The newest sealed checkpoint.
    pub fn checkpoint(&self) -> Option<(&CheckpointId, &CheckpointLife, Digest)> {
        let id = self.sealed.as_ref()?;
        let checkpoint = self.checkpoints.get(id)?;
        let (seal, _) = checkpoint.sealed?;
        Some((id, checkpoint, seal))
    }

    /// A sealed checkpoint by its name, the newest where none is named; none whose data was pruned.
    pub fn checkpoint_to(
        &self,
        name: Option<&CheckpointId>,
    ) -> Option<(&CheckpointId, &CheckpointLife, Digest)> {
        let Some(name) = name else { return self.checkpoint() };
        let (id, checkpoint) = self.checkpoints.get_key_value(name)?;
        let (seal, _) = checkpoint.sealed.filter(|_| checkpoint.pruned.is_none())?;
        Some((id, checkpoint, seal))
    }

    /// The runs since the newest checkpoint was sealed, oldest first.
    pub fn runs_since(&self) -> &[RunLife] {
        self.runs.get(self.earlier_runs..).unwrap_or_default()
    }

    /// The identifier that the next checkpoint gets.
    pub fn next_checkpoint(&self) -> String {
        let captured = self.checkpoints.values().filter(|one| one.before_run.is_none()).count();
        format!("c{}", captured + 1)
    }
}
