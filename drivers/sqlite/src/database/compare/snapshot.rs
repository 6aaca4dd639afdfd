//! A read transaction that lasts. A database that was entered without a lock can be written under it; that is noticed
//! and counts as a lost connection, for what was read is of no one moment then.

use std::time::Instant;

use backout_contract::{DriverError, ErrorKind};
use rusqlite::Connection;

use crate::database::open::{BETWEEN_TRIES, Entered, Stamp, Way, enter, is_barred};
use crate::database::place::Place;
use crate::database::read::pragma;
use crate::fault::Fault;

/// An open database within a read transaction.
pub(super) struct Snapshot {
    entered: Entered,
    way: Way,
    stamp: Stamp,
}

impl Snapshot {
    /// Begins to read.
    pub(super) fn take(place: &Place) -> Result<Self, DriverError> {
        let attempted = format!("read the database {}", place.shown);
        let until = Instant::now() + place.busy;
        let mut is_patient = true;
        loop {
            let Some(stamp) = Stamp::of(place)? else {
                return Err(DriverError::new(ErrorKind::Config, attempted)
                    .caused_by("no file is there")
                    .nothing_happened());
            };
            let ways = if is_patient { stamp.ways(&place.live)? } else { vec![Way::Plain] };
            for way in ways {
                match begin(way, place, &stamp) {
                    Ok(entered) if way == Way::Copied || stamp.holds_for(way, place)? => {
                        return Ok(Self { entered, way, stamp });
                    }
                    Err(fault)
                        if !is_barred(way, &fault)
                            && stamp.is_same_file(place)?
                            && stamp.holds_for(way, place)? =>
                    {
                        return Err(fault.while_doing(&attempted).nothing_happened());
                    }
                    _ => {}
                }
            }
            is_patient = Instant::now() < until;
            std::thread::sleep(BETWEEN_TRIES);
        }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.entered.connection
    }

    /// Fails when somebody wrote into what we read without a lock.
    pub(super) fn holds(&self, place: &Place) -> Result<(), DriverError> {
        if self.way == Way::Copied || self.stamp.holds_for(self.way, place)? {
            return Ok(());
        }
        Err(DriverError::new(
            ErrorKind::Unreachable,
            format!("read the database {} while it stands still", place.shown),
        )
        .nothing_happened())
    }

    /// Whether nobody wrote between this snapshot and another.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        self.stamp.is_as(&other.stamp)
    }
}

fn begin(way: Way, place: &Place, stamp: &Stamp) -> Result<Entered, Fault> {
    let entered = enter(way, place, stamp)?;
    // What a person gives as a condition or an expression may only read.
    entered.connection.execute_batch("PRAGMA query_only = ON; BEGIN")?;
    let _: i64 = pragma(&entered.connection, "schema_version")?;
    Ok(entered)
}
