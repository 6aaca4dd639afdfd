//! Where pairs of keys come from, and how new keys are drawn.
//!
//! In the order in which they are believed: a row that was inserted on one side and taken over to the other has the
//! identity of its insert in both logs; what was kept at cutover, when rows that were deleted later were still there;
//! what an earlier recovery drew; what the declared query answers now.

use std::collections::HashMap;

use backout_contract::DriverError;
use backout_core::writes::Gap;
use rusqlite::Connection;

use super::cell::{Cell, from_list};
use super::config::{Merge, begins_as_query};
use super::mapping::Direction;
use super::pairs::{Pairs, Space};
use super::table::{Affinity, Table, Tables};
use crate::database::rows::quoted;
use crate::database::safe;
use crate::fault::{Fault, bad_data};

/// Asks the declared queries, and keeps what they answer in the database itself. One gap for each query that fails or
/// answers nothing although its table has rows.
pub(in crate::database) fn collect(connection: &Connection, merge: &Merge) -> Result<Vec<Gap>, Fault> {
    let mut gaps = Vec::new();
    for (table, query) in merge.tables.iter().filter_map(|(table, rule)| Some((table, rule.keys.as_ref()?))) {
        let mut keep = connection
            .prepare("INSERT OR REPLACE INTO main._backout_keys (tab, new, old) VALUES (?1, ?2, ?3)")?;
        let mut count = 0u64;
        let asked = ask(connection, query, &mut |new, old| {
            count += 1;
            keep.execute((table, new.literal(), old.literal()))?;
            Ok(())
        });
        let why = match asked {
            Ok(()) if count > 0 || !has_rows(connection, table) => continue,
            Ok(()) => "the declared keys tell no old key at all".to_owned(),
            Err(Asked::Query(why)) => format!("the declared keys cannot be read: {why}"),
            Err(Asked::Fault(fault)) => return Err(fault),
        };
        gaps.push(Gap { table: safe(table), why });
    }
    Ok(gaps)
}

fn has_rows(connection: &Connection, table: &str) -> bool {
    let query = format!("SELECT EXISTS (SELECT 1 FROM main.{})", quoted(table));
    connection.query_row(&query, [], |row| row.get(0)).unwrap_or(false)
}

/// Why a declared query brought nothing.
#[derive(Debug)]
pub(super) enum Asked {
    /// It cannot be asked here.
    Query(String),
    /// What was to be done with its answer failed.
    Fault(Fault),
}

/// Asks a declared query for pairs of a new and an old key.
pub(super) fn ask(
    connection: &Connection,
    query: &str,
    then: &mut dyn FnMut(Cell, Cell) -> Result<(), Fault>,
) -> Result<(), Asked> {
    let wrong = |error: rusqlite::Error| Asked::Query(error.to_string());
    if !begins_as_query(query) {
        return Err(Asked::Query("it is no query".to_owned()));
    }
    let mut statement = connection.prepare(query).map_err(wrong)?;
    if !statement.readonly() || statement.column_count() != 2 {
        return Err(Asked::Query("it does not read two columns, a new key and an old one".to_owned()));
    }
    let mut rows = statement.query([]).map_err(wrong)?;
    while let Some(row) = rows.next().map_err(wrong)? {
        let cell = |place| row.get_ref(place).map(Cell::from_sql).map_err(wrong);
        let (new, old) = (cell(0)?, cell(1)?);
        if new != Cell::Null && old != Cell::Null {
            then(new, old).map_err(Asked::Fault)?;
        }
    }
    Ok(())
}

/// Whether a declared query can be asked at all.
fn can_ask(connection: &Connection, query: &str) -> bool {
    connection.prepare(query).is_ok_and(|statement| statement.readonly())
}

/// From which side to which: by where the declared queries can be asked and the declared names are found.
pub(super) fn direction(
    merge: &Merge,
    there: (&Connection, &Tables),
    here: (&Connection, &Tables),
) -> Direction {
    for (new, rule) in &merge.tables {
        let is_new = |(connection, tables): (&Connection, &Tables)| {
            tables.find(new).is_some_and(|table| {
                rule.columns.keys().chain(rule.references.keys()).all(|column| table.column(column).is_some())
            }) && rule.keys.as_ref().is_none_or(|query| can_ask(connection, query))
        };
        let is_old = |tables: &Tables| tables.find(rule.old_name(new)).is_some();
        match (is_new(there) && is_old(here.1), is_new(here) && is_old(there.1)) {
            (true, false) => return Direction::Back,
            (false, true) => return Direction::Forth,
            _ => {}
        }
    }
    Direction::Back
}

/// Adds the pairs that were kept in a database. `chained` leads a kept key on to where it is by now.
pub(super) fn add_kept(
    from: &Connection,
    merge: &Merge,
    direction: Direction,
    is_from_there: bool,
    pairs: &Pairs<'_>,
) -> Result<(), Fault> {
    let is_there: bool = from.query_row(
        "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE name = '_backout_keys')",
        [],
        |row| row.get(0),
    )?;
    if !is_there {
        return Ok(());
    }
    let mut query = from.prepare("SELECT new, old FROM main._backout_keys WHERE tab = ?1")?;
    for (new_name, rule) in merge.tables.iter().filter(|(_, rule)| rule.keys.is_some()) {
        let sides = Sides::of(new_name, rule.old_name(new_name), direction);
        let mut rows = query.query([new_name])?;
        while let Some(row) = rows.next()? {
            let (new, old) = (single(row.get_ref(0)?.as_str())?, single(row.get_ref(1)?.as_str())?);
            sides.add(new, old, is_from_there, pairs)?;
        }
    }
    Ok(())
}

