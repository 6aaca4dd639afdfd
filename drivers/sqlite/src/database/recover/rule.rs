//! Where rows of one table have their place in the put-back schema.

use super::cell::{Cell, Row};
use super::fold::Write;
use super::pairs::{Pairs, Space};
use crate::fault::Fault;

/// How rows of one table of one era find their place.
#[derive(Debug)]
pub(super) struct Rule {
    /// The place of the table here.
    pub(super) table: u32,
    /// Whether rows are the same on both sides.
    pub(super) is_same: bool,
    /// What keys of the table name, where its key is one column.
    pub(super) space: Option<Space>,
    /// The key there, where it is one column.
    pub(super) key_there: Option<usize>,
    /// For every column here, where it comes from.
    pub(super) origins: Vec<Option<Origin>>,
    /// Columns there without a place here, that nobody declared to be of no account.
    pub(super) lost: Vec<Lost>,
}

/// A column there that has no place here.
#[derive(Debug, Clone)]
pub(super) struct Lost {
    pub(super) place: usize,
    pub(super) name: String,
    /// What stands there when nobody writes to it.
    pub(super) usual: Option<Cell>,
}

#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) place: usize,
    /// Of what it holds keys.
    pub(super) reference: Option<Space>,
}

/// Why a write has no place here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unmapped(pub(super) String);

impl Rule {
    /// A row in the columns of the put-back table.
    pub(super) fn row(&self, row: &Row, pairs: &Pairs<'_>) -> Result<Result<Row, Unmapped>, Fault> {
        let mut mapped = Row::with_capacity(self.origins.len());
        for origin in &self.origins {
            let cell = origin.as_ref().and_then(|origin| row.get(origin.place).cloned().flatten());
            let reference = origin.as_ref().and_then(|origin| origin.reference.as_ref());
            mapped.push(match (cell, reference) {
                (Some(cell), Some(space)) => match pairs.here(space, &cell)? {
                    Some(here) => Some(here),
                    None if self.space.as_ref() == Some(space) => {
                        return Ok(Err(Unmapped("no old key is known for its key".to_owned())));
                    }
                    None => {
                        return Ok(Err(Unmapped("it refers to a row whose old key is not known".to_owned())));
                    }
                },
                (cell, _) => cell,
            });
        }
        Ok(Ok(mapped))
    }

    /// A write in the columns of the put-back table.
    pub(super) fn write(&self, write: &Write, pairs: &Pairs<'_>) -> Result<Result<Write, Unmapped>, Fault> {
        let row = |row| self.row(row, pairs);
        Ok(match write {
            Write::Insert { after } => row(after)?.map(|after| Write::Insert { after }),
            Write::Delete { before } => row(before)?.map(|before| Write::Delete { before }),
            Write::Update { before, after } => match (row(before)?, row(after)?) {
                (Ok(before), Ok(after)) => Ok(Write::Update { before, after }),
                (Err(why), _) | (_, Err(why)) => Err(why),
            },
        })
    }

    /// A row that was born and has no place here: nothing that refers to it has one either.
    pub(super) fn forget(&self, write: &Write, pairs: &Pairs<'_>) -> Result<(), Fault> {
        if let (Write::Insert { after }, Some(space @ Space::Paired(_)), Some(place)) =
            (write, &self.space, self.key_there)
            && let Some(Some(key)) = after.get(place)
        {
            pairs.forget(space, key)?;
        }
        Ok(())
    }

    /// Columns to which users wrote what has no place here.
    pub(super) fn loses(&self, write: &Write) -> Vec<&str> {
        let is_lost = |lost: &&Lost| match write {
            Write::Insert { after } => lost.is_something(after),
            Write::Update { before, after } => {
                lost.is_something(after) && before.get(lost.place) != after.get(lost.place)
            }
            Write::Delete { .. } => false,
        };
        self.lost.iter().filter(is_lost).map(|lost| lost.name.as_str()).collect()
    }
}

impl Lost {
    /// Whether a row has a value there that somebody wrote.
    fn is_something(&self, row: &Row) -> bool {
        let cell = row.get(self.place).and_then(Option::as_ref);
        cell.is_some_and(|cell| *cell != Cell::Null && Some(cell) != self.usual.as_ref())
    }
}
