//! Rows that users write, and a recorder whose log travels with them. Every recorded write has a number of its own, by
//! which it is taken over once.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::world::World;

/// A row that begins so has no place in the put-back state.
pub const UNMAPPED: &str = "x:";

/// The same, and it is found out only when it is to be taken over.
pub const UNMAPPED_LATE: &str = "late:";

/// A recorded write.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Write {
    /// Its identity.
    pub number: u64,
    /// What was written.
    pub row: String,
    /// Whether the migration wrote it, and no user.
    pub by_migration: bool,
    /// Whether it was written after the cutover was marked.
    pub since_cutover: bool,
}

/// Rows with their recorder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// Their shape.
    pub shape: String,
    /// What was written, in order; what was written twice stands twice.
    pub rows: Vec<String>,
    /// Whether a recorder was put in place.
    pub armed: bool,
    /// Whether it records; a migration that rebuilds the rows takes that away.
    pub recording: bool,
    /// Whether something was not recorded.
    pub gap: bool,
    /// What was recorded.
    pub log: Vec<Write>,
    /// Whether the cutover was marked.
    pub since_cutover: bool,
    /// Whether nobody can read them.
    pub is_unreadable: bool,
    /// Where the recorder does not travel with the rows: what was taken over here from other recorders.
    pub taken: BTreeSet<u64>,
}

impl Rows {
    /// Brings what has no order into one.
    pub fn sort(&mut self) {
        self.rows.sort();
        self.log.sort();
    }
}

/// A place for rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Living {
    /// What stands there.
    pub rows: Option<Rows>,
    /// What runs displaced, by run.
    pub displaced: BTreeMap<String, Rows>,
    /// Writes in files for a person, by their number.
    pub files: BTreeMap<u64, String>,
    /// The claim marker.
    pub marker: Option<Value>,
    /// Recoveries fail after so many writes, so many times.
    pub failing: Option<(usize, u32)>,
    /// Reverts put it back and are cut off before they have tidied up, so many times.
    pub cut_off: u32,
    /// Whether a helper of a revert still stands beside it.
    pub is_cluttered: bool,
    /// Whether a recorder cannot be put in place.
    pub cannot_record: bool,
    /// Whether what was recorded cannot be counted.
    pub cannot_count: bool,
}

impl World {
    fn number(&mut self) -> u64 {
        self.recorded += 1;
        self.recorded
    }

    /// A user writes a row.
    pub fn write(&mut self, name: &str, row: &str) {
        self.put(name, row, false);
    }

    /// The migration writes a row.
    pub fn backfill(&mut self, name: &str, row: &str) {
        self.put(name, row, true);
    }

    fn put(&mut self, name: &str, row: &str, by_migration: bool) {
        let number = self.number();
        let rows = self.rows(name);
        rows.rows.push(row.to_owned());
        if rows.recording {
            let since_cutover = rows.since_cutover;
            rows.log.push(Write { number, row: row.to_owned(), by_migration, since_cutover });
        }
    }

    /// The rows that stand at a name.
    pub fn rows(&mut self, name: &str) -> &mut Rows {
        self.living.get_mut(name).and_then(|living| living.rows.as_mut()).expect("rows stand there")
    }
}
