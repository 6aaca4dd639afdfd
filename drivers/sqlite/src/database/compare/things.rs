//! The objects of a database with their properties, for the comparison of schemas.

use std::collections::BTreeMap;

use backout_core::compare::Things;
use rusqlite::Connection;

use super::relation::Table;
use crate::database::read::{is_left_out, pragma, sequences};
use crate::fault::Fault;

/// What the database as a whole is, its indexes, triggers and counters. Nothing of it belongs to one table alone that
/// was not asked for.
pub(super) fn things(
    connection: &Connection,
    tables: &[Table],
    is_asked_for: &dyn Fn(&str) -> bool,
) -> Result<Things, Fault> {
    let mut things = Things::new();
    let numbers = [
        ("encoding", pragma::<String>(connection, "encoding")?),
        ("user version", pragma::<i64>(connection, "user_version")?.to_string()),
        ("application id", pragma::<i64>(connection, "application_id")?.to_string()),
    ];
    things.insert("database".to_owned(), properties(numbers));
    for table in tables {
        for (at, column) in table.columns.iter().enumerate() {
            things.insert(
                format!("column {}.{}", table.name, column.name),
                properties([
                    ("place", (at + 1).to_string()),
                    ("type", column.kind.clone()),
                    ("not null", yes_or_no(column.never_null)),
                    ("default", column.default.clone().unwrap_or_else(|| "none".to_owned())),
                    ("generated", column.generated.unwrap_or("no").to_owned()),
                    (
                        "place in the primary key",
                        match column.in_key {
                            0 => "none".to_owned(),
                            place => place.to_string(),
                        },
                    ),
                ]),
            );
        }
        foreign_keys(connection, &table.name, &mut things)?;
    }
    let mut statement = connection.prepare("SELECT type, name, tbl_name, sql FROM main.sqlite_schema")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (kind, name, table): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let statement: Option<String> = row.get(3)?;
        // An index without a statement follows from its table.
        if let Some(statement) = statement
            && !is_left_out(&name)
            && is_asked_for(&table)
        {
            things.insert(format!("{kind} {name}"), properties([("statement", squeezed(&statement))]));
        }
    }
    for (table, last) in sequences(connection)? {
        if is_asked_for(&table) {
            things.insert(format!("counter of {table}"), properties([("last", last)]));
        }
    }
    Ok(things)
}

fn foreign_keys(connection: &Connection, table: &str, things: &mut Things) -> Result<(), Fault> {
    let mut statement = connection.prepare(
        "SELECT group_concat(\"from\", ', '), \"table\", group_concat(coalesce(\"to\", 'its key'), ', '), on_update, on_delete
         FROM (SELECT * FROM pragma_foreign_key_list(?1, 'main') ORDER BY id, seq) GROUP BY id",
    )?;
    let mut rows = statement.query([table])?;
    while let Some(row) = rows.next()? {
        let (from, to, columns): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let found = properties([
            ("to", format!("{to} ({columns})")),
            ("on update", row.get(3)?),
            ("on delete", row.get(4)?),
        ]);
        things.insert(format!("foreign key {table} ({from})"), found);
    }
    Ok(())
}

fn properties<const N: usize>(all: [(&str, String); N]) -> BTreeMap<String, String> {
    all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn yes_or_no(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}

/// A statement in one line; how it was broken into lines says nothing.
fn squeezed(statement: &str) -> String {
    statement.split_whitespace().collect::<Vec<_>>().join(" ")
}
