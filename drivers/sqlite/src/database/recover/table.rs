//! The tables of a database, as far as rows are written to them.

use rusqlite::Connection;

use super::cell::{Cell, from_list};
use crate::database::read::is_own;
use crate::database::recorder::is_ours;
use crate::database::rows::quoted;
use crate::fault::Fault;

/// By which names SQLite knows a row id, unless a column has the name.
const NAMES_OF_ROWID: [&str; 3] = ["rowid", "_rowid_", "oid"];

/// How SQLite converts what is written to a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Affinity {
    Integer,
    Text,
    Blob,
    Real,
    Numeric,
}

/// A column that stores something.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) affinity: Affinity,
    /// What stands there when nobody writes to it, where that is a plain value.
    pub(super) usual: Option<Cell>,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ForeignKey {
    pub(super) columns: Vec<usize>,
    pub(super) parent: String,
    /// Columns of the parent, by name.
    pub(super) parent_columns: Vec<String>,
}

/// A table. Where it has no primary key, its row id is its first column.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// Places of the key's columns.
    pub(super) key: Vec<usize>,
    pub(super) has_rowid_key: bool,
    pub(super) counts_keys: bool,
    pub(super) foreign_keys: Vec<ForeignKey>,
    /// Columns of every index that admits a value once only, whatever the row.
    pub(super) uniques: Vec<Vec<usize>>,
}

/// The tables of one database.
#[derive(Debug, Clone, Default)]
pub(super) struct Tables(Vec<Table>);

impl Tables {
    /// Every table that stores rows of users.
    pub(super) fn read(connection: &Connection) -> Result<Self, Fault> {
        let mut statement = connection.prepare(
            "SELECT l.name, l.strict, coalesce(s.sql, '') FROM pragma_table_list AS l
             JOIN main.sqlite_schema AS s ON s.name = l.name AND s.type = 'table'
             WHERE l.schema = 'main' AND l.type = 'table' ORDER BY l.name",
        )?;
        let names = statement
            .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<rusqlite::Result<Vec<(String, bool, String)>>>()?;
        let mut tables = Vec::new();
        for (name, is_strict, sql) in names {
            if !is_own(&name) && !is_ours(&name) {
                tables.extend(table(connection, name, is_strict, &sql)?);
            }
        }
        Ok(Self(tables))
    }

    pub(super) fn find(&self, name: &str) -> Option<&Table> {
        self.0.iter().find(|table| table.name.eq_ignore_ascii_case(name))
    }

    /// Its number, by which scratch tables know it.
    pub(super) fn place(&self, name: &str) -> Option<u32> {
        self.iter().find(|(_, table)| table.name.eq_ignore_ascii_case(name)).map(|(place, _)| place)
    }

    pub(super) fn at(&self, place: u32) -> Option<&Table> {
        self.0.get(usize::try_from(place).ok()?)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Table)> {
        (0..).zip(&self.0)
    }
}

impl Affinity {
    /// A type that has it.
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::Integer => "INTEGER",
            Self::Text => "TEXT",
            Self::Blob => "BLOB",
            Self::Real => "REAL",
            Self::Numeric => "NUMERIC",
        }
    }
}

impl Table {
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// The key where it is one column.
    pub(super) fn single_key(&self) -> Option<usize> {
        match self.key.as_slice() {
            [one] => Some(*one),
            _ => None,
        }
    }

    /// Whether keys are integers that can be drawn.
    pub(super) fn has_integer_key(&self) -> bool {
        self.key_affinity() == Some(Affinity::Integer)
    }

    pub(super) fn key_affinity(&self) -> Option<Affinity> {
        self.single_key().and_then(|place| self.columns.get(place)).map(|column| column.affinity)
    }

    /// The columns' names as SQL takes them.
    pub(super) fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| quoted(&column.name)).collect()
    }

    /// `a IS ?1 AND b IS ?2` for the columns of a key.
    pub(super) fn has_key(&self) -> String {
        let columns = self.key.iter().filter_map(|place| self.columns.get(*place));
        let terms = columns.zip(1..).map(|(column, number)| format!("{} IS ?{number}", quoted(&column.name)));
        terms.collect::<Vec<_>>().join(" AND ")
    }
}

