//! Takes what users wrote over into the database that was put back.
//!
//! 1. Recorded changes are folded to one per row (`fold`, `gather`), and put beside the tables of the target that rules
//!    lead to (`rule`, `stage`, `load`): only there can a million rows be compared without being carried about.
//! 2. Keys are paired (`pairs`): what is a row there called here.
//! 3. Each row is decided by three versions of it (`decide`), before any row is touched.
//!    Rows without a key are counted instead (`multiset`).
//! 4. What was decided is added up (`tally`), done (`apply`, `foreign`), and put down (`ledger`), in one transaction.
//! 5. Files tell people of conflicts, of the map of keys, and of what has no place (`told`); then all is committed.

mod apply;
mod begin;
mod config;
mod decide;
mod direction;
mod expression;
mod fits;
mod fold;
mod foreign;
mod gather;
mod judge;
mod lead;
mod ledger;
mod load;
mod multiset;
mod natives;
mod open;
mod pairs;
mod quiet;
mod refold;
mod review;
mod rule;
mod saved;
mod sequences;
mod side;
mod stage;
mod take;
mod tally;
mod told;

use std::collections::BTreeMap;
use std::pin::Pin;

use backout_contract::{Context, DriverError, RecoverOrder};
use backout_core::writes::{Gap, Misfit, Recovered, Way};
use futures_util::{Stream, StreamExt};
use tokio_postgres::GenericClient;

pub use config::Merge;

use crate::recorder::Change;
use crate::server::{Fault, Link, Pace, TableName, of_postgres};
use crate::state::State;

/// Recorded changes in the order in which they were committed.
pub(crate) type Changes<'a> = Pin<Box<dyn Stream<Item = Result<Change, DriverError>> + Send + 'a>>;

/// What one recorder saw, up to a moment.
pub(crate) struct Recorded<'a> {
    /// The run that displaced the database, for people.
    pub(crate) run: String,
    /// What tells the recorder from others: its numbers are used once within it. Stays the same however often, and from
    /// wherever, its changes are read.
    pub(crate) source: String,
    /// The changes that the put-back state lacks: of transactions that are not visible to what was saved. Those of the
    /// migration are among them; they are left out here.
    pub(crate) changes: Changes<'a>,
    /// The displaced database, to be asked for keys; none where it is gone.
    pub(crate) database: Option<Link>,
}

/// Takes recorded writes over into a database, or writes them to files, as the order says.
///
/// `written_here` is what users wrote to the target since it was put back, as its own recorder has it; none where nobody
/// recorded it, and then every difference from what users found there counts as somebody's change.
///
/// # Errors
/// Nothing has happened, unless the error is in doubt: then all of it is there or nothing, and the same call again
/// finds out.
pub(crate) async fn recover(
    target: &mut Link,
    merge: &Merge,
    order: &RecoverOrder,
    sources: Vec<Recorded<'_>>,
    written_here: Option<Changes<'_>>,
    context: &Context,
) -> Result<Recovered, DriverError> {
    let pace = Pace::of(context);
    if order.way == Way::Review {
        let attempted = "write down what users wrote";
        return review::write(target, &order.folder, sources, &pace)
            .await
            .map_err(|fault| fault.while_doing(attempted).nothing_happened());
    }
    let attempted = "take recorded writes over";
    let done = take::take_over(target, merge, order, sources, written_here, &pace).await;
    let recovered = match done {
        Ok(recovered) => recovered,
        Err(fault) => {
            // Where that fails too, the server has ended the transaction, or ends it with the connection.
            let _ = target.batch_execute("ROLLBACK").await;
            return Err(fault.while_doing(attempted).nothing_happened());
        }
    };
    if let Some(refused) = order.refused(&recovered) {
        let _ = target.batch_execute("ROLLBACK").await;
        return Err(refused);
    }
    backout_kit::failpoint!("postgres-recovery-told");
    target.batch_execute("COMMIT").await.map_err(|error| of_postgres(attempted, error))?;
    backout_kit::failpoint!("postgres-recovered");
    Ok(recovered)
}

/// What would not be taken over, of the writes to one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Judged {
    /// Writes that no rule takes over, or not all of them, those to rows that do not fit among them.
    pub(crate) unmapped: u64,
    /// The first rows with a value that the saved schema has no room for.
    pub(crate) misfits: Vec<Misfit>,
}

/// Judges, before anything is put back, which of the changes that `saved` lacks would not be taken over. Changes of the
/// migration may be among them, and count for nothing. Asks `live` for keys, and changes nothing.
///
/// Tables without an entry lose nothing.
///
/// # Errors
/// When the server or the changes cannot be read.
pub(crate) async fn judge(
    live: &mut Link,
    saved: &State,
    merge: &Merge,
    changes: Changes<'_>,
    pace: &Pace,
) -> Result<BTreeMap<TableName, Judged>, DriverError> {
    let attempted = "judge which recorded changes can be taken over";
    judge::judge(live, saved, merge, changes, pace).await.map_err(|fault| fault.while_doing(attempted))
}

/// Whether everything that a recorder saw stands in the target by now, or was settled: only then may what holds the
/// changes be dropped without losing any. Conflicts that wait for a person and writes that no rule takes over are not.
///
/// # Errors
/// When the target or the changes cannot be read.
pub(crate) async fn all_taken(
    target: &mut Link,
    source: &str,
    changes: Changes<'_>,
    pace: &Pace,
) -> Result<bool, DriverError> {
    let mut changes = changes;
    let attempted = "look whether every recorded write is taken over";
    let taken = ledger::read(target, source).await.map_err(|fault| fault.while_doing(attempted))?;
    let mut count = 0u64;
    while let Some(change) = changes.next().await {
        let change = change?;
        count += 1;
        if count.is_multiple_of(4096) {
            pace.check(attempted)?;
        }
        if !change.by_migration && !taken.has(change.number) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Forgets what was taken over, where another state takes the place of what has it, within one database. Keys that
/// were drawn stay known.
///
/// # Errors
/// When the server fails.
pub(crate) async fn forget_taken(client: &impl GenericClient) -> Result<(), Fault> {
    ledger::forget(client).await
}

/// Asks the declared queries for keys and keeps the pairs in the database itself (`_backout.key`), so that rows that are
/// deleted later still have their old key. To be called when the cutover is marked. One gap for each query that fails,
/// or answers nothing although its table has rows.
///
/// # Errors
/// When nothing can be kept.
pub(crate) async fn keep_keys(live: &mut Link, merge: &Merge) -> Result<Vec<Gap>, DriverError> {
    let attempted = "keep which new key is which old key";
    pairs::keep(live, merge).await.map_err(|fault| fault.while_doing(attempted))
}

#[cfg(test)]
mod tests;
