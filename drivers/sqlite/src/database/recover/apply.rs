//! Does what was decided, row by row, in the order of each row's first write.
//!
//! Neither triggers of the application (but for `feeders`) nor cascades of foreign keys act: what they did is in the log,
//! row by row, and is taken over as such. Values are absolute, so that a counter ends where it stood. Constraints do act: a row that
//! they do not admit stays out alone, with everything that then refers to nothing.
//!
//! A value that may be there once only can be in the way for a while, so rows that meet one are tried again. Rows that
//! exchange such values among themselves are taken out and put in again together.

use std::collections::BTreeSet;

use backout_core::writes::{ConflictCause, Winner};

use super::cell::Row;
use super::decide::Action;
use super::foreign;
use super::rows::{Here, is_about_the_row, is_taken};
use super::scratch::{Fate, Record, Scratch};
use super::settle::Found;
use super::source::{Op, Source};
use super::table::{Table, Tables};
use crate::fault::{Fault, bad_data};
use crate::pace::Pace;

/// What doing needs.
pub(super) struct Applying<'a, 'c> {
    pub(super) scratch: &'a Scratch<'c>,
    pub(super) here: &'a Here<'c>,
    /// The put-back database's own log.
    pub(super) log: &'a Source<'c>,
    pub(super) tables: &'a Tables,
    /// Foreign keys that the application itself does not hold to.
    pub(super) loose: &'a foreign::Loose<'a>,
    pub(super) winner: Option<Winner>,
    pub(super) pace: &'a Pace,
}

/// How a row fared.
enum Tried {
    Done,
    /// Another row has a value that may be there once only.
    Taken(String),
    /// It is not admitted, whatever else there is.
    Refused(String),
}

impl Applying<'_, '_> {
    /// Does all that was decided; the rows that are not admitted.
    pub(super) fn all(&self) -> Result<Vec<Found>, Fault> {
        let standing = foreign::Violations::of(self.here.connection, self.tables, self.scratch)?;
        let mut refused: Vec<(i64, String)> = Vec::new();
        let mut out: BTreeSet<i64> = BTreeSet::new();
        loop {
            self.here.connection.execute_batch("SAVEPOINT backout_all")?;
            let mut now = self.once(&out)?;
            let is_admitted_each = now.is_empty();
            if is_admitted_each {
                now =
                    standing.caused_by(self.here.connection, self.tables, self.scratch, self.loose, &out)?;
            }
            let done: BTreeSet<i64> = now.iter().map(|(row, _)| *row).collect();
            refused.extend(now);
            if done.is_empty() {
                self.here.connection.execute_batch("RELEASE backout_all")?;
                break;
            }
            // What was done meanwhile was done beside rows that now stay out.
            self.here.connection.execute_batch("ROLLBACK TO backout_all; RELEASE backout_all")?;
            let before = out.len();
            out.extend(done);
            out = self.scratch.with_their_other_halves(&out)?;
            if out.len() == before {
                return Err(bad_data("find out which rows the put-back database admits").into());
            }
        }
        self.leave_out(&out, refused)
    }

    fn leave_out(&self, out: &BTreeSet<i64>, refused: Vec<(i64, String)>) -> Result<Vec<Found>, Fault> {
        let winner = self.winner.filter(|winner| *winner == Winner::Restored);
        let fate = if winner.is_some() { Fate::Yielded } else { Fate::Open };
        let mut found = Vec::new();
        for row in out {
            self.scratch.set_fate(*row, fate)?;
            let said = refused.iter().find(|(other, _)| other == row).map(|(_, said)| said.clone());
            let cause = ConflictCause::NotAdmitted;
            found.push(Found { row: *row, cause, columns: Vec::new(), winner, said });
        }
        Ok(found)
    }

    /// One try of everything but the rows that stay out; the rows that are not admitted.
    fn once(&self, out: &BTreeSet<i64>) -> Result<Vec<(i64, String)>, Fault> {
        let mut refused = Vec::new();
        let mut open: Vec<(i64, String)> = Vec::new();
        for (number, id) in self.scratch.ids_to_take()?.into_iter().enumerate() {
            if number.is_multiple_of(1024) {
                self.pace.check("take recorded writes over")?;
            }
            if out.contains(&id) {
                continue;
            }
            match self.try_one(id)? {
                Tried::Done => {}
                Tried::Taken(said) => open.push((id, said)),
                Tried::Refused(said) => refused.push((id, said)),
            }
        }
        while !open.is_empty() {
            let before = open.len();
            open = self.again(open, &mut refused)?;
            if open.len() == before {
                refused.extend(self.together(open)?);
                break;
            }
        }
        Ok(refused)
    }

