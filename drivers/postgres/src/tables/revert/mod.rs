//! Puts a part back, in one transaction.
//!
//! 1. The saved tables stand beside already, filled, indexed and proven (`stage`); else that is done first.
//! 2. All tables of the part are locked, and their definitions are held against what the step starts from (`put`).
//! 3. A table that is still defined as it was saved stays what it is, with everything that hangs on it: its rows are
//!    copied aside, and those that differ are exchanged (`rows`). Any other is moved aside as it is, and the staged one
//!    takes its name (`swap`): that costs no time, however large it is.
//! 4. What others hang on a table that was exchanged whole (views, functions, foreign keys) is said again, so that it
//!    means the new one (`outside`). What cannot be said again is refused, by name, before anything changes.
//! 5. Foreign keys have to hold over what stands there then; rows without a partner are counted and named (`orphans`).
//! 6. The definitions are read again, and have to be the saved ones exactly. Else all of it is taken back.
//!
//! Killed anywhere, by us or with the server, a transaction is there or it is not.

mod families;
mod orphans;
mod outside;
mod proof;
mod put;
mod rows;
mod swap;

use backout_contract::{Context, Depth, DriverError, Effect, ErrorKind, Sighting, StepOrder};
use backout_core::observation::Seen;

use super::judge::{Found, Judgement, Origin, judge};
use super::part::Part;
use super::{capture, recording, stage};
use crate::server::Pace;
use crate::state::State;

pub(super) async fn revert(
    part: &Part,
    context: &Context,
    step: &StepOrder<State>,
) -> Result<Effect, DriverError> {
    let origin = origin(step)?;
    let pace = Pace::of(context);
    let found = find(part, context).await.map_err(DriverError::nothing_happened)?;
    match judge(&found, step.saved.as_ref(), step.before.as_ref(), &origin) {
        Judgement::Go => {}
        Judgement::Refuse(found) => return Ok(Effect::Blocked { found }),
        Judgement::AlreadyThere => {
            put::tidy(part, context, step.saved.as_ref()).await?;
            return Ok(Effect::AlreadyThere);
        }
    }
    let definition = match &step.saved {
        Some(_) => {
            stage::stage(part, context, step.saved.as_ref(), &step.data).await?;
            Some(capture::definition(context, &step.data).await?)
        }
        None => None,
    };
    let sealed = recording::seal_unread(part, context, step.saved.as_ref()).await?;
    // The last border where nothing of it can be seen.
    pace.check("put tables back").map_err(DriverError::nothing_happened)?;
    let task = put::Task {
        part,
        context,
        saved: step.saved.as_ref(),
        definition: definition.unwrap_or_default(),
        from: stage::origin(&step.data),
        origin: &origin,
        found: &found,
        sealed,
        pace: &pace,
    };
    let effect = task.run().await?;
    if matches!(effect, Effect::Applied { .. }) {
        put::tidy(part, context, step.saved.as_ref()).await?;
    }
    Ok(effect)
}

/// Looks whether a step happened, while the door is shut and nobody else writes.
pub(super) async fn sight(
    part: &Part,
    context: &Context,
    step: &StepOrder<State>,
) -> Result<Option<Sighting>, DriverError> {
    let origin = origin(step)?;
    let found = find(part, context).await?;
    Ok(match judge(&found, step.saved.as_ref(), step.before.as_ref(), &origin) {
        // The revert tidies up and says that the rest is there.
        Judgement::AlreadyThere if put::is_left(part, context).await? => Some(Sighting::Before),
        Judgement::AlreadyThere => Some(Sighting::After),
        Judgement::Go => Some(Sighting::Before),
        Judgement::Refuse(why) => match found {
            Found::Absent => Some(Sighting::Neither { seen: Seen::Absent, found: why }),
            Found::Unreadable(error) => {
                let seen = Seen::Unreadable { cause: error.chain() };
                Some(Sighting::Neither { seen, found: why })
            }
            // What it is then, a capture and its fingerprint tell.
            Found::Present(_) => None,
        },
    })
}

async fn find(part: &Part, context: &Context) -> Result<Found, DriverError> {
    Found::from_look(capture::capture(part, context, Depth::Look).await.map(|captured| captured.state))
}

fn origin(step: &StepOrder<State>) -> Result<Origin, DriverError> {
    serde_json::from_value(step.effect.clone()).map_err(|error| {
        DriverError::new(ErrorKind::BadData, "read the step of a plan").caused_by(error).nothing_happened()
    })
}
