//! Decides every row before any of them is touched, so that nothing that is taken over looks like a change of others.

use std::collections::{HashMap, HashSet};

use backout_core::writes::{ConflictCause, Winner};
use rusqlite::OptionalExtension;

use super::cell::{Cell, Row, from_list, list_of};
use super::decide::{Action, Decision, Here as Standing, decide};
use super::keys::Drawer;
use super::mapping::Rules;
use super::rows::Here;
use super::scratch::{Fate, Record, Scratch};
use super::table::{Table, Tables};
use crate::fault::{Fault, bad_data};
use crate::pace::Pace;

/// A row of which two versions cannot both stand.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// In the scratch tables.
    pub(super) row: i64,
    pub(super) cause: ConflictCause,
    /// Places of the columns; empty for the whole row.
    pub(super) columns: Vec<usize>,
    /// Which version stands; none waits.
    pub(super) winner: Option<Winner>,
    /// What the database said, where it did not admit the row.
    pub(super) said: Option<String>,
}

/// What deciding needs.
pub(super) struct Settling<'a, 'c> {
    pub(super) scratch: &'a Scratch<'c>,
    pub(super) here: &'a Here<'c>,
    pub(super) tables: &'a Tables,
    pub(super) rules: &'a Rules<'a>,
    pub(super) drawer: &'a mut Drawer,
    pub(super) winner: Option<Winner>,
    /// Tables of which the migration deleted rows, so that what it deleted and what users inserted may share a key.
    pub(super) reused: HashSet<u32>,
    pub(super) pace: &'a Pace,
}

/// What was decided, besides what stands in the scratch tables.
#[derive(Debug, Default)]
pub(super) struct Settled {
    pub(super) conflicts: Vec<Found>,
    pub(super) keys_drawn: u64,
}

