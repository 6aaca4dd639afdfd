//! The database's part of the migration: every key becomes a UUID, every relation follows.

use crate::{Version, checks, database, identifier};
use anyhow::{Context, Result};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::path::Path;

/// Rebuilds all tables with UUIDs as keys; a database that has them already stays as it is.
pub fn to_uuids(path: &Path) -> Result<()> {
    let mut connection = database::open(path)?;
    // Within a transaction this pragma is silently ignored, and dropping a table would delete its dependents.
    connection.pragma_update(None, "foreign_keys", false)?;
    rebuild(&mut connection).with_context(|| format!("turn the keys of {} into UUIDs", path.display()))
}

fn rebuild(connection: &mut Connection) -> Result<()> {
    let change = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if database::schema_version(&change)? == 2 {
        return Ok(());
    }
    change.execute_batch(include_str!("../schema/set_aside.sql"))?;
    change.execute_batch(Version::V2.schema())?;
    for kind in ["users", "recurrences", "tags", "tasks"] {
        rename_rows(&change, kind)?;
    }
    change.execute_batch(include_str!("../schema/migrate.sql"))?;
    let broken = checks::broken_references(&change)?;
    anyhow::ensure!(broken.is_empty(), "keep every relation: {} would be broken", broken.len());
    Ok(change.commit()?)
}

fn rename_rows(change: &Transaction<'_>, kind: &str) -> rusqlite::Result<()> {
    let mut rows = change.prepare(&format!("SELECT id FROM old_{kind}"))?;
    let mut note = change.prepare("INSERT INTO legacy_ids (kind, old, new) VALUES (?1, ?2, ?3)")?;
    for old in rows.query_map([], |row| row.get::<_, i64>(0))? {
        let old = old?;
        note.execute(rusqlite::params![kind, old, identifier::derived_uuid(kind, old)])?;
    }
    Ok(())
}
