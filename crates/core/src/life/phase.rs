//! Where a phase stands, and which commands are legal next.

use super::{End, Life, RunLife};
use crate::journal::Outcome;
use crate::name::{ComponentName, PhaseName};
use crate::order::Group;
use crate::writes::Recovered;

/// Where a phase stands. The state of a migration is the states of its phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PhaseState {
    /// Nothing was done yet.
    Draft,
    /// Recorders run, nothing is saved.
    Armed,
    /// A checkpoint is sealed.
    Captured,
    /// It went live on the new side.
    CutOver,
    /// A run changes it.
    RollingBack,
    /// A run has done its part and looks.
    Verifying,
    /// A run needs a person.
    Stuck,
    /// A run came to rest and can be resumed.
    Held,
    /// It was put back, and looked at.
    RolledBack,
    /// It was put back, and a look said otherwise, could not tell, or something was skipped.
    NotVerified,
    /// It was accepted.
    Committed,
    /// It is over.
    Closed,
}

impl PhaseState {
    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Armed => "armed",
            Self::Captured => "captured",
            Self::CutOver => "cut over",
            Self::RollingBack => "rolling back",
            Self::Verifying => "verifying",
            Self::Stuck => "stuck",
            Self::Held => "held",
            Self::RolledBack => "rolled back",
            Self::NotVerified => "not verified",
            Self::Committed => "committed",
            Self::Closed => "closed",
        }
    }
}

/// The state of one phase.
pub fn phase_state(life: &Life, phase: &PhaseName, components: &[ComponentName]) -> PhaseState {
    match life.end {
        Some(End::Committed) => return PhaseState::Committed,
        Some(End::Closed) => return PhaseState::Closed,
        None => {}
    }
    let concerns = |run: &RunLife| components.iter().any(|name| run.steps_of(name).next().is_some());
    if let Some(run) = life.open_run().filter(|run| concerns(run)) {
        return open_run_state(run, components);
    }
    let checkpointed = life.checkpoint().map(|(id, ..)| id);
    let last = last_word(life, life.runs_since(), &concerns);
    let landed_since = last.is_some_and(|run| {
        life.cutovers.get(phase).is_some_and(|cutover| run.ended.is_some_and(|ended| cutover.at > ended))
    });
    match (
        last.filter(|_| !landed_since).and_then(|run| run.outcome.map(|outcome| (run, outcome))),
        checkpointed,
    ) {
        (Some((_, Outcome::Restored)), _) => PhaseState::RolledBack,
        (Some((_, Outcome::NotVerified)), _) => PhaseState::NotVerified,
        (_, Some(_)) if life.cutovers.contains_key(phase) => PhaseState::CutOver,
        (_, Some(_)) => PhaseState::Captured,
        (_, None) if life.armed => PhaseState::Armed,
        (_, None) => PhaseState::Draft,
    }
}

/// The run that says where a phase stands, among these: the last one that concerns it. Back at the state before a run
/// is where the phase was before that run.
fn last_word<'a>(
    life: &Life,
    runs: &'a [RunLife],
    concerns: &dyn Fn(&RunLife) -> bool,
) -> Option<&'a RunLife> {
    let undone_by =
        |run: &RunLife| life.checkpoints.get(&run.checkpoint).and_then(|to| to.before_run.as_ref());
    let counts = |run: &&RunLife| Some(&run.checkpoint) == life.sealed.as_ref() || undone_by(run).is_some();
    let last = runs.iter().filter(counts).rfind(|run| concerns(run))?;
    match (undone_by(last), last.outcome) {
        (Some(undone), Some(Outcome::Restored)) => {
            let earlier = runs.iter().position(|run| run.id == *undone).unwrap_or_default();
            last_word(life, runs.get(..earlier).unwrap_or_default(), concerns)
        }
        _ => Some(last),
    }
}

