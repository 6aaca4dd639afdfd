//! Compares the live world with a checkpoint and makes the plan. Reads only.

use std::collections::BTreeMap;
use std::sync::Arc;

use backout_contract::{Depth, Stop};
use backout_core::checkpoint::Saved;
use backout_core::delta::{Delta, Reversibility};
use backout_core::diagnostic::Diagnostic;
use backout_core::life::{CheckpointLife, Life, StepState, Stood};
use backout_core::migration::{Action, Writes};
use backout_core::name::{CheckpointId, ComponentName};
use backout_core::observation::Seen;
use backout_core::order::Group;
use backout_core::plan::{Choices, ComponentFacts, Draft, Plan, PlanInput, build};
use backout_core::writes::SealedWrites;

use crate::assemble::{Assembled, Part};
use crate::before_rollback::no_such_checkpoint;
use crate::claims::check_claims;
use crate::codes::{FILE_MOVED, NOT_READY, UNREADABLE};
use crate::cutover::no_checkpoint;
use crate::gate::{blob_problem, identity_problem};
use crate::look::{Looked, advice, look_all, seen_of};
use crate::price::priced;
use crate::refusal::{EngineError, Refusal};
use crate::states::saved_state;
use crate::tools::Tools;

/// Said of a state whose fingerprint was made with another key, or that was changed after it was sealed.
const OTHER_FINGERPRINT: &str = "its fingerprint is not the one that was sealed";

/// What a plan is asked for.
#[derive(Debug, Clone, Default)]
pub struct PreviewInput {
    /// What the person chose.
    pub choices: Choices,
}

/// Makes the plan.
///
/// # Errors
/// Refused without a checkpoint, where the file and the checkpoint do not fit together, where saved states cannot
/// be read, or where a target is not the thing that was captured; invalid where the choices cannot be.
pub async fn preview(
    assembled: &Assembled,
    life: &Life,
    input: PreviewInput,
    tools: &Tools,
) -> Result<Plan, EngineError> {
    let Some((checkpoint, saved, seal)) = life.checkpoint_to(input.choices.to.as_ref()) else {
        return Err(EngineError::refused(match &input.choices.to {
            Some(named) => no_such_checkpoint(named, life),
            None => no_checkpoint(),
        }));
    };
    let mut problems = Vec::new();
    let parts: BTreeMap<&ComponentName, &Arc<Part>> =
        assembled.parts.iter().map(|part| (&part.name, part)).collect();
    for (name, saved) in &saved.components {
        match parts.get(name) {
            Some(part) if part.kind == saved.observation.kind => {}
            Some(part) => problems.push(
                Diagnostic::error(FILE_MOVED, format!("`{name}` was captured as another kind"))
                    .because(format!(
                        "captured as {}, the file now says {}",
                        saved.observation.kind, part.kind
                    ))
                    .hint(
                        "bring the migration file of the capture back, or capture again before you migrate",
                    ),
            ),
            None => problems.push(
                Diagnostic::error(
                    FILE_MOVED,
                    format!("`{name}` was captured and is no longer in the migration file"),
                )
                .hint("bring the migration file of the capture back, or capture again before you migrate"),
            ),
        }
    }
    if !problems.is_empty() {
        return Err(Refusal { diagnostics: problems }.into());
    }

    let stop = Stop::never();
    // A state before a run holds only what that run changed; the rest takes part as it stands.
    let whole = saved.before_run.is_none();
    let known = |name: &ComponentName| {
        saved.components.contains_key(name)
            || (!whole
                && life.checkpoint().is_some_and(|(_, newest, _)| newest.components.contains_key(name)))
    };
    let with_driver: Vec<Arc<Part>> = assembled
        .parts
        .iter()
        .filter(|part| part.configured.is_some() && known(&part.name))
        .cloned()
        .collect();
    let looked: BTreeMap<ComponentName, Looked> = look_all(&with_driver, tools, Depth::Look, &stop)
        .await
        .into_iter()
        .map(|looked| (looked.observation.component.clone(), looked))
        .collect();
    let mut components = Vec::with_capacity(assembled.parts.len());
    let mut notes = notes_on(saved, life);
    for part in &assembled.parts {
        if part.configured.is_none() {
            components.push(facts_by_hand(part, checkpoint, life));
            continue;
        }
        if let (None, false, Some(looked)) = (saved.components.get(&part.name), whole, looked.get(&part.name))
        {
            // What is not there does not stand: a program that was stopped meanwhile is started as it was captured.
            let captured = life.checkpoint().and_then(|(_, newest, _)| newest.components.get(&part.name));
            match captured.filter(|_| looked.observation.seen == Seen::Absent) {
                Some(captured) if captured.observation.seen != Seen::Absent => {
                    let stood = Stood { landed: None, put_back: false };
                    let past = Past { stood, recorded: false, earlier: Vec::new() };
                    match facts(part, captured, looked, past, tools).await {
                        Ok(facts) => components.push(facts),
                        Err(problem) => problems.push(*problem),
                    }
                }
                _ => components.push(facts_as_it_stands(part, looked, life)),
            }
            continue;
        }
        let (Some(saved), Some(looked)) = (saved.components.get(&part.name), looked.get(&part.name)) else {
            notes.push(format!(
                "`{}` came into the migration file after the capture, so it stays as it is",
                part.name
            ));
            continue;
        };
        let identity = (saved.observation.identity.as_deref(), looked.observation.identity.as_deref());
        problems.extend(identity_problem(part, identity.0, identity.1));
        problems.extend(not_looked_at(looked).filter(|_| !input.choices.keep.contains(&part.name)));
        let past = Past {
            stood: life.stood(&part.name, checkpoint),
            recorded: life.recorders.contains_key(&part.name),
            earlier: life.sealed_since(checkpoint, &part.name),
        };
        match facts(part, saved, looked, past, tools).await {
            Ok(facts) => components.push(facts),
            Err(problem) => problems.push(*problem),
        }
    }
    if !problems.is_empty() {
        let diagnostics = another_key(&problems, looked.len()).map_or(problems, |one| vec![one]);
        return Err(Refusal { diagnostics }.into());
    }
    let mut choices = input.choices;
    if let Some(phase) = &choices.phase {
        choices
            .only
            .extend(assembled.parts.iter().filter(|part| part.phase == *phase).map(|part| part.name.clone()));
    }
    let mut plan = build(PlanInput {
        migration: assembled.name.clone(),
        file: assembled.digest,
        checkpoint: checkpoint.clone(),
        seal,
        choices,
        now: tools.clock.now(),
        components,
        timings: life.timings(),
    })
    .map_err(|diagnostics| {
        let invalid = diagnostics.iter().any(|one| {
            [backout_core::plan::NO_SUCH_COMPONENT, backout_core::plan::TWO_ANSWERS].contains(&one.code)
        });
        if invalid { EngineError::Invalid(diagnostics) } else { Refusal { diagnostics }.into() }
    })?;
    plan.notes.extend(notes);
    let acting: Vec<ComponentName> = plan.acting().map(|component| component.name.clone()).collect();
    for part in with_driver.iter().filter(|part| acting.contains(&part.name)) {
        let said = advice(part, tools, &stop).await;
        plan.notes.extend(said.into_iter().map(|said| format!("`{}`: {said}", part.name)));
    }
    // A plan may be looked at where a run would be refused; it says so.
    let live = |name: &ComponentName| looked.get(name).map(|looked| looked.observation.seen.clone());
    let claims = check_claims(&with_driver, life, live, tools).await;
    plan.notes.extend(
        claims
            .into_iter()
            .map(|problem| format!("a run would be refused: {} [{}]", problem.summary, problem.code)),
    );
    Ok(plan)
}

