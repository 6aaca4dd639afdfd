//! What runs left beside a live database, and how it is released.

use backout_contract::DriverError;
use backout_core::name::RunId;

use super::beside::remove;
use super::name;
use crate::door::{Entry, Note, Outside};
use crate::server::Pace;

/// Databases of ours beside a live one.
///
/// # Errors
/// When the server cannot be asked.
pub(crate) async fn left(outside: &Outside, live: &str) -> Result<Vec<Entry>, DriverError> {
    let mut left = outside.list(&name::of_live(live)).await?;
    left.retain(is_ours);
    Ok(left)
}

/// Whether a database of such a name is known to be ours: it bears our note, or it was made and never opened. Nothing else
/// is ever dropped.
pub(crate) fn is_ours(there: &Entry) -> bool {
    let Note { staged, copy_of, displaced, .. } = &there.note;
    let is_marked = staged.is_some() || copy_of.is_some() || displaced.is_some();
    is_marked || (!there.lets_in && there.comment.is_empty() && there.note == Note::default())
}

/// What a run displaced last; none where it displaced nothing.
///
/// # Errors
/// When the server cannot be asked.
pub(crate) async fn displaced_by(
    outside: &Outside,
    live: &str,
    run: Option<&RunId>,
) -> Result<Option<Entry>, DriverError> {
    let mut last = None;
    for number in 1.. {
        match outside.find(&name::displaced(live, run, number)).await? {
            Some(found) => last = Some(found),
            None => break,
        }
    }
    Ok(last)
}

/// A name that no copy of a live database has.
///
/// # Errors
/// When the server cannot be asked.
pub(crate) async fn template(outside: &Outside, live: &str) -> Result<String, DriverError> {
    let mut number = 1;
    while outside.find(&name::template(live, number)).await?.is_some() {
        number += 1;
    }
    Ok(name::template(live, number))
}

/// Drops them all. The server drops the slots of a database with it.
///
/// # Errors
/// When one cannot be dropped; the others may be gone.
pub(crate) async fn release(outside: &Outside, live: &str, pace: &Pace) -> Result<(), DriverError> {
    for database in left(outside, live).await? {
        remove(outside, &database.name, pace).await?;
        backout_kit::failpoint!("postgres-released-one");
    }
    Ok(())
}
