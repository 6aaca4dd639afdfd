//! One side of a comparison over a SQLite database: a file that a person names, or the database of a component. All
//! hashing is ours, and nothing is written.

mod catalog;
mod query;
mod relation;
mod rows;
mod side;
mod snapshot;
#[cfg(test)]
mod tests;
mod things;
mod written;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use backout_contract::compare::{Limits, Side, Sides, Which};
use backout_contract::{Context, DriverError, ErrorKind};
use backout_core::checkpoint::DataPart;
use backout_core::secret::Secret;
use backout_kit::scratch_folder::ScratchFolder;

use super::capture::DATABASE;
use super::place::{Place, stat};
use crate::fault::{of_io, of_vault, shown};

use side::FileSide;

/// What every SQLite database begins with.
const FIRST: &[u8; 16] = b"SQLite format 3\0";
const SCHEME: &str = "sqlite:";

/// Databases in files, by their paths.
#[derive(Debug, Default)]
pub struct Files;

#[async_trait]
impl Sides for Files {
    fn addresses(&self) -> &'static str {
        "sqlite:FILE, or the path of a SQLite database"
    }

    fn knows(&self, address: &Secret, context: &Context) -> bool {
        let address = address.reveal();
        address.starts_with(SCHEME) || begins_like_a_database(&context.path(address))
    }

    async fn open(
        &self,
        address: &Secret,
        limits: &Limits,
        context: &Context,
    ) -> Result<Arc<dyn Side>, DriverError> {
        let address = address.reveal();
        let path = address.strip_prefix(SCHEME).unwrap_or(address);
        // `sqlite:///var/data.db` is how other tools write an absolute path.
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.starts_with(":memory:") {
            return Err(DriverError::new(ErrorKind::Config, "open a SQLite database without a file")
                .hint("name the file: sqlite:FILE")
                .nothing_happened());
        }
        let place = Place::named(Path::new(path), limits.lock, context)?;
        open(place, context, limits).await
    }
}

/// The side of a component's database.
pub(super) async fn of_component(
    place: Place,
    context: &Context,
    which: Which,
    limits: &Limits,
) -> Result<Option<Arc<dyn Side>>, DriverError> {
    let path = match which {
        Which::Live => place.live.clone(),
        Which::Old => return Ok(None),
        Which::Displaced => match displaced(&place, context)? {
            Some(path) => path,
            None => return Ok(None),
        },
    };
    let told = if which == Which::Displaced { shown(&path) } else { place.shown.clone() };
    let mut place = place.at(path);
    place.shown = told;
    open(place, context, limits).await.map(Some)
}

/// The side of what was saved, in a scratch file that goes with it.
pub(super) async fn of_saved(
    place: Place,
    context: &Context,
    data: &[DataPart],
    limits: &Limits,
) -> Result<Option<Arc<dyn Side>>, DriverError> {
    let Some(part) = data.iter().find(|part| part.name == DATABASE) else { return Ok(None) };
    let told = format!("{} as saved", place.shown);
    let folder = ScratchFolder::make(&context.scratch, part.bytes)
        .map_err(|error| of_io("make a private folder in", &context.scratch, error).nothing_happened())?;
    let path = folder.path().join(DATABASE);
    context.vault.get_file(&part.blob, &path).await.map_err(of_vault)?;
    let mut place = place.at(path);
    place.shown = told;
    Ok(Some(Arc::new(FileSide::open(place, context.stop.clone(), limits).await?.keeping(folder))))
}

/// What the run of the context displaced, or without a run the latest that any did.
fn displaced(place: &Place, context: &Context) -> Result<Option<PathBuf>, DriverError> {
    if context.run.is_some() {
        let mut last = None;
        for path in place.displaced(&place.live) {
            let path = path?;
            match stat(&path)? {
                Some(there) if there.is_file() => last = Some(path),
                Some(_) => {}
                None => break,
            }
        }
        return Ok(last);
    }
    let mut last = None;
    for path in place.displaced_by_any()? {
        let Some(there) = stat(&path)?.filter(std::fs::Metadata::is_file) else { continue };
        let written = there.modified().ok();
        if last.as_ref().is_none_or(|(latest, _)| *latest <= written) {
            last = Some((written, path));
        }
    }
    Ok(last.map(|(_, path)| path))
}

async fn open(place: Place, context: &Context, limits: &Limits) -> Result<Arc<dyn Side>, DriverError> {
    Ok(Arc::new(FileSide::open(place, context.stop.clone(), limits).await?))
}

fn begins_like_a_database(path: &Path) -> bool {
    let is_file = std::fs::metadata(path).is_ok_and(|there| there.is_file());
    let mut first = [0; FIRST.len()];
    is_file && File::open(path).and_then(|mut file| file.read_exact(&mut first)).is_ok() && first == *FIRST
}
