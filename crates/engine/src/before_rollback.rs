//! The state before a run, put together as a checkpoint of its own from what the run kept, so that a rollback is taken
//! back by the same machinery: compared, planned, priced, carried out, judged.
//!
//! | before the run, the component was | its revert was begun | what is saved |
//! |---|---|---|
//! | absent | yes | that nothing was there |
//! | kept in the vault | yes | the copy |
//! | displaced | yes | a look at the displaced thing, its data put into the vault now |
//! | displaced, nothing is displaced, and it stands there as it did | yes | nothing: the run did not change it |
//! | displaced, and the thing cannot be read or is gone | yes | nothing: it stays as it stands, and the plan says so |
//! | unreadable, or over the budget | yes | nothing, likewise |
//! | any | no | nothing: the run did not touch it |

use backout_contract::{Depth, Stop};
use backout_core::checkpoint::{DataPart, Saved};
use backout_core::diagnostic::Diagnostic;
use backout_core::journal::{Event, Look};
use backout_core::life::{Before, CheckpointLife, Life, RunLife};
use backout_core::name::{CheckpointId, ComponentName};
use backout_core::observation::{Observation, Seen};
use backout_core::order::Group;
use backout_core::plan::{Action, Plan};
use serde_json::Value;

use crate::assemble::{Assembled, Part};
use crate::book::Book;
use crate::capture::refuse_open_run;
use crate::codes::{BEFORE_GONE, NO_SUCH_CHECKPOINT};
use crate::gate::manifest_of;
use crate::look::{connect, find, look, seen_of};
use crate::refusal::EngineError;
use crate::runner::load_plan;
use crate::states;
use crate::tools::Tools;

/// The checkpoint that stands for the state before the last run that changed anything.
///
/// # Errors
/// Refused where there was no such run, or what it displaced was let go.
pub fn before_rollback(life: &Life) -> Result<CheckpointId, EngineError> {
    if life.end.is_some() {
        return Err(gone(OVER));
    }
    match life.runs_since().iter().rev().find(|run| run.outcome.is_some() && has_changed_anything(run)) {
        Some(run) => name_of(run),
        None => Err(gone("no run has changed anything since the capture")),
    }
}

const OVER: &str = "the migration is over, and what its runs had displaced was let go";

fn gone(cause: &str) -> EngineError {
    EngineError::refused(
        Diagnostic::error(BEFORE_GONE, "there is no state before a rollback to return to")
            .because(cause)
            .hint("see what there is: backout checkpoint list"),
    )
}

/// Puts the state before a run together and seals it, unless that was done before. A process that is killed in
/// between leaves it unsealed, and the next one goes on.
///
/// # Errors
/// Refused while a run is open, and where the name is not that of a state before a run.
pub async fn put_together(
    id: &CheckpointId,
    assembled: &Assembled,
    book: &mut Book,
    tools: &Tools,
) -> Result<(), EngineError> {
    refuse_open_run(book)?;
    let life = book.life();
    if life.checkpoints.get(id).is_some_and(|checkpoint| checkpoint.sealed.is_some()) {
        return Ok(());
    }
    if life.end.is_some() {
        return Err(gone(OVER));
    }
    let is_named = |run: &&RunLife| name_of(run).is_ok_and(|name| name == *id);
    let Some(run) = life.runs.iter().find(is_named).cloned() else {
        return Err(EngineError::refused(no_such_checkpoint(id, life)));
    };
    let plan = load_plan(&run, tools).await?;
    if !life.checkpoints.contains_key(id) {
        let (file, by) = (assembled.digest, tools.actor.clone());
        let before_run = Some(run.id.clone());
        book.append(vec![Event::CaptureOpened { checkpoint: id.clone(), file, before_run, by }]).await?;
    }
    let captured = life_of(book.life(), &run.checkpoint);
    for planned in plan.acting().filter(|planned| was_begun(&plan, &run, &planned.name)) {
        let component = &planned.name;
        let Some(part) = find(&assembled.parts, component).filter(|part| part.configured.is_some()) else {
            continue;
        };
        let began = tools.clock.monotonic_millis();
        let before = run.before.get(component);
        let kept = match before {
            Some(before) => kept(part, before, &run, tools).await?,
            None => None,
        };
        let Some(kept) = kept else {
            if stands_as_it_did(part, before, tools).await {
                continue;
            }
            let cause = "what stood there before the run could not be kept".to_owned();
            let (checkpoint, component) = (Some(id.clone()), component.clone());
            let failed = Event::ObservationFailed { look: Look::Saved, checkpoint, component, cause };
            book.note(vec![failed]).await?;
            continue;
        };
        let identity = captured.get(component).and_then(|saved| saved.observation.identity.clone());
        let observed = Event::ComponentObserved {
            look: Look::Saved,
            checkpoint: id.clone(),
            observation: Observation {
                component: component.clone(),
                kind: part.kind.clone(),
                state_version: part.configured.as_ref().map_or(0, |configured| configured.state_version()),
                seen: kept.seen,
                identity,
                at: run.opened,
            },
            state: kept.state,
            data: kept.data,
            millis: tools.clock.monotonic_millis().saturating_sub(began),
        };
        book.note(vec![observed]).await?;
        backout_kit::failpoint!("before-state-observed");
    }
    let seal =
        manifest_of(book.life(), id)?.seal().map_err(|cause| EngineError::Corrupt(cause.to_string()))?;
    book.append(vec![Event::CheckpointSealed { checkpoint: id.clone(), seal }]).await?;
    Ok(())
}

