//! Puts a database back: beside first, proven there, then over the live one.
//!
//! 1. The saved bytes are written beside the live database and proven (`stage`); if there is a recorder among them, it is
//!    made ready to go on (`recorder`).
//! 2. If live is a database, its whole content is rewritten by SQLite within one transaction (`rewrite`): whoever has
//!    it open sees the old one or the new one, and so does whoever comes after a kill. What stood there is copied
//!    aside first, behind the lock that keeps writers out until the rewrite is committed.
//! 3. If it is none, or nothing is there, the file is exchanged (`exchange`).
//! 4. If nothing was saved, it is moved aside (`remove`).

mod exchange;
mod kept;
mod recorder;
mod remove;
mod rewrite;
mod stage;

pub(super) use rewrite::open;

use backout_contract::{Context, DriverError, Effect, ErrorKind, Sighting, StepOrder};
use backout_core::observation::Seen;
use backout_kit::leftovers::remove;

use super::capture::seen;
use super::config::Config;
use super::judge::{Found, Judgement, Origin, judge};
use super::place::Place;
use super::state::State;
use crate::fault::{bad_data, of_file, shown};
use crate::pace::{Pace, blocking};

pub(super) async fn revert(
    place: Place,
    config: &Config,
    context: &Context,
    step: &StepOrder<State>,
) -> Result<Effect, DriverError> {
    let origin = origin(step)?;
    let pace = Pace::of(context);
    let found = find(&place, &pace).await.map_err(DriverError::nothing_happened)?;
    match judge(&found, step.saved.as_ref(), step.before.as_ref(), &origin) {
        Judgement::Go => {}
        Judgement::Refuse(found) => return Ok(Effect::Blocked { found }),
        Judgement::AlreadyThere => {
            blocking(move || {
                stage::clear(&place)?;
                match found {
                    // Who put it there may have been killed before it was durable.
                    Found::Present(_) => kept::sync(&place.live),
                    Found::Absent | Found::Unreadable(_) => remove::clear_journals(&place),
                }
            })
            .await?;
            return Ok(Effect::AlreadyThere);
        }
    }
    let Some(saved) = step.saved.clone() else {
        return blocking(move || remove::remove(&place, &found, &origin)).await;
    };
    stage::write(&place, context, &step.data).await?;
    let config = config.clone();
    blocking(move || {
        let outcome = stage::prove(&place, &saved, &pace).and_then(|staged| {
            let is_readable = !matches!(found, Found::Unreadable(_));
            let records = recorder::prepare(&place, &config, &staged, is_readable)?;
            // The last border where nothing of it can be seen.
            pace.check("put a database back")?;
            let effect = match &found {
                Found::Present(_) => rewrite::rewrite(&place, &staged, &saved, &origin, &pace),
                Found::Absent | Found::Unreadable(_) => exchange::exchange(&place, &staged, &saved),
            };
            effect.map(|effect| told(effect, &found, records))
        });
        match (outcome, stage::clear(&place)) {
            (Ok(effect), Ok(())) => Ok(effect),
            (Err(error), _) => Err(error),
            (Ok(_), Err(error)) => Err(error),
        }
    })
    .await
}

/// Looks whether a step happened, while the door is shut and nobody else writes.
pub(super) async fn sight(
    place: Place,
    context: &Context,
    step: &StepOrder<State>,
) -> Result<Option<Sighting>, DriverError> {
    let origin = origin(step)?;
    let found = find(&place, &Pace::of(context)).await?;
    Ok(match judge(&found, step.saved.as_ref(), step.before.as_ref(), &origin) {
        // The revert clears it away and says that the rest is there.
        Judgement::AlreadyThere if stage::is_left(&place)? => Some(Sighting::Before),
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

/// What runs displaced beside a database and keep until release.
pub(super) fn displaced(place: &Place) -> Result<Vec<String>, DriverError> {
    Ok(place.left_beside()?.iter().map(|path| shown(path)).collect())
}

/// Removes what runs left beside a database.
pub(super) fn release(place: &Place) -> Result<(), DriverError> {
    let left = place.left_beside()?;
    for path in &left {
        remove(path).map_err(of_file)?;
    }
    if left.is_empty() { Ok(()) } else { kept::sync(&place.live) }
}

/// What is put back has no recorder where there was one.
fn told(effect: Effect, found: &Found, records: bool) -> Effect {
    let had_one = matches!(found, Found::Present(live) if live.recorder.is_some());
    match effect {
        Effect::Applied { evidence } if had_one && !records => Effect::Applied {
            evidence: format!("{evidence}; the saved state has no recorder, so nothing is recorded any more"),
        },
        other => other,
    }
}

async fn find(place: &Place, pace: &Pace) -> Result<Found, DriverError> {
    let (place, pace) = (place.clone(), pace.clone());
    blocking(move || Found::from_look(seen(&place, &pace))).await
}

fn origin(step: &StepOrder<State>) -> Result<Origin, DriverError> {
    serde_json::from_value(step.effect.clone())
        .map_err(|error| bad_data("read the step of a plan").caused_by(error))
}

/// Somebody else got there first, between the look and the lock.
fn overtaken() -> Effect {
    Effect::Blocked { found: "somebody else changed it at this very moment".to_owned() }
}

/// A row of a table that cannot be, told apart from failures of the outside.
fn impossible(what: &str) -> DriverError {
    DriverError::new(ErrorKind::Other, what.to_owned()).nothing_happened()
}
