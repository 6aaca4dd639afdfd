//! Puts named values back. A file that can be read is edited in a copy, which takes its place in one instant; where
//! the file is gone or cannot be read, the whole file is put as it was saved, and what stood there is kept aside.

use std::collections::BTreeMap;
use std::path::Path;

use backout_contract::{Context, DriverError, Effect, ErrorKind, StepOrder};
use backout_core::checkpoint::DataPart;
use backout_core::observation::Seen;
use backout_kit::beside::{displace, swap};
use backout_kit::file_error::{FileError, OnFile};
use serde_json::{Value, json};

use crate::capture::{Look, NO_FILE, WHOLE, look};
use crate::config::Chosen;
use crate::file::{Places, is_there, read, remove, replace, write};
use crate::format::edit;
use crate::state::{Held, ValuesState, same_values, tags};
use crate::trouble::{of_file, of_vault, shown, unfit};

/// How often an edit is done again because somebody wrote to the file meanwhile.
const TRIES: usize = 5;

/// What a step has to know: by which values to recognise what it starts from.
pub(crate) fn effect(saved: Option<&ValuesState>, live: Option<&ValuesState>) -> Value {
    let salt = saved.and_then(|saved| saved.salt.as_ref());
    json!({ "starts_from": live.map(|live| tags(&live.values, salt)) })
}

/// Performs the step. `seen` are the values that the session saw last.
pub(crate) async fn revert(
    context: &Context,
    path: &Path,
    chosen: &Chosen,
    step: &StepOrder<ValuesState>,
    seen: Option<&BTreeMap<String, Held>>,
) -> Result<Effect, DriverError> {
    let places = Places::of(path, context)?;
    // Before anything is touched, though only some ways need it: what is damaged must be known while there is time.
    let whole = match &step.saved {
        Some(_) => Some(fetch_whole(context, step).await?),
        None => None,
    };
    let none = BTreeMap::new();
    let wanted = step.saved.as_ref().map_or(&none, |saved| &saved.values);
    for _ in 0..TRIES {
        let live = match look(path, chosen) {
            Ok(live) => live,
            Err(error) if matches!(error.kind, ErrorKind::Unreadable | ErrorKind::Denied) => {
                return match may_start_unreadable(step, &error) {
                    Ok(()) => put_whole(&places, chosen, step.saved.as_ref(), whole.as_deref()),
                    Err(found) => Ok(Effect::Blocked { found }),
                };
            }
            Err(error) => return Err(error),
        };
        let values = live.as_ref().map_or(&none, |live| &live.values);
        if same_values(values, wanted) {
            return finish(&places, whole.as_deref());
        }
        if let Err(found) = may_start(step, values, seen) {
            return Ok(Effect::Blocked { found });
        }
        if step.saved.is_none() && step.data.iter().any(|part| part.name == NO_FILE) {
            return set_aside(&places, live.as_ref());
        }
        let Some(live) = &live else {
            return put_whole(&places, chosen, step.saved.as_ref(), whole.as_deref());
        };
        if put_edited(&places, chosen, live, wanted)? {
            let count = changed(values, wanted);
            return Ok(Effect::Applied { evidence: format!("{count} values in {}", shown(path)) });
        }
    }
    let error = DriverError::new(ErrorKind::Locked, format!("edit {} while it keeps changing", shown(path)));
    Err(error.hint("stop what writes to it").nothing_happened())
}

/// Why the values could not be put into the file that is there now, if they could not: to be known before anything is
/// changed.
pub(crate) fn obstacle(
    path: &Path,
    chosen: &Chosen,
    saved: Option<&ValuesState>,
    data: &[DataPart],
) -> Option<String> {
    if saved.is_none() && data.iter().any(|part| part.name == NO_FILE) {
        return None;
    }
    let none = BTreeMap::new();
    let live = match look(path, chosen) {
        Ok(live) => live?,
        // What is broken is set aside, and what we may not read is told by the look itself.
        Err(error) => return (error.kind == ErrorKind::Config).then(|| error.chain()),
    };
    let wanted = saved.map_or(&none, |saved| &saved.values);
    edit(chosen, &live.content.bytes, wanted).err().map(|why| unfit(path, &why).chain())
}

async fn fetch_whole(context: &Context, step: &StepOrder<ValuesState>) -> Result<Vec<u8>, DriverError> {
    let part = step
        .data
        .iter()
        .find(|part| part.name == WHOLE)
        .ok_or_else(|| DriverError::new(ErrorKind::BadData, "find the saved file").nothing_happened())?;
    context.vault.get(&part.blob).await.map_err(of_vault)
}

