//! What came out of a comparison.

use serde::{Deserialize, Serialize};

use super::plan::TablePlan;
use super::schema::SchemaDifference;

/// A comparison from its beginning to its end, or as far as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// What was compared: left and right.
    pub sides: (Shown, Shown),
    /// How the schemas differ; none where that was not asked for.
    pub schema: Option<Vec<SchemaDifference>>,
    /// Tables that are on the left only.
    pub only_left: Vec<String>,
    /// Tables that are on the right only.
    pub only_right: Vec<String>,
    /// Table by table.
    pub tables: Vec<TableOutcome>,
    /// Why it ended before its end (`it was stopped`); none where it did not.
    pub cut_short: Option<String>,
}

/// A side, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Where it is, without secrets.
    pub place: String,
    /// Which system, with its version.
    pub system: String,
    /// The positions of the snapshots that were read, in the system's words; none where it has none.
    pub positions: Vec<String>,
}

/// What came out of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableOutcome {
    /// Its name on the left.
    pub left: String,
    /// Its name on the right.
    pub right: String,
    /// Rows on the left and on the right, as far as they were read.
    pub rows: (u64, u64),
    /// Rows that are on the left only.
    pub only_left: u64,
    /// Rows that are on the right only.
    pub only_right: u64,
    /// Rows that are on both sides with other values.
    pub changed: u64,
    /// Rows that differed at first and were equal when they were looked at again.
    pub settled: u64,
    /// Rows among those that differ which were still being written while they were looked at again.
    pub moving: u64,
    /// How far it came.
    pub state: TableState,
    /// How it was compared; none where that could not be decided.
    pub plan: Option<TablePlan>,
    /// What a person should know, one sentence each.
    pub notes: Vec<String>,
}

/// How far a table came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TableState {
    /// Every row was compared.
    Complete,
    /// Not every row was; why.
    Incomplete(String),
}

/// Whether a difference stood when it was looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Settled {
    /// Both sides were as before.
    Stands,
    /// A side was written meanwhile, and they still differ.
    Moving,
}

/// In which way a row differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It is on the left only.
    OnlyLeft,
    /// It is on the right only.
    OnlyRight,
    /// It is on both with other values.
    Changed,
}

/// A row that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The table, by its name on the left.
    pub table: String,
    /// In which way.
    pub kind: Kind,
    /// Its key: column (as on the left) and value; empty where the table has none.
    pub key: Vec<(String, Option<String>)>,
    /// The columns that differ; all of them where the row is on one side only.
    pub columns: Vec<Cell>,
    /// How often the row is there, left and right, where it has no key and is there more than once.
    pub times: Option<(u64, u64)>,
    /// Whether it stood.
    pub settled: Settled,
}

/// A value on both sides. A null is none; masked values are told by the text [`Cell::MASKED`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// The column, by its name on the left.
    pub column: String,
    /// On the left.
    pub left: Option<String>,
    /// On the right.
    pub right: Option<String>,
}

impl Cell {
    /// What stands for a value that is not to be shown.
    pub const MASKED: &'static str = "(masked)";
}

impl TableOutcome {
    /// Of two tables that nobody has read yet.
    pub fn begun(left: String, right: String) -> Self {
        Self {
            left,
            right,
            rows: (0, 0),
            only_left: 0,
            only_right: 0,
            changed: 0,
            settled: 0,
            moving: 0,
            state: TableState::Complete,
            plan: None,
            notes: Vec::new(),
        }
    }

    /// How many rows differ.
    pub fn differences(&self) -> u64 {
        self.only_left + self.only_right + self.changed
    }
}

impl Comparison {
    /// Whether everything was compared.
    pub fn is_complete(&self) -> bool {
        self.cut_short.is_none() && self.tables.iter().all(|table| table.state == TableState::Complete)
    }

    /// Whether anything differs, as far as it was compared.
    pub fn differs(&self) -> bool {
        !self.only_left.is_empty()
            || !self.only_right.is_empty()
            || self.schema.as_ref().is_some_and(|schema| !schema.is_empty())
            || self.tables.iter().any(|table| table.differences() > 0)
    }
}
