//! Puts recorders into a live database, renews them, and takes them away.

use std::collections::BTreeSet;

use backout_contract::{DriverError, ErrorKind};
use backout_core::writes::{Coverage, Gap, Occasion};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::eras::{self, CUTOVER, Era, Standing, Triggers};
use super::layout::{self, Layouts};
use super::prove::{Proof, prove};
use super::trigger::{Kind, Text, name};
use super::{coverage, is_ours, objects};
use crate::database::config::Config;
use crate::database::place::{Place, stat};
use crate::database::recover::keys;
use crate::database::rows::quoted;
use crate::database::safe;
use crate::fault::{Fault, of_sqlite};
use crate::pace::Pace;

/// Whose writes those of the migration are, when it does not say so itself.
const MIGRATION: &str = "migration";

/// Puts recorders into every table, or renews them, and proves each.
pub(in crate::database) fn arm(
    place: &Place,
    config: &Config,
    occasion: Occasion,
    pace: &Pace,
) -> Result<Coverage, DriverError> {
    let attempted = format!("put recorders into {}", place.shown);
    if stat(&place.live)?.is_none() {
        return Err(DriverError::new(ErrorKind::Config, attempted)
            .caused_by("no database is there")
            .nothing_happened());
    }
    let mut connection = open(place).map_err(|error| of_sqlite(&attempted, error).nothing_happened())?;
    let unknown_keys = put_in(&mut connection, place, config, occasion)
        .map_err(|fault| fault.while_doing(&attempted).nothing_happened())?;
    backout_kit::failpoint!("sqlite-recorders-put-in");
    let mut coverage = proven(&connection, config, pace).map_err(|fault| fault.while_doing(&attempted))?;
    coverage.uncovered.extend(unknown_keys);
    Ok(coverage)
}

/// Takes everything of ours away.
pub(in crate::database) fn disarm(place: &Place) -> Result<(), DriverError> {
    let attempted = format!("take the recorders out of {}", place.shown);
    if stat(&place.live)?.is_none() {
        return Ok(());
    }
    let taken = || {
        let mut connection = open(place)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if objects::is_there(&transaction)? {
            clear(&transaction)?;
            transaction.commit()?;
        }
        Ok(())
    };
    taken().map_err(|fault: Fault| fault.while_doing(&attempted).nothing_happened())
}

/// Begins a new era of the recorder that a database has: new triggers on every table, as the tables are now. Its
/// number is above every earlier one, and at least `floor`. To be called within a transaction.
pub(in crate::database) fn renew(
    connection: &Connection,
    config: &Config,
    occasion: &str,
    floor: i64,
) -> Result<(), Fault> {
    let (layouts, _) = layout::read(connection, &config.recorder.except, None)?;
    begin(connection, occasion, floor, layouts, &[])
}

/// One transaction: seen whole or not at all. What of the declared keys cannot be told comes back.
fn put_in(
    connection: &mut Connection,
    place: &Place,
    config: &Config,
    occasion: Occasion,
) -> Result<Vec<Gap>, Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    refuse_foreign(&transaction, place)?;
    let eras = known(&transaction)?;
    let usual = (occasion == Occasion::Arm && config.migration_has_a_window()).then_some(MIGRATION);
    let (layouts, _) = layout::read(&transaction, &config.recorder.except, usual)?;
    match eras.last() {
        None => {
            clear(&transaction)?;
            make(&transaction, config.cap())?;
            begin(&transaction, text_of(occasion), 0, layouts, &[])?;
        }
        Some(last) => {
            transaction
                .execute("UPDATE main._backout_recorder SET cap = ?1 WHERE cap <> ?1", [config.cap()])?;
            let is_spoiled =
                coverage::left_a_mark(&transaction)? || coverage::broken(&transaction)?.is_some();
            let now = Now::look(&transaction, config, last, &layouts)?;
            let goes_on = occasion == Occasion::Arm || last.occasion == CUTOVER;
            if !(goes_on && now.is_as_it_should && !is_spoiled) {
                let interrupted = match occasion {
                    _ if is_spoiled => layouts.keys().cloned().collect(),
                    Occasion::CutoverAtRest => Vec::new(),
                    Occasion::Arm | Occasion::Cutover => now.interrupted,
                };
                transaction.execute("DELETE FROM main._backout_writer", [])?;
                begin(&transaction, text_of(occasion), 0, layouts, &interrupted)?;
            }
        }
    }
    if occasion == Occasion::CutoverAtRest {
        // What an earlier cutover had to take for a gap was none.
        let sql = "UPDATE main._backout_era SET interrupted = '[]' WHERE occasion = ?1";
        transaction.execute(sql, [CUTOVER])?;
    }
    let mut unknown_keys = Vec::new();
    if occasion.is_cutover() {
        // The keys of both sides, while the declared mapping can still be asked.
        unknown_keys = keys::collect(&transaction, &config.merge)?;
    }
    backout_kit::failpoint!("sqlite-before-recorders-put-in");
    transaction.commit()?;
    Ok(unknown_keys)
}

