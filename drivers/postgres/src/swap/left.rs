//! What runs left beside a live database, and how it is released.

use backout_contract::DriverError;
use backout_core::name::RunId;

use super::beside::remove;
use super::name;
use crate::door::{Entry, Outside};

/// Databases of ours beside a live one.
///
/// # Errors
/// When the server cannot be asked.
pub(crate) async fn left(outside: &Outside, live: &str) -> Result<Vec<Entry>, DriverError> {
    outside.list(&name::of_live(live)).await
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

/// Drops them all. The server drops the slots of a database with it.
///
/// # Errors
/// When one cannot be dropped; the others may be gone.
pub(crate) async fn release(outside: &Outside, live: &str) -> Result<(), DriverError> {
    for database in left(outside, live).await? {
        remove(outside, &database.name).await?;
        backout_kit::failpoint!("postgres-released-one");
    }
    Ok(())
}