impl<'a> Settling<'a, '_> {
    pub(super) fn all(&mut self) -> Result<Settled, Fault> {
        let mut settled = Settled::default();
        let mut redrawn: HashSet<u32> = HashSet::new();
        let mut parents: HashMap<u32, Vec<(usize, u32)>> = HashMap::new();
        for (number, id) in self.scratch.ids()?.into_iter().enumerate() {
            if number.is_multiple_of(1024) {
                self.pace.check("compare recorded writes with the put-back database")?;
            }
            let mut record = self.scratch.load(id)?;
            let table = self.table(record.table)?;
            if !redrawn.is_empty() {
                let parents = parents.entry(record.table).or_insert_with(|| self.rules.parents(table));
                if self.follow(&mut record, table, parents, &redrawn)? {
                    self.scratch.rewrite(&record)?;
                }
            }
            let standing = self.standing(&record, table)?;
            let row = standing.as_ref().map(|standing| &standing.row);
            match decide(&record.folded, standing.as_ref(), table.has_integer_key()) {
                Decision::Take(action) => {
                    let is_equal = action == Action::Nothing && !record.folded.is_idle();
                    let fate = if is_equal { Fate::Equal } else { Fate::Take };
                    self.scratch.settle(id, row, &action, fate)?;
                }
                Decision::DrawAnotherKey => {
                    let drawn = self.drawer.draw(self.here.connection, record.table, table)?;
                    let drawn = drawn.ok_or_else(|| bad_data("draw a key for a row whose key is taken"))?;
                    self.give(&mut record, table, &drawn)?;
                    self.scratch.rewrite(&record)?;
                    self.scratch.settle(id, None, &Action::Insert, Fate::Take)?;
                    redrawn.insert(record.table);
                    settled.keys_drawn += 1;
                }
                Decision::Conflict(conflict) => {
                    let (action, fate) = match self.winner {
                        None => (&Action::Nothing, Fate::Open),
                        Some(winner) => match conflict.settled(winner) {
                            Action::Nothing => (&Action::Nothing, Fate::Yielded),
                            action => (action, Fate::Take),
                        },
                    };
                    self.scratch.settle(id, row, action, fate)?;
                    let (cause, columns) = (conflict.cause, conflict.columns);
                    settled.conflicts.push(Found {
                        row: id,
                        cause,
                        columns,
                        winner: self.winner,
                        said: None,
                    });
                }
            }
        }
        self.hold_other_halves(&mut settled)?;
        Ok(settled)
    }

    fn table(&self, place: u32) -> Result<&'a Table, Fault> {
        self.tables.at(place).ok_or_else(|| bad_data("find a table again").into())
    }

    /// The row as it stands, and what users did to it since the database was put back.
    fn standing(&self, record: &Record, table: &Table) -> Result<Option<Standing>, Fault> {
        let Some(row) = self.here.read(table, &record.key)? else { return Ok(None) };
        let born: Option<bool> = self
            .here
            .connection
            .prepare_cached("SELECT born FROM temp.backout_native WHERE tab = ?1 AND key = ?2")?
            .query_row((record.table, list_of(&record.key)), |row| row.get(0))
            .optional()?;
        Ok(Some(Standing {
            row,
            is_born: born == Some(true) || self.reused.contains(&record.table),
            is_changed: born.is_some(),
        }))
    }

    /// Gives a row another key.
    fn give(&self, record: &mut Record, table: &Table, drawn: &Cell) -> Result<(), Fault> {
        let (Some(key), Some(old)) = (table.single_key(), record.key.first().cloned().flatten()) else {
            return Err(bad_data("draw a key of several columns").into());
        };
        self.here
            .connection
            .prepare_cached("INSERT INTO temp.backout_redrawn (tab, there, here) VALUES (?1, ?2, ?3)")?
            .execute((record.table, old.literal(), drawn.literal()))?;
        record.key = vec![Some(drawn.clone())];
        if let Some(cell) = record.folded.last.as_mut().and_then(|last| last.get_mut(key)) {
            *cell = Some(drawn.clone());
        }
        Ok(())
    }

    /// Lets references follow rows that got another key. Whether any did.
    fn follow(
        &self,
        record: &mut Record,
        table: &Table,
        parents: &[(usize, u32)],
        redrawn: &HashSet<u32>,
    ) -> Result<bool, Fault> {
        let mut is_changed = false;
        for (column, parent) in parents.iter().filter(|(_, parent)| redrawn.contains(parent)) {
            for row in [&mut record.folded.base, &mut record.folded.last].into_iter().flatten() {
                let Some(Some(cell)) = row.get_mut(*column) else { continue };
                let found: Option<String> = self
                    .here
                    .connection
                    .prepare_cached("SELECT here FROM temp.backout_redrawn WHERE tab = ?1 AND there = ?2")?
                    .query_row((*parent, cell.literal()), |row| row.get(0))
                    .optional()?;
                if let Some(Some(drawn)) =
                    found.map(|list| from_list(&list)).transpose()?.and_then(|row| row.into_iter().next())
                {
                    *cell = drawn;
                    is_changed = true;
                }
            }
        }
        if is_changed && let Some(row) = record.folded.last.as_ref().or(record.folded.base.as_ref()) {
            let key: Row = table.key.iter().map(|place| row.get(*place).cloned().flatten()).collect();
            record.key = key;
        }
        Ok(is_changed)
    }

    /// A change of a key is a write of two rows: where one of them waits, so does the other.
    fn hold_other_halves(&self, settled: &mut Settled) -> Result<(), Fault> {
        let open = settled.conflicts.iter().filter(|found| found.winner.is_none());
        let causes: HashMap<i64, ConflictCause> = open.map(|found| (found.row, found.cause)).collect();
        let all = self.scratch.with_their_other_halves(&causes.keys().copied().collect())?;
        let cause = causes.values().next().copied();
        for row in all.into_iter().filter(|row| !causes.contains_key(row)) {
            self.scratch.set_fate(row, Fate::Open)?;
            if let Some(cause) = cause {
                settled.conflicts.push(Found { row, cause, columns: Vec::new(), winner: None, said: None });
            }
        }
        Ok(())
    }
}
