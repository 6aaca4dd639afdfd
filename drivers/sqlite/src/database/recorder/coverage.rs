//! What recorders record at this moment, told by reading alone.

use std::collections::BTreeSet;

use backout_core::writes::{Coverage, Gap};
use rusqlite::Connection;

use super::eras::{self, Standing};
use super::install::nonce;
use super::{layout, objects};
use crate::database::config::Config;
use crate::database::safe;
use crate::fault::Fault;

/// What stands for every table in a gap.
pub(super) const EVERY_TABLE: &str = "every table";

/// What is recorded; none where there is no recorder.
pub(in crate::database) fn of(connection: &Connection, config: &Config) -> Result<Option<Coverage>, Fault> {
    if !objects::is_there(connection)? {
        return Ok(None);
    }
    if let Some(why) = lost(connection)? {
        let uncovered = vec![Gap { table: EVERY_TABLE.to_owned(), why }];
        return Ok(Some(Coverage { uncovered, ..Coverage::default() }));
    }
    let eras = eras::read(connection)?;
    let Some(last) = eras.last() else { return Ok(Some(Coverage::default())) };
    let (now, mut uncovered) = layout::read(connection, &config.recorder.except, None)?;
    let triggers = eras::triggers(connection)?;
    let nonce = nonce(connection)?;
    let (mut covered, mut known) = (BTreeSet::new(), BTreeSet::new());
    for (table, layout) in &last.tables {
        let why = match last.standing(table, layout, &nonce, &triggers, &now) {
            Standing::Exact(table, added) => {
                known.insert(table.clone());
                match new_column(config, &table, &added) {
                    Some(column) => {
                        let why = format!("its column {} came after its recorder", safe(column));
                        uncovered.push(Gap { table: safe(&table), why });
                    }
                    None => drop(covered.insert(table)),
                }
                continue;
            }
            Standing::Gone => "its recorder is gone: the table was rebuilt, or somebody dropped the triggers",
            Standing::Altered => "the triggers of its recorder were altered",
        };
        if now.contains_key(table) {
            known.insert(table.clone());
            uncovered.push(Gap { table: safe(table), why: why.to_owned() });
        }
    }
    for table in now.keys().filter(|table| !known.contains(*table)) {
        let why = "it came after the recorders were put in place".to_owned();
        uncovered.push(Gap { table: safe(table), why });
    }
    if let Some(why) = broken(connection)? {
        covered.clear();
        uncovered.push(Gap { table: EVERY_TABLE.to_owned(), why });
    }
    if is_full(connection)? {
        covered.clear();
        let why = "the recorder has reached its cap, and lets writes go: let `recorder.cap` be higher and arm again";
        uncovered.push(Gap { table: EVERY_TABLE.to_owned(), why: why.to_owned() });
    }
    if left_a_mark(connection)? {
        covered.clear();
        uncovered.push(Gap { table: EVERY_TABLE.to_owned(), why: MARK.to_owned() });
    }
    uncovered.sort();
    Ok(Some(Coverage {
        notes: Vec::new(),
        covered: covered.iter().map(|table| safe(table)).collect(),
        uncovered,
        interrupted: interrupted(last),
    }))
}

/// The first of the columns of a table that came after its recorder, unless what is written to it may get lost.
pub(super) fn new_column<'a>(config: &Config, table: &str, added: &'a [String]) -> Option<&'a String> {
    let ignored = config.merge.tables.get(table).map(|rule| &rule.ignore);
    added.iter().find(|column| !ignored.is_some_and(|ignored| ignored.contains(*column)))
}

const MARK: &str = "a migration left its mark on, so that what users write counts as its own: delete the row of \
                    _backout_writer, or mark the cutover";

/// The tables whose recorder was gone when an era began.
pub(super) fn interrupted(era: &eras::Era) -> Vec<Gap> {
    era.interrupted
        .iter()
        .map(|table| Gap {
            table: safe(table),
            why: format!(
                "its recorder was gone, or knew a column not yet, until {}: what was written meanwhile is not recorded",
                era.at
            ),
        })
        .collect()
}

/// Whether a migration committed the mark by which it tells its writes from users'.
pub(super) fn left_a_mark(connection: &Connection) -> Result<bool, Fault> {
    Ok(connection.query_row("SELECT EXISTS (SELECT 1 FROM main._backout_writer)", [], |row| row.get(0))?)
}

fn is_full(connection: &Connection) -> Result<bool, Fault> {
    Ok(connection.query_row("SELECT held >= cap FROM main._backout_recorder", [], |row| row.get(0))?)
}

/// Why what is recorded so far cannot be trusted.
pub(super) fn lost(connection: &Connection) -> Result<Option<String>, Fault> {
    if let Some(why) = missing(connection, |kind| kind == "table", "what was recorded is gone")? {
        return Ok(Some(why));
    }
    let heads: i64 = connection.query_row(
        "SELECT count(*) FROM main._backout_recorder
         WHERE length(nonce) = 32 AND nonce NOT GLOB '*[^0-9A-F]*' AND typeof(missed) = 'integer'",
        [],
        |row| row.get(0),
    )?;
    if heads != 1 {
        return Ok(Some("_backout_recorder was altered, and what was recorded is gone".to_owned()));
    }
    Ok(match eras::read(connection) {
        Ok(eras) if eras.is_empty() => {
            Some("_backout_era was emptied, and what was recorded is gone".to_owned())
        }
        Ok(_) => None,
        Err(Fault::Said(_)) => Some("_backout_era was altered, and what was recorded is gone".to_owned()),
        Err(fault) => return Err(fault),
    })
}

/// Why nothing is recorded from now on.
pub(super) fn broken(connection: &Connection) -> Result<Option<String>, Fault> {
    missing(connection, |kind| kind != "table", "no write is recorded")
}

fn missing(
    connection: &Connection,
    is_wanted: impl Fn(&str) -> bool,
    so: &str,
) -> Result<Option<String>, Fault> {
    let present = objects::present(connection)?;
    for (kind, object, statement) in objects::OBJECTS.iter().filter(|(kind, _, _)| is_wanted(kind)) {
        let found = present.iter().find(|(found, name, _)| found == kind && name == object);
        match found {
            Some((_, _, found)) if found == statement => {}
            Some(_) => return Ok(Some(format!("{object} was altered, and {so}"))),
            None => return Ok(Some(format!("{object} was dropped, and {so}"))),
        }
    }
    Ok(None)
}
