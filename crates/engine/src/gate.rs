//! The ready gate: everything that a run will lean on is looked at before anything changes.

use std::collections::BTreeSet;
use std::sync::Arc;

use backout_contract::{Stop, VaultError};
use backout_core::checkpoint::{BlobId, FORMAT, Manifest};
use backout_core::diagnostic::Diagnostic;
use backout_core::life::Life;
use backout_core::name::{CheckpointId, ComponentName};
use backout_core::plan::{Action, Plan};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::assemble::{Assembled, Part};
use crate::claims::check_claims;
use crate::codes::{ANOTHER_THING, DAMAGED, MARKER_GONE, MISSING, NOT_AS_SEALED, NOT_READY, UNREADABLE};
use crate::look::{connect, find};
use crate::refusal::EngineError;
use crate::states::saved_state;
use crate::tools::Tools;

/// The manifest of a checkpoint, as the journal has it.
///
/// # Errors
/// When the checkpoint was never opened.
pub fn manifest_of(life: &Life, id: &CheckpointId) -> Result<Manifest, EngineError> {
    let checkpoint = life
        .checkpoints
        .get(id)
        .ok_or_else(|| EngineError::Corrupt(format!("the journal knows no checkpoint {id}")))?;
    let migration = life
        .migration
        .clone()
        .ok_or_else(|| EngineError::Corrupt("the journal names no migration".into()))?;
    Ok(Manifest {
        format: FORMAT,
        checkpoint: id.clone(),
        migration,
        nonce: life.nonce.clone(),
        file: checkpoint.file,
        opened: checkpoint.opened,
        components: checkpoint.components.clone(),
    })
}

/// What is wrong with a checkpoint: its seal, and every blob of the components asked for (all of them, if none is
/// named), read from first to last byte.
///
/// # Errors
/// When the checkpoint is unknown.
pub async fn checkpoint_problems(
    life: &Life,
    id: &CheckpointId,
    only: Option<&BTreeSet<ComponentName>>,
    tools: &Tools,
) -> Result<Vec<Diagnostic>, EngineError> {
    let manifest = manifest_of(life, id)?;
    if let Some(at) = life.checkpoints.get(id).and_then(|checkpoint| checkpoint.pruned) {
        return Ok(vec![
            Diagnostic::error(MISSING, format!("the data of checkpoint {id} is no longer there"))
                .because(format!("somebody pruned it at {at}"))
                .hint("see what can be gone back to: backout checkpoint list"),
        ]);
    }
    let mut problems = Vec::new();
    let sealed = life.checkpoints.get(id).and_then(|checkpoint| checkpoint.sealed);
    let seal = manifest.seal().map_err(|cause| EngineError::Corrupt(cause.to_string()))?;
    match sealed {
        None => problems.push(
            Diagnostic::error(NOT_AS_SEALED, format!("checkpoint {id} is incomplete"))
                .because("its capture never ended")
                .hint("capture again, or go back to a sealed checkpoint: backout checkpoint list"),
        ),
        Some((expected, _)) if expected != seal => problems.push(
            Diagnostic::error(NOT_AS_SEALED, format!("checkpoint {id} is not the one that was sealed"))
                .because(format!("its seal should be {} and is {}", expected.short(), seal.short())),
        ),
        Some(_) => {}
    }
    let wanted = manifest.blobs().filter(|(name, _)| only.is_none_or(|only| only.contains(*name)));
    problems.extend(unreadable(wanted.map(|(name, blob)| (blob, name.clone())).collect(), tools).await);
    problems.sort_by(|one, two| one.summary.cmp(&two.summary));
    Ok(problems)
}

/// What is wrong with these, each read from first to last byte.
async fn unreadable(blobs: BTreeSet<(BlobId, ComponentName)>, tools: &Tools) -> Vec<Diagnostic> {
    let permits = Arc::new(Semaphore::new(tools.limit.max(1)));
    let mut tasks = JoinSet::new();
    let mut problems = Vec::new();
    for (blob, name) in blobs {
        let (vault, permits) = (Arc::clone(&tools.vault), Arc::clone(&permits));
        tasks.spawn(async move {
            let _permit = permits.acquire_owned().await;
            vault.check(&blob).await.err().map(|error| blob_problem(&name, &error))
        });
    }
    while let Some(result) = tasks.join_next().await {
        problems.extend(result.ok().flatten());
    }
    problems
}

