//! What a reading command knows: the journal as far as it can be followed, without a lock and without a trace.

use backout_contract::JournalError;
use backout_core::diagnostic::Diagnostic;
use backout_core::life::Life;
use backout_core::name::CheckpointId;
use backout_store::{Follower, Holder, Layout, Standing, current_holder, get_manifest, manifest_path};

use crate::codes;
use crate::failure::Failure;
use crate::wiring::this_process;

/// The journal as far as it can be followed.
pub struct Reading {
    /// What it adds up to.
    pub life: Life,
    /// Why it could not be followed further.
    pub problem: Option<JournalError>,
}

impl Reading {
    /// Reads as much as can be read.
    pub fn of(layout: &Layout) -> Self {
        let mut life = Life::default();
        let problem = Follower::new(layout.journal()).read_new(|record, _| life.apply(&record)).err();
        Self { life, problem }
    }

    /// The migration's state, for commands that must not decide on half of it.
    ///
    /// # Errors
    /// The journal cannot be followed to its end.
    pub fn whole(layout: &Layout) -> Result<Life, Failure> {
        let Self { life, problem } = Self::of(layout);
        match problem {
            Some(problem) => Err(problem.into()),
            None => Ok(life),
        }
    }
}

/// Who holds the migration, and what can be told about that process from here. Nobody, if the lock cannot be read.
pub fn holder(layout: &Layout) -> Option<(Holder, Standing)> {
    let here = this_process("backout").ok()?;
    current_holder(layout, &here).ok().flatten()
}

/// Who holds the migration right now, as far as can be told.
pub fn live_holder(layout: &Layout) -> Option<Holder> {
    let (holder, standing) = holder(layout)?;
    matches!(standing, Standing::Running | Standing::Hidden).then_some(holder)
}

/// Refuses early where somebody else has the migration, before a person is asked anything.
///
/// # Errors
/// A live process has it.
pub fn refuse_held(layout: &Layout) -> Result<(), Failure> {
    match live_holder(layout) {
        None => Ok(()),
        Some(holder) => Err(Diagnostic::error(codes::BUSY, format!("the migration is held by {holder}"))
            .hint("wait for it, or ask it to end with `backout stop`")
            .into()),
    }
}

/// What is wrong with the manifest of a sealed checkpoint: the journal has its seal. A manifest that is not there is
/// written again from the journal by the next command that writes.
pub fn manifest_problem(layout: &Layout, life: &Life, id: &CheckpointId) -> Option<Diagnostic> {
    let (seal, _) = life.checkpoints.get(id)?.sealed?;
    if !manifest_path(layout, id).exists() {
        return None;
    }
    let cause = match get_manifest(layout, id).map(|manifest| manifest.seal()) {
        Ok(Ok(found)) if found == seal => return None,
        Ok(Ok(found)) => format!("its seal should be {} and is {}", seal.short(), found.short()),
        Ok(Err(error)) => error.to_string(),
        Err(error) => crate::failure::chain(&error),
    };
    Some(
        Diagnostic::error(
            codes::MANIFEST,
            format!("the manifest of checkpoint {id} is not the one that was sealed"),
        )
        .because(cause)
        .hint("see who changed it; the journal still has what was sealed")
        .hint(format!("to go on with the journal's, remove checkpoints/{id}.json from the state folder")),
    )
}

/// Refuses a checkpoint whose manifest was changed, before anything leans on it.
///
/// # Errors
/// The manifest of the current checkpoint is not the one that was sealed.
pub fn refuse_changed_manifest(layout: &Layout, life: &Life) -> Result<(), Failure> {
    let problem = life.checkpoint().and_then(|(id, ..)| manifest_problem(layout, life, id));
    problem.map_or(Ok(()), |problem| Err(problem.into()))
}
