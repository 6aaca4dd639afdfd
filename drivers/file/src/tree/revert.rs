//! Puts a saved tree back: built beside, proven, swapped in at one instant, with the old tree kept aside.
//!
//! A kill may fall anywhere. What an attempt left is known by its name and its content: a copy under the name
//! `build` is not whole and is built again; one beside is whole, or is the old tree if the target is as saved;
//! one displaced says that the step is done.

use std::path::{Path, PathBuf};

use backout_contract::{Context, DriverError, Effect, ErrorKind, Sighting, StepOrder};
use backout_core::digest::Digest;
use backout_kit::beside::{SwapState, displace, swap};
use backout_kit::file_error::{FileError, OnFile};
use rustix::fs::CWD;
use serde_json::{Value, json};

use super::build::build;
use super::capture::{Look, look, look_now};
use super::carry::carry;
use super::diff::summary;
use super::selector::Selector;
use super::state::TreeState;
use super::walk::{Trouble, left_alone, walk};
use crate::displaced::{Places, call_it_ready, is_there, remove};
use crate::judge::Found;
use crate::pace::{Pace, blocking};
use crate::trouble::{bad_data, of_file, shown};

/// What a step has to know: by which outline to recognise the tree that it starts from.
pub(super) fn effect(live: Option<&TreeState>) -> Value {
    json!({ "starts_from": live.map(TreeState::outline) })
}

fn is_start(step: &StepOrder<TreeState>, live: &TreeState) -> bool {
    let known: Option<Digest> = step
        .effect
        .get("starts_from")
        .and_then(|outline| serde_json::from_value(outline.clone()).ok())
        .flatten();
    known.is_some_and(|outline| outline == live.outline())
}

/// Performs the step.
pub(super) async fn revert(
    context: &Context,
    target: &Path,
    selector: &Selector,
    step: &StepOrder<TreeState>,
) -> Result<Effect, DriverError> {
    let places = Places::of(target, context)?;
    match &step.saved {
        Some(saved) => put(context, &places, selector, step, saved).await,
        None => set_aside(context, &places, selector, step).await,
    }
}

/// Whether the step happened, by what stands there and by what it would have left beside. Reads only.
pub(super) async fn sight(
    context: &Context,
    target: &Path,
    selector: &Selector,
    step: &StepOrder<TreeState>,
) -> Result<Option<Sighting>, DriverError> {
    let places = Places::of(target, context)?;
    let live = Found::from_look(look(context, target, selector).await)?;
    let is_displaced = is_there(&places.displaced)?;
    Ok(match (&live, &step.saved) {
        (Found::Present(live), Some(saved)) if live.state.same_shape(saved) => {
            // The old tree has not got its own name yet, or a copy that was not needed is left over.
            let is_half_done = !is_displaced && is_there(&places.beside)?;
            Some(if is_half_done { Sighting::Before } else { Sighting::After })
        }
        (Found::Absent, None) => Some(Sighting::After),
        // Ours stood there, and was changed since.
        (Found::Present(_), Some(_)) if is_displaced => Some(Sighting::After),
        (live, _)
            if !is_displaced
                && live.is_before(step.before.as_ref(), |live| is_start(step, &live.state)).is_ok() =>
        {
            Some(Sighting::Before)
        }
        _ => None,
    })
}

async fn put(
    context: &Context,
    places: &Places,
    selector: &Selector,
    step: &StepOrder<TreeState>,
    saved: &TreeState,
) -> Result<Effect, DriverError> {
    let live = Found::from_look(look(context, &places.target, selector).await)?;
    if let Found::Present(there) = &live
        && there.state.same_shape(saved)
    {
        return finish(context, places, selector, saved).await;
    }
    if is_there(&places.displaced)? {
        let found = format!(
            "this run put it back and somebody changed it since; {} is kept",
            shown(&places.displaced)
        );
        return Ok(Effect::Blocked { found });
    }
    if let Err(found) = live.is_before(step.before.as_ref(), |live| is_start(step, &live.state)) {
        return Ok(Effect::Blocked { found });
    }
    refuse_excluded(saved, selector)?;
    let prepared = prepare(context, places, selector, saved, &step.data).await?;
    let (places, selector, pace) = (places.clone(), selector.clone(), Pace::of(context));
    let saved = saved.clone();
    blocking(move || exchange(&places, &selector, &pace, &saved, &live, prepared)).await
}

/// What stands beside is proven to be what was saved, but for these things, which an earlier attempt carried over.
struct Prepared(Vec<PathBuf>);

async fn prepare(
    context: &Context,
    places: &Places,
    selector: &Selector,
    saved: &TreeState,
    data: &[backout_core::checkpoint::DataPart],
) -> Result<Prepared, DriverError> {
    let pace = Pace::of(context);
    if !is_there(&places.beside)? {
        build(context, saved, data, &places.build).await?;
        call_it_ready(places)?;
        return Ok(Prepared(Vec::new()));
    }
    let (beside, selector) = (places.beside.clone(), selector.clone());
    let look = blocking(move || look_now(&beside, &selector, &pace)).await?;
    match look.filter(|look| look.state.same_shape(saved)) {
        Some(look) => Ok(Prepared(look.outline.left_alone)),
        // It may be somebody's only copy.
        None => Err(bad_data(format!("use {}, which is not what was saved", shown(&places.beside)))
            .hint("look what it is, move it away, and try again")),
    }
}

