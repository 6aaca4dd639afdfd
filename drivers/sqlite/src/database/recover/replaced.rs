//! Rows that `INSERT OR REPLACE` and `UPDATE OR REPLACE` took away: no trigger sees that, so that the log has the row
//! that came and not the one that went.
//!
//! Whoever comes to have a value that may be there once only took it from the row that had it. If nobody wrote that that
//! row went, or that it has another value, and it is gone on the side that recorded, then it was replaced.

use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::cell::{Cell, Row, from_list, list_of};
use super::fold::Write;
use super::mapping::Rules;
use super::scratch::Scratch;
use super::source::{Op, Source};
use super::table::Table;
use crate::database::rows::quoted;
use crate::fault::Fault;

/// Follows who has which value, write by write.
pub(super) struct Replaced<'a, 'c> {
    pub(super) source: &'a Source<'a>,
    pub(super) rules: &'a Rules<'a>,
    pub(super) scratch: &'a Scratch<'c>,
}

/// One row at one moment.
pub(super) struct Moment<'a> {
    pub(super) place: u32,
    pub(super) table: &'a Table,
    pub(super) key: &'a Row,
    pub(super) before: Option<&'a Row>,
    pub(super) after: Option<&'a Row>,
    /// Identity and number of the write.
    pub(super) write: (i64, i64),
}

impl<'a, 'c> Replaced<'a, 'c> {
    pub(super) fn new(
        source: &'a Source<'a>,
        rules: &'a Rules<'a>,
        scratch: &'a Scratch<'c>,
    ) -> Result<Self, Fault> {
        scratch.connection.execute_batch(
            "CREATE TEMP TABLE IF NOT EXISTS backout_values (tab INTEGER, number INTEGER, held TEXT, key TEXT,
             PRIMARY KEY (tab, number, held)) WITHOUT ROWID;
             DELETE FROM temp.backout_values",
        )?;
        Ok(Self { source, rules, scratch })
    }

    /// Notes a write of a row; what it replaced is gathered as deleted.
    pub(super) fn follow(&self, moment: &Moment<'_>) -> Result<(), Fault> {
        for (number, columns) in (0u32..).zip(&moment.table.uniques) {
            let before = moment.before.and_then(|row| values(row, columns));
            let after = moment.after.and_then(|row| values(row, columns));
            // A write of other columns tells as well who has these values.
            let is_new = before != after;
            if let Some(before) = before.as_ref().filter(|_| is_new) {
                self.scratch
                    .connection
                    .prepare_cached(
                        "DELETE FROM temp.backout_values WHERE tab = ?1 AND number = ?2 AND held = ?3 AND key = ?4",
                    )?
                    .execute((moment.place, number, list_of(before), list_of(moment.key)))?;
            }
            let Some(after) = &after else { continue };
            if is_new
                && let Some((key, row)) = self.holder(moment, number, columns, after)?
                && key != *moment.key
                && self.is_gone(moment.table, &key)?
            {
                let (identity, seq) = moment.write;
                self.scratch.fold(
                    moment.place,
                    &key,
                    Write::Delete { before: row },
                    (identity, seq, Op::Delete),
                )?;
            }
            self.scratch
                .connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO temp.backout_values (tab, number, held, key) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute((moment.place, number, list_of(after), list_of(moment.key)))?;
        }
        Ok(())
    }

    /// Who had these values until now, and how it was.
    fn holder(
        &self,
        moment: &Moment<'_>,
        number: u32,
        columns: &[usize],
        wanted: &Row,
    ) -> Result<Option<(Row, Row)>, Fault> {
        let held: Option<String> = self
            .scratch
            .connection
            .prepare_cached(
                "SELECT key FROM temp.backout_values WHERE tab = ?1 AND number = ?2 AND held = ?3",
            )?
            .query_row((moment.place, number, list_of(wanted)), |row| row.get(0))
            .optional()?;
        if let Some(held) = held {
            let key = from_list(&held)?;
            let Some(id) = self.scratch.find(moment.place, &key)? else { return Ok(None) };
            return Ok(self.scratch.load(id)?.folded.last.map(|last| (key, last)));
        }
        // A row that nobody wrote to, there or here, has what it had when it was saved.
        let Some(row) = standing(self.scratch.connection, moment.table, columns, wanted)? else {
            return Ok(None);
        };
        let key: Row = moment.table.key.iter().map(|place| row.get(*place).cloned().flatten()).collect();
        let is_written_to =
            self.scratch.find(moment.place, &key)?.is_some() || self.scratch.is_native(moment.place, &key)?;
        Ok((!is_written_to).then_some((key, row)))
    }

    /// Whether a row is gone on the side that recorded.
    fn is_gone(&self, table: &Table, key: &Row) -> Result<bool, Fault> {
        let Some((name, there)) = self.rules.there_of(table, key)? else { return Ok(false) };
        let Some(table) = self.source.tables.find(&name).filter(|table| table.key.len() == there.len())
        else {
            return Ok(false);
        };
        let query =
            format!("SELECT EXISTS (SELECT 1 FROM main.{} WHERE {})", quoted(&table.name), table.has_key());
        let mut statement = self.source.connection.prepare_cached(&query)?;
        let is_there: bool = statement.query_row(params_from_iter(there.iter()), |row| row.get(0))?;
        Ok(!is_there)
    }
}

/// Values that another row must not have too: none of them is NULL.
fn values(row: &Row, columns: &[usize]) -> Option<Row> {
    let found: Row = columns.iter().map(|place| row.get(*place).cloned().flatten()).collect();
    found.iter().all(|cell| cell.as_ref().is_some_and(|cell| *cell != Cell::Null)).then_some(found)
}

/// The row that has these values in the put-back database.
fn standing(
    connection: &Connection,
    table: &Table,
    columns: &[usize],
    values: &Row,
) -> Result<Option<Row>, Fault> {
    let names = columns.iter().filter_map(|place| table.columns.get(*place));
    let terms: Vec<String> =
        names.zip(1..).map(|(column, at)| format!("{} = ?{at}", quoted(&column.name))).collect();
    let query = format!(
        "SELECT {} FROM main.{} WHERE {}",
        table.names().join(", "),
        quoted(&table.name),
        terms.join(" AND ")
    );
    let mut statement = connection.prepare_cached(&query)?;
    let cells = |row: &rusqlite::Row<'_>| {
        (0..table.columns.len()).map(|at| Ok(Some(Cell::from_sql(row.get_ref(at)?)))).collect()
    };
    Ok(statement.query_row(params_from_iter(values.iter().flatten()), cells).optional()?)
}
