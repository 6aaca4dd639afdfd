//! Which key on the side that recorded is which key here. Kept in a temporary table, for there may be millions.

use std::cell::RefCell;
use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension};

use super::cell::{Cell, from_list};
use crate::fault::Fault;

/// A set of keys that name the same things: the rows of one table as one side knows them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Space {
    /// Keys that are the same on both sides, but for those that had to be drawn anew here.
    Same(String),
    /// Keys of a table (as the side that recorded calls it) that only pairs lead over.
    Paired(String),
}

impl Space {
    fn name(&self) -> String {
        match self {
            Self::Same(table) => format!("={}", table.to_ascii_lowercase()),
            Self::Paired(table) => format!("~{}", table.to_ascii_lowercase()),
        }
    }
}

/// Pairs of keys, there and here.
pub(super) struct Pairs<'c> {
    connection: &'c Connection,
    /// Spaces that have any; most have none, and then nothing needs to be asked.
    used: RefCell<HashSet<String>>,
}

impl<'c> Pairs<'c> {
    /// With nothing in it.
    pub(super) fn new(connection: &'c Connection) -> Result<Self, Fault> {
        connection.execute_batch(
            "CREATE TEMP TABLE IF NOT EXISTS backout_pairs (space TEXT, there TEXT, here TEXT, drawn INTEGER,
             PRIMARY KEY (space, there)) WITHOUT ROWID;
             DELETE FROM temp.backout_pairs",
        )?;
        Ok(Self { connection, used: RefCell::default() })
    }

    /// The key here; none where nobody knows it.
    pub(super) fn here(&self, space: &Space, there: &Cell) -> Result<Option<Cell>, Fault> {
        let same = || matches!(space, Space::Same(_)).then(|| there.clone());
        if *there == Cell::Null {
            return Ok(Some(Cell::Null));
        }
        if self.is_empty(space) {
            return Ok(same());
        }
        let mut query = self
            .connection
            .prepare_cached("SELECT here FROM temp.backout_pairs WHERE space = ?1 AND there = ?2")?;
        let found: Option<String> =
            query.query_row((space.name(), there.literal()), |row| row.get(0)).optional()?;
        match found {
            Some(list) => Ok(from_list(&list)?.into_iter().next().flatten()),
            None => Ok(same()),
        }
    }

    /// The key there of a key here; none where nobody knows it.
    pub(super) fn there(&self, space: &Space, here: &Cell) -> Result<Option<Cell>, Fault> {
        let mut query = self
            .connection
            .prepare_cached("SELECT there FROM temp.backout_pairs WHERE space = ?1 AND here = ?2 LIMIT 1")?;
        let found: Option<String> =
            query.query_row((space.name(), here.literal()), |row| row.get(0)).optional()?;
        match found {
            Some(list) => Ok(from_list(&list)?.into_iter().next().flatten()),
            None => Ok(matches!(space, Space::Same(_)).then(|| here.clone())),
        }
    }

    /// Adds a pair, unless the key has one already; whether it was added.
    pub(super) fn add(
        &self,
        space: &Space,
        there: &Cell,
        here: &Cell,
        is_drawn: bool,
    ) -> Result<bool, Fault> {
        if *there == Cell::Null || *here == Cell::Null {
            return Ok(false);
        }
        let name = space.name();
        let mut add = self.connection.prepare_cached(
            "INSERT OR IGNORE INTO temp.backout_pairs (space, there, here, drawn) VALUES (?1, ?2, ?3, ?4)",
        )?;
        let added = add.execute((&name, there.literal(), here.literal(), is_drawn))? > 0;
        if added {
            self.used.borrow_mut().insert(name);
        }
        Ok(added)
    }

    /// Forgets a key: what it names cannot be taken over.
    pub(super) fn forget(&self, space: &Space, there: &Cell) -> Result<(), Fault> {
        self.connection
            .prepare_cached("DELETE FROM temp.backout_pairs WHERE space = ?1 AND there = ?2")?
            .execute((space.name(), there.literal()))?;
        Ok(())
    }

    /// Forgets keys that lead to a key here that another one leads to as well: nobody can tell which is right.
    pub(super) fn forget_ambiguous(&self, space: &Space) -> Result<(), Fault> {
        self.connection.execute(
            "DELETE FROM temp.backout_pairs WHERE space = ?1 AND here IN (
             SELECT here FROM temp.backout_pairs WHERE space = ?1 GROUP BY here HAVING count(*) > 1)",
            [space.name()],
        )?;
        Ok(())
    }

    pub(super) fn is_empty(&self, space: &Space) -> bool {
        !self.used.borrow().contains(&space.name())
    }

    /// All pairs of a space, in the order of their keys there.
    pub(super) fn each(
        &self,
        space: &Space,
        then: &mut dyn FnMut(&str, &str) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut query = self
            .connection
            .prepare("SELECT there, here FROM temp.backout_pairs WHERE space = ?1 ORDER BY there")?;
        let mut rows = query.query([space.name()])?;
        while let Some(row) = rows.next()? {
            let (there, here) = (row.get_ref(0)?.as_str(), row.get_ref(1)?.as_str());
            then(there.unwrap_or_default(), here.unwrap_or_default())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lead_over() {
        let connection = Connection::open_in_memory().unwrap();
        let pairs = Pairs::new(&connection).unwrap();
        let (same, paired) = (Space::Same("Tasks".into()), Space::Paired("tasks".into()));
        let (five, nine, uuid) = (Cell::Integer(5), Cell::Integer(9), Cell::Text(b"5".to_vec()));
        assert_eq!(pairs.here(&same, &five).unwrap(), Some(five.clone()));
        assert_eq!(pairs.here(&paired, &five).unwrap(), None);
        assert_eq!(pairs.here(&paired, &Cell::Null).unwrap(), Some(Cell::Null));
        assert!(pairs.add(&paired, &uuid, &five, false).unwrap());
        assert!(!pairs.add(&paired, &uuid, &nine, false).unwrap(), "the first word counts");
        assert_eq!(pairs.here(&paired, &uuid).unwrap(), Some(five.clone()));
        assert_eq!(pairs.here(&paired, &five).unwrap(), None, "types count");
        assert!(pairs.add(&same, &five, &nine, true).unwrap());
        assert_eq!(pairs.here(&Space::Same("TASKS".into()), &five).unwrap(), Some(nine.clone()));
        pairs.add(&paired, &nine, &five, false).unwrap();
        pairs.forget_ambiguous(&paired).unwrap();
        assert_eq!(pairs.here(&paired, &uuid).unwrap(), None);
        assert_eq!(pairs.here(&paired, &nine).unwrap(), None);
    }
}
