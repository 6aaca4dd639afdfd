//! What stood there before, kept beside under a name of this run until release. Nothing is ever overwritten.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use backout_contract::DriverError;
use backout_core::digest::Digest;
use backout_kit::atomic_put::sync_folder_of;
use backout_kit::beside::displace;
use rusqlite::Connection;

use super::impossible;
use crate::database::config::SIDECARS;
use crate::database::copy;
use crate::database::place::{Place, stat};
use crate::database::state::Access;
use crate::fault::{Fault, of_file, of_io};
use crate::pace::Pace;

/// Copies the database that `source` reads beside, proves that the copy can be read and has this shape, and gives it
/// a name for keeps. An earlier attempt's copy that holds the very same is taken instead.
pub(super) fn copy_aside(
    place: &Place,
    source: &Connection,
    shape: Option<Digest>,
    access: Access,
    pace: &Pace,
) -> Result<PathBuf, Fault> {
    let build = place.build()?;
    if stat(&build)?.is_some() {
        fs::remove_file(&build).map_err(|error| of_io("remove", &build, error).nothing_happened())?;
    }
    copy::to_new_file(source, &build, pace)?;
    let copied = copy::state_of(&build, access, pace)?;
    if shape != Some(copied.shape().digest()) {
        return Err(Fault::Said(impossible(
            "prove the copy of what is there now: its schema is another one",
        )));
    }
    backout_kit::failpoint!("sqlite-copied-aside");
    for name in place.displaced(&place.live) {
        let name = name?;
        if stat(&name)?.is_none() {
            displace(&build, &name).map_err(|error| of_file(error).nothing_happened())?;
            return Ok(name);
        }
        if copy::state_of(&name, access, pace)
            .is_ok_and(|kept| kept.is_exactly(&copied) && kept.recorder == copied.recorder)
        {
            fs::remove_file(&build).map_err(|error| of_io("remove", &build, error).nothing_happened())?;
            return Ok(name);
        }
    }
    Err(Fault::Said(impossible("find a name for what is there now")))
}

/// Gives a file a second name, for keeps. An earlier attempt may have done it already.
pub(super) fn link_aside(place: &Place, path: &Path) -> Result<PathBuf, DriverError> {
    let there = fs::metadata(path).map_err(|error| of_io("look at", path, error).nothing_happened())?;
    for name in place.displaced(path) {
        let name = name?;
        match stat(&name)? {
            Some(kept) if (kept.dev(), kept.ino()) == (there.dev(), there.ino()) => return Ok(name),
            Some(_) => {}
            None => {
                fs::hard_link(path, &name)
                    .map_err(|error| of_io("keep beside", path, error).nothing_happened())?;
                sync(&name)?;
                return Ok(name);
            }
        }
    }
    Err(impossible("find a name for what is there now"))
}

/// Moves a file aside, for keeps.
pub(super) fn move_aside(place: &Place, path: &Path) -> Result<PathBuf, DriverError> {
    for name in place.displaced(path) {
        let name = name?;
        if stat(&name)?.is_none() {
            displace(path, &name).map_err(of_file)?;
            return Ok(name);
        }
    }
    Err(impossible("find a name for what is there now"))
}

/// Moves the journals of a database aside that SQLite would otherwise play into whatever has the database's name.
pub(super) fn move_sidecars_aside(place: &Place) -> Result<(), DriverError> {
    for ending in SIDECARS {
        let path = place.sidecar(ending);
        if stat(&path)?.is_some() {
            move_aside(place, &path)?;
            backout_kit::failpoint!("sqlite-sidecar-aside");
        }
    }
    Ok(())
}

/// Makes names durable.
pub(super) fn sync(path: &Path) -> Result<(), DriverError> {
    sync_folder_of(path).map_err(of_file)
}
