//! What users write, recorded: by a logical replication slot, by row triggers, or, incomplete, by looking which rows are
//! newer than what was saved.
//!
//! What stands in the database for it: the schema `_backout`, the publication `_backout_rows`, a slot
//! `_backout_<the database's object number in hex>`, triggers whose function is in `_backout`, and REPLICA IDENTITY FULL on
//! the tables ([`originals`] says what it was). `FORMAT.md` beside the parts of this module says what each holds.

mod captured;
mod chain;
mod change;
mod changes;
mod config;
mod copied;
mod coverage;
mod install;
mod judge;
mod message;
mod objects;
mod order;
mod patience;
mod reading;
mod remove;
mod scribe;
mod sealed;
mod slot;
mod snapshot;
mod stamps;
mod standing;
mod tables;
#[cfg(test)]
mod tests;
mod triggers;

use backout_contract::DriverError;
use backout_core::checkpoint::DataPart;
use backout_core::writes::{Counted, Coverage, Occasion, SealedWrites};

pub(crate) use backout_contract::Sealed;
pub(crate) use change::{Change, Image, Kind, Relation, Value};
pub use config::{By, Config, Told};
pub(crate) use objects::{NOT_SAVED, Original, originals};
pub(crate) use order::Order;
pub(crate) use snapshot::{Since, Snapshot};

use crate::recover::{Changes, Merge};
use crate::server::{Fault, Link};
use crate::state::State;

/// A failure while nothing was changed.
fn looked(fault: Fault, order: &Order<'_>) -> DriverError {
    fault.while_doing(format!("read what was recorded in {}", order.address.shown())).nothing_happened()
}

/// Puts a recorder in place over every table of the order, or renews it, and proves it.
///
/// # Errors
/// Why none could be put in place; what was done so far stays, and the same call again goes on from there.
pub(crate) async fn arm(
    link: &mut Link,
    order: &Order<'_>,
    occasion: Occasion,
) -> Result<Coverage, DriverError> {
    let attempted = format!("put recorders into {}", order.address.shown());
    install::arm(link, order, occasion).await.map_err(|fault| fault.while_doing(attempted))
}

/// Takes everything of ours away: the slot, the triggers, what was recorded; replica identities are as they were.
///
/// # Errors
/// When something could not be taken away; the same call again goes on from there.
pub(crate) async fn disarm(link: &mut Link, order: &Order<'_>) -> Result<(), DriverError> {
    let attempted = format!("take the recorders out of {}", order.address.shown());
    remove::disarm(link, order).await.map_err(|fault| fault.while_doing(attempted))
}

/// What is recorded at this moment; none where there is no recorder. Reads only.
///
/// # Errors
/// When the server cannot be asked.
pub(crate) async fn coverage(link: &Link, order: &Order<'_>) -> Result<Option<Coverage>, DriverError> {
    coverage::of(link, order).await.map_err(|fault| looked(fault, order))
}

/// Counts the recorded writes that `target` lacks, those among them that runs have sealed since; none where there is no
/// recorder. With rules for taking writes over, those that no rule takes over are counted too. Reads only.
///
/// # Errors
/// When the server cannot be asked.
pub(crate) async fn count(
    link: &mut Link,
    order: &Order<'_>,
    target: &State,
    merge: Option<&Merge>,
    earlier: &[SealedWrites],
) -> Result<Option<Counted>, DriverError> {
    let counted = reading::count(link, order, target, merge, earlier, false).await;
    Ok(counted.map_err(|fault| looked(fault, order))?.map(|(counted, _)| counted))
}

/// Counts, and puts everything that is held at this moment into the vault, as one part. To be called while nobody writes.
/// Consumes nothing.
///
/// # Errors
/// When it cannot be read or put away.
pub(crate) async fn seal(
    link: &mut Link,
    order: &Order<'_>,
    target: &State,
    merge: Option<&Merge>,
    earlier: &[SealedWrites],
) -> Result<Option<Sealed>, DriverError> {
    let sealed = reading::count(link, order, target, merge, earlier, true).await;
    Ok(sealed.map_err(|fault| looked(fault, order))?.map(|(counted, data)| Sealed { counted, data }))
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
    let attempted = format!("put recorders into {}", order.address.shown());
    let next = Snapshot::parse(&copied.taken.snapshot)?.next();
    let of = install::Copied { system: copied.taken.system.clone(), next };
    install::begin(link, order, Occasion::Arm, &[], Some(&of))
        .await
        .map_err(|fault| fault.while_doing(attempted))
}

/// Whether a database (one that was displaced, say) holds recorded writes of users that were not sealed.
///
/// # Errors
/// When the server cannot be asked.
pub(crate) async fn unread(link: &mut Link, order: &Order<'_>) -> Result<bool, DriverError> {
    reading::unread(link, order).await.map_err(|fault| looked(fault, order))
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
    reading::sealed(part, order, since).await
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
    reading::live(link, order, since).await.map_err(|fault| looked(fault, order))
}

/// Whether a part of sealed data holds recorded writes.
pub(crate) fn is_sealed_writes(part: &DataPart) -> bool {
    part.name == SEALED_NAME
}

/// What the part with recorded writes is called; the number is its format's.
pub(crate) const SEALED_NAME: &str = "writes/changes.1";