/// How the recorders of the last era stand.
struct Now {
    /// Nothing has to be done.
    is_as_it_should: bool,
    /// Tables whose recorder was gone or did not know a new column, and those that came later and hold rows already.
    interrupted: Vec<String>,
}

impl Now {
    fn look(connection: &Connection, config: &Config, last: &Era, layouts: &Layouts) -> Result<Self, Fault> {
        let triggers = eras::triggers(connection)?;
        let nonce = nonce(connection)?;
        let (mut exact, mut interrupted) = (BTreeSet::new(), Vec::new());
        for (table, layout) in &last.tables {
            if let Standing::Exact(table, added) = last.standing(table, layout, &nonce, &triggers, layouts) {
                if coverage::new_column(config, &table, &added).is_some() {
                    interrupted.push(table.clone());
                }
                exact.insert(table);
            }
        }
        for table in layouts.keys().filter(|table| !exact.contains(*table)) {
            if last.tables.contains_key(table) || holds_rows(connection, table)? {
                interrupted.push(table.clone());
            }
        }
        let is_same = last.tables.len() == layouts.len()
            && last.tables.iter().all(|(table, then)| {
                exact.contains(table) && layouts.get(table).is_some_and(|now| now.is_like(then))
            });
        Ok(Self { is_as_it_should: is_same && is_only(last, &triggers), interrupted })
    }
}

/// Whether no trigger of an earlier era is left.
fn is_only(last: &Era, triggers: &Triggers) -> bool {
    triggers.len() == last.tables.len() * Kind::ALL.len()
}

fn holds_rows(connection: &Connection, table: &str) -> Result<bool, Fault> {
    let query = format!("SELECT EXISTS (SELECT 1 FROM main.{})", quoted(table));
    Ok(connection.query_row(&query, [], |row| row.get(0))?)
}

