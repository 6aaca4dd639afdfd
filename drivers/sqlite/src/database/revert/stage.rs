//! The saved database beside the live one, proven before anything is changed.

use std::path::PathBuf;

use backout_contract::{Context, DriverError};
use backout_core::checkpoint::DataPart;

use crate::database::capture::DATABASE;
use crate::database::config::SIDECARS;
use crate::database::copy;
use crate::database::open::own;
use crate::database::place::{Place, stat, with_ending};
use crate::database::sound::{Check, Soundness, check};
use crate::database::state::State;
use crate::fault::{bad_data, of_io, of_vault};
use crate::pace::{Pace, blocking};

/// Writes the saved bytes beside the live database, durably.
pub(super) async fn write(place: &Place, context: &Context, data: &[DataPart]) -> Result<(), DriverError> {
    let part = data
        .iter()
        .find(|part| part.name == DATABASE)
        .ok_or_else(|| bad_data(format!("find the saved data of {}", place.shown)))?;
    let path = place.staged()?;
    let before = place.clone();
    blocking(move || clear(&before)).await.map_err(DriverError::nothing_happened)?;
    let written = context.vault.get_file(&part.blob, &path).await;
    if let Err(error) = written {
        // A part of a file is no use to anybody; what failed first is what matters.
        let _ = std::fs::remove_file(&path);
        return Err(of_vault(error));
    }
    backout_kit::failpoint!("sqlite-staged");
    Ok(())
}

/// Proves that what was written is what was saved: sound, and the same rows.
pub(super) fn prove(place: &Place, saved: &State, pace: &Pace) -> Result<PathBuf, DriverError> {
    let path = place.staged()?;
    let attempted = format!("prove the saved copy of {}", place.shown);
    let proven = || {
        let (connection, _) = own(&path)?;
        if let Soundness::Damaged(damage) = check(&connection, Check::Full)? {
            return Err(bad_data(attempted.clone()).caused_by(damage).into());
        }
        copy::state_of(&path, saved.access, pace)
    };
    let state = proven().map_err(|fault| fault.while_doing(&attempted).nothing_happened())?;
    if state.is_exactly(saved) {
        Ok(path)
    } else {
        Err(bad_data(attempted).caused_by("its rows or its schema are not the ones that were saved"))
    }
}

/// Whether an attempt left something unfinished.
pub(super) fn is_left(place: &Place) -> Result<bool, DriverError> {
    Ok(stat(&place.staged()?)?.is_some() || stat(&place.build()?)?.is_some())
}

/// Removes what an attempt left unfinished. What is displaced stays.
pub(super) fn clear(place: &Place) -> Result<(), DriverError> {
    for path in [place.staged()?, place.build()?] {
        // What SQLite keeps beside it goes first, or it would be played into the next one of that name.
        for ending in SIDECARS.into_iter().chain([""]) {
            let path = with_ending(&path, ending);
            if stat(&path)?.is_some() {
                std::fs::remove_file(&path).map_err(|error| of_io("remove", &path, error))?;
            }
        }
    }
    Ok(())
}