/// A look that failed for want of something on our side says nothing about the component, least of all that it may be
/// put aside.
fn not_looked_at(looked: &Looked) -> Option<Diagnostic> {
    let why = looked.failed.clone()?;
    let summary = format!("`{}` could not be looked at", looked.observation.component);
    Some(
        Diagnostic::error(NOT_READY, summary)
            .because(why)
            .hints(looked.hints.clone())
            .hint("nothing was changed; remove the cause and try again"),
    )
}

/// Where no state at all has the fingerprint that was sealed, it is not the states that were changed.
fn another_key(problems: &[Diagnostic], components: usize) -> Option<Diagnostic> {
    let is_it = |problem: &&Diagnostic| problem.cause.as_deref() == Some(OTHER_FINGERPRINT);
    let all = components > 1 && problems.iter().filter(is_it).count() == components;
    all.then(|| {
        Diagnostic::error(UNREADABLE, "the checkpoint was sealed with another key")
            .because(
                "no saved state has the fingerprint that was sealed: the key of the fingerprints was changed",
            )
            .hint("put the whole state folder back from one backup")
    })
}

/// What the journal knows of a component, for a plan to a checkpoint.
struct Past {
    stood: Stood,
    /// Whether a recorder was put in place there.
    recorded: bool,
    /// What runs sealed of its writes since.
    earlier: Vec<SealedWrites>,
}

