//! Gathers the lacking writes of one log, row by row, in the columns of the put-back schema.

use std::collections::{HashMap, HashSet};

use super::cell::{Cell, Row};
use super::fold::Write;
use super::keys::{self, Drawer};
use super::mapping::Rules;
use super::mirror::Mirror;
use super::pairs::{Pairs, Space};
use super::replaced::{Moment, Replaced};
use super::scratch::Scratch;
use super::source::{Entry, Known, Op, Source};
use super::table::{Table, Tables};
use super::told::{Told, Topic};
use crate::database::rows::quoted;
use crate::fault::{Fault, bad_data};
use crate::pace::Pace;

/// Whether a write is lacking, so that it is to be taken over.
pub(super) type Lacks<'a> = dyn Fn(&Entry) -> bool + 'a;

/// Draws a key of a table here; none where none can be had.
pub(super) type Draw<'a> = dyn FnMut(u32, &Table) -> Result<Option<Cell>, Fault> + 'a;

/// Notes for every row that was born on one side and taken over to the other which key it has on either: both inserts
/// have the same identity.
pub(super) fn correspond(
    there: &Source<'_>,
    here: &Source<'_>,
    known: &Known,
    rules: &Rules<'_>,
    pairs: &Pairs<'_>,
    pace: &Pace,
) -> Result<(), Fault> {
    there.each(pace, &mut |entry| {
        if entry.op != Op::Insert || known.shares(entry) {
            return Ok(());
        }
        let made = rules.of(entry.era, &entry.table, there.layout(entry.era, &entry.table));
        let Ok(rule) = made.as_ref() else { return Ok(()) };
        let (Some(space), Some(place)) = (&rule.space, rule.key_there) else { return Ok(()) };
        let Some(seq) = known.row_of(entry.identity) else { return Ok(()) };
        let Some(taken) = here.entry(seq)?.filter(|taken| taken.op == Op::Insert) else { return Ok(()) };
        let key_here = rules.here.at(rule.table).and_then(|table| key_of(here, &taken, table));
        let key_there = inserted(there, entry)?.into_iter().nth(place).flatten();
        if let (Some(there), Some(here)) = (key_there, key_here)
            && (there != here || matches!(space, Space::Paired(_)))
        {
            pairs.add(space, &there, &here, false)?;
        }
        Ok(())
    })
}

/// The single key of a row that was inserted, as its log has it.
fn key_of(source: &Source<'_>, entry: &Entry, table: &Table) -> Option<Cell> {
    let layout = source.layout(entry.era, &entry.table)?;
    let key = table.columns.get(table.single_key()?)?;
    let place = if layout.rowid {
        0
    } else {
        layout.columns.iter().position(|name| name.eq_ignore_ascii_case(&key.name))?
    };
    inserted(source, entry).ok()?.into_iter().nth(place).flatten()
}

fn inserted(source: &Source<'_>, entry: &Entry) -> Result<Row, Fault> {
    match source.write(entry)? {
        Write::Insert { after } => Ok(after),
        _ => Err(bad_data("read an insert that is none").into()),
    }
}

/// Gives every row that was born on the side that recorded a key here. How many were drawn.
pub(super) fn births(
    source: &Source<'_>,
    rules: &Rules<'_>,
    lacks: &Lacks<'_>,
    draw: &mut Draw<'_>,
    pace: &Pace,
) -> Result<u64, Fault> {
    let mut count = 0;
    // Declared keys that tell nothing at all are a mistake, and then nothing is guessed.
    let silent = silent(source, rules, lacks, pace)?;
    source.each(pace, &mut |entry| {
        if entry.op != Op::Insert || !lacks(entry) {
            return Ok(());
        }
        let made = rules.of(entry.era, &entry.table, source.layout(entry.era, &entry.table));
        let Ok(rule) = made.as_ref() else { return Ok(()) };
        let (Some(space @ Space::Paired(_)), Some(place)) = (&rule.space, rule.key_there) else {
            return Ok(());
        };
        let Some(key) = inserted(source, entry)?.into_iter().nth(place).flatten() else { return Ok(()) };
        if silent.contains(space) || key == Cell::Null || rules.pairs.here(space, &key)?.is_some() {
            return Ok(());
        }
        let table = rules.here.at(rule.table).ok_or_else(|| bad_data("find a table again"))?;
        if let Some(drawn) = draw(rule.table, table)? {
            rules.pairs.add(space, &key, &drawn, true)?;
            count += 1;
        }
        Ok(())
    })?;
    Ok(count)
}

