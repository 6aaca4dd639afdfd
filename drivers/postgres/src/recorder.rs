//! What users write, recorded: by a logical replication slot, by row triggers, or, incomplete, by looking which rows are
//! newer than what was saved.
//!
//! What stands in the database for it: the schema `_backout`, the publication `_backout_rows`, a slot
//! `_backout_<the database's object number in hex>`, triggers whose function is in `_backout`, and REPLICA IDENTITY FULL on
//! the tables ([`originals`] says what it was). `FORMAT.md` beside the parts of this module says what each holds.

mod change;
mod config;
mod objects;
mod order;
mod snapshot;

use backout_contract::{DriverError, ErrorKind};
use backout_core::checkpoint::DataPart;
use backout_core::writes::{Counted, Coverage, Occasion};

pub(crate) use backout_contract::Sealed;
pub(crate) use change::{Change, Image, Kind, Relation, Value};
pub use config::{By, Config, Told};
pub(crate) use objects::{NOT_SAVED, Original, PUBLICATION, SCHEMA, originals};
pub(crate) use order::Order;
pub(crate) use snapshot::{Since, Snapshot};

use crate::recover::{Changes, Merge};
use crate::server::Link;
use crate::state::State;

/// Puts a recorder in place over every table of the order, or renews it, and proves it.
///
/// # Errors
/// Why none could be put in place; what was done so far stays, and the same call again goes on from there.
pub(crate) async fn arm(
    link: &mut Link,
    order: &Order<'_>,
    occasion: Occasion,
) -> Result<Coverage, DriverError> {
    let _ = (link, order, occasion);
    Err(DriverError::new(ErrorKind::Other, "put recorders into a database").nothing_happened())
}

/// Takes everything of ours away: the slot, the triggers, what was recorded; replica identities are as they were.
///
/// # Errors
/// When something could not be taken away; the same call again goes on from there.
pub(crate) async fn disarm(link: &mut Link, order: &Order<'_>) -> Result<(), DriverError> {
    let _ = (link, order);
    Ok(())
}

/// What is recorded at this moment; none where there is no recorder. Reads only.
///
/// # Errors
/// When the server cannot be asked.
pub(crate) async fn coverage(link: &Link, order: &Order<'_>) -> Result<Option<Coverage>, DriverError> {
    let _ = (link, order);
    Ok(None)
}

/// Counts the recorded writes that `target` lacks; none where there is no recorder. With rules for taking writes over,
/// those that no rule takes over are counted too. Reads only.
///
/// # Errors
/// When the server cannot be asked.
pub(crate) async fn count(
    link: &mut Link,
    order: &Order<'_>,
    target: &State,
    merge: Option<&Merge>,
) -> Result<Option<Counted>, DriverError> {
    let _ = (link, order, target, merge);
    Ok(None)
}

/// Counts, and puts everything that was recorded up to this moment into the vault, as one part. To be called while nobody
/// writes. Consumes nothing.
///
/// # Errors
/// When it cannot be read or put away.
pub(crate) async fn seal(
    link: &mut Link,
    order: &Order<'_>,
    target: &State,
    merge: Option<&Merge>,
) -> Result<Option<Sealed>, DriverError> {
    let _ = (link, order, target, merge);
    Ok(None)
}

/// Puts a recorder of its own into a restored copy, before users come in. Whatever came along with the copy is renewed. A
/// copy of a state without a recorder gets one too.
///
/// # Errors
/// As [`arm`].
pub(crate) async fn place_again(
    link: &mut Link,
    order: &Order<'_>,
    copied: &State,
) -> Result<Coverage, DriverError> {
    let _ = (link, order, copied);
    Err(DriverError::new(ErrorKind::Other, "put recorders into a copy").nothing_happened())
}

/// Whether a database (one that was displaced, say) holds recorded writes of users that were not sealed.
///
/// # Errors
/// When the server cannot be asked.
pub(crate) async fn unread(link: &mut Link, order: &Order<'_>) -> Result<bool, DriverError> {
    let _ = (link, order);
    Ok(false)
}

/// Recorded changes, from wherever they are read.
pub(crate) struct Reading {
    /// What tells this recorder from others, in whatever copy of what it recorded.
    pub(crate) source: String,
    /// The database that it recorded, by object number.
    pub(crate) database: u32,
    /// The changes, in commit order; those of the migration are among them.
    pub(crate) changes: Changes<'static>,
}

/// Reads what was sealed in the vault, as far as `since` lacks it.
///
/// # Errors
/// When it is not there, or not what was put there.
pub(crate) async fn read_sealed(
    part: &DataPart,
    order: &Order<'_>,
    since: &Since,
) -> Result<Reading, DriverError> {
    let _ = (part, order, since);
    Err(DriverError::new(ErrorKind::Other, "read sealed writes").nothing_happened())
}

/// Reads what a recorder holds at this moment, as far as `since` lacks it; none where there is no recorder. Consumes
/// nothing. The changes stand in a private file meanwhile.
///
/// # Errors
/// When the server cannot be asked.
pub(crate) async fn read_live(
    link: &Link,
    order: &Order<'_>,
    since: &Since,
) -> Result<Option<Reading>, DriverError> {
    let _ = (link, order, since);
    Ok(None)
}

/// Whether a part of sealed data holds recorded writes.
pub(crate) fn is_sealed_writes(part: &DataPart) -> bool {
    part.name == SEALED_NAME
}

/// What the part with recorded writes is called; the number is its format's.
pub(crate) const SEALED_NAME: &str = "writes/changes.1";
