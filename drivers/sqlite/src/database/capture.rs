//! Looks at a database, and saves it.

use backout_contract::{Captured, Context, Depth, DriverError, ErrorKind};
use backout_core::checkpoint::DataPart;

use super::open::{look, own, private_folder};
use super::place::{Place, access_of, stat};
use super::sound::{Check, Soundness, check};
use super::state::State;
use super::{copy, read};
use crate::fault::of_vault;
use crate::pace::{Pace, blocking};

/// What the saved database is called among the data of a checkpoint.
pub(super) const DATABASE: &str = "database";

pub(super) async fn capture(
    place: Place,
    context: &Context,
    depth: Depth,
) -> Result<Captured<State>, DriverError> {
    let pace = Pace::of(context);
    let identity = place.identity();
    match depth {
        Depth::Look => {
            let state = blocking(move || seen(&place, &pace)).await?;
            Ok(Captured { state, identity, data: Vec::new() })
        }
        Depth::Keep => keep(place, context, pace, identity).await,
    }
}

/// The state of what is there; none when nothing is.
pub(super) fn seen(place: &Place, pace: &Pace) -> Result<Option<State>, DriverError> {
    look(place, &mut |reading| read::state(reading.connection, reading.write_ahead, reading.access, pace))
}

/// Copies the database, judges the copy, and saves that very copy: what the state tells is what was saved.
async fn keep(
    place: Place,
    context: &Context,
    pace: Pace,
    identity: Option<String>,
) -> Result<Captured<State>, DriverError> {
    let made = blocking(move || {
        let folder = private_folder(&place)?;
        let path = folder.path().join(DATABASE);
        let access = look(&place, &mut |reading| {
            // An earlier try may have left a part.
            let _ = std::fs::remove_file(&path);
            copy::to_new_file(reading.connection, &path, &pace)?;
            Ok(reading.access)
        })?;
        let Some(access) = access else { return Ok(None) };
        let attempted = format!("check the copy of {}", place.shown);
        let (connection, _) = own(&path).map_err(|error| crate::fault::of_sqlite(&attempted, error))?;
        let soundness = check(&connection, Check::Full).map_err(|fault| fault.while_doing(&attempted))?;
        if let Soundness::Damaged(damage) = soundness {
            return Err(damaged(&place, &damage));
        }
        let state = copy::state_of(&path, access, &pace).map_err(|fault| fault.while_doing(&attempted))?;
        Ok(Some((folder, path, state)))
    })
    .await
    .map_err(DriverError::nothing_happened)?;
    let Some((folder, path, state)) = made else {
        return Ok(Captured { state: None, identity, data: Vec::new() });
    };
    let (blob, bytes) = context.vault.put_file(&path).await.map_err(of_vault)?;
    drop(folder);
    Ok(Captured { state: Some(state), identity, data: vec![DataPart { name: DATABASE.into(), blob, bytes }] })
}

/// What the run of this context displaced, saved; none where it displaced nothing, or what cannot be read.
pub(super) async fn displaced(
    place: Place,
    context: &Context,
) -> Result<Option<Captured<State>>, DriverError> {
    // Each attempt of a run takes a name of its own; what was there right before the last one is what was displaced.
    let mut last = None;
    for name in place.displaced(&place.live) {
        let name = name?;
        match stat(&name)? {
            Some(there) if there.is_file() => last = Some(name),
            Some(_) => {}
            None => break,
        }
    }
    let Some(path) = last else { return Ok(None) };
    let identity = place.identity();
    // The rewrite left mode and owner of the live file as they were; its copy has others.
    let access = stat(&place.live)?.as_ref().map(access_of);
    match keep(place.at(path), context, Pace::of(context), identity).await {
        Ok(mut captured) => {
            if let (Some(state), Some(access)) = (&mut captured.state, access) {
                state.access = access;
            }
            Ok(captured.state.is_some().then_some(captured))
        }
        Err(error) if error.kind == ErrorKind::Unreadable => Ok(None),
        Err(error) => Err(error),
    }
}

fn damaged(place: &Place, damage: &str) -> DriverError {
    let first = damage.lines().last().unwrap_or_default().to_owned();
    DriverError::new(ErrorKind::Unreadable, format!("save {}, for its content is damaged", place.shown))
        .caused_by(first)
        .hint("what is damaged cannot be what you want back: repair it first, with `.recover` of the sqlite3 shell")
}

/// Writes saved data into a scratch file of its own and looks at it there.
pub(super) async fn rehearse(
    place: Place,
    context: &Context,
    saved: &State,
    data: &[DataPart],
) -> Result<Option<State>, DriverError> {
    let Some(part) = data.iter().find(|part| part.name == DATABASE) else { return Ok(None) };
    let (access, pace) = (saved.access, Pace::of(context));
    let folder = blocking(move || private_folder(&place)).await?;
    let path = folder.path().join(DATABASE);
    context.vault.get_file(&part.blob, &path).await.map_err(of_vault)?;
    blocking(move || {
        let attempted = "look at the scratch copy of a saved database";
        let (connection, _) = own(&path).map_err(|error| crate::fault::of_sqlite(attempted, error))?;
        let soundness = check(&connection, Check::Full).map_err(|fault| fault.while_doing(attempted))?;
        if let Soundness::Damaged(damage) = soundness {
            return Err(crate::fault::bad_data(attempted).caused_by(damage));
        }
        let state = copy::state_of(&path, access, &pace).map_err(|fault| fault.while_doing(attempted))?;
        drop(folder);
        Ok(Some(state))
    })
    .await
}
