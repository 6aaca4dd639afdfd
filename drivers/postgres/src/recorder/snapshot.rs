//! Which transactions somebody saw, and so which recorded changes a saved state lacks.

use backout_contract::{DriverError, ErrorKind};

use crate::state::Taken;

/// What was visible at a moment: `xmin:xmax:xip,…` with 64-bit numbers, as `pg_current_snapshot()` writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// Everything below had ended.
    xmin: u64,
    /// Nothing from here on had begun, or had ended.
    xmax: u64,
    /// In between, those that were running; sorted.
    running: Vec<u64>,
}

impl Snapshot {
    /// Reads one.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn parse(text: &str) -> Result<Self, DriverError> {
        let read = || {
            let mut parts = text.splitn(3, ':');
            let xmin = parts.next()?.parse().ok()?;
            let xmax = parts.next()?.parse().ok()?;
            let list = parts.next()?;
            let numbers = list.split(',').filter(|number| !number.is_empty());
            let mut running = numbers.map(|number| number.parse().ok()).collect::<Option<Vec<u64>>>()?;
            running.sort_unstable();
            Some(Self { xmin, xmax, running })
        };
        read().ok_or_else(|| {
            DriverError::new(ErrorKind::BadData, "read which transactions a saved state has")
                .caused_by("it is no snapshot of PostgreSQL")
                .nothing_happened()
        })
    }

    /// Whether a committed transaction is in what was seen.
    pub(crate) fn sees(&self, transaction: u64) -> bool {
        transaction < self.xmin
            || (transaction < self.xmax && self.running.binary_search(&transaction).is_err())
    }

    /// Whether it was taken after a transaction had ended.
    pub(crate) fn is_after(&self, transaction: u64) -> bool {
        self.xmax > transaction
    }

    /// The first number that had not begun then.
    pub(crate) fn next(&self) -> u64 {
        self.xmax
    }
}

/// Which recorded changes are wanted: those that a state lacks.
#[derive(Debug, Clone)]
pub(crate) enum Since {
    /// All that a recorder holds.
    Everything,
    /// Those that this state lacks.
    State {
        /// Its cluster.
        system: String,
        /// Its database.
        database: u32,
        /// What was visible to it.
        snapshot: Snapshot,
    },
}

impl Since {
    /// What a state lacks that was looked at then.
    ///
    /// # Errors
    /// When it does not say what it saw.
    pub(crate) fn of(taken: &Taken) -> Result<Self, DriverError> {
        let snapshot = Snapshot::parse(&taken.snapshot)?;
        Ok(Self::State { system: taken.system.clone(), database: taken.database, snapshot })
    }

    /// The numbers of transactions that are in the state, if it is one of the recorder's own database. A state of
    /// another database has none of what was written here, whatever its numbers.
    pub(super) fn seen_of(&self, system: &str, database: u32) -> Option<&Snapshot> {
        match self {
            Self::State { system: of, database: in_database, snapshot }
                if of == system && *in_database == database =>
            {
                Some(snapshot)
            }
            _ => None,
        }
    }
}

/// The 64-bit number of a transaction whose lower half is known, and whose distance from another one is less than 2³¹.
pub(super) fn widened(half: u32, near: u64) -> u64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "distances wrap around")]
    let distance = half.wrapping_sub(near as u32) as i32;
    near.saturating_add_signed(i64::from(distance))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_sees_what_had_ended() {
        let snapshot = Snapshot::parse("100:105:100,103").expect("a snapshot");
        let seen: Vec<u64> = (98..108).filter(|number| snapshot.sees(*number)).collect();
        assert_eq!(seen, [98, 99, 101, 102, 104]);
        assert!(snapshot.is_after(104) && !snapshot.is_after(105));
        let quiet = Snapshot::parse("7:7:").expect("a snapshot");
        assert!(quiet.sees(6) && !quiet.sees(7));
        for bad in ["", "1", "1:2", "a:b:", "1:2:x"] {
            assert!(Snapshot::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_are_widened_to_the_nearest() {
        let turn = 1_u64 << 32;
        for (half, near, wide) in [
            (5, 7, 5),
            (9, 7, 9),
            (0xffff_fff0, turn + 5, turn - 16),
            (5, turn - 16, turn + 5),
            (5, 3 * turn + 7, 3 * turn + 5),
        ] {
            assert_eq!(widened(half, near), wide, "{half} near {near}");
        }
    }
}
