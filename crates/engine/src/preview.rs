//! Compares the live world with a checkpoint and makes the plan. Reads only.

use std::sync::Arc;

use backout_contract::{Depth, Stop};
use backout_core::checkpoint::{BlobId, Saved};
use backout_core::delta::{Delta, Reversibility};
use backout_core::diagnostic::{Code, Diagnostic};
use backout_core::life::Life;
use backout_core::migration::{Action, Writes};
use backout_core::observation::Seen;
use backout_core::plan::{Choices, ComponentFacts, Draft, Plan, PlanInput, build};
use serde_json::Value;

use crate::assemble::{Assembled, Part};
use crate::cutover::no_checkpoint;
use crate::gate::{blob_problem, identity_problem};
use crate::look::{Looked, look_all, seen_of};
use crate::refusal::{EngineError, Refusal};
use crate::tools::Tools;

/// The migration file no longer has a component that was captured, or has it with another kind.
pub const FILE_MOVED: Code = Code("BK0207");

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
    let Some((checkpoint, saved, seal)) = life.checkpoint() else {
        return Err(EngineError::refused(no_checkpoint()));
    };
    let mut problems = Vec::new();
    for (name, saved) in &saved.components {
        match assembled.parts.iter().find(|part| part.name == *name) {
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
    let (with_driver, by_hand): (Vec<Arc<Part>>, Vec<Arc<Part>>) = assembled
        .parts
        .iter()
        .filter(|part| part.configured.is_none() || saved.components.contains_key(&part.name))
        .cloned()
        .partition(|part| part.configured.is_some());
    let looked = look_all(&with_driver, tools, Depth::Look, &stop).await;
    let mut components = Vec::with_capacity(assembled.parts.len());
    let mut notes = Vec::new();
    for part in &assembled.parts {
        if by_hand.iter().any(|one| one.name == part.name) {
            components.push(facts_by_hand(part, life));
            continue;
        }
        let (Some(saved), Some(looked)) = (
            saved.components.get(&part.name),
            looked.iter().find(|one| one.observation.component == part.name),
        ) else {
            notes.push(format!(
                "`{}` came into the migration file after the capture, so it stays as it is",
                part.name
            ));
            continue;
        };
        let identity = (saved.observation.identity.as_deref(), looked.observation.identity.as_deref());
        problems.extend(identity_problem(part, identity.0, identity.1));
        match facts(part, saved, looked, life, tools).await {
            Ok(facts) => components.push(facts),
            Err(problem) => problems.push(*problem),
        }
    }
    if !problems.is_empty() {
        return Err(Refusal { diagnostics: problems }.into());
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
    Ok(plan)
}

/// Reads a saved state back from the vault.
///
/// # Errors
/// When the vault cannot give it, whole and as it was stored.
pub(crate) async fn saved_state(blob: Option<&BlobId>, tools: &Tools) -> Result<Option<Value>, EngineError> {
    match blob {
        None => Ok(None),
        Some(blob) => {
            let bytes = tools.vault.get(blob).await?;
            serde_json::from_slice(&bytes).map(Some).map_err(|cause| EngineError::Corrupt(cause.to_string()))
        }
    }
}

async fn facts(
    part: &Part,
    saved: &Saved,
    looked: &Looked,
    life: &Life,
    tools: &Tools,
) -> Result<ComponentFacts, Box<Diagnostic>> {
    let unreadable = |cause: String| {
        Box::new(
            Diagnostic::error(
                crate::gate::UNREADABLE,
                format!("saved data of `{}` cannot be read", part.name),
            )
            .because(cause),
        )
    };
    let state = match saved_state(saved.state.as_ref(), tools).await {
        Ok(state) => state,
        Err(EngineError::Vault(error)) => return Err(Box::new(blob_problem(&part.name, &error))),
        Err(other) => return Err(unreadable(other.to_string())),
    };
    let Some(configured) = &part.configured else { return Err(unreadable("it has no driver".into())) };
    let again = seen_of(part, tools, state.as_ref()).map_err(|error| unreadable(error.chain()))?;
    if !again.same_exactly(&saved.observation.seen) {
        return Err(unreadable("its fingerprint is not the one that was sealed".into()));
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
    let price = match &state {
        Some(state) => configured.price(state, live).map_err(|error| unreadable(error.chain()))?,
        None => None,
    };
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
        landed: life.landed.get(&part.name).cloned(),
        live: Some(looked.observation.seen.clone()),
        put_back: life.put_back.contains_key(&part.name),
        delta,
        drafts,
        reversibility,
        price,
        state: saved.state,
        data: saved.data.clone(),
    })
}

fn facts_by_hand(part: &Part, life: &Life) -> ComponentFacts {
    ComponentFacts {
        ordered: part.ordered.clone(),
        kind: part.kind.clone(),
        target: part.target.clone(),
        capabilities: None,
        instructions: Some(part.instructions.clone().unwrap_or_default()),
        then: part.then.iter().map(words).collect(),
        saved: Seen::Absent,
        landed: None,
        live: None,
        put_back: life.put_back.contains_key(&part.name),
        delta: Delta::default(),
        drafts: Ok(Vec::new()),
        reversibility: Reversibility::Fully,
        price: None,
        state: None,
        data: Vec::new(),
    }
}

/// A program of `then:` as written, references unresolved.
fn words(action: &Action) -> String {
    let words: Vec<&str> = action.run.iter().map(|word| word.as_written()).collect();
    words.join(" ")
}
