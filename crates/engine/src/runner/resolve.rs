//! Settles an effect in doubt by looking, never by trying again.
//!
//! | step | looked at | happened | did not | cannot tell |
//! |---|---|---|---|---|
//! | revert | the driver's own traces, else a comparison | as *after* | as *before* | neither: a person |
//! | quiesce | the door | shut | open | the look fails: a person |
//! | recover | – | – | always: each write is taken over once | – |
//! | stage, reopen, restart | – | – | always: both are absolute, and done again only as far as needed | – |
//! | then | – | – | – | always: it has no before and after, so a person says whether to run it again |
//! | prove, verify | – | – | always: a look has no effect | – |

use backout_contract::{Door, Sighting};
use backout_core::journal::Event;
use backout_core::plan::Action;
use tokio::sync::mpsc;

use super::dispatcher::Report;
use super::step::Unit;

pub(super) async fn go(unit: Unit, reports: mpsc::Sender<Report>) {
    let (happened, looked) = match &unit.step.action {
        Action::Prove | Action::Verify => {
            (Some(false), "the step only looks, so it is taken again".to_owned())
        }
        Action::Stage | Action::Reopen | Action::Restart => {
            (Some(false), "the step is absolute: it is done again as far as needed".to_owned())
        }
        Action::Recover { .. } => {
            (Some(false), "each write is taken over once, so the rest is taken over now".to_owned())
        }
        Action::Person { .. } => (Some(false), "a person is asked again".to_owned()),
        Action::Then { .. } => (None, "nothing shows whether the program ran to its end".to_owned()),
        Action::Quiesce => match unit.door().await {
            Ok(Door::Shut) => (Some(true), "the door is shut".to_owned()),
            Ok(Door::Open) => (Some(false), "the door is open".to_owned()),
            Err(error) => (None, format!("the door could not be looked at: {}", error.chain())),
        },
        Action::Revert { .. } => match unit.sight().await {
            Ok(Sighting::After) => (Some(true), "what the step leaves stands there".to_owned()),
            Ok(Sighting::Before) => (Some(false), "what the step starts from stands there".to_owned()),
            Ok(Sighting::Neither { found, .. }) => (None, format!("something else stands there: {found}")),
            Ok(Sighting::Unclear { why }) => (None, format!("the look could not tell: {why}")),
            Err(error) => (None, format!("the look failed: {}", error.chain())),
        },
    };
    let event = Event::DoubtResolved { step: unit.step.id.clone(), happened, looked };
    // The dispatcher is gone only when the run is over for this process.
    let _ = reports.send(Report::Over(unit.step.id, vec![event])).await;
}
