//! Seals a checkpoint.

use std::sync::Arc;

use backout_contract::{Depth, Stop};
use backout_core::diagnostic::Diagnostic;
use backout_core::digest::Digest;
use backout_core::journal::{Event, Look};
use backout_core::name::{CheckpointId, ComponentName};
use backout_core::observation::Seen;

use crate::arm::refuse_unarmed;
use crate::assemble::{Assembled, Part};
use crate::book::Book;
use crate::claims::{check_claims, renew_claims};
use crate::codes::{NOT_SAVED, RUN_OPEN};
use crate::gate::manifest_of;
use crate::look::look_all;
use crate::refusal::{EngineError, Refusal};
use crate::states;
use crate::tools::Tools;

/// A sealed checkpoint.
#[derive(Debug, Clone)]
pub struct CaptureReport {
    /// Which.
    pub checkpoint: CheckpointId,
    /// Its seal.
    pub seal: Digest,
    /// Each component with what was seen, in the order of the file.
    pub components: Vec<(ComponentName, Seen, u64)>,
}

/// Looks at every component, keeps its data, and seals the checkpoint if all of it could be kept.
///
/// # Errors
/// Refused while a run is open or where a target is somebody else's; [`EngineError::Refused`] with one diagnostic
/// for each component that could not be saved. A checkpoint that is not complete is never sealed.
pub async fn capture(
    assembled: &Assembled,
    book: &mut Book,
    tools: &Tools,
    stop: &Stop,
) -> Result<CaptureReport, EngineError> {
    refuse_open_run(book)?;
    let parts: Vec<Arc<Part>> =
        assembled.parts.iter().filter(|part| part.configured.is_some()).cloned().collect();
    // A target that lost its marker is claimed afresh: a capture is how a person says "this is it".
    let problems: Vec<Diagnostic> = check_claims(&parts, book.life(), |_| None, tools).await;
    if !problems.is_empty() {
        return Err(Refusal { diagnostics: problems }.into());
    }
    refuse_unarmed(&parts, tools).await?;
    let id = CheckpointId::new(&book.life().next_checkpoint())
        .map_err(|cause| EngineError::Corrupt(cause.to_string()))?;
    let opened = Event::CaptureOpened {
        checkpoint: id.clone(),
        file: assembled.digest,
        before_run: None,
        by: tools.actor.clone(),
    };
    book.append(vec![opened]).await?;
    renew_claims(&parts, book, None, tools).await?;

    let mut looked = look_all(&parts, tools, Depth::Keep, stop).await;
    let kept =
        looked.iter_mut().filter_map(|one| Some((one.observation.component.clone(), one.state.take()?)));
    let stored = states::store(kept.collect(), tools).await?;
    let mut problems = Vec::new();
    let mut components = Vec::new();
    for one in looked {
        let component = one.observation.component.clone();
        if !one.observation.seen.is_known() {
            let cause = match &one.observation.seen {
                Seen::Unreadable { cause } | Seen::Unreachable { cause } => cause.clone(),
                Seen::Present { .. } | Seen::Absent => String::new(),
            };
            let problem = Diagnostic::error(NOT_SAVED, format!("`{component}` could not be saved"));
            problems.push(problem.because(cause.clone()).hints(one.hints));
            let checkpoint = Some(id.clone());
            let failed = Event::ObservationFailed { look: Look::Saved, checkpoint, component, cause };
            book.note(vec![failed]).await?;
            continue;
        }
        let state = stored.get(&component).copied();
        components.push((component, one.observation.seen.clone(), one.millis));
        let observed = Event::ComponentObserved {
            look: Look::Saved,
            checkpoint: id.clone(),
            observation: one.observation,
            state,
            data: one.data,
            millis: one.millis,
        };
        book.note(vec![observed]).await?;
    }
    if !problems.is_empty() {
        return Err(Refusal { diagnostics: problems }.into());
    }
    let seal =
        manifest_of(book.life(), &id)?.seal().map_err(|cause| EngineError::Corrupt(cause.to_string()))?;
    book.append(vec![Event::CheckpointSealed { checkpoint: id.clone(), seal }]).await?;
    Ok(CaptureReport { checkpoint: id, seal, components })
}

pub(crate) fn refuse_open_run(book: &Book) -> Result<(), EngineError> {
    match book.life().open_run() {
        None => Ok(()),
        Some(run) => Err(EngineError::refused(
            Diagnostic::error(RUN_OPEN, format!("run {} is not over", run.id))
                .because("a migration has one run at a time, and this one was stopped, is stuck or lost its process")
                .hint("go on with it: backout resume")
                .hint("or give it up: backout abandon"),
        )),
    }
}
