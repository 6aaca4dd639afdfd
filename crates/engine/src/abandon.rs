//! Gives a run up: opens what stands on whole ground, and says where everything stands.

use std::sync::Arc;

use backout_contract::Stop;
use backout_core::journal::{Event, Outcome};
use backout_core::name::ComponentName;
use backout_core::next::{reopenable, shut_doors};

use crate::assemble::{Assembled, Part};
use crate::book::Book;
use crate::look::{connect, find};
use crate::preview::saved_state;
use crate::refusal::EngineError;
use crate::runner::load_plan;
use crate::tools::Tools;

/// What was left how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Left {
    /// Doors that were opened.
    pub opened: Vec<ComponentName>,
    /// Doors that stay shut, because what stands behind them is half put back or could not be opened.
    pub shut: Vec<(ComponentName, String)>,
}

/// Gives the open run up.
///
/// # Errors
/// When no run is open, or the journal fails. A door that cannot be opened is listed, not an error.
pub async fn abandon(
    assembled: &Assembled,
    book: &mut Book,
    tools: &Tools,
) -> Result<Option<Left>, EngineError> {
    let Some(run) = book.life().open_run() else { return Ok(None) };
    let id = run.id.clone();
    tools.leftovers.end_all().await;
    let plan = load_plan(run, tools).await?;
    let may_open = reopenable(&plan, run);
    let mut left = Left::default();
    let stop = Stop::never();
    for component in shut_doors(&plan, run) {
        let Some(part) = find(&assembled.parts, &component) else { continue };
        if !may_open.contains(&component) {
            left.shut.push((component, "what it stands on is put back in part".into()));
            continue;
        }
        book.append(vec![Event::ReopenIntended { component: component.clone() }]).await?;
        match open(part, &plan, &id, tools, &stop).await {
            Ok(()) => {
                book.note(vec![Event::Reopened { component: component.clone() }]).await?;
                left.opened.push(component);
            }
            Err(why) => left.shut.push((component, why)),
        }
    }
    book.append(vec![Event::RunClosed { outcome: Outcome::Abandoned }]).await?;
    Ok(Some(left))
}

async fn open(
    part: &Arc<Part>,
    plan: &backout_core::plan::Plan,
    run: &backout_core::name::RunId,
    tools: &Tools,
    stop: &Stop,
) -> Result<(), String> {
    let state = plan.component(&part.name).and_then(|component| component.state);
    let saved = saved_state(state.as_ref(), tools).await.map_err(|error| error.to_string())?;
    let (session, context) =
        connect(part, tools, Some(run), "abandon", stop).await.map_err(|error| error.chain())?;
    session.reopen(&context, saved.as_ref()).await.map(|_| ()).map_err(|error| error.chain())
}
