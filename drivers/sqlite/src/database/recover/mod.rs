//! Takes what users wrote over from the databases that runs displaced.
//!
//! Every recorded write has an identity that is the same in every copy of the database. What a log has and the
//! put-back database's own log lacks is taken over, and put down there under its identity, in one transaction: so each
//! is taken over once, however often it is asked for and wherever it was killed.
//!
//! 1. Keys are paired (`keys`, `gather::correspond`): what is a row there called here.
//! 2. The lacking writes are gathered row by row, in the columns of the put-back schema (`mapping`, `gather`, `fold`).
//! 3. Each row is decided by three versions of it (`settle`, `decide`), before any row is touched.
//! 4. What was decided is done (`apply`, `replaced`, `foreign`), and put down.
//! 5. Files tell people of conflicts, of the map of keys, and of what has no place (`told`); then all is committed.

mod apply;
mod cell;
mod config;
mod decide;
mod displaced;
mod feeders;
mod fold;
mod foreign;
mod gather;
pub(super) mod keys;
pub(super) mod mapping;
mod mirror;
mod pairs;
mod replaced;
mod review;
mod rows;
mod rule;
mod scratch;
mod settle;
mod source;
mod table;
mod take;
mod told;
mod unmapped;

use backout_contract::{Context, DriverError, RecoverOrder};
use backout_core::writes::{Recovered, Way};

pub use config::Merge;
pub(super) use unmapped::unmapped;

use super::place::Place;
use crate::pace::{Pace, blocking};

/// Takes recorded writes over, or writes them to files.
pub(super) async fn recover(
    place: Place,
    context: &Context,
    merge: &Merge,
    order: &RecoverOrder,
) -> Result<Recovered, DriverError> {
    let (pace, merge, order) = (Pace::of(context), merge.clone(), order.clone());
    blocking(move || {
        let displaced = displaced::open(&place, &order.from)?;
        match order.way {
            Way::Merge => take::take_over(&place, &merge, &order, &displaced, &pace),
            Way::Review => review::write(&place, &order.folder, &displaced, &pace),
        }
    })
    .await
}
