//! The state before the run: kept before the first door is shut, so that a rollback can be taken back.

use std::sync::Arc;

use backout_contract::{Depth, Stop, StopLevel};
use backout_core::journal::Event;
use backout_core::plan::Plan;

use crate::assemble::{Assembled, Part};
use crate::book::Book;
use crate::look::look_all;
use crate::refusal::EngineError;
use crate::states;
use crate::tools::Tools;

/// Keeps what the plan will replace. Where a kind swaps, the displaced thing is the copy and only the look is
/// recorded. Taken once per run: never again once a step was intended, for then it would no longer be the state
/// before. What cannot be read cannot be kept, and does not block the way back; the plan said so.
pub(super) async fn keep_before(
    assembled: &Assembled,
    plan: &Plan,
    book: &mut Book,
    tools: &Tools,
) -> Result<(), EngineError> {
    let Some(run) = book.life().open_run() else { return Ok(()) };
    if !run.attempts.is_empty() {
        return Ok(());
    }
    let missing: Vec<Arc<Part>> = plan
        .acting()
        .filter(|component| !run.before.contains_key(&component.name))
        .filter_map(|component| crate::look::find(&assembled.parts, &component.name))
        .filter(|part| part.configured.is_some())
        .cloned()
        .collect();
    let displaces =
        |part: &Arc<Part>| part.capabilities().is_some_and(|capabilities| capabilities.keeps_displaced);
    let (swapped, copied): (Vec<_>, Vec<_>) = missing.into_iter().partition(displaces);
    let copied = within_space(assembled, plan, copied);
    let (raise, stop) = Stop::channel();
    let watch = assembled.present_time.map(|time| {
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            raise.send_replace(StopLevel::Finish);
        })
    });
    let mut events = Vec::new();
    for (parts, depth, displaced) in [(swapped, Depth::Look, true), (copied, Depth::Keep, false)] {
        let mut all = look_all(&parts, tools, depth, &stop).await;
        let copied = all.iter_mut().filter(|_| !displaced);
        let kept = copied.filter_map(|one| Some((one.observation.component.clone(), one.state.take()?)));
        let stored = states::store(kept.collect(), tools).await?;
        for looked in all {
            let state = stored.get(&looked.observation.component).copied();
            events.push(Event::BeforeKept {
                component: looked.observation.component,
                seen: looked.observation.seen,
                state,
                data: looked.data,
                displaced,
            });
        }
    }
    if let Some(watch) = watch {
        watch.abort();
    }
    if !events.is_empty() {
        book.append(events).await?;
    }
    Ok(())
}

/// The components whose copies fit into the space that the file grants, judged by what was saved of them; the small
/// ones first. What does not fit is not kept, and the way back is not held up by it.
fn within_space(assembled: &Assembled, plan: &Plan, mut parts: Vec<Arc<Part>>) -> Vec<Arc<Part>> {
    let Some(space) = assembled.present_space else { return parts };
    let bytes = |part: &Arc<Part>| -> u64 {
        let data = plan.component(&part.name).map(|component| component.data.as_slice()).unwrap_or_default();
        data.iter().map(|one| one.bytes).sum()
    };
    parts.sort_by_key(bytes);
    let mut taken = 0u64;
    parts.retain(|part| {
        taken = taken.saturating_add(bytes(part));
        taken <= space
    });
    parts
}
