//! The text of the triggers.
//!
//! Each is a statement that SQLite keeps word for word, so that a look can tell whether it is still ours. Their
//! duties: record every write, never fail one, and never stand in the way of a migration.
//!
//! SQLite refuses to drop a column that a trigger names. So `old."a"` stands in a subquery without tables, within a
//! query over one row that is called `old` too and has a column `"a"`. As long as the table has the column, the name
//! means the row that is written; once it is dropped, the same name means the one from around, with the value that
//! says *gone*. `RENAME COLUMN` changes the inner name and leaves the outer one.

use super::image::gone;
use super::layout::Layout;
use crate::database::rows::quoted;

/// What happens to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Insert,
    Update,
    Delete,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Insert, Self::Update, Self::Delete];

    /// As the log calls it.
    pub(super) fn letter(self) -> &'static str {
        match self {
            Self::Insert => "i",
            Self::Update => "u",
            Self::Delete => "d",
        }
    }

    fn event(self) -> &'static str {
        match self {
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

/// What the triggers of one table are made of.
pub(super) struct Text<'a> {
    pub(super) era: i64,
    pub(super) nonce: &'a str,
    /// The table when its era began.
    pub(super) table: &'a str,
    pub(super) layout: &'a Layout,
    /// What the table is called now.
    pub(super) table_now: &'a str,
    /// What its columns are called now, in the order of the layout.
    pub(super) columns_now: &'a [String],
}

/// The name of a trigger.
pub(super) fn name(kind: Kind, number: usize) -> String {
    format!("_backout_{}_{number}", kind.letter())
}

impl Text<'_> {
    /// The whole statement.
    pub(super) fn of(&self, kind: Kind) -> String {
        let (before, after) = match kind {
            Kind::Insert => ("NULL".to_owned(), self.image("new")),
            Kind::Update => (self.image("old"), self.image("new")),
            Kind::Delete => (self.image("old"), "NULL".to_owned()),
        };
        // VALUES and no SELECT, for which SQLite would make a table for each row.
        format!(
            "CREATE TRIGGER {name} AFTER {event} ON {table} BEGIN\n\
             INSERT INTO _backout_write (era, tab, op, usual, before, after)\n\
             VALUES ({era}, {literal}, '{op}', {usual},\n{before},\n{after});\nEND",
            name = name(kind, self.layout.number),
            event = kind.event(),
            table = quoted(self.table_now),
            era = self.era,
            literal = literal(self.table),
            op = kind.letter(),
            usual = literal(self.layout.usual.as_deref().unwrap_or("user")),
        )
    }

    /// The image of a row, as a subquery.
    fn image(&self, row: &str) -> String {
        let rowid = self.layout.rowid.then(|| self.layout.name_of_rowid()).flatten();
        let rowid = rowid.map(|name| format!("quote({row}.{name})"));
        let values = self.columns_now.iter().map(|column| value(&format!("{row}.{}", quoted(column))));
        let values = joined(&rowid.into_iter().chain(values).collect::<Vec<_>>());
        format!("(SELECT (SELECT {values}) FROM {})", self.gone(row))
    }

    /// The row that is found around, once a column is not found in the table.
    fn gone(&self, row: &str) -> String {
        let gone = gone(self.nonce);
        let columns: Vec<String> =
            self.layout.columns.iter().map(|column| format!("{gone} AS {}", quoted(column))).collect();
        format!("(SELECT {}) AS {row}", columns.join(", "))
    }
}

/// A value as a literal. `quote` stops at a NUL byte, and what is longer than SQLite can hold twice must fail nobody.
fn value(column: &str) -> String {
    format!(
        "CASE WHEN typeof({column}) IN ('text', 'blob') THEN \
         CASE WHEN length({column}) > 67108864 THEN NULL \
         WHEN typeof({column}) = 'text' AND instr({column}, char(0)) \
         THEN 'CAST(X''' || hex({column}) || ''' AS TEXT)' ELSE quote({column}) END \
         ELSE quote({column}) END"
    )
}

/// Joined with commas, as a balanced tree: SQLite bounds how deep an expression may be.
fn joined(parts: &[String]) -> String {
    match parts {
        [] => "''".to_owned(),
        [one] => one.clone(),
        _ => {
            let (left, right) = parts.split_at(parts.len() / 2);
            format!("({} || ',' || {})", joined(left), joined(right))
        }
    }
}

/// A text as a literal.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
