//! Triggers that feed virtual tables (an index for searching, say): nobody records what they write there, so they must
//! act while writes are taken over, and only they.
//!
//! Triggers of the database are switched off on our connection; temporary ones still act. So each of these gets a
//! temporary twin for as long as it is needed.

use rusqlite::Connection;

use crate::database::recorder::is_ours;
use crate::database::rows::quoted;
use crate::fault::Fault;

/// Twins that act. They go when this is let go of.
pub(super) struct Feeders<'c> {
    connection: &'c Connection,
    names: Vec<String>,
}

impl<'c> Feeders<'c> {
    /// Makes a twin of every trigger whose text names a virtual table.
    pub(super) fn act(connection: &'c Connection) -> Result<Self, Fault> {
        let mut feeders = Self { connection, names: Vec::new() };
        let virtual_tables = texts(
            connection,
            "SELECT lower(name) FROM pragma_table_list WHERE schema = 'main' AND type = 'virtual'",
        )?;
        if virtual_tables.is_empty() {
            return Ok(feeders);
        }
        let triggers = texts(
            connection,
            "SELECT sql FROM main.sqlite_schema WHERE type = 'trigger' AND sql IS NOT NULL",
        )?;
        for sql in triggers {
            let lower = sql.to_lowercase();
            if !virtual_tables.iter().any(|table| lower.contains(table.as_str())) {
                continue;
            }
            let Some((_, rest)) = taken_apart(&sql).filter(|(name, _)| !is_ours(name)) else { continue };
            let twin = format!("backout_feeds_{}", feeders.names.len());
            // On a view, or with what only the application's own SQLite knows: then it cannot act here.
            if connection.execute_batch(&format!("CREATE TEMP TRIGGER {twin} {rest}")).is_ok() {
                feeders.names.push(twin);
            }
        }
        Ok(feeders)
    }
}

impl Drop for Feeders<'_> {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = self.connection.execute_batch(&format!("DROP TRIGGER IF EXISTS temp.{}", quoted(name)));
        }
    }
}

fn texts(connection: &Connection, query: &str) -> Result<Vec<String>, Fault> {
    let mut statement = connection.prepare(query)?;
    Ok(statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}

/// The name of a trigger and what follows it. SQLite keeps `CREATE TRIGGER` and the rest as it was written.
fn taken_apart(sql: &str) -> Option<(String, &str)> {
    let rest = sql.strip_prefix("CREATE TRIGGER")?.trim_start();
    let first = rest.chars().next()?;
    let close = match first {
        '"' | '\'' | '`' => first,
        '[' => ']',
        _ => {
            let end = rest.find(|sign: char| sign.is_whitespace())?;
            return Some((rest.get(..end)?.to_owned(), rest.get(end..)?));
        }
    };
    let mut end = 1;
    loop {
        end += rest.get(end..)?.find(close)? + close.len_utf8();
        // Written twice, it is a part of the name.
        match rest.get(end..)?.chars().next() {
            Some(next) if next == close && close != ']' => end += close.len_utf8(),
            _ => return Some((rest.get(1..end - 1)?.to_owned(), rest.get(end..)?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_is_skipped() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (a)").unwrap();
        for name in ["plain", "\"with \"\"quotes\"\" and space\"", "[in brackets]", "`ticks`", "'text'"] {
            connection
                .execute_batch(&format!(
                    "CREATE TRIGGER IF NOT EXISTS {name} AFTER INSERT ON t BEGIN SELECT 1; END"
                ))
                .unwrap();
        }
        let triggers = texts(&connection, "SELECT sql FROM sqlite_schema WHERE type = 'trigger'").unwrap();
        assert_eq!(triggers.len(), 5);
        for sql in triggers {
            let (name, rest) = taken_apart(&sql).unwrap();
            assert_eq!(rest.trim(), "AFTER INSERT ON t BEGIN SELECT 1; END", "{name}");
        }
    }
}
