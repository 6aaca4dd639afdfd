//! Puts a database back: what was saved stands beside, proven; behind a shut door, what is there is compared with what the
//! step starts from; then the names are exchanged.
//!
//! Killed anywhere before the exchange is committed, the live name is the old database; after it, the new one, and nothing
//! is left to do.

use backout_contract::{DriverError, Effect, ErrorKind, Sighting, StepOrder};
use backout_core::observation::Seen;
use backout_kit::path_text;

use super::capture::{shape_of, state_of};
use super::judge::{Found, Judgement, Origin, judge};
use super::recording;
use super::site::Site;
use super::stage::put_beside;
use crate::door::{self, Entry, Outside};
use crate::state::State;
use crate::swap::{self, Exchange, Exchanged};

pub(super) async fn revert(site: &Site<'_>, step: &StepOrder<State>) -> Result<Effect, DriverError> {
    let mut outside = site.outside().await?;
    let shut = outside.find(site.live()).await?.filter(|found| found.lets_in);
    if shut.is_some_and(|found| found.note.shut.is_none()) && !is_unreadable(step) {
        // Whoever asks for a revert has shut the door; one that stands open all the same is shut as it was configured.
        door::shut(&mut outside, site.live(), &site.config.closing(), &site.pace)
            .await
            .map_err(DriverError::nothing_happened)?;
    }
    let mut beside = None;
    let compared = loop {
        let (found, compared) = find(site, &outside, step).await.map_err(DriverError::nothing_happened)?;
        match judgement(site, step, &found, compared.as_ref())? {
            Judgement::Refuse(found) => return Ok(Effect::Blocked { found }),
            Judgement::AlreadyThere => {
                clear_beside(site, &outside).await?;
                return Ok(Effect::AlreadyThere);
            }
            Judgement::Go => {}
        }
        match &step.saved {
            Some(saved) if beside.is_none() => {
                let (entry, made) = put_beside(site, &mut outside, saved, &step.data).await?;
                beside = Some(entry);
                // What was compared before something so long is compared again after it.
                if made.is_some() {
                    continue;
                }
            }
            _ => {}
        }
        break compared;
    };
    // The last border where nothing of it can be seen.
    site.pace.check("put a database back")?;
    let closing = site.config.closing();
    let what = Exchange {
        live: site.live(),
        compared: compared.as_ref(),
        beside: beside.as_ref(),
        run: site.context.run.as_ref(),
        read_only: closing.read_only,
    };
    match swap::exchange(&mut outside, &what, closing.patience, &site.pace).await? {
        Exchanged::Overtaken(found) => Ok(Effect::Blocked { found: found.to_owned() }),
        Exchanged::Done(kept) => {
            let shown = site.address.shown();
            let did = if step.saved.is_some() { "is the saved database" } else { "was put away" };
            let kept = kept.map(|name| format!("; what stood there is kept as {}", safe(&name)));
            Ok(Effect::Applied { evidence: format!("{shown} {did}{}", kept.unwrap_or_default()) })
        }
    }
}

/// What an attempt left that found nothing to do.
async fn clear_beside(site: &Site<'_>, outside: &Outside) -> Result<(), DriverError> {
    let name = swap::beside(site.live(), site.context.run.as_ref());
    match outside.find(&name).await? {
        Some(found) if swap::is_ours(&found) => swap::remove(outside, &name, &site.pace).await,
        _ => Ok(()),
    }
}

/// Looks whether a step happened. The exchange is one transaction, so it did or it did not.
pub(super) async fn sight(site: &Site<'_>, step: &StepOrder<State>) -> Result<Option<Sighting>, DriverError> {
    let outside = site.outside().await?;
    let run = site.context.run.as_ref();
    let live = outside.find(site.live()).await?;
    let was_displaced = swap::displaced_by(&outside, site.live(), run).await?.is_some();
    let happened = match (&live, &step.saved) {
        (Some(live), Some(_)) => is_put_back(site, live),
        (None, None) => was_displaced,
        _ => false,
    };
    let (found, entry) = find(site, &outside, step).await?;
    Ok(match judgement(site, step, &found, entry.as_ref())? {
        Judgement::AlreadyThere => {
            let beside = swap::beside(site.live(), run);
            // The revert drops it and says that the rest is there.
            let is_left = !happened && outside.find(&beside).await?.is_some();
            Some(if is_left { Sighting::Before } else { Sighting::After })
        }
        Judgement::Go => Some(Sighting::Before),
        Judgement::Refuse(why) => match found {
            Found::Absent => Some(Sighting::Neither { seen: Seen::Absent, found: why }),
            Found::Unreadable(error) => {
                let seen = Seen::Unreadable { cause: error.chain() };
                Some(Sighting::Neither { seen, found: why })
            }
            // What it is then, a capture and its fingerprint tell.
            Found::Present(_) | Found::Shape(_) => None,
        },
    })
}

