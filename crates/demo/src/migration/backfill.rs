//! The slow part of the migration, which runs while users work: it fills the column `search` of every task, and makes
//! the straight quotation marks of titles curly.

use crate::database::{Connection, Database, Engine};
use anyhow::{Context, Result};

/// Fills what release 2.0.0 added; a second run changes nothing.
pub fn run(database: &Database) -> Result<()> {
    let mut connection = database.open()?;
    connection.change(fill).with_context(|| format!("fill the new columns of {database}"))
}

/// A line of [`crate::checks::content`] as it was before the backfill. In its JSON a straight mark is escaped.
pub fn undone(line: &str) -> String {
    line.replace(['\u{201c}', '\u{201d}'], "\\\"")
}

fn fill(change: &mut Connection) -> Result<()> {
    let is_recorded = is_recorded(change)?;
    // What is written in this transaction is the migration's own work and no user's: whoever takes the migration
    // back must not bring it along.
    if is_recorded {
        change.batch(match change.engine() {
            Engine::Sqlite => "INSERT INTO _backout_writer (origin) VALUES ('migration')",
            Engine::Postgres => "SELECT _backout.migration()",
        })?;
    }
    change.batch(include_str!("../schema/backfill.sql"))?;
    if is_recorded && change.engine() == Engine::Sqlite {
        change.batch("DELETE FROM _backout_writer")?;
    }
    Ok(())
}

/// Whether users' writes are recorded in this database.
fn is_recorded(change: &mut Connection) -> Result<bool> {
    let sql = match change.engine() {
        Engine::Sqlite => "SELECT count(*) FROM sqlite_schema WHERE name = '_backout_writer'",
        Engine::Postgres => {
            "SELECT count(*) FROM pg_proc WHERE oid = to_regprocedure('_backout.migration()')"
        }
    };
    let mut row = change.row(sql, &[])?.context("find the one row of a count")?;
    Ok(row.take::<i64>(0)? > 0)
}