    fn again(
        &self,
        open: Vec<(i64, String)>,
        refused: &mut Vec<(i64, String)>,
    ) -> Result<Vec<(i64, String)>, Fault> {
        let mut left = Vec::new();
        for (id, _) in open {
            match self.try_one(id)? {
                Tried::Done => {}
                Tried::Taken(said) => left.push((id, said)),
                Tried::Refused(said) => refused.push((id, said)),
            }
        }
        Ok(left)
    }

    fn table(&self, place: u32) -> Result<&'_ Table, Fault> {
        self.tables.at(place).ok_or_else(|| bad_data("find a table again").into())
    }

    fn try_one(&self, id: i64) -> Result<Tried, Fault> {
        let record = self.scratch.load(id)?;
        let table = self.table(record.table)?;
        let empty = Row::new();
        let last = record.folded.last.as_ref().unwrap_or(&empty);
        let tried = match &record.action {
            Action::Nothing => Ok(()),
            Action::Insert => self.here.insert(table, last),
            Action::Update(columns) => self.here.update(table, &record.key, columns, last),
            Action::Delete => self.here.delete(table, &record.key),
        };
        match tried {
            Ok(()) => self.put_down(&record, table).map(|()| Tried::Done),
            Err(error) if is_taken(&error) => Ok(Tried::Taken(error.to_string())),
            Err(error) if is_about_the_row(&error) => Ok(Tried::Refused(error.to_string())),
            Err(error) => Err(error.into()),
        }
    }

    fn put_down(&self, record: &Record, table: &Table) -> Result<(), Fault> {
        let op = match record.action {
            Action::Nothing => Op::Settled,
            Action::Insert => Op::Insert,
            Action::Update(_) => Op::Update,
            Action::Delete => Op::Delete,
        };
        let identity = self.identity(record)?;
        if op == Op::Settled {
            return self.here.put_down(self.log, table, op, identity, None, None);
        }
        let after = if op == Op::Delete { None } else { self.here.read(table, &record.key)? };
        let before = if op == Op::Insert { None } else { record.here.as_ref() };
        self.here.put_down(self.log, table, op, identity, before, after.as_ref())
    }

    /// The write as which a row is taken over: its first one. The others are settled by it.
    fn identity(&self, record: &Record) -> Result<i64, Fault> {
        let identities = self.scratch.identities(record.id)?;
        Ok(identities.first().copied().ok_or_else(|| bad_data("find the writes of a row again"))?)
    }

    /// Rows that exchange values that may be there once only: all out, all in. One that is still not admitted stays as
    /// it was, and the rest is tried again.
    fn together(&self, open: Vec<(i64, String)>) -> Result<Vec<(i64, String)>, Fault> {
        let mut rest = open;
        let mut refused = Vec::new();
        while !rest.is_empty() {
            self.here.connection.execute_batch("SAVEPOINT backout_together")?;
            match self.exchange(&rest)? {
                None => {
                    self.here.connection.execute_batch("RELEASE backout_together")?;
                    break;
                }
                Some((at, said)) => {
                    self.here
                        .connection
                        .execute_batch("ROLLBACK TO backout_together; RELEASE backout_together")?;
                    let (id, _) = rest.remove(at);
                    refused.push((id, said));
                }
            }
        }
        Ok(refused)
    }

    /// The place of the first row that is not admitted, and what was said.
    fn exchange(&self, rows: &[(i64, String)]) -> Result<Option<(usize, String)>, Fault> {
        let mut wanted = Vec::new();
        for (id, _) in rows {
            let record = self.scratch.load(*id)?;
            let table = self.table(record.table)?;
            let Some(last) = record.folded.last.clone() else { continue };
            let row = match (&record.action, self.here.read(table, &record.key)?) {
                (Action::Update(columns), Some(mut row)) => {
                    for place in columns {
                        if let (Some(cell), Some(value)) = (row.get_mut(*place), last.get(*place)) {
                            *cell = value.clone();
                        }
                    }
                    self.here.delete(table, &record.key)?;
                    row
                }
                _ => last,
            };
            wanted.push((record, row));
        }
        for (at, (record, row)) in wanted.iter().enumerate() {
            let table = self.table(record.table)?;
            match self.here.insert(table, row) {
                Ok(()) => self.put_down(record, table)?,
                Err(error) if is_about_the_row(&error) => return Ok(Some((at, error.to_string()))),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }
}