/// The instant: everything before can be thrown away, everything after is done.
fn exchange(
    places: &Places,
    selector: &Selector,
    pace: &Pace,
    saved: &TreeState,
    live: &Found<Look>,
    prepared: Prepared,
) -> Result<Effect, DriverError> {
    let left_alone = match live {
        Found::Present(live) => live.outline.left_alone.clone(),
        Found::Unreadable(_) => left_alone(&places.target, selector),
        Found::Absent => Vec::new(),
    };
    let homeless = carry(&places.target, &places.beside, &left_alone, &prepared.0)?;
    pace.check("put a tree back")?;
    if !is_unchanged(places, selector, pace, live)? {
        let found = format!("somebody changed {} at this moment", shown(&places.target));
        return Ok(Effect::Blocked { found });
    }
    let node =
        |path: &Path| super::handle::look(CWD, path.as_os_str()).map(|status| (status.device, status.node));
    let new = node(&places.beside).ok();
    let mut is_new = |path: &Path| node(path).map(|node| Some(node) == new).on_file("look at", path);
    let swapped = swap(&places.target, &places.beside, &places.displaced, &mut is_new);
    let state = swapped.map_err(|error| {
        // As long as the new tree has its name beside, nothing was exchanged.
        let nothing_happened = new.is_some() && node(&places.beside).ok() == new;
        let error = of_file(error);
        if nothing_happened { error.nothing_happened() } else { error }
    })?;
    let kept = match state {
        SwapState::Ready | SwapState::Exchanged => {
            format!("; what stood there is {}", shown(&places.displaced))
        }
        _ => String::new(),
    };
    let left: String = homeless.iter().map(|path| format!("; `{}` stays there", shown(path))).collect();
    Ok(Effect::Applied { evidence: format!("swapped in a {}{kept}{left}", summary(saved)) })
}

/// Whether nobody changed what was looked at: the same things with the same times.
fn is_unchanged(
    places: &Places,
    selector: &Selector,
    pace: &Pace,
    live: &Found<Look>,
) -> Result<bool, DriverError> {
    match (live, walk(&places.target, selector, pace)) {
        (Found::Present(live), Ok(Some(now))) => Ok(live.outline.entries == now.entries),
        (Found::Absent, Ok(None)) => Ok(true),
        // What cannot be read cannot be compared either; that something is there is all that is known.
        (Found::Unreadable(_), Ok(now)) => Ok(now.is_some()),
        (Found::Unreadable(_), Err(Trouble::Failed(error))) => {
            Ok(matches!(error.kind, ErrorKind::Unreadable | ErrorKind::Denied | ErrorKind::Locked))
        }
        (_, Err(Trouble::Failed(error))) => Err(error),
        (_, Err(Trouble::Changed(_))) | (Found::Present(_), Ok(None)) | (Found::Absent, Ok(Some(_))) => {
            Ok(false)
        }
    }
}

/// The target is as saved. Does what a killed attempt may have left undone.
async fn finish(
    context: &Context,
    places: &Places,
    selector: &Selector,
    saved: &TreeState,
) -> Result<Effect, DriverError> {
    let (saved, selector, pace, places) =
        (saved.clone(), selector.clone(), Pace::of(context), places.clone());
    blocking(move || {
        if !is_there(&places.beside)? {
            remove(&places.build)?;
            return Ok(Effect::AlreadyThere);
        }
        let mut is_new = |path: &Path| is_saved(path, &selector, &pace, &saved);
        swap(&places.target, &places.beside, &places.displaced, &mut is_new).map_err(of_file)?;
        Ok(Effect::Applied {
            evidence: format!("finished a swap; what stood there is {}", shown(&places.displaced)),
        })
    })
    .await
}

fn is_saved(path: &Path, selector: &Selector, pace: &Pace, saved: &TreeState) -> Result<bool, FileError> {
    let look = look_now(path, selector, pace).map_err(std::io::Error::other).on_file("look at", path)?;
    Ok(look.is_some_and(|look| look.state.same_shape(saved)))
}

/// What was left alone at the capture is no part of the saved tree; a pattern added since would part with it.
fn refuse_excluded(saved: &TreeState, selector: &Selector) -> Result<(), DriverError> {
    for entry in saved.entries.iter().skip(1) {
        if selector.leaves_alone(&entry.place()?) {
            let what = format!("put back `{}`, which was saved and is excluded now", entry.path);
            let hint = "take the pattern out of `exclude`, or capture again";
            return Err(DriverError::new(ErrorKind::Config, what).hint(hint).nothing_happened());
        }
    }
    Ok(())
}

async fn set_aside(
    context: &Context,
    places: &Places,
    selector: &Selector,
    step: &StepOrder<TreeState>,
) -> Result<Effect, DriverError> {
    let live = Found::from_look(look(context, &places.target, selector).await)?;
    if matches!(live, Found::Absent) {
        return Ok(Effect::AlreadyThere);
    }
    if is_there(&places.displaced)? {
        let found =
            format!("this run set it aside and somebody made it again; {} is kept", shown(&places.displaced));
        return Ok(Effect::Blocked { found });
    }
    if let Err(found) = live.is_before(step.before.as_ref(), |live| is_start(step, &live.state)) {
        return Ok(Effect::Blocked { found });
    }
    let (places, selector, pace) = (places.clone(), selector.clone(), Pace::of(context));
    blocking(move || {
        if !is_unchanged(&places, &selector, &pace, &live)? {
            let found = format!("somebody changed {} at this moment", shown(&places.target));
            return Ok(Effect::Blocked { found });
        }
        displace(&places.target, &places.displaced).map_err(of_file)?;
        Ok(Effect::Applied { evidence: format!("set aside as {}", shown(&places.displaced)) })
    })
    .await
}
