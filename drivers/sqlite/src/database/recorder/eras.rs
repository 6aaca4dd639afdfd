//! Eras: from one on, tables are recorded as they were when it began.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::layout::{Layout, Layouts};
use super::objects;
use super::trigger::{Kind, Text, name};
use crate::fault::{Fault, bad_data};

/// What an era that begins with a cutover is called.
pub(super) const CUTOVER: &str = "cutover";

/// One era.
#[derive(Debug, Clone)]
pub(super) struct Era {
    pub(super) era: i64,
    pub(super) occasion: String,
    pub(super) at: String,
    pub(super) tables: Layouts,
    /// Tables whose recorder was gone when it began.
    pub(super) interrupted: Vec<String>,
}

/// All eras, the first one first.
pub(super) fn read(connection: &Connection) -> Result<Vec<Era>, Fault> {
    let mut statement = connection
        .prepare("SELECT era, occasion, at, tables, interrupted FROM main._backout_era ORDER BY era")?;
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))?
        .collect::<rusqlite::Result<Vec<(i64, String, String, String, String)>>>()
        .map_err(|error| match error {
            rusqlite::Error::InvalidColumnType(..) => {
                Fault::Said(bad_data("read the eras of a recorder").caused_by(error))
            }
            error => error.into(),
        })?;
    rows.into_iter()
        .map(|(era, occasion, at, tables, interrupted)| {
            Ok(Era { era, occasion, at, tables: parsed(&tables)?, interrupted: parsed(&interrupted)? })
        })
        .collect()
}

fn parsed<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text)
        .map_err(|error| Fault::Said(bad_data("read the eras of a recorder").caused_by(error)))
}

/// The triggers of tables that stand in a database: by name, the table that each is on and its statement.
pub(super) type Triggers = BTreeMap<String, (String, String)>;

/// Reads them.
pub(super) fn triggers(connection: &Connection) -> Result<Triggers, Fault> {
    let mut statement = connection
        .prepare("SELECT name, tbl_name, coalesce(sql, '') FROM main.sqlite_schema WHERE type = 'trigger'")?;
    let found = statement
        .query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?
        .collect::<rusqlite::Result<Triggers>>()?;
    let own =
        |name: &String| super::is_ours(name) && objects::OBJECTS.iter().all(|(_, known, _)| known != name);
    Ok(found.into_iter().filter(|(name, _)| own(name)).collect())
}

/// How the triggers of one table of an era stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// All there, word for word, on the table that is called so by now, which has these columns besides.
    Exact(String, Vec<String>),
    /// One was dropped, at least.
    Gone,
    /// One says something else.
    Altered,
}

impl Era {
    /// How the triggers of a table stand, given the tables as they are now.
    ///
    /// `ALTER TABLE ... RENAME` rewrites triggers as it should; that is tolerated, for they go on recording. A renamed
    /// column keeps its place, unless another one before it was dropped.
    pub(super) fn standing(
        &self,
        table: &str,
        layout: &Layout,
        nonce: &str,
        triggers: &Triggers,
        now: &Layouts,
    ) -> Standing {
        let found: Option<Vec<_>> =
            Kind::ALL.iter().map(|kind| triggers.get(&name(*kind, layout.number))).collect();
        let Some(found) = found else { return Standing::Gone };
        let Some((table_now, _)) = found.first() else { return Standing::Gone };
        let renamed = now
            .get(table_now)
            .and_then(|now| now.columns.get(..layout.columns.len()))
            .unwrap_or(&layout.columns);
        let is_exact = |columns_now: &[String]| {
            let text = Text { era: self.era, nonce, table, layout, table_now, columns_now };
            Kind::ALL
                .iter()
                .zip(&found)
                .all(|(kind, (on, statement))| on == table_now && *statement == text.of(*kind))
        };
        let columns_now = [&layout.columns[..], renamed].into_iter().find(|columns| is_exact(columns));
        let Some(columns_now) = columns_now else { return Standing::Altered };
        let is_new = |column: &&String| !columns_now.contains(column);
        let added = now.get(table_now).map(|now| now.columns.iter().filter(is_new).cloned().collect());
        Standing::Exact(table_now.clone(), added.unwrap_or_default())
    }
}
