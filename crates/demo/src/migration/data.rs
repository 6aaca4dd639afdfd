//! The database's part of the migration: every key becomes a UUID, every relation follows.

use crate::database::{Connection, Database, Engine, values};
use crate::identifier::{self, IdType};
use crate::{Version, checks};
use anyhow::{Context, Result};

/// Rebuilds all tables with UUIDs as keys; a database that has them already stays as it is.
pub fn to_uuids(database: &Database) -> Result<()> {
    let mut connection = database.open()?;
    if database.engine() == Engine::Sqlite {
        // Within a transaction this pragma is silently ignored, and dropping a table would delete its dependents.
        connection.batch("PRAGMA foreign_keys = OFF")?;
    }
    connection.change(rebuild).with_context(|| format!("turn the keys of {database} into UUIDs"))
}

fn rebuild(change: &mut Connection) -> Result<()> {
    if change.id_type()? == IdType::Uuid {
        return Ok(());
    }
    change.batch(match change.engine() {
        Engine::Sqlite => include_str!("../schema/sqlite/set_aside.sql"),
        Engine::Postgres => include_str!("../schema/postgres/set_aside.sql"),
    })?;
    change.batch(Version::V2.schema(change.engine()))?;
    for kind in ["users", "recurrences", "tags", "tasks"] {
        rename_rows(change, kind)?;
    }
    change.batch(include_str!("../schema/migrate.sql"))?;
    let broken = checks::broken_references(change)?;
    anyhow::ensure!(broken.is_empty(), "keep every relation: {} would be broken", broken.len());
    Ok(())
}

fn rename_rows(change: &mut Connection, kind: &str) -> Result<()> {
    for mut row in change.rows(&format!("SELECT id FROM old_{kind}"), &[])? {
        let old: i64 = row.take(0)?;
        let sql = "INSERT INTO legacy_ids (kind, old, new) VALUES ($1, $2, $3)";
        change.execute(sql, values![kind, old, identifier::derived_uuid(kind, old)])?;
    }
    Ok(())
}