async fn facts(
    part: &Part,
    saved: &Saved,
    looked: &Looked,
    past: Past,
    tools: &Tools,
) -> Result<ComponentFacts, Box<Diagnostic>> {
    let unreadable = |cause: String| {
        Box::new(
            Diagnostic::error(UNREADABLE, format!("saved data of `{}` cannot be read", part.name))
                .because(cause),
        )
    };
    let state = match saved_state(saved.state.as_ref(), &part.name, tools).await {
        Ok(state) => state,
        Err(EngineError::Vault(error)) => return Err(Box::new(blob_problem(&part.name, &error))),
        Err(other) => return Err(unreadable(other.to_string())),
    };
    let Some(configured) = &part.configured else { return Err(unreadable("it has no driver".into())) };
    if saved.observation.state_version > configured.state_version() {
        return Err(unreadable("it was saved by a newer version of its driver".into()));
    }
    let again = seen_of(part, tools, state.as_ref()).map_err(|error| unreadable(error.chain()))?;
    if !again.same_exactly(&saved.observation.seen) {
        return Err(unreadable(OTHER_FINGERPRINT.into()));
    }
    let live = looked.state.as_ref();
    let delta = if looked.observation.seen.is_known() {
        configured.diff(state.as_ref(), live).map_err(|error| unreadable(error.chain()))?
    } else {
        Delta::default()
    };
    let drafts = configured.steps(state.as_ref(), live).map_err(|error| unreadable(error.chain()))?;
    let drafts = match drafts {
        Err(why) => Err(why),
        Ok(pieces) => {
            let mut drafts = Vec::with_capacity(pieces.len());
            for piece in pieces {
                let leaves = match &piece.leaves {
                    Some(state) => {
                        Some(seen_of(part, tools, Some(state)).map_err(|e| unreadable(e.chain()))?)
                    }
                    None => None,
                };
                drafts.push(Draft { title: piece.title, effect: piece.effect, leaves });
            }
            Ok(drafts)
        }
    };
    let recorded = (past.recorded, past.earlier.as_slice());
    let (price, recovery) = priced(part, state.as_ref(), live, recorded, tools).await.map_err(unreadable)?;
    let mut reversibility =
        configured.reversibility(state.as_ref()).map_err(|error| unreadable(error.chain()))?;
    if reversibility == Reversibility::Fully && part.writes == Some(Writes::AcceptLoss) {
        reversibility = Reversibility::WithLoss { what: "writes since the capture, as declared".into() };
    }
    Ok(ComponentFacts {
        ordered: part.ordered.clone(),
        kind: part.kind.clone(),
        target: part.target.clone(),
        capabilities: part.capabilities(),
        instructions: None,
        then: part.then.iter().map(words).collect(),
        saved: saved.observation.seen.clone(),
        landed: past.stood.landed,
        live: Some(looked.observation.seen.clone()),
        put_back: past.stood.put_back,
        delta,
        drafts,
        reversibility,
        price,
        recovery,
        state: saved.state,
        data: saved.data.clone(),
    })
}

/// A component that the state to go back to says nothing of, because the run did not change it: it stays as it
/// stands, and is brought to rest and opened again where others want that.
fn facts_as_it_stands(part: &Part, looked: &Looked, life: &Life) -> ComponentFacts {
    let newest = life.checkpoint().and_then(|(_, newest, _)| newest.components.get(&part.name));
    ComponentFacts {
        capabilities: part.capabilities(),
        instructions: None,
        saved: looked.observation.seen.clone(),
        live: Some(looked.observation.seen.clone()),
        put_back: true,
        state: newest.and_then(|saved| saved.state),
        ..bare(part)
    }
}

/// What a person does goes back once. Back to the state before a run it goes only if the person did it in that run,
/// and is told that it is to be undone.
fn facts_by_hand(part: &Part, to: &CheckpointId, life: &Life) -> ComponentFacts {
    let instructions = part.instructions.clone().unwrap_or_default();
    let put_back = life.stood(&part.name, to).put_back;
    let undone = life.checkpoints.get(to).and_then(|to| to.before_run.as_ref());
    let Some(run) = undone.and_then(|id| life.runs.iter().find(|run| run.id == *id)) else {
        return ComponentFacts { instructions: Some(instructions), put_back, ..bare(part) };
    };
    let by_hand = format!("{}.{}", part.name, Group::Revert);
    let was_done =
        run.steps.iter().any(|(step, state)| step.as_str() == by_hand && matches!(state, StepState::Done(_)));
    ComponentFacts {
        instructions: Some(format!("undo what was done by hand in run {}: {instructions}", run.id)),
        put_back: put_back || !was_done,
        ..bare(part)
    }
}

/// What a plan to a checkpoint has to tell of writes that earlier runs set aside, and of what could not be kept.
fn notes_on(to: &CheckpointLife, life: &Life) -> Vec<String> {
    let lost = to.before_run.iter().flat_map(|run| {
        to.failed.keys().map(move |name| {
            format!("what stood at `{name}` before run {run} could not be kept, so it stays as it is")
        })
    });
    let owed = life.owed.iter().filter(|(_, run)| Some(*run) != to.before_run.as_ref()).map(|(name, run)| {
        format!(
            "what users had written to `{name}` when run {run} set it aside is not taken over yet: backout recover"
        )
    });
    lost.chain(owed).collect()
}

/// What is known of a component without any look.
fn bare(part: &Part) -> ComponentFacts {
    ComponentFacts {
        ordered: part.ordered.clone(),
        kind: part.kind.clone(),
        target: part.target.clone(),
        capabilities: None,
        instructions: None,
        then: part.then.iter().map(words).collect(),
        saved: Seen::Absent,
        landed: None,
        live: None,
        put_back: false,
        delta: Delta::default(),
        drafts: Ok(Vec::new()),
        reversibility: Reversibility::Fully,
        price: None,
        recovery: None,
        state: None,
        data: Vec::new(),
    }
}

/// A program of `then:` as written, references unresolved.
fn words(action: &Action) -> String {
    let words: Vec<&str> = action.run.iter().map(|word| word.as_written()).collect();
    words.join(" ")
}