/// Adds the pairs that the declared queries answer, on the new side.
pub(super) fn add_asked(
    new_side: &Connection,
    merge: &Merge,
    direction: Direction,
    pairs: &Pairs<'_>,
) -> Result<(), Fault> {
    for (new_name, rule) in &merge.tables {
        let Some(query) = &rule.keys else { continue };
        let sides = Sides::of(new_name, rule.old_name(new_name), direction);
        match ask(new_side, query, &mut |new, old| sides.add(new, old, true, pairs)) {
            // What it cannot tell is not known; rules say so.
            Ok(()) | Err(Asked::Query(_)) => {}
            Err(Asked::Fault(fault)) => return Err(fault),
        }
        pairs.forget_ambiguous(&sides.space)?;
    }
    Ok(())
}

struct Sides {
    space: Space,
    same: Space,
    direction: Direction,
}

impl Sides {
    fn of(new_name: &str, old_name: &str, direction: Direction) -> Self {
        let (there, here) = match direction {
            Direction::Back => (new_name, old_name),
            Direction::Forth => (old_name, new_name),
        };
        Self { space: Space::Paired(there.to_owned()), same: Space::Same(here.to_owned()), direction }
    }

    fn add(&self, new: Cell, old: Cell, is_from_there: bool, pairs: &Pairs<'_>) -> Result<(), Fault> {
        let (there, here) = match self.direction {
            Direction::Back => (new, old),
            Direction::Forth => (old, new),
        };
        // What the other side calls the row here may have had to make room.
        let here = if is_from_there { pairs.here(&self.same, &here)?.unwrap_or(here) } else { here };
        pairs.add(&self.space, &there, &here, false).map(drop)
    }
}

/// The one value of a list.
fn single(list: Result<&str, rusqlite::types::FromSqlError>) -> Result<Cell, DriverError> {
    let wrong = || bad_data("read a kept key");
    from_list(list.map_err(|_| wrong())?)?.into_iter().next().flatten().ok_or_else(wrong)
}

/// Draws keys that nobody has and nobody had.
#[derive(Debug, Default)]
pub(super) struct Drawer {
    /// The highest key of a table, by its place.
    highest: HashMap<u32, i64>,
}

impl Drawer {
    /// Notes a key of a table: none is drawn that is not above it.
    pub(super) fn note(&mut self, place: u32, key: &Cell) {
        if let (Cell::Integer(key), Some(highest)) = (key, self.highest.get_mut(&place)) {
            *highest = (*highest).max(*key);
        }
    }

    /// Begins to keep count of a table's keys, from what stands here.
    pub(super) fn look(&mut self, connection: &Connection, place: u32, table: &Table) -> Result<(), Fault> {
        let Some(key) = table.single_key().and_then(|key| table.columns.get(key)) else { return Ok(()) };
        if self.highest.contains_key(&place) || !table.has_integer_key() {
            return Ok(());
        }
        let query = format!(
            "SELECT max({0}) FROM main.{1} WHERE typeof({0}) = 'integer'",
            quoted(&key.name),
            quoted(&table.name)
        );
        let standing: Option<i64> = connection.query_row(&query, [], |row| row.get(0))?;
        let counted = if table.counts_keys { counted(connection, &table.name)? } else { None };
        self.highest.insert(place, standing.max(counted).unwrap_or(0).max(0));
        Ok(())
    }

    /// The highest key that was noted or drawn.
    pub(super) fn highest(&self, place: u32) -> Option<i64> {
        self.highest.get(&place).copied()
    }

    /// A new key; none where keys of the table cannot be drawn.
    pub(super) fn draw(
        &mut self,
        connection: &Connection,
        place: u32,
        table: &Table,
    ) -> Result<Option<Cell>, Fault> {
        self.look(connection, place, table)?;
        match table.key_affinity() {
            Some(Affinity::Integer) => {
                let Some(highest) = self.highest.get_mut(&place) else { return Ok(None) };
                let Some(next) = highest.checked_add(1) else { return Ok(None) };
                *highest = next;
                Ok(Some(Cell::Integer(next)))
            }
            Some(Affinity::Text) if holds_uuids(connection, table)? => random_uuid(connection).map(Some),
            _ => Ok(None),
        }
    }
}

/// What `AUTOINCREMENT` counts for a table.
pub(super) fn counted(connection: &Connection, table: &str) -> Result<Option<i64>, Fault> {
    Ok(connection.query_row(
        "SELECT max(CAST(seq AS INTEGER)) FROM main.sqlite_sequence WHERE name = ?1 COLLATE NOCASE",
        [table],
        |row| row.get(0),
    )?)
}

/// Whether the keys of a table are UUIDs as text, as far as a look at one tells.
fn holds_uuids(connection: &Connection, table: &Table) -> Result<bool, Fault> {
    let Some(key) = table.single_key().and_then(|key| table.columns.get(key)) else { return Ok(false) };
    let query = format!(
        "SELECT coalesce((SELECT {0} LIKE '________-____-____-____-____________' FROM main.{1} LIMIT 1), 0)",
        quoted(&key.name),
        quoted(&table.name)
    );
    Ok(connection.query_row(&query, [], |row| row.get(0))?)
}

fn random_uuid(connection: &Connection) -> Result<Cell, Fault> {
    let hex: String = connection.query_row("SELECT lower(hex(randomblob(16)))", [], |row| row.get(0))?;
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    // Version 4, of the variant 10.
    let uuid = format!("{}-{}-4{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32));
    Ok(Cell::Text(uuid.into_bytes()))
}
