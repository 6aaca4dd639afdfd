//! What of a table is recorded, and which tables cannot be.

use std::collections::{BTreeMap, BTreeSet};

use backout_core::writes::Gap;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::is_ours;
use crate::database::read::is_own;
use crate::database::rows::quoted;
use crate::database::safe;
use crate::fault::Fault;

/// What stands for the key of a table that has no primary key.
const ROWID: &str = "rowid";
/// By which names SQLite knows a row id, unless a column has the name.
const NAMES_OF_ROWID: [&str; 3] = ["rowid", "_rowid_", "oid"];

/// How one table is recorded from one era on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::database) struct Layout {
    /// Its number among the tables of its era, which names its triggers.
    pub(in crate::database) number: usize,
    /// Its columns that store something, in order.
    pub(in crate::database) columns: Vec<String>,
    /// Those of its primary key, or `rowid`.
    pub(in crate::database) key: Vec<String>,
    /// Whether an image begins with the row id, because there is no primary key.
    pub(in crate::database) rowid: bool,
    /// Whose writes they are when nobody says so, where that is not the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::database) usual: Option<String>,
}

/// The tables of one era, by name.
pub(in crate::database) type Layouts = BTreeMap<String, Layout>;

impl Layout {
    /// By which name the row id can be had, where an image begins with it.
    pub(super) fn name_of_rowid(&self) -> Option<&'static str> {
        let is_column = |name: &str| self.columns.iter().any(|column| column.eq_ignore_ascii_case(name));
        NAMES_OF_ROWID.into_iter().find(|name| !is_column(name))
    }

    /// Whether both record the same in the same way, whatever their numbers.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        Self { number: 0, ..self.clone() } == Self { number: 0, ..other.clone() }
    }
}

/// Every table of users but those that a person left out: how it is recorded, or why it cannot be.
pub(super) fn read(
    connection: &Connection,
    except: &BTreeSet<String>,
    usual: Option<&str>,
) -> Result<(Layouts, Vec<Gap>), Fault> {
    let mut statement = connection.prepare(
        "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type <> 'view' ORDER BY name",
    )?;
    let listed = statement
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let unknown: Vec<String> = listed
        .iter()
        .filter(|(name, kind)| kind == "virtual" && !is_known(connection, name))
        .map(|(name, _)| format!("{}_", name.to_ascii_lowercase()))
        .collect();
    let (mut layouts, mut gaps) = (Layouts::new(), Vec::new());
    for (name, kind) in listed {
        // What lies under a virtual table goes with it.
        let is_shadow = kind == "shadow"
            || unknown.iter().any(|start| name.to_ascii_lowercase().starts_with(start.as_str()));
        let is_left_out = except.iter().any(|left_out| left_out.eq_ignore_ascii_case(&name));
        if is_own(&name) || is_ours(&name) || is_shadow || is_left_out {
            continue;
        }
        let why = if kind == "virtual" {
            Err("it is a virtual table, whose writes no trigger sees".to_owned())
        } else {
            layout(connection, &name, usual)?
        };
        match why {
            Ok(layout) => drop(layouts.insert(name, layout)),
            Err(why) => gaps.push(Gap { table: safe(&name), why }),
        }
    }
    for (number, layout) in layouts.values_mut().enumerate() {
        layout.number = number;
    }
    Ok((layouts, gaps))
}

/// Whether the module of a virtual table is there; if not, SQLite cannot tell what lies under it.
fn is_known(connection: &Connection, table: &str) -> bool {
    connection.prepare(&format!("SELECT 1 FROM main.{} LIMIT 0", quoted(table))).is_ok()
}

fn layout(
    connection: &Connection,
    table: &str,
    usual: Option<&str>,
) -> Result<Result<Layout, String>, Fault> {
    let mut statement = connection.prepare(
        "SELECT name, pk FROM pragma_table_xinfo(?1, 'main') WHERE hidden NOT IN (2, 3) ORDER BY cid",
    )?;
    let columns = statement
        .query_map([table], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut key: Vec<_> = columns.iter().filter(|(_, place)| *place > 0).cloned().collect();
    key.sort_by_key(|(_, place)| *place);
    let key: Vec<String> = key.into_iter().map(|(name, _)| name).collect();
    let rowid = key.is_empty();
    let layout = Layout {
        number: 0,
        columns: columns.into_iter().map(|(name, _)| name).collect(),
        key: if rowid { vec![ROWID.to_owned()] } else { key },
        rowid,
        usual: usual.map(str::to_owned),
    };
    Ok(if rowid && layout.name_of_rowid().is_none() {
        Err("it has no primary key, and columns have taken every name of its row id".to_owned())
    } else {
        Ok(layout)
    })
}
