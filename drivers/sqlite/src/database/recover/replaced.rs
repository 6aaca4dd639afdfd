//! Rows that `INSERT OR REPLACE` and `UPDATE OR REPLACE` took away there: no trigger sees that, so that the log has
//! the row that came and not the one that went.

use rusqlite::params_from_iter;

use super::apply::Applying;
use super::cell::{Cell, Row, list_of};
use super::decide::Action;
use super::mapping::Rules;
use super::scratch::Record;
use super::source::{Op, Source};
use super::table::Table;
use crate::database::rows::quoted;
use crate::fault::Fault;

/// The side that recorded, as it was at last.
pub(super) struct Replaced<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) rules: &'a Rules<'a>,
}

impl Replaced<'_> {
    /// Deletes the rows that are in the way of one and that are gone on the side that recorded, although nobody deleted
    /// them. Whether there was any.
    pub(super) fn make_room(
        &self,
        applying: &Applying<'_, '_>,
        record: &Record,
        table: &Table,
    ) -> Result<bool, Fault> {
        let Some(wanted) = wanted(applying, record, table)? else { return Ok(false) };
        let mut is_freed = false;
        for columns in &table.uniques {
            for key in in_the_way(applying, table, columns, &wanted)? {
                let is_other = key != record.key;
                if is_other && self.is_replaced(applying, record.table, table, &key)? {
                    let before = applying.here.read(table, &key)?;
                    applying.here.delete(table, &key)?;
                    let identity = applying.identity(record)?;
                    applying.here.put_down(
                        applying.log,
                        table,
                        Op::Delete,
                        identity,
                        before.as_ref(),
                        None,
                    )?;
                    is_freed = true;
                }
            }
        }
        Ok(is_freed)
    }

    fn is_replaced(
        &self,
        applying: &Applying<'_, '_>,
        place: u32,
        table: &Table,
        key: &Row,
    ) -> Result<bool, Fault> {
        // What users wrote to it, here or there, is their word on it.
        let is_written_to: bool = applying.here.connection.query_row(
            "SELECT EXISTS (SELECT 1 FROM temp.backout_native WHERE tab = ?1 AND key = ?2)",
            (place, list_of(key)),
            |row| row.get(0),
        )?;
        if is_written_to || applying.scratch.find(place, key)?.is_some() {
            return Ok(false);
        }
        let Some((name, there)) = self.rules.there_of(table, key)? else { return Ok(false) };
        let Some(table) = self.source.tables.find(&name) else { return Ok(false) };
        if there.len() != table.key.len() {
            return Ok(false);
        }
        let query =
            format!("SELECT EXISTS (SELECT 1 FROM main.{} WHERE {})", quoted(&table.name), table.has_key());
        let mut statement = self.source.connection.prepare_cached(&query)?;
        let is_there: bool = statement.query_row(params_from_iter(there.iter()), |row| row.get(0))?;
        Ok(!is_there)
    }
}

/// The row as it is to be.
fn wanted(applying: &Applying<'_, '_>, record: &Record, table: &Table) -> Result<Option<Row>, Fault> {
    let Some(last) = &record.folded.last else { return Ok(None) };
    Ok(match &record.action {
        Action::Insert => Some(last.clone()),
        Action::Update(columns) => applying.here.read(table, &record.key)?.map(|mut row| {
            for place in columns {
                if let (Some(cell), Some(value)) = (row.get_mut(*place), last.get(*place)) {
                    *cell = value.clone();
                }
            }
            row
        }),
        Action::Nothing | Action::Delete => None,
    })
}

/// The keys of rows that have these values too.
fn in_the_way(
    applying: &Applying<'_, '_>,
    table: &Table,
    columns: &[usize],
    wanted: &Row,
) -> Result<Vec<Row>, Fault> {
    let values: Vec<Cell> =
        columns.iter().filter_map(|place| wanted.get(*place).cloned().flatten()).collect();
    if values.len() != columns.len() || values.contains(&Cell::Null) {
        return Ok(Vec::new());
    }
    let name = |place: &usize| table.columns.get(*place).map(|column| quoted(&column.name));
    let keys: Vec<String> = table.key.iter().filter_map(name).collect();
    let terms: Vec<String> =
        columns.iter().filter_map(name).zip(1..).map(|(name, at)| format!("{name} = ?{at}")).collect();
    let query =
        format!("SELECT {} FROM main.{} WHERE {}", keys.join(", "), quoted(&table.name), terms.join(" AND "));
    let mut statement = applying.here.connection.prepare_cached(&query)?;
    let found = statement.query_map(params_from_iter(values.iter()), |row| {
        (0..keys.len()).map(|at| Ok(Some(Cell::from_sql(row.get_ref(at)?)))).collect()
    })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}
