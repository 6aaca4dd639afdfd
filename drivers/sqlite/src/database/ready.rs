//! Whether a database could be put back now.

use backout_contract::DriverError;
use backout_core::checkpoint::DataPart;
use backout_kit::space::free_bytes;
use rustix::fs::{Access, AtFlags, CWD, accessat};

use super::capture::DATABASE;
use super::place::{Place, stat};
use super::state::State;
use crate::fault::{of_file, shown};

/// Older ones can damage a database when its log is reset.
const OLDEST_SQLITE: i32 = 3_051_003;

/// One sentence for each thing that is missing. Changes nothing.
pub(super) fn ready(
    place: &Place,
    saved: Option<&State>,
    data: &[DataPart],
) -> Result<Vec<String>, DriverError> {
    let mut missing = Vec::new();
    if rusqlite::version_number() < OLDEST_SQLITE {
        missing.push(format!("this program was built with SQLite {}, which is too old", rusqlite::version()));
    }
    let part = data.iter().find(|part| part.name == DATABASE);
    if saved.is_some() && part.is_none() {
        missing.push(format!("the checkpoint has no data for {}", place.shown));
    }
    let folder = shown(place.folder());
    match stat(place.folder())? {
        Some(there) if there.is_dir() => {}
        _ => {
            missing.push(format!("the folder {folder} is not there"));
            return Ok(missing);
        }
    }
    if !is_writable(place.folder()) {
        missing.push(format!("we may not write in {folder}, where copies are put beside the database"));
    }
    let live = stat(&place.live)?;
    if live.is_some() && !is_writable(&place.live) {
        missing.push(format!("we may not write to {}", place.shown));
    }
    let mut size = live.map_or(0, |live| live.len());
    size += stat(&place.sidecar("-wal"))?.map_or(0, |log| log.len());
    let saved_size = part.map_or(0, |part| part.bytes);
    // The saved one beside, the live one displaced, and what SQLite needs to go from one to the other.
    let needed = saved_size.saturating_add(size).saturating_add(size.max(saved_size));
    let free = free_bytes(place.folder()).map_err(|error| of_file(error).nothing_happened())?;
    if free < needed {
        missing.push(format!(
            "{folder} has {free} bytes free, and putting {} back needs {needed} for copies beside it",
            place.shown
        ));
    }
    Ok(missing)
}

fn is_writable(path: &std::path::Path) -> bool {
    accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS).is_ok()
}
