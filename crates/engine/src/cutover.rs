//! Marks the moment a phase went live, and looks at what the migration left.

use std::sync::Arc;

use backout_contract::{Depth, Stop};
use backout_core::diagnostic::Diagnostic;
use backout_core::journal::{Event, Look};
use backout_core::name::{ComponentName, PhaseName};
use backout_core::observation::Seen;
use backout_core::writes::{Coverage, Occasion};
use jiff::Timestamp;

use crate::arm::{place, refuse_uncovered};
use crate::assemble::{Assembled, Part};
use crate::book::Book;
use crate::capture::refuse_open_run;
use crate::claims::{check_claims, refuse_claimed_elsewhere};
use crate::codes::NO_CHECKPOINT;
use crate::look::look_all;
use crate::refusal::{EngineError, Refusal};
use crate::tools::Tools;

/// What a cutover recorded.
#[derive(Debug, Clone)]
pub struct CutoverReport {
    /// The phases that went live.
    pub phases: Vec<PhaseName>,
    /// What stood there right after, by component, in the order of the file.
    pub landed: Vec<(Arc<Part>, Seen)>,
    /// What is recorded from now on, by component.
    pub recorders: Vec<(ComponentName, Coverage)>,
}

/// Looks at the components of the phases and marks them as gone live. `at` is given by somebody who marks late;
/// the look then may already hold later changes, and is labelled so. `at_rest` is said by somebody who knows that
/// nobody but the migration could write until now.
///
/// # Errors
/// Refused without a checkpoint, while a run is open, or where a target is somebody else's.
pub async fn cutover(
    assembled: &Assembled,
    phases: &[PhaseName],
    at: Option<Timestamp>,
    at_rest: bool,
    book: &mut Book,
    tools: &Tools,
) -> Result<CutoverReport, EngineError> {
    refuse_open_run(book)?;
    let Some((checkpoint, ..)) = book.life().checkpoint() else {
        return Err(EngineError::refused(no_checkpoint()));
    };
    let checkpoint = checkpoint.clone();
    let parts: Vec<Arc<Part>> = assembled
        .parts
        .iter()
        .filter(|part| part.configured.is_some() && phases.contains(&part.phase))
        .cloned()
        .collect();
    // The migration may have rebuilt tables and so taken their recorders away; from here on all of them record.
    let recording: Vec<Arc<Part>> =
        parts.iter().filter(|part| book.life().recorders.contains_key(&part.name)).cloned().collect();
    // Whose they are is asked before anything is written to them.
    refuse_claimed_elsewhere(&recording, book.life(), tools).await?;
    let occasion = if at_rest { Occasion::CutoverAtRest } else { Occasion::Cutover };
    let recorders = place(&recording, occasion, book, tools).await?;
    refuse_uncovered(&recording, &recorders)?;
    let stop = Stop::never();
    let looked = look_all(&parts, tools, Depth::Look, &stop).await;
    let seen_of = |name: &backout_core::name::ComponentName| {
        looked.iter().find(|one| one.observation.component == *name).map(|one| one.observation.seen.clone())
    };
    let problems = check_claims(&parts, book.life(), seen_of, tools).await;
    if !problems.is_empty() {
        return Err(Refusal { diagnostics: problems }.into());
    }
    let mut events = Vec::new();
    let mut landed = Vec::new();
    for (part, one) in parts.iter().zip(looked) {
        landed.push((Arc::clone(part), one.observation.seen.clone()));
        events.push(Event::ComponentObserved {
            look: Look::Landed,
            checkpoint: checkpoint.clone(),
            observation: one.observation,
            state: None,
            data: Vec::new(),
            millis: one.millis,
        });
    }
    let now = tools.clock.now();
    events.extend(phases.iter().map(|phase| Event::CutoverMarked {
        phase: phase.clone(),
        at: at.unwrap_or(now),
        late: at.is_some(),
        by: tools.actor.clone(),
    }));
    book.append(events).await?;
    Ok(CutoverReport { phases: phases.to_vec(), landed, recorders })
}

/// Says that nothing was captured yet.
pub(crate) fn no_checkpoint() -> Diagnostic {
    Diagnostic::error(NO_CHECKPOINT, "there is no checkpoint to go back to")
        .because("nothing was captured, or no capture was complete")
        .hint("save one before the migration: backout capture")
}