/// Tables whose declared keys tell no pair, although there are rows, or were, that nobody inserted since.
fn silent(
    source: &Source<'_>,
    rules: &Rules<'_>,
    lacks: &Lacks<'_>,
    pace: &Pace,
) -> Result<HashSet<Space>, Fault> {
    let mut alive: HashMap<Space, (String, HashSet<String>)> = HashMap::new();
    let mut silent = HashSet::new();
    source.each(pace, &mut |entry| {
        if !lacks(entry) || entry.op == Op::Settled {
            return Ok(());
        }
        let made = rules.of(entry.era, &entry.table, source.layout(entry.era, &entry.table));
        let Ok(rule) = made.as_ref() else { return Ok(()) };
        let (Some(space @ Space::Paired(_)), Some(place)) = (&rule.space, rule.key_there) else {
            return Ok(());
        };
        if !rules.pairs.is_empty(space) {
            return Ok(());
        }
        let key = |row: &Row| row.get(place).cloned().flatten().map(|key| key.literal());
        let (_, alive) = alive.entry(space.clone()).or_insert_with(|| (entry.table.clone(), HashSet::new()));
        let (before, after) = match source.write(entry)? {
            Write::Insert { after } => (None, key(&after)),
            Write::Update { before, after } => (key(&before), key(&after)),
            Write::Delete { before } => (key(&before), None),
        };
        if before.is_some_and(|before| !alive.remove(&before)) {
            silent.insert(space.clone());
        }
        alive.extend(after);
        Ok(())
    })?;
    for (space, (name, alive)) in alive {
        let rows: Option<i64> = match source.tables.find(&name) {
            Some(table) => {
                let query = format!("SELECT count(*) FROM main.{}", quoted(&table.name));
                Some(source.connection.query_row(&query, [], |row| row.get(0))?)
            }
            None => None,
        };
        if rows.and_then(|rows| usize::try_from(rows).ok()) != Some(alive.len()) {
            silent.insert(space);
        }
    }
    Ok(silent)
}

/// What gathering needs.
pub(super) struct Gathering<'a, 'c> {
    pub(super) source: &'a Source<'a>,
    pub(super) rules: &'a Rules<'a>,
    pub(super) scratch: &'a Scratch<'c>,
    pub(super) mirror: &'a Mirror<'c>,
    pub(super) told: &'a Told<'c>,
    pub(super) drawer: &'a mut Drawer,
    pub(super) replaced: &'a Replaced<'a, 'c>,
    pub(super) run: &'a str,
}

impl Gathering<'_, '_> {
    /// Gathers all; how many writes have no place here, or not all of a place.
    pub(super) fn all(&mut self, lacks: &Lacks<'_>, pace: &Pace) -> Result<u64, Fault> {
        let mut unmapped = 0;
        let source = self.source;
        source.each(pace, &mut |entry| {
            if !lacks(entry) {
                return Ok(());
            }
            if entry.op == Op::Settled {
                // Settled on a side that was itself put back over: it stays settled.
                return self.scratch.note(entry.identity, None, entry.seq, entry.op);
            }
            let why = self.one(entry)?;
            if let Some(why) = why {
                unmapped += 1;
                self.tell(entry, &why)?;
            }
            Ok(())
        })?;
        Ok(unmapped)
    }

    /// Why a write, or a part of it, has no place here.
    fn one(&mut self, entry: &Entry) -> Result<Option<String>, Fault> {
        let layout = self.source.layout(entry.era, &entry.table);
        let made = self.rules.of(entry.era, &entry.table, layout);
        let rule = match made.as_ref() {
            Ok(rule) => rule,
            Err(why) => return Ok(Some(why.0.clone())),
        };
        let table = self.rules.here.at(rule.table).ok_or_else(|| bad_data("find a table again"))?;
        let written = self.source.write(entry)?;
        let mapped = match rule.write(&written, self.rules.pairs)? {
            Ok(mapped) => mapped,
            Err(why) => {
                rule.forget(&written, self.rules.pairs)?;
                return Ok(Some(why.0));
            }
        };
        self.drawer.look(self.scratch.connection, rule.table, table)?;
        let lost = rule.loses(&written);
        let lost = (!lost.is_empty()).then(|| format!("no column has a place for {}", lost.join(", ")));
        let stored = |row: Row| -> Result<Row, Fault> {
            if rule.is_same { Ok(row) } else { self.mirror.stored(rule.table, table, row) }
        };
        let (before, after) = match mapped {
            Write::Insert { after } => (None, Some(stored(after)?)),
            Write::Update { before, after } => (Some(stored(before)?), Some(stored(after)?)),
            Write::Delete { before } => (Some(stored(before)?), None),
        };
        let key = |row: &Row| -> Option<Row> {
            let key: Row = table.key.iter().map(|place| row.get(*place).cloned().flatten()).collect();
            key.iter().all(|cell| cell.as_ref().is_some_and(|cell| *cell != Cell::Null)).then_some(key)
        };
        let (key_before, key_after) = (before.as_ref().map(key), after.as_ref().map(key));
        let is_named = !matches!(key_before, Some(None)) && !matches!(key_after, Some(None));
        if !is_named {
            return Ok(Some("its key is NULL, which names no row".to_owned()));
        }
        match (key_before.flatten(), key_after.flatten()) {
            // Another key makes another row of it.
            (Some(old), Some(new)) if old != new => {
                self.fold(rule.table, table, &old, (before.as_ref(), None), entry)?;
                self.fold(rule.table, table, &new, (None, after.as_ref()), entry)?;
            }
            (Some(key), _) | (None, Some(key)) => {
                self.fold(rule.table, table, &key, (before.as_ref(), after.as_ref()), entry)?;
            }
            (None, None) => {}
        }
        Ok(lost)
    }

