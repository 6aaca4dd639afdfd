//! Converts values as a column of the put-back schema would: what two schemas call the same is compared as one of them
//! stores it.

use std::cell::RefCell;
use std::collections::HashSet;

use rusqlite::{Connection, params_from_iter};

use super::cell::{Cell, Row};
use super::table::Table;
use crate::fault::Fault;

/// Temporary tables with the columns of those that are written to, and nothing in them.
pub(super) struct Mirror<'c> {
    connection: &'c Connection,
    made: RefCell<HashSet<u32>>,
}

impl<'c> Mirror<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self { connection, made: RefCell::default() }
    }

    /// A row as the table would store it.
    pub(super) fn stored(&self, place: u32, table: &Table, row: Row) -> Result<Row, Fault> {
        let name = format!("temp.backout_mirror_{place}");
        if self.made.borrow_mut().insert(place) {
            let columns = table.columns.iter().zip(0..);
            let columns: Vec<String> =
                columns.map(|(column, at)| format!("c{at} {}", column.affinity.type_name())).collect();
            self.connection.execute_batch(&format!(
                "DROP TABLE IF EXISTS {name}; CREATE TABLE {name} ({})",
                columns.join(", ")
            ))?;
        }
        let marks = vec!["?"; table.columns.len()].join(", ");
        let stored: Row = self
            .connection
            .prepare_cached(&format!("INSERT INTO {name} VALUES ({marks}) RETURNING *"))?
            .query_row(
                params_from_iter(row.iter().map(|cell| cell.as_ref().unwrap_or(&Cell::Null))),
                |found| {
                    (0..table.columns.len()).map(|at| Ok(Some(Cell::from_sql(found.get_ref(at)?)))).collect()
                },
            )?;
        self.connection.prepare_cached(&format!("DELETE FROM {name}"))?.execute([])?;
        // Of what was not known, nothing is known now either.
        Ok(row.iter().zip(stored).map(|(given, stored)| given.as_ref().and(stored)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::recover::table::Tables;

    #[test]
    fn values_become_what_their_columns_store() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b REAL, c, d NUMERIC)")
            .unwrap();
        let tables = Tables::read(&connection).unwrap();
        let text = |text: &str| Some(Cell::Text(text.into()));
        let mirror = Mirror::new(&connection);
        let given = vec![text("5"), Some(Cell::Integer(7)), Some(Cell::Integer(1)), text("5"), None];
        let stored = vec![Some(Cell::Integer(5)), text("7"), Some(Cell::Real(1.0)), text("5"), None];
        assert_eq!(mirror.stored(0, tables.find("t").unwrap(), given).unwrap(), stored);
        let given = vec![text("x"), None, None, None, text("5.0")];
        let stored = vec![text("x"), None, None, None, Some(Cell::Integer(5))];
        assert_eq!(mirror.stored(0, tables.find("t").unwrap(), given).unwrap(), stored);
    }
}
