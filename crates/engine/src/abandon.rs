//! Gives a run up: opens what stands on whole ground, and says where everything stands.

use std::sync::Arc;

use backout_contract::Stop;
use backout_core::journal::{Event, Outcome};
use backout_core::life::{RunLife, StepState};
use backout_core::name::ComponentName;
use backout_core::next::{Ground, ground, shut_doors};
use backout_core::plan::{Action, Plan};

use crate::assemble::{Assembled, Part};
use crate::book::Book;
use crate::claims::refuse_claimed_elsewhere;
use crate::look::{connect, find};
use crate::refusal::EngineError;
use crate::runner::{load_plan, taking_part};
use crate::states::saved_state;
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
/// When a target is claimed by somebody else, or the journal fails. A door that cannot be opened is listed, not an error.
pub async fn abandon(
    assembled: &Assembled,
    book: &mut Book,
    tools: &Tools,
) -> Result<Option<Left>, EngineError> {
    let Some(run) = book.life().open_run() else { return Ok(None) };
    let plan = load_plan(run, tools).await?;
    let run = run.clone();
    refuse_claimed_elsewhere(&taking_part(assembled, &plan), book.life(), tools).await?;
    tools.leftovers.end_all().await;
    let mut left = Left::default();
    for component in shut_doors(&plan, &run) {
        let Some(part) = find(&assembled.parts, &component) else { continue };
        let stands_on = ground(&plan, &run, &component);
        if stands_on == Ground::Between {
            left.shut.push((component, "what it stands on is put back in part".into()));
            continue;
        }
        book.append(vec![Event::ReopenIntended { component: component.clone() }]).await?;
        let afresh = stands_on == Ground::PutBack && wants_restart(&plan, &run, &component);
        match open(part, &plan, &run, afresh, tools).await {
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

/// Whether a component still runs on what it read before that was put back.
fn wants_restart(plan: &Plan, run: &RunLife, component: &ComponentName) -> bool {
    let mut restarts =
        plan.steps.iter().filter(|step| step.component == *component && step.action == Action::Restart);
    restarts.any(|step| !matches!(run.state(&step.id), StepState::Done(_)))
}

async fn open(
    part: &Arc<Part>,
    plan: &Plan,
    run: &RunLife,
    afresh: bool,
    tools: &Tools,
) -> Result<(), String> {
    let state = plan.component(&part.name).and_then(|component| component.state);
    let saved = saved_state(state.as_ref(), &part.name, tools).await.map_err(|error| error.to_string())?;
    let (session, context) = connect(part, tools, Some(&run.id), "abandon", &Stop::never())
        .await
        .map_err(|error| error.chain())?;
    if afresh {
        session.restart(&context, run.opened.as_millisecond()).await.map_err(|error| error.chain())?;
    }
    session.reopen(&context, saved.as_ref()).await.map(|_| ()).map_err(|error| error.chain())
}