fn may_start(
    step: &StepOrder<ValuesState>,
    values: &BTreeMap<String, Held>,
    seen: Option<&BTreeMap<String, Held>>,
) -> Result<(), String> {
    let salt = step.saved.as_ref().and_then(|saved| saved.salt.as_ref());
    let known: Option<BTreeMap<String, String>> =
        step.effect.get("starts_from").and_then(|known| serde_json::from_value(known.clone()).ok()).flatten();
    let fits = match (&step.before, values.is_empty()) {
        (Some(Seen::Absent) | None, true) => true,
        (Some(Seen::Present { .. }) | None, false) => known.is_some_and(|known| known == tags(values, salt)),
        _ => false,
    };
    // Where there is no salt, sensitive values are known by what this session saw, if it looked.
    let as_seen = seen.is_none_or(|seen| same_values(seen, values));
    if fits && as_seen {
        Ok(())
    } else {
        Err("the values are neither what the step starts from nor what it leaves".to_owned())
    }
}

fn may_start_unreadable(step: &StepOrder<ValuesState>, error: &DriverError) -> Result<(), String> {
    match &step.before {
        Some(Seen::Unreadable { .. } | Seen::Unreachable { .. }) | None => Ok(()),
        Some(_) => Err(format!("it cannot be read: {}", error.chain())),
    }
}

/// Edits a copy and lets it take the file's place, unless somebody wrote to the file meanwhile.
fn put_edited(
    places: &Places,
    chosen: &Chosen,
    live: &Look,
    wanted: &BTreeMap<String, Held>,
) -> Result<bool, DriverError> {
    let edited = edit(chosen, &live.content.bytes, wanted).map_err(|why| unfit(&places.target, &why))?;
    write(&places.edit, &edited, &live.content.facts)?;
    let replaced = replace(places, &live.content);
    if !matches!(replaced, Ok(true)) {
        remove(&places.edit)?;
    }
    replaced
}

/// There was no file: the whole of what was made since goes aside, if nobody wrote to it meanwhile.
fn set_aside(places: &Places, live: Option<&Look>) -> Result<Effect, DriverError> {
    if is_there(&places.displaced)? {
        let found =
            format!("this run set it aside and somebody made it again; {} is kept", shown(&places.displaced));
        return Ok(Effect::Blocked { found });
    }
    if let Some(live) = live
        && read(&places.target)?.as_ref() != Some(&live.content)
    {
        return Ok(Effect::Blocked {
            found: format!("somebody changed {} at this moment", shown(&places.target)),
        });
    }
    displace(&places.target, &places.displaced).map_err(of_file)?;
    Ok(Effect::Applied { evidence: format!("set aside as {}", shown(&places.displaced)) })
}

/// Puts the whole file as it was saved in place of nothing or of something that cannot be read; or puts the latter
/// aside where nothing was saved.
fn put_whole(
    places: &Places,
    chosen: &Chosen,
    saved: Option<&ValuesState>,
    whole: Option<&[u8]>,
) -> Result<Effect, DriverError> {
    let (Some(saved), Some(whole)) = (saved, whole) else { return set_aside(places, None) };
    let found =
        crate::format::find(chosen, whole).map_err(|why| unfit(&places.beside, &why).nothing_happened())?;
    if !saved.same_values(&found) {
        let what = "use the saved file, which does not hold the saved values";
        return Err(DriverError::new(ErrorKind::BadData, what).nothing_happened());
    }
    if is_there(&places.beside)? {
        // After an exchange it would be what stood there, perhaps the only copy.
        if !holds(&places.beside, whole).map_err(of_file)? {
            let what = format!("use {}, which is not what was saved", shown(&places.beside));
            let error = DriverError::new(ErrorKind::BadData, what);
            return Err(error.hint("look what it is, move it away, and try again").nothing_happened());
        }
    } else {
        write(&places.beside, whole, &saved.file)?;
    }
    finish(places, Some(whole))
}

/// The values are as wanted, or the whole file stands ready beside: does what is left.
fn finish(places: &Places, whole: Option<&[u8]>) -> Result<Effect, DriverError> {
    if is_there(&places.edit)? {
        remove(&places.edit)?;
    }
    let Some(whole) = whole else { return Ok(Effect::AlreadyThere) };
    if !is_there(&places.beside)? {
        return Ok(Effect::AlreadyThere);
    }
    let mut is_new = |path: &Path| holds(path, whole);
    swap(&places.target, &places.beside, &places.displaced, &mut is_new).map_err(of_file)?;
    let kept = match is_there(&places.displaced)? {
        true => format!("; what stood there is {}", shown(&places.displaced)),
        false => String::new(),
    };
    Ok(Effect::Applied { evidence: format!("put the whole file{kept}") })
}

/// Whether a file with just these bytes stands there.
fn holds(path: &Path, bytes: &[u8]) -> Result<bool, FileError> {
    match read(path) {
        Ok(content) => Ok(content.is_some_and(|content| content.bytes == bytes)),
        Err(error) if matches!(error.kind, ErrorKind::Unreadable | ErrorKind::Denied) => Ok(false),
        Err(error) => Err(std::io::Error::other(error)).on_file("read", path),
    }
}

fn changed(live: &BTreeMap<String, Held>, wanted: &BTreeMap<String, Held>) -> usize {
    let differs =
        |key: &&String| live.get(*key).map(|held| &held.raw) != wanted.get(*key).map(|held| &held.raw);
    live.keys().chain(wanted.keys().filter(|key| !live.contains_key(*key))).filter(differs).count()
}