    /// Adds a version of a row to the one that is known.
    fn fold(
        &mut self,
        place: u32,
        table: &Table,
        key: &Row,
        (before, after): (Option<&Row>, Option<&Row>),
        entry: &Entry,
    ) -> Result<(), Fault> {
        if let (true, Some(Some(key))) = (key.len() == 1, key.first()) {
            self.drawer.note(place, key);
        }
        let write = match (before.cloned(), after.cloned()) {
            (Some(before), Some(after)) => Write::Update { before, after },
            (None, Some(after)) => Write::Insert { after },
            (Some(before), None) => Write::Delete { before },
            (None, None) => return Ok(()),
        };
        self.scratch.fold(place, key, write, (entry.identity, entry.seq, entry.op))?;
        let write = (entry.identity, entry.seq);
        self.replaced.follow(&Moment { place, table, key, before, after, write })
    }

    fn tell(&self, entry: &Entry, why: &str) -> Result<(), Fault> {
        let mut line = super::review::line(self.source, entry)?;
        if let Some(line) = line.as_object_mut() {
            line.insert("run".to_owned(), self.run.into());
            line.insert("because".to_owned(), why.into());
        }
        self.told.tell(Topic::Unmapped, entry.identity, &line)
    }
}

/// What users wrote here since the database was put back.
pub(super) fn natives(
    here: &Source<'_>,
    shared: &Known,
    tables: &Tables,
    scratch: &Scratch<'_>,
    pace: &Pace,
) -> Result<(), Fault> {
    here.each(pace, &mut |entry| {
        let is_own = entry.identity == entry.seq && !shared.shares(entry) && entry.op != Op::Settled;
        let Some(place) = is_own.then(|| tables.place(&entry.table)).flatten() else { return Ok(()) };
        let (Some(table), Some(layout)) = (tables.at(place), here.layout(entry.era, &entry.table)) else {
            return Ok(());
        };
        let key = |row: &Row| -> Row {
            let cell = |place: &usize| {
                let name = &table.columns.get(*place)?.name;
                let at = match layout.rowid {
                    true => 0,
                    false => layout.columns.iter().position(|column| column.eq_ignore_ascii_case(name))?,
                };
                row.get(at).cloned().flatten()
            };
            table.key.iter().map(cell).collect()
        };
        match here.write(entry)? {
            Write::Insert { after } => scratch.note_native(place, &key(&after), true),
            Write::Delete { before } => scratch.note_native(place, &key(&before), false),
            Write::Update { before, after } => {
                scratch.note_native(place, &key(&before), false)?;
                scratch.note_native(place, &key(&after), key(&before) != key(&after))
            }
        }
    })
}

/// Lets no key be drawn that was given on the side that recorded, also to a row that is gone again.
pub(super) fn note_counted(source: &Source<'_>, rules: &Rules<'_>, drawer: &mut Drawer) -> Result<(), Fault> {
    for (place, table) in rules.here.iter() {
        let is_counted_there = source
            .tables
            .find(&table.name)
            .is_some_and(|there| there.counts_keys && there.key_affinity() == table.key_affinity());
        if is_counted_there
            && rules.keeps_keys(&table.name)
            && let Some(counted) = keys::counted(source.connection, &table.name)?
        {
            drawer.note(place, &Cell::Integer(counted));
        }
    }
    Ok(())
}

/// Nor one that a lacking insert has.
pub(super) fn note_inserted(
    source: &Source<'_>,
    rules: &Rules<'_>,
    lacks: &Lacks<'_>,
    drawer: &mut Drawer,
    pace: &Pace,
) -> Result<(), Fault> {
    source.each(pace, &mut |entry| {
        if entry.op != Op::Insert || !lacks(entry) {
            return Ok(());
        }
        let made = rules.of(entry.era, &entry.table, source.layout(entry.era, &entry.table));
        if let Ok(rule) = made.as_ref()
            && let (Some(Space::Same(_)), Some(place)) = (&rule.space, rule.key_there)
            && let Some(key) = inserted(source, entry)?.into_iter().nth(place).flatten()
        {
            drawer.note(rule.table, &key);
        }
        Ok(())
    })
}
