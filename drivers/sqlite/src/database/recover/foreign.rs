//! Foreign keys, judged once everything is done: rows come in the order of their writes, and cascades do not act.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashSet};

use rusqlite::Connection;

use super::cell::{Cell, Row, list_of};
use super::mapping::Rules;
use super::scratch::Scratch;
use super::source::Source;
use super::table::{ForeignKey, Table, Tables};
use crate::database::rows::quoted;
use crate::fault::Fault;

/// Foreign keys that lead nowhere on the side that recorded too: the application does not hold to them, and what it
/// admitted there is admitted here. Looked up when first asked for.
pub(super) struct Loose<'a> {
    source: &'a Source<'a>,
    rules: &'a Rules<'a>,
    found: OnceCell<HashSet<(String, String)>>,
}

impl<'a> Loose<'a> {
    pub(super) fn of(source: &'a Source<'a>, rules: &'a Rules<'a>) -> Self {
        Self { source, rules, found: OnceCell::new() }
    }

    fn has(&self, child: &str, parent: &str) -> Result<bool, Fault> {
        if self.found.get().is_none() {
            let _ = self.found.set(self.read()?);
        }
        let name = |name: &str| name.to_ascii_lowercase();
        Ok(self.found.get().is_some_and(|found| found.contains(&(name(child), name(parent)))))
    }

    fn read(&self) -> Result<HashSet<(String, String)>, Fault> {
        let mut found = HashSet::new();
        let mut statement = self.source.connection.prepare("PRAGMA main.foreign_key_check")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let name = |name: String| self.rules.name_here(&name).to_ascii_lowercase();
            found.insert((name(row.get(0)?), name(row.get(2)?)));
        }
        Ok(found)
    }
}

/// Rows whose foreign keys led nowhere before anything was done.
pub(super) struct Violations {
    standing: HashSet<(u32, usize, String)>,
    /// Foreign keys that are concerned: the place of their table, and theirs among its keys.
    concerned: Vec<(u32, usize)>,
}

impl Violations {
    /// Of tables to which something is to be done, and those that refer to them.
    pub(super) fn of(connection: &Connection, tables: &Tables, scratch: &Scratch<'_>) -> Result<Self, Fault> {
        let touched = scratch.tables_to_take()?;
        let mut concerned = Vec::new();
        for (place, table) in tables.iter() {
            for (number, key) in table.foreign_keys.iter().enumerate() {
                let parent = tables.place(&key.parent);
                let is_concerned =
                    touched.contains(&place) || parent.is_some_and(|parent| touched.contains(&parent));
                if parent.is_some() && is_concerned {
                    concerned.push((place, number));
                }
            }
        }
        let mut standing = HashSet::new();
        for (place, number) in &concerned {
            each(connection, tables, *place, *number, &mut |row, _| {
                standing.insert((*place, *number, list_of(&row)));
                Ok(())
            })?;
        }
        Ok(Self { standing, concerned })
    }

    /// The rows that were taken over and because of which a foreign key leads nowhere now.
    pub(super) fn caused_by(
        &self,
        connection: &Connection,
        tables: &Tables,
        scratch: &Scratch<'_>,
        loose: &Loose<'_>,
        out: &BTreeSet<i64>,
    ) -> Result<Vec<(i64, String)>, Fault> {
        let mut found: Vec<(i64, String)> = Vec::new();
        for (place, number) in &self.concerned {
            let Some((table, key)) = foreign_key(tables, *place, *number) else { continue };
            let mut new = Vec::new();
            each(connection, tables, *place, *number, &mut |row, values| {
                if !self.standing.contains(&(*place, *number, list_of(&row))) {
                    new.push((row, values));
                }
                Ok(())
            })?;
            if new.is_empty() || loose.has(&table.name, &key.parent)? {
                continue;
            }
            let said = format!("its foreign key to {} leads nowhere", key.parent);
            for (row, values) in new {
                let is_in = |id: &i64| !out.contains(id);
                let child = scratch.find_to_take(*place, &row)?.filter(is_in);
                let parent = match child {
                    Some(_) => None,
                    None => self.parent(tables, scratch, key, &values)?.filter(is_in),
                };
                found.extend(child.map(|row| (row, said.clone())));
                found.extend(parent.map(|row| (row, format!("a row of {} still refers to it", table.name))));
            }
        }
        found.sort();
        found.dedup_by_key(|(row, _)| *row);
        Ok(found)
    }

    fn parent(
        &self,
        tables: &Tables,
        scratch: &Scratch<'_>,
        key: &ForeignKey,
        values: &Row,
    ) -> Result<Option<i64>, Fault> {
        let Some((place, parent)) =
            tables.place(&key.parent).and_then(|place| Some((place, tables.at(place)?)))
        else {
            return Ok(None);
        };
        // By the value of its columns that the key refers to, in whatever version of the row.
        let columns: Vec<usize> = key.parent_columns.iter().filter_map(|name| parent.column(name)).collect();
        let by_key: Row = parent
            .key
            .iter()
            .map(|place| {
                let at = columns.iter().position(|column| column == place)?;
                values.get(at).cloned().flatten()
            })
            .collect();
        if by_key.iter().all(Option::is_some) {
            return scratch.find_to_take(place, &by_key);
        }
        scratch.find_that_had(place, &columns, values)
    }
}

fn foreign_key(tables: &Tables, place: u32, number: usize) -> Option<(&Table, &ForeignKey)> {
    let table = tables.at(place)?;
    Some((table, table.foreign_keys.get(number)?))
}

/// Every row of a table whose foreign key leads nowhere: its key, and the values that lead nowhere.
fn each(
    connection: &Connection,
    tables: &Tables,
    place: u32,
    number: usize,
    then: &mut dyn FnMut(Row, Row) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let Some((table, key)) = foreign_key(tables, place, number) else { return Ok(()) };
    let name = |place: &usize| table.columns.get(*place).map(|column| format!("c.{}", quoted(&column.name)));
    let of_key: Vec<String> = table.key.iter().filter_map(name).collect();
    let from: Vec<String> = key.columns.iter().filter_map(name).collect();
    let is_there: Vec<String> = from.iter().map(|column| format!("{column} IS NOT NULL")).collect();
    let leads: Vec<String> =
        key.parent_columns.iter().zip(&from).map(|(to, from)| format!("p.{} = {from}", quoted(to))).collect();
    let query = format!(
        "SELECT {}, {} FROM main.{} AS c WHERE {} AND NOT EXISTS (SELECT 1 FROM main.{} AS p WHERE {})",
        of_key.join(", "),
        from.join(", "),
        quoted(&table.name),
        is_there.join(" AND "),
        quoted(&key.parent),
        leads.join(" AND ")
    );
    let mut statement = match connection.prepare_cached(&query) {
        Ok(statement) => statement,
        // Wrong in itself: SQLite does not hold to it either.
        Err(error) if crate::database::read::is_about_the_schema(&error) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let cell = |at: usize| Ok::<_, rusqlite::Error>(Some(Cell::from_sql(row.get_ref(at)?)));
        let of_row = (0..of_key.len()).map(cell).collect::<Result<Row, _>>()?;
        let values = (of_key.len()..of_key.len() + from.len()).map(cell).collect::<Result<Row, _>>()?;
        then(of_row, values)?;
    }
    Ok(())
}
