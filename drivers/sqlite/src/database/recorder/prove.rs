//! Proves the recorder of a table by writes that are taken back.

use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, TransactionBehavior, params_from_iter};

use super::layout::Layout;
use super::trigger::Kind;
use crate::database::rows::quoted;
use crate::fault::Fault;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proof {
    /// Writes were recorded.
    Written,
    /// No write could be tried: there is no row and none can be made up, or the table's own triggers, checks or
    /// functions do not let us. What remains is that the triggers stand there word for word.
    ByText,
    /// A write was not recorded.
    Failed(String),
}

/// Changes a row to itself, deletes it and puts it back, and looks whether each was recorded. All of it is taken back.
pub(super) fn prove(connection: &Connection, table: &str, layout: &Layout) -> Result<Proof, Fault> {
    // A transaction for each table: a trigger of the application may end it.
    let transaction = rusqlite::Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
    let proof = attempt(&transaction, table, layout);
    backout_kit::failpoint!("sqlite-recorder-tried");
    if !connection.is_autocommit() {
        transaction.rollback()?;
    }
    match proof {
        Ok(proof) => Ok(proof),
        Err(Fault::Sqlite(error)) if is_the_tables_own(&error) => Ok(Proof::ByText),
        Err(fault) => Err(fault),
    }
}

fn attempt(connection: &Connection, table: &str, layout: &Layout) -> Result<Proof, Fault> {
    connection.execute("INSERT INTO main._backout_writer (origin) VALUES ('probe')", [])?;
    let (named, on) = (named(layout), format!("main.{}", quoted(table)));
    let trial = Trial { connection, table };
    let row = match first_row(connection, &on, &named)? {
        Some(row) => row,
        None => {
            let made = trial.writes(Kind::Insert, &format!("INSERT INTO {on} DEFAULT VALUES"), &[])?;
            match (made, first_row(connection, &on, &named)?) {
                (Proof::Written, Some(row)) => row,
                (proof, _) => return Ok(proof),
            }
        }
    };
    let (Some(column), true) = (layout.columns.first(), layout.key.len() <= row.len()) else {
        return Ok(Proof::ByText);
    };
    let column = quoted(column);
    let (which, key) = key(layout, &named, &row);
    let places: Vec<String> = (1..=row.len()).map(|place| format!("?{place}")).collect();
    for (kind, statement, values) in [
        (Kind::Update, format!("UPDATE {on} SET {column} = {column} WHERE {which}"), &key),
        (Kind::Delete, format!("DELETE FROM {on} WHERE {which}"), &key),
        (
            Kind::Insert,
            format!("INSERT INTO {on} ({}) VALUES ({})", named.join(", "), places.join(", ")),
            &row,
        ),
    ] {
        let proof = trial.writes(kind, &statement, values)?;
        if proof != Proof::Written {
            return Ok(proof);
        }
    }
    Ok(Proof::Written)
}

struct Trial<'a> {
    connection: &'a Connection,
    table: &'a str,
}

impl Trial<'_> {
    /// Writes, and counts what was recorded of it. The application's own triggers may write more.
    fn writes(&self, kind: Kind, statement: &str, values: &[Value]) -> Result<Proof, Fault> {
        let before = self.recorded(kind)?;
        let written = self.connection.execute(statement, params_from_iter(values))?;
        let recorded = self.recorded(kind)?.saturating_sub(before);
        Ok(if written == 0 {
            Proof::ByText
        } else if usize::try_from(recorded).is_ok_and(|recorded| recorded >= written) {
            Proof::Written
        } else {
            Proof::Failed(format!("a trial {} was not recorded", word(kind)))
        })
    }

    fn recorded(&self, kind: Kind) -> Result<i64, Fault> {
        let mut query = self.connection.prepare_cached(
            "SELECT count(*) FROM main._backout_log WHERE tab = ?1 AND op = ?2 AND origin = 'probe'",
        )?;
        Ok(query.query_row((self.table, kind.letter()), |row| row.get(0))?)
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Insert => "insert",
        Kind::Update => "update",
        Kind::Delete => "delete",
    }
}

/// What an image consists of, by the names that SQL knows.
fn named(layout: &Layout) -> Vec<String> {
    let rowid = layout.rowid.then(|| layout.name_of_rowid()).flatten().map(str::to_owned);
    rowid.into_iter().chain(layout.columns.iter().map(|column| quoted(column))).collect()
}

fn first_row(connection: &Connection, on: &str, named: &[String]) -> Result<Option<Vec<Value>>, Fault> {
    let mut query =
        connection.prepare(&format!("SELECT {} FROM {on} NOT INDEXED LIMIT 1", named.join(", ")))?;
    let mut rows = query.query([])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some((0..named.len()).map(|column| row.get(column)).collect::<rusqlite::Result<_>>()?))
}

/// The condition that finds the row again, and its values.
fn key(layout: &Layout, named: &[String], row: &[Value]) -> (String, Vec<Value>) {
    let wanted: Vec<String> = if layout.rowid {
        named.iter().take(1).cloned().collect()
    } else {
        layout.key.iter().map(|column| quoted(column)).collect()
    };
    let mut values = Vec::new();
    let mut conditions = Vec::new();
    for (name, value) in named.iter().zip(row).filter(|(name, _)| wanted.contains(name)) {
        values.push(value.clone());
        conditions.push(format!("{name} IS ?{}", values.len()));
    }
    (conditions.join(" AND "), values)
}

/// Whether it is about this table, and not about the file.
fn is_the_tables_own(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::Utf8Error(..) => true,
        _ => {
            crate::database::read::is_about_the_schema(error)
                || matches!(
                    error.sqlite_error_code(),
                    Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig)
                )
        }
    }
}
