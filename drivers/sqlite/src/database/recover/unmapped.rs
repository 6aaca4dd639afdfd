//! Counts, before anything is put back, the writes that no rule would take over.

use std::cell::Cell as Counter;
use std::collections::BTreeMap;

use rusqlite::Connection;

use super::cell::Cell;
use super::config::Merge;
use super::gather;
use super::keys;
use super::mapping::{Direction, Rules};
use super::pairs::Pairs;
use super::source::{Entry, Op, Source};
use super::table::{Table, Tables};
use crate::database::state::State;
use crate::fault::Fault;
use crate::pace::Pace;

/// For every table of the log of `live`, how many of the writes that `target` lacks have no place, or not all of a
/// place, in its schema. Only reads; what it works out lies in temporary tables of the connection.
pub(in crate::database) fn unmapped(
    live: &Connection,
    target: &State,
    merge: &Merge,
    pace: &Pace,
) -> Result<BTreeMap<String, u64>, Fault> {
    let mut counts = BTreeMap::new();
    let Some(source) = Source::of(live)? else { return Ok(counts) };
    let recorder = target.recorder.as_ref().filter(|recorder| recorder.nonce == source.nonce);
    let lacks = |entry: &Entry| recorder.is_none_or(|recorder| !recorder.held.contains(entry.identity));
    let schema = schema_of(target)?;
    let tables = Tables::read(&schema)?;
    let pairs = Pairs::new(live)?;
    let direction = keys::direction(merge, (live, &source.tables), (&schema, &tables));
    let is_shared = |era: i64| recorder.is_some_and(|recorder| recorder.eras.contains(&era));
    let rules = Rules::new(&source.tables, &tables, merge, direction, &pairs, &is_shared);
    keys::add_kept(live, merge, direction, true, &pairs)?;
    if direction == Direction::Back {
        keys::add_asked(live, merge, direction, &pairs)?;
    }
    // Which key it will be is not known yet, and does not matter.
    let drawn = Counter::new(i64::MAX);
    let mut draw = |_: u32, _: &Table| {
        drawn.set(drawn.get() - 1);
        Ok(Some(Cell::Integer(drawn.get())))
    };
    gather::births(&source, &rules, &lacks, &mut draw, pace)?;
    source.each(pace, &mut |entry| {
        if lacks(entry) && entry.op != Op::Settled && !has_a_place(&source, entry, &rules, &pairs)? {
            *counts.entry(entry.table.clone()).or_default() += 1;
        }
        Ok(())
    })?;
    Ok(counts)
}

fn has_a_place(
    source: &Source<'_>,
    entry: &Entry,
    rules: &Rules<'_>,
    pairs: &Pairs<'_>,
) -> Result<bool, Fault> {
    let made = rules.of(entry.era, &entry.table, source.layout(entry.era, &entry.table));
    let Ok(rule) = made.as_ref() else { return Ok(false) };
    let write = source.write(entry)?;
    if rule.write(&write, pairs)?.is_err() {
        rule.forget(&write, pairs)?;
        return Ok(false);
    }
    Ok(rule.loses(&write).is_empty())
}

/// An empty database with the tables of a saved one.
fn schema_of(target: &State) -> Result<Connection, Fault> {
    let schema = Connection::open_in_memory()?;
    for kind in ["table", "index"] {
        for entry in target.schema.iter().filter(|entry| entry.kind == kind) {
            // What cannot be made here (a virtual table, an index with a collation of the application's own) is
            // nothing that rows are taken over to.
            if let Some(sql) = &entry.sql {
                let _ = schema.execute_batch(sql);
            }
        }
    }
    Ok(schema)
}