fn table(connection: &Connection, name: String, is_strict: bool, sql: &str) -> Result<Option<Table>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT name, type, pk, dflt_value FROM pragma_table_xinfo(?1, 'main') WHERE hidden NOT IN (2, 3) ORDER BY cid",
    )?;
    let listed = statement
        .query_map([&name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<rusqlite::Result<Vec<(String, String, i64, Option<String>)>>>()?;
    let mut columns: Vec<Column> = Vec::new();
    let has_rowid_key = listed.iter().all(|(_, _, place, _)| *place == 0);
    if has_rowid_key {
        let is_column = |name: &str| listed.iter().any(|(column, ..)| column.eq_ignore_ascii_case(name));
        let Some(rowid) = NAMES_OF_ROWID.into_iter().find(|name| !is_column(name)) else { return Ok(None) };
        columns.push(Column { name: rowid.to_owned(), affinity: Affinity::Integer, usual: None });
    }
    let mut key: Vec<(i64, usize)> = Vec::new();
    for (column, declared, place, default) in listed {
        if place > 0 {
            key.push((place, columns.len()));
        }
        let usual = default.and_then(|default| usual(&default));
        columns.push(Column { affinity: affinity(&declared, is_strict), name: column, usual });
    }
    key.sort_unstable();
    let key = if has_rowid_key { vec![0] } else { key.into_iter().map(|(_, place)| place).collect() };
    let mut table = Table {
        counts_keys: sql.to_ascii_uppercase().contains("AUTOINCREMENT"),
        name,
        columns,
        key,
        has_rowid_key,
        foreign_keys: Vec::new(),
        uniques: Vec::new(),
    };
    table.foreign_keys = foreign_keys(connection, &table)?;
    table.uniques = uniques(connection, &table)?;
    Ok(Some(table))
}

/// The value of a default that is written as one; what is computed is different each time.
fn usual(default: &str) -> Option<Cell> {
    match from_list(default).ok()?.as_slice() {
        [value] => value.clone(),
        _ => None,
    }
}

fn foreign_keys(connection: &Connection, table: &Table) -> Result<Vec<ForeignKey>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1, 'main') ORDER BY id, seq",
    )?;
    let parts = statement
        .query_map([&table.name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<rusqlite::Result<Vec<(i64, String, String, Option<String>)>>>()?;
    let mut keys: Vec<(i64, ForeignKey)> = Vec::new();
    for (id, parent, from, to) in parts {
        if keys.last().is_none_or(|(last, _)| *last != id) {
            keys.push((id, ForeignKey { columns: Vec::new(), parent, parent_columns: Vec::new() }));
        }
        let Some((_, key)) = keys.last_mut() else { continue };
        key.columns.extend(table.column(&from));
        key.parent_columns.extend(to);
    }
    let mut found = Vec::new();
    for (_, mut key) in keys {
        if key.parent_columns.is_empty() {
            key.parent_columns = primary_key(connection, &key.parent)?;
        }
        // Of computed columns, or wrong in itself.
        if key.columns.len() == key.parent_columns.len() && !key.columns.is_empty() {
            found.push(key);
        }
    }
    Ok(found)
}

fn primary_key(connection: &Connection, table: &str) -> Result<Vec<String>, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT name FROM pragma_table_xinfo(?1, 'main') WHERE pk > 0 ORDER BY pk")?;
    Ok(statement.query_map([table], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}

fn uniques(connection: &Connection, table: &Table) -> Result<Vec<Vec<usize>>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT name FROM pragma_index_list(?1, 'main') WHERE \"unique\" AND NOT partial ORDER BY seq",
    )?;
    let indexes = statement
        .query_map([&table.name], |row| row.get::<_, String>(0))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut found = Vec::new();
    for index in indexes {
        let mut statement =
            connection.prepare_cached("SELECT name FROM pragma_index_info(?1, 'main') ORDER BY seqno")?;
        let names = statement
            .query_map([&index], |row| row.get::<_, Option<String>>(0))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        let columns: Vec<usize> =
            names.iter().filter_map(|name| name.as_deref().and_then(|name| table.column(name))).collect();
        // An index over an expression is not looked up by columns.
        if columns.len() == names.len() && columns != table.key {
            found.push(columns);
        }
    }
    Ok(found)
}

/// By the rules of SQLite's documentation, section 3.1 of "Datatypes In SQLite".
fn affinity(declared: &str, is_strict: bool) -> Affinity {
    let declared = declared.to_ascii_uppercase();
    let has = |part: &str| declared.contains(part);
    if has("INT") {
        Affinity::Integer
    } else if has("CHAR") || has("CLOB") || has("TEXT") {
        Affinity::Text
    } else if has("BLOB") || declared.is_empty() || (is_strict && declared == "ANY") {
        Affinity::Blob
    } else if has("REAL") || has("FLOA") || has("DOUB") {
        Affinity::Real
    } else {
        Affinity::Numeric
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn affinities_follow_the_declared_type() {
        for (declared, is_strict, expected) in [
            ("INTEGER", false, Affinity::Integer),
            ("bigint", false, Affinity::Integer),
            ("CHARINT", false, Affinity::Integer),
            ("VARCHAR(3)", false, Affinity::Text),
            ("", false, Affinity::Blob),
            ("BLOB", false, Affinity::Blob),
            ("ANY", true, Affinity::Blob),
            ("ANY", false, Affinity::Numeric),
            ("DOUBLE", false, Affinity::Real),
            ("DATETIME", false, Affinity::Numeric),
        ] {
            assert_eq!(affinity(declared, is_strict), expected, "{declared}");
        }
    }

    #[test]
    fn tables_are_read_with_what_binds_their_rows() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT UNIQUE);
                 CREATE TABLE tags (user INTEGER REFERENCES users, tag TEXT, PRIMARY KEY (tag, user)) WITHOUT ROWID;
                 CREATE TABLE plain (rowid TEXT, twice AS (rowid || rowid), n REAL);
                 CREATE TABLE _backout_log (seq INTEGER PRIMARY KEY AUTOINCREMENT);
                 CREATE VIEW seen AS SELECT 1;",
            )
            .unwrap();
        let tables = Tables::read(&connection).unwrap();
        let names: Vec<&str> = tables.iter().map(|(_, table)| table.name.as_str()).collect();
        assert_eq!(names, ["plain", "tags", "users"]);
        let users = tables.find("USERS").unwrap();
        assert!(users.counts_keys && users.has_integer_key());
        assert_eq!((users.single_key(), users.uniques.as_slice()), (Some(0), [vec![1]].as_slice()));
        let tags = tables.find("tags").unwrap();
        assert_eq!((tags.key.as_slice(), tags.single_key()), ([1, 0].as_slice(), None));
        assert_eq!(tags.foreign_keys[0].parent_columns, ["id"]);
        assert!(tags.uniques.is_empty(), "the key is looked up as such");
        let plain = tables.find("plain").unwrap();
        let columns: Vec<&str> = plain.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!((columns, plain.has_rowid_key), (vec!["_rowid_", "rowid", "n"], true));
    }
}
