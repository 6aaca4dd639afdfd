//! The names beside a target that a run uses, and what stands there.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use backout_contract::{Context, DriverError};
use backout_kit::atomic_put::sync_folder_of;
use backout_kit::file_error::FileError;
use backout_kit::leftovers::{self, left_beside};
use backout_kit::reserved::sibling;

use crate::trouble::{of_file, shown, unmade, unreadable};

/// Where a copy is put together; it gets the name beside only when it is whole and proven, so that whatever has
/// that name is either the new thing or, after the exchange, the old one, and never a part of something.
const BUILD: &str = "build";
const BESIDE: &str = "beside";
const DISPLACED: &str = "displaced";
const ROLES: [&str; 3] = [BUILD, BESIDE, DISPLACED];

/// The names beside a target that belong to one run.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) target: PathBuf,
    pub(crate) build: PathBuf,
    pub(crate) beside: PathBuf,
    pub(crate) displaced: PathBuf,
}

impl Places {
    /// For the run of a call.
    pub(crate) fn of(target: &Path, context: &Context) -> Result<Self, DriverError> {
        // Outside a run nothing is put back but by a test.
        let tag = context.run.as_ref().map_or("r0", |run| run.as_str());
        let named = |role: &str| {
            sibling(target, &format!("{role}-{tag}")).map_err(|error| of_file(error).nothing_happened())
        };
        Ok(Self {
            target: target.to_owned(),
            build: named(BUILD)?,
            beside: named(BESIDE)?,
            displaced: named(DISPLACED)?,
        })
    }
}

/// Whether something stands at a path, a dangling link included.
pub(crate) fn is_there(path: &Path) -> Result<bool, DriverError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(unreadable("look at", path, error)),
    }
}

/// What was left beside, for people.
pub(crate) fn listed(target: &Path) -> Result<Vec<String>, DriverError> {
    let left = left_beside(target, &ROLES).map_err(|error| of_file(error).nothing_happened())?;
    Ok(left.iter().map(|path| shown(path)).collect())
}

/// Removes everything that runs left beside a target.
pub(crate) fn release(target: &Path) -> Result<(), DriverError> {
    leftovers::release(target, &ROLES).map_err(of_file)
}

/// Removes something of our own.
pub(crate) fn remove(path: &Path) -> Result<(), DriverError> {
    leftovers::remove(path).map_err(|error| of_file(error).nothing_happened())
}

/// Gives a finished copy its name beside the target, durably.
pub(crate) fn call_it_ready(places: &Places) -> Result<(), DriverError> {
    fs::rename(&places.build, &places.beside)
        .map_err(|error| unmade("rename the copy beside", &places.target, error))?;
    sync_folder_of(&places.beside).map_err(|error: FileError| of_file(error).nothing_happened())
}