fn open_run_state(run: &RunLife, components: &[ComponentName]) -> PhaseState {
    if !run.stuck.is_empty() {
        return PhaseState::Stuck;
    }
    if run.at_rest.is_some() {
        return PhaseState::Held;
    }
    let verify = format!(".{}", Group::Verify);
    let only_looks_left = components
        .iter()
        .flat_map(|name| run.steps_of(name))
        .filter(|(_, state)| !state.is_settled())
        .all(|(step, _)| step.as_str().ends_with(&verify));
    if only_looks_left { PhaseState::Verifying } else { PhaseState::RollingBack }
}

/// A command that is legal now, and what it would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Legal {
    /// As typed.
    pub command: &'static str,
    /// What it does, a fragment.
    pub does: &'static str,
}

/// The commands that are legal next, the usual one first.
///
/// | state | legal next |
/// |---|---|
/// | a run is stuck | `step`, `resume`, `stop`, `abandon` |
/// | a run is at rest or its process ended | `resume`, `abandon` |
/// | committed or closed | `capture` for another try |
/// | no checkpoint | `capture` (after `arm`), `disarm` |
/// | captured, no phase cut over | `cutover`, `plan`, `rollback`, `capture` |
/// | some phase cut over | `plan`, `rollback`, `verify`, `commit`, `cutover` |
/// | rolled back or not verified | `verify`, `rollback`, `recover` (where writes wait), `rollback --to before-rollback`, `close`, `capture` |
pub fn legal_next(life: &Life, phases: &[PhaseState]) -> Vec<Legal> {
    let legal = |pairs: &[(&'static str, &'static str)]| -> Vec<Legal> {
        pairs.iter().map(|&(command, does)| Legal { command, does }).collect()
    };
    if let Some(run) = life.open_run() {
        return if run.stuck.is_empty() {
            legal(&[
                ("resume", "go on with the run; it looks before it acts"),
                ("stop", "bring a run that is under way to rest at a safe border"),
                ("abandon", "give the run up, open what can safely run, list what cannot"),
            ])
        } else {
            legal(&[
                ("step STEP retry", "try the step again; it looks first"),
                ("step STEP skip --reason R", "leave it out; what it guards is blocked"),
                ("step STEP accept --reason R", "take it as done; the verdict is still looked for"),
                ("resume", "go on after the choice"),
                ("stop --reopen", "bring the run to rest and open what stands on whole ground"),
                ("abandon", "give the run up, open what can safely run, list what cannot"),
            ])
        };
    }
    let any = |wanted: PhaseState| phases.contains(&wanted);
    if any(PhaseState::Committed) || any(PhaseState::Closed) {
        return legal(&[("capture", "save a new checkpoint for another try")]);
    }
    if any(PhaseState::CutOver) {
        return legal(&[
            ("plan", "see what going back would do and cost"),
            ("rollback", "go back"),
            ("verify", "look at every component"),
            ("commit", "accept the migration and release what was kept"),
        ]);
    }
    if any(PhaseState::RolledBack) || any(PhaseState::NotVerified) {
        let mut next = legal(&[
            ("verify", "look at every component again"),
            ("rollback", "go back with what differs; nothing to do if nothing does"),
        ]);
        if !life.owed.is_empty() || life.recovered.values().any(Recovered::wants_a_person) {
            next.push(Legal { command: "recover", does: "take over writes that wait for a person" });
        }
        next.extend(legal(&[
            ("rollback --to before-rollback", "take the rollback back"),
            ("close", "end the migration and release what was kept"),
            ("capture", "save a new checkpoint for another try"),
        ]));
        return next;
    }
    if any(PhaseState::Captured) {
        return legal(&[
            ("cutover", "mark the moment of change, right after the migration"),
            ("plan", "see what going back would do and cost"),
            ("rollback", "go back"),
            ("capture", "save a newer checkpoint"),
        ]);
    }
    if life.armed {
        return legal(&[("capture", "save a checkpoint"), ("disarm", "undo arming")]);
    }
    legal(&[("arm", "prepare what data recovery will need"), ("capture", "save a checkpoint")])
}
