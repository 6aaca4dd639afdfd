//! The recorder: triggers that write down what users write, within the database itself, so that no write can be
//! committed without its record.
//!
//! What it keeps, and how: `FORMAT.md` beside this file.

pub(super) mod count;
pub(super) mod coverage;
mod eras;
pub(super) mod held;
pub(super) mod image;
pub(super) mod install;
pub(super) mod layout;
mod objects;
mod prove;
mod trigger;

use backout_contract::DriverError;
use backout_core::writes::{Counted, Coverage};

use super::config::Config;
use super::open::look;
use super::place::Place;
use super::state::State;
use crate::pace::Pace;

/// Every object of ours begins so; case does not matter in a schema.
pub(super) const PREFIX: &str = "_backout_";

/// Whether a name of a schema is ours.
pub(super) fn is_ours(name: &str) -> bool {
    name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// What recorders record at this moment; none where there are none. Reads only.
pub(super) fn coverage(place: &Place, config: &Config) -> Result<Option<Coverage>, DriverError> {
    Ok(look(place, &mut |reading| coverage::of(reading.connection, config))?.flatten())
}

/// Counts the recorded writes that live has and the target lacks. Reads only.
pub(super) fn count(
    place: &Place,
    config: &Config,
    target: &State,
    pace: &Pace,
) -> Result<Option<Counted>, DriverError> {
    Ok(look(place, &mut |reading| count::count(reading.connection, config, target, pace))?.flatten())
}
