//! Counts recorded writes that a saved state lacks.

use std::collections::BTreeMap;

use backout_core::writes::{Counted, Gap, TableWrites, Tally};
use rusqlite::Connection;

use super::coverage::{self, EVERY_TABLE};
use super::eras::{self, CUTOVER};
use super::held::{self, Recorder};
use crate::database::config::Config;
use crate::database::recover::unmapped;
use crate::database::safe;
use crate::database::state::State;
use crate::fault::Fault;
use crate::pace::Pace;

/// What live has and `target` lacks.
///
/// | live has a recorder | target has | → |
/// |---|---|---|
/// | no | no | none: nothing was ever recorded |
/// | no | yes | a gap: it is gone as a whole |
/// | yes | no, or another one | everything it holds, and a gap: it began later |
/// | yes | the same | what it holds and the target does not |
pub(in crate::database) fn count(
    connection: &Connection,
    config: &Config,
    target: &State,
    pace: &Pace,
) -> Result<Option<Counted>, Fault> {
    let recorder = target.recorder.as_ref();
    let Some(coverage) = coverage::of(connection, config)? else {
        return Ok(recorder.map(|_| only_a_gap("its recorder was taken away, with what it held")));
    };
    let Some(live) = held::read(connection)? else {
        return Ok(Some(Counted { tables: Vec::new(), gaps: coverage.uncovered, notes: Vec::new() }));
    };
    let same = recorder.filter(|recorder| recorder.nonce == live.nonce);
    let mut gaps = coverage.uncovered;
    if same.is_none() {
        let why = match recorder {
            None => "recording began only after that state was saved",
            Some(_) => "recording was ended and begun anew since that state was saved",
        };
        gaps.push(Gap { table: EVERY_TABLE.to_owned(), why: why.to_owned() });
    }
    let missed = live.missed.saturating_sub(same.map_or(0, |target| target.missed));
    if missed > 0 {
        let writes = if missed == 1 { "1 write was".to_owned() } else { format!("{missed} writes were") };
        let why = format!("{writes} let go, because the recorder had reached its cap or a row was too long");
        gaps.push(Gap { table: EVERY_TABLE.to_owned(), why });
    }
    let eras = eras::read(connection)?;
    let newer = |era: i64| same.is_none_or(|target| !target.eras.contains(&era));
    for era in eras.iter().filter(|era| newer(era.era)) {
        gaps.extend(coverage::interrupted(era));
    }
    let cutover = eras.iter().find(|era| newer(era.era) && era.occasion == CUTOVER).map(|era| era.era);
    gaps.sort();
    gaps.dedup();
    let mut tables = tables(connection, same, cutover, pace)?;
    if !tables.is_empty() {
        for (table, count) in unmapped(connection, target, &config.merge, pace)? {
            if let Some(writes) = tables.get_mut(&table) {
                writes.unmapped = count;
            }
        }
    }
    Ok(Some(Counted { tables: tables.into_values().collect(), gaps, notes: Vec::new() }))
}

fn only_a_gap(why: &str) -> Counted {
    Counted {
        tables: Vec::new(),
        gaps: vec![Gap { table: EVERY_TABLE.to_owned(), why: why.to_owned() }],
        notes: Vec::new(),
    }
}

fn tables(
    connection: &Connection,
    target: Option<&Recorder>,
    cutover: Option<i64>,
    pace: &Pace,
) -> Result<BTreeMap<String, TableWrites>, Fault> {
    let mut statement = connection.prepare(
        "SELECT tab, op, origin, era, coalesce(source, seq) FROM main._backout_log WHERE op IN ('i', 'u', 'd')",
    )?;
    let mut rows = statement.query([])?;
    let mut tables: BTreeMap<String, TableWrites> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        pace.check("count the writes of a database")?;
        let identity: i64 = row.get(4)?;
        if target.is_some_and(|target| target.held.contains(identity)) {
            continue;
        }
        let table: String = row.get(0)?;
        let writes = tables.entry(table).or_insert_with_key(|table| TableWrites {
            table: safe(table),
            before_cutover: Tally::default(),
            since_cutover: Tally::default(),
            unmapped: 0,
            migration: 0,
            taken_over: 0,
            misfits: Vec::new(),
        });
        if row.get_ref(2)?.as_str().is_ok_and(|origin| origin == "migration") {
            writes.migration += 1;
            continue;
        }
        let era: i64 = row.get(3)?;
        let tally = if cutover.is_some_and(|cutover| era >= cutover) {
            &mut writes.since_cutover
        } else {
            &mut writes.before_cutover
        };
        match row.get_ref(1)?.as_str() {
            Ok("i") => tally.inserted += 1,
            Ok("u") => tally.changed += 1,
            _ => tally.deleted += 1,
        }
    }
    Ok(tables)
}