/// What is there, with its entry in the server's list as it is once nobody has been able to come in since the look.
///
/// Rows are read only where they could tell anything: users may wait behind the shut door. A step that starts from another
/// state than the saved one goes from the shape; whether this very run put the saved one there, the entry tells.
async fn find(
    site: &Site<'_>,
    outside: &Outside,
    step: &StepOrder<State>,
) -> Result<(Found, Option<Entry>), DriverError> {
    let mut before = outside.find(site.live()).await?;
    let found = match &step.before {
        Some(before) if before.is_known() && !before.same_exactly(&step.after) => {
            Found::from_shape(shape_of(site, site.live()).await)?
        }
        _ => Found::from_look(state_of(site, site.live()).await)?,
    };
    let after = outside.find(site.live()).await?;
    // The way in opens and shuts the door; the entry after that is the one that has to stay.
    if let (Some(before), Some(after)) = (&mut before, &after)
        && before.oid != after.oid
    {
        return Err(DriverError::new(ErrorKind::Locked, "look at a database that somebody exchanges"));
    }
    Ok((found, after))
}

fn judgement(
    site: &Site<'_>,
    step: &StepOrder<State>,
    found: &Found,
    entry: Option<&Entry>,
) -> Result<Judgement, DriverError> {
    let origin: Origin = serde_json::from_value(step.effect.clone()).map_err(|error| {
        DriverError::new(ErrorKind::BadData, "read the step of a plan").caused_by(error).nothing_happened()
    })?;
    let was_put_back = entry.is_some_and(|entry| is_put_back(site, entry));
    Ok(judge(found, step.saved.as_ref(), step.before.as_ref(), &origin, was_put_back))
}

fn is_put_back(site: &Site<'_>, entry: &Entry) -> bool {
    let run = site.context.run.as_ref().map(|run| run.as_str()).unwrap_or_default();
    entry.note.put_back.as_ref().is_some_and(|put_back| put_back.run == run)
}

fn is_unreadable(step: &StepOrder<State>) -> bool {
    matches!(step.before, Some(Seen::Unreadable { .. }))
}

/// What runs left beside the live database.
pub(super) async fn displaced(site: &Site<'_>) -> Result<Vec<String>, DriverError> {
    let outside = site.outside().await?;
    let left = swap::left(&outside, site.live()).await?;
    let told = left.iter().map(|entry| match swap::is_template(site.live(), &entry.name) {
        true => format!("{} (the restore point, a copy on the same server)", safe(&entry.name)),
        false => safe(&entry.name),
    });
    Ok(told.collect())
}

/// Drops what runs left beside the live database, unless one holds writes of users that are nowhere else.
pub(super) async fn release(site: &Site<'_>) -> Result<(), DriverError> {
    let outside = site.outside().await?;
    for entry in swap::left(&outside, site.live()).await? {
        if entry.note.displaced.is_some() && recording::holds_unread(site, &entry.name).await? {
            let shown = site.address.of_database(&entry.name).shown();
            return Err(DriverError::new(ErrorKind::Locked, format!("drop {shown}"))
                .caused_by("it holds recorded writes of users that stand nowhere else")
                .hint("take them over first: backout recover")
                .nothing_happened());
        }
    }
    backout_kit::scratch_folder::sweep(&site.context.scratch);
    swap::release(&outside, site.live(), &site.pace).await
}

fn safe(name: &str) -> String {
    path_text::encode(std::ffi::OsStr::new(name))
}