pub(crate) fn blob_problem(component: &ComponentName, error: &VaultError) -> Diagnostic {
    let (code, word) = match error {
        VaultError::Missing(_) => (MISSING, "is missing from the checkpoint"),
        VaultError::Damaged(_) => (DAMAGED, "is damaged in the checkpoint"),
        VaultError::Sealed { .. } | VaultError::Io { .. } => {
            (UNREADABLE, "cannot be read from the checkpoint")
        }
    };
    let mut cause = error.to_string();
    if let Some(source) = std::error::Error::source(error) {
        cause = format!("{cause}: {source}");
    }
    Diagnostic::error(code, format!("saved data of `{component}` {word}"))
        .because(cause)
        .hint("nothing was changed; bring the vault back from a copy, or go back to another checkpoint")
        .hint(format!("go back with the rest and leave this one: --keep {component}"))
}

/// Everything that is not ready for a plan. Reads only.
///
/// # Errors
/// When the checkpoint is unknown.
pub(crate) async fn gate(
    assembled: &Assembled,
    plan: &Plan,
    life: &Life,
    tools: &Tools,
    reclaim: bool,
) -> Result<Vec<Diagnostic>, EngineError> {
    let acting: BTreeSet<ComponentName> = plan.acting().map(|component| component.name.clone()).collect();
    let mut problems = checkpoint_problems(life, &plan.checkpoint, Some(&acting), tools).await?;
    // What earlier runs sealed of users' writes is taken over with what this one will seal.
    let recovering = plan.steps.iter().filter(|step| matches!(step.action, Action::Recover { .. }));
    let sealed = recovering.flat_map(|step| {
        let shares = life.sealed_since(&plan.checkpoint, &step.component);
        shares.into_iter().flat_map(|share| share.data).map(|part| (part.blob, step.component.clone()))
    });
    problems.extend(unreadable(sealed.collect(), tools).await);
    let taking_part: Vec<Arc<Part>> = assembled
        .parts
        .iter()
        .filter(|part| plan.steps.iter().any(|step| step.component == part.name))
        .cloned()
        .collect();
    let live = |name: &ComponentName| plan.component(name).and_then(|component| component.live.clone());
    let claims = check_claims(&taking_part, life, live, tools).await;
    problems.extend(claims.into_iter().filter(|problem| !(reclaim && problem.code == MARKER_GONE)));
    let stop = Stop::never();
    for component in plan.components.iter().filter(|component| {
        plan.steps.iter().any(|step| step.component == component.name && step.action != Action::Verify)
    }) {
        let Some(part) = find(&assembled.parts, &component.name).filter(|part| part.configured.is_some())
        else {
            continue;
        };
        let saved = match saved_state(component.state.as_ref(), &component.name, tools).await {
            Ok(saved) => saved,
            // The blob itself is already among the problems.
            Err(_) => continue,
        };
        let missing = match connect(part, tools, None, "ready", &stop).await {
            Ok((session, context)) => session.ready(&context, saved.as_ref(), &component.data).await,
            Err(error) => Err(error),
        };
        let (missing, hints) =
            missing.map_or_else(|error| (vec![error.chain()], error.hints), |missing| (missing, Vec::new()));
        problems.extend(missing.into_iter().map(|what| {
            Diagnostic::error(NOT_READY, format!("`{}` is not ready to be put back", component.name))
                .because(what)
                .hints(hints.clone())
        }));
    }
    Ok(problems)
}

/// Compares the identity of what was captured with what stands there now.
pub(crate) fn identity_problem(part: &Part, saved: Option<&str>, live: Option<&str>) -> Option<Diagnostic> {
    let (saved, live) = (saved?, live?);
    (saved != live).then(|| {
        Diagnostic::error(ANOTHER_THING, format!("`{}` is not the thing that was captured", part.name))
            .because(format!("captured: {saved}; found now: {live}"))
            .hint("check the address in the migration file and what it resolves to from here")
    })
}