/// Says that no checkpoint has this name.
pub(crate) fn no_such_checkpoint(named: &CheckpointId, life: &Life) -> Diagnostic {
    let there = |(_, one): &(&CheckpointId, &CheckpointLife)| one.sealed.is_some() && one.pruned.is_none();
    let sealed = life.checkpoints.iter().filter(there);
    let known: Vec<&str> = sealed.map(|(id, _)| id.as_str()).collect();
    let found = Diagnostic::error(NO_SUCH_CHECKPOINT, format!("there is no sealed checkpoint `{named}`"));
    if known.is_empty() {
        return found.hint("save one before the migration: backout capture");
    }
    found.hint(format!("checkpoints: {}, or before-rollback", known.join(", ")))
}

fn name_of(run: &RunLife) -> Result<CheckpointId, EngineError> {
    CheckpointId::before(&run.id)
        .ok_or_else(|| EngineError::Corrupt(format!("the name of run {} is too long", run.id)))
}

/// Whether a run began to put anything back.
fn has_changed_anything(run: &RunLife) -> bool {
    let reverts = |component: &ComponentName| {
        let begins = format!("{component}.{}", Group::Revert);
        run.attempts.keys().any(|step| step.as_str().starts_with(&begins))
    };
    run.before.keys().any(reverts)
}

/// Whether a look finds what stood there before the run: it was begun, and came to nothing.
async fn stands_as_it_did(part: &Part, before: Option<&Before>, tools: &Tools) -> bool {
    let Some(before) = before else { return false };
    let looked = look(part, tools, None, Depth::Look, &Stop::never()).await;
    looked.observation.seen.same_shape(&before.seen)
}

/// Whether the run may have changed a component.
fn was_begun(plan: &Plan, run: &RunLife, component: &ComponentName) -> bool {
    plan.steps.iter().any(|step| {
        step.component == *component
            && matches!(step.action, Action::Revert { .. })
            && run.attempts.contains_key(&step.id)
    })
}

fn life_of(life: &Life, checkpoint: &CheckpointId) -> std::collections::BTreeMap<ComponentName, Saved> {
    life.checkpoints.get(checkpoint).map(|one| one.components.clone()).unwrap_or_default()
}

/// What was kept of one component.
struct KeptState {
    seen: Seen,
    state: Option<backout_core::checkpoint::BlobId>,
    data: Vec<DataPart>,
}

async fn kept(
    part: &Part,
    before: &Before,
    run: &RunLife,
    tools: &Tools,
) -> Result<Option<KeptState>, EngineError> {
    match &before.seen {
        Seen::Absent => return Ok(Some(KeptState { seen: Seen::Absent, state: None, data: Vec::new() })),
        Seen::Unreadable { .. } | Seen::Unreachable { .. } => return Ok(None),
        Seen::Present { .. } => {}
    }
    if !before.displaced {
        let whole = before.state.map(|state| KeptState {
            seen: before.seen.clone(),
            state: Some(state),
            data: before.data.clone(),
        });
        return Ok(whole);
    }
    let failed = |source| EngineError::Driver { component: part.name.to_string(), source };
    let stop = Stop::never();
    let (session, context) = connect(part, tools, Some(&run.id), "before", &stop).await.map_err(failed)?;
    let Some(captured) = session.capture_displaced(&context).await.map_err(failed)? else { return Ok(None) };
    let Some(state) = captured.state else { return Ok(None) };
    let seen = seen_of(part, tools, Some(&state)).map_err(failed)?;
    let stored = states::store(vec![(part.name.clone(), Value::clone(&state))], tools).await?;
    Ok(Some(KeptState { seen, state: stored.get(&part.name).copied(), data: captured.data }))
}