/// A new era with new triggers. A table on which no trigger can be put is left out.
fn begin(
    connection: &Connection,
    occasion: &str,
    floor: i64,
    mut layouts: Layouts,
    interrupted: &[String],
) -> Result<(), Fault> {
    let era: i64 = connection.query_row(
        "SELECT max(coalesce((SELECT max(era) FROM main._backout_era), 0) + 1, ?1)",
        [floor],
        |row| row.get(0),
    )?;
    for name in eras::triggers(connection)?.keys() {
        connection.execute_batch(&format!("DROP TRIGGER main.{}", quoted(name)))?;
    }
    make_whole(connection)?;
    let nonce = nonce(connection)?;
    let mut refused = Vec::new();
    for (table, layout) in &layouts {
        let text = Text { era, nonce: &nonce, table, layout, table_now: table, columns_now: &layout.columns };
        for kind in Kind::ALL {
            match connection.execute_batch(&text.of(kind)) {
                Ok(()) => {}
                Err(error) if crate::database::read::is_about_the_schema(&error) => {
                    refused.push((table.clone(), layout.number));
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    for (table, number) in refused {
        for kind in Kind::ALL {
            connection.execute_batch(&format!("DROP TRIGGER IF EXISTS main.{}", name(kind, number)))?;
        }
        layouts.remove(&table);
    }
    connection.execute(
        "INSERT INTO main._backout_era (era, occasion, at, tables, interrupted)
         VALUES (?1, ?2, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), ?3, ?4)",
        (era, occasion, as_json(&layouts)?, as_json(&interrupted)?),
    )?;
    Ok(())
}

fn as_json(value: &impl serde::Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| {
        Fault::Said(DriverError::new(ErrorKind::Other, "write down an era of a recorder").caused_by(error))
    })
}

fn text_of(occasion: Occasion) -> &'static str {
    match occasion {
        Occasion::Arm => "arm",
        Occasion::Cutover | Occasion::CutoverAtRest => CUTOVER,
    }
}

/// The eras of a recorder that can go on; none where there is none, or where a part of it that cannot be made again
/// without mixing up what is recorded was taken away.
fn known(connection: &Connection) -> Result<Vec<Era>, Fault> {
    if coverage::lost(connection)?.is_some() { Ok(Vec::new()) } else { eras::read(connection) }
}

fn make(connection: &Connection, cap: i64) -> Result<(), Fault> {
    for (_, _, statement) in objects::OBJECTS {
        connection.execute_batch(statement)?;
    }
    connection.execute(
        "INSERT INTO main._backout_recorder (one, nonce, cap, format) VALUES (1, hex(randomblob(16)), ?1, ?2)",
        (cap, objects::FORMAT),
    )?;
    Ok(())
}

/// Makes those of the objects again that hold nothing.
fn make_whole(connection: &Connection) -> Result<(), Fault> {
    for (kind, object, statement) in objects::OBJECTS {
        if kind != "table" {
            connection.execute_batch(&format!("DROP {kind} IF EXISTS main.{object}"))?;
            connection.execute_batch(statement)?;
        }
    }
    Ok(())
}

/// Drops everything of ours: what writes first, then what is written to.
fn clear(connection: &Connection) -> Result<(), Fault> {
    for wanted in ["trigger", "view", "table"] {
        for (kind, object, _) in objects::present(connection)? {
            if kind == wanted {
                connection.execute_batch(&format!("DROP {kind} IF EXISTS main.{}", quoted(&object)))?;
            }
        }
    }
    Ok(())
}

/// Names like ours that are somebody else's.
fn refuse_foreign(connection: &Connection, place: &Place) -> Result<(), Fault> {
    let is_recorded = objects::is_there(connection)?;
    let foreign = objects::present(connection)?.into_iter().find(|(kind, name, _)| {
        let is_known = objects::OBJECTS.iter().any(|(known, object, _)| known == kind && object == name);
        let is_trigger = kind == "trigger" && is_trigger_of_a_table(name);
        !is_recorded || !(is_known || is_trigger)
    });
    let Some((kind, name, _)) = foreign else { return Ok(()) };
    let error = DriverError::new(ErrorKind::Config, format!("put recorders into {}", place.shown))
        .caused_by(format!("it has a {kind} of its own named {}", safe(&name)))
        .hint("names that begin with `_backout_` are Backout's: rename yours");
    Err(Fault::Said(error))
}

fn is_trigger_of_a_table(name: &str) -> bool {
    is_ours(name)
        && Kind::ALL.iter().any(|kind| {
            name.strip_prefix(&format!("_backout_{}_", kind.letter()))
                .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        })
}

pub(super) fn nonce(connection: &Connection) -> Result<String, Fault> {
    Ok(connection.query_row("SELECT nonce FROM main._backout_recorder", [], |row| row.get(0))?)
}

/// What a look tells, and a proof of each table that the look finds in order.
fn proven(connection: &Connection, config: &Config, pace: &Pace) -> Result<Coverage, Fault> {
    let Some(mut coverage) = coverage::of(connection, config)? else {
        return Ok(Coverage::default());
    };
    let eras = eras::read(connection)?;
    let Some(last) = eras.last() else { return Ok(coverage) };
    let mut failed = Vec::new();
    for (table, layout) in &last.tables {
        pace.check("prove the recorders of a database")?;
        if let Proof::Failed(why) = prove(connection, table, layout)? {
            failed.push(Gap { table: safe(table), why });
        }
    }
    coverage.covered.retain(|table| failed.iter().all(|gap| gap.table != *table));
    coverage.uncovered.extend(failed);
    coverage.uncovered.sort();
    Ok(coverage)
}

/// Opens the database for changing its schema. Cascades are not wanted while rows are tried.
fn open(place: &Place) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&place.live, flags)?;
    connection.busy_timeout(place.busy)?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF")?;
    Ok(connection)
}
