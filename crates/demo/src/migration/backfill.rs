//! The slow part of the migration, which runs while users work: it fills the column `search` of every task, and makes
//! the straight quotation marks of titles curly.

use crate::database;
use anyhow::{Context, Result};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::path::Path;

/// Fills what release 2.0.0 added; a second run changes nothing.
pub fn run(path: &Path) -> Result<()> {
    let mut connection = database::open(path)?;
    fill(&mut connection).with_context(|| format!("fill the new columns of {}", path.display()))
}

/// A line of [`crate::checks::content`] as it was before the backfill. In its JSON a straight mark is escaped.
pub fn undone(line: &str) -> String {
    line.replace(['\u{201c}', '\u{201d}'], "\\\"")
}

fn fill(connection: &mut Connection) -> Result<()> {
    let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let is_recorded = is_recorded(&change)?;
    // What is written in this transaction is the migration's own work and no user's: whoever takes the migration
    // back must not bring it along.
    if is_recorded {
        change.execute("INSERT INTO _backout_writer (origin) VALUES ('migration')", [])?;
    }
    change.execute_batch(include_str!("../schema/backfill.sql"))?;
    if is_recorded {
        change.execute("DELETE FROM _backout_writer", [])?;
    }
    Ok(change.commit()?)
}

/// Whether users' writes are recorded in this database.
fn is_recorded(change: &Transaction<'_>) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '_backout_writer')";
    change.query_row(sql, [], |row| row.get(0))
}
