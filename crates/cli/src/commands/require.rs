//! What commands ask for before they begin.

use backout_core::diagnostic::Diagnostic;
use backout_core::life::{Life, PhaseState, phase_state};
use backout_core::name::{ComponentName, PhaseName};
use backout_store::Layout;

use crate::codes;
use crate::failure::Failure;
use crate::hints;
use crate::wiring::Migration;

/// Refuses where nothing was ever saved, so that a command that needs a checkpoint makes no state folder.
///
/// # Errors
/// There is no state yet.
pub fn state(layout: &Layout) -> Result<(), Failure> {
    if layout.exists() {
        return Ok(());
    }
    Err(no_checkpoint())
}

/// Says that nothing was captured yet.
pub fn no_checkpoint() -> Failure {
    Diagnostic::error(codes::NO_CHECKPOINT, "there is no checkpoint to go back to")
        .because("nothing was captured, or no capture was complete")
        .hint("save one before the migration: backout capture")
        .into()
}

/// The phases with their components and where each stands.
pub fn phase_states(migration: &Migration, life: &Life) -> Vec<(PhaseName, Vec<ComponentName>, PhaseState)> {
    let phases = migration.assembled.phases.iter();
    phases
        .map(|(name, components)| (name.clone(), components.clone(), phase_state(life, name, components)))
        .collect()
}

/// A phase by name.
///
/// # Errors
/// The file has no such phase.
pub fn phase(migration: &Migration, name: &PhaseName) -> Result<(), Failure> {
    let known = migration.assembled.phases.iter().map(|(name, _)| name.as_str());
    if known.clone().any(|one| one == name.as_str()) {
        return Ok(());
    }
    let found = Diagnostic::error(codes::UNKNOWN_NAME, format!("the migration file has no phase `{name}`"));
    Err(with_hint(found, hints::for_unknown(name.as_str(), known)).into())
}

/// A component by name.
///
/// # Errors
/// The file has no such component.
pub fn component(migration: &Migration, name: &ComponentName) -> Result<(), Failure> {
    let known = migration.assembled.parts.iter().map(|part| part.name.as_str());
    if known.clone().any(|one| one == name.as_str()) {
        return Ok(());
    }
    let found =
        Diagnostic::error(codes::UNKNOWN_NAME, format!("the migration file has no component `{name}`"));
    Err(with_hint(found, hints::for_unknown(name.as_str(), known)).into())
}

/// A message with a hint, where there is one.
pub fn with_hint(found: Diagnostic, hint: Option<String>) -> Diagnostic {
    match hint {
        Some(hint) => found.hint(hint),
        None => found,
    }
}

/// Refuses while a run is not over.
///
/// # Errors
/// A run is open.
pub fn no_open_run(life: &Life) -> Result<(), Failure> {
    let Some(run) = life.open_run() else { return Ok(()) };
    Err(Diagnostic::error(codes::RUN_OPEN, format!("run {} is not over", run.id))
        .because("a migration has one run at a time, and this one was stopped, is stuck or lost its process")
        .hint("go on with it: backout resume")
        .hint("or give it up: backout abandon")
        .into())
}
