//! What a database has in a scope.

use backout_contract::compare::Scope;
use backout_core::compare::Catalog;
use rusqlite::Connection;

use super::relation::Table;
use super::things::things;
use crate::database::read::{is_left_out, pragma};
use crate::fault::Fault;

/// How large the database is.
pub(super) fn bytes(connection: &Connection) -> Result<u64, Fault> {
    let (pages, size): (u32, u32) = (pragma(connection, "page_count")?, pragma(connection, "page_size")?);
    Ok(u64::from(pages) * u64::from(size))
}

/// Reads the catalog. SQLite has no schemas, so that a scope's schemas choose nothing here.
pub(super) fn catalog(connection: &Connection, scope: &Scope) -> Result<Catalog, Fault> {
    let is_named = |name: &str| {
        scope.tables.iter().any(|wanted| {
            let wanted = wanted.strip_prefix("main.").unwrap_or(wanted);
            wanted.eq_ignore_ascii_case(name)
        })
    };
    let is_asked_for = |name: &str| scope.tables.is_empty() || is_named(name);
    let mut statement =
        connection.prepare("SELECT name, type FROM pragma_table_list WHERE schema = 'main' ORDER BY name")?;
    let listed = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let mut tables = Vec::new();
    for found in listed {
        let (name, kind) = found?;
        // The rows of a virtual table are compared as it shows them, not as its shadows keep them.
        let is_wanted = match kind.as_str() {
            "view" | "shadow" => is_named(&name),
            _ => is_asked_for(&name),
        };
        if is_wanted
            && !is_left_out(&name)
            && let Some(table) = Table::read(connection, &name)?
        {
            tables.push(table);
        }
    }
    let bytes = bytes(connection)?;
    let relations =
        tables.iter().map(|table| table.relation(connection, bytes)).collect::<Result<_, Fault>>()?;
    Ok(Catalog { relations, things: things(connection, &tables, &is_asked_for)? })
}
