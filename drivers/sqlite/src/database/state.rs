//! What a look at a database brings back.

use std::collections::BTreeMap;

use backout_core::digest::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::recorder::held::Recorder;

/// A database as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Bytes of a page.
    pub page_size: u32,
    /// Encoding of its texts (`UTF-8`).
    pub encoding: String,
    /// How freed pages are given back: 0 not at all, 1 at once, 2 when asked.
    pub auto_vacuum: u8,
    /// Whether it writes ahead into a log, or keeps a rollback journal.
    pub write_ahead: bool,
    /// The number that the application gives its schema.
    pub user_version: i32,
    /// The number by which a program knows its files.
    pub application_id: i32,
    /// Every object of the schema but SQLite's own, sorted.
    pub schema: Vec<SchemaEntry>,
    /// Rows of every table that stores rows, shadow tables of virtual ones too.
    pub tables: BTreeMap<String, Content>,
    /// What `AUTOINCREMENT` counts, by table, as SQL literals.
    pub sequences: BTreeMap<String, String>,
    /// Rows whose foreign key leads nowhere; none where a foreign key itself is wrong and nobody can count.
    pub foreign_key_violations: Option<u64>,
    /// Mode and owner of the file, for the case that it has to be made anew.
    pub access: Access,
    /// The recorder of what users write, where there is one. It is neither shape nor position: it only tells which
    /// writes this state has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorder: Option<Recorder>,
}

/// One object of a schema.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SchemaEntry {
    /// `table`, `index`, `view` or `trigger`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The table that it belongs to.
    pub table: String,
    /// The statement that makes it.
    pub sql: Option<String>,
}

/// What a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// How many rows.
    pub rows: u64,
    /// Digest over all rows, whatever their order; types count (`1` is not `'1'`).
    pub digest: Digest,
}

/// Mode and owner of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Permission bits.
    pub mode: u32,
    /// User id.
    pub user: u32,
    /// Group id.
    pub group: u32,
}

/// What must match exactly, before the rows are looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Shape<'a> {
    pub(super) schema: &'a [SchemaEntry],
    pub(super) user_version: i32,
    pub(super) application_id: i32,
    pub(super) encoding: &'a str,
}

impl Shape<'_> {
    pub(super) fn to_value(&self) -> Value {
        json!({
            "schema": self.schema,
            "user_version": self.user_version,
            "application_id": self.application_id,
            "encoding": self.encoding,
        })
    }

    /// By what a step knows what it starts from. Not keyed: a schema is nobody's secret.
    pub(super) fn digest(&self) -> Digest {
        Digest::of_value("backout/sqlite/shape", &self.to_value())
    }
}

impl State {
    pub(super) fn shape(&self) -> Shape<'_> {
        Shape {
            schema: &self.schema,
            user_version: self.user_version,
            application_id: self.application_id,
            encoding: &self.encoding,
        }
    }

    /// How far living data has moved. How the file is laid out and journaled counts here, for an application
    /// may set that when it starts, and it is put back nevertheless.
    pub(super) fn position(&self) -> Value {
        json!({
            "tables": self.tables,
            "sequences": self.sequences,
            "foreign_key_violations": self.foreign_key_violations,
            "page_size": self.page_size,
            "auto_vacuum": self.auto_vacuum,
            "write_ahead": self.write_ahead,
        })
    }

    /// Same shape at the same position.
    pub(super) fn is_exactly(&self, other: &Self) -> bool {
        self.shape() == other.shape() && self.position() == other.position()
    }
}
