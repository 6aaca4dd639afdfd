//! The journal, line by line. Events appear as they are journaled, under the journal's own format number.

use backout_core::journal::Record;
use serde::Serialize;
use serde_json::Value;

use crate::Shape;

/// One record of the journal.
#[derive(Debug, Serialize)]
pub struct Line {
    /// The format of the record.
    pub format: u16,
    /// From 1, without gaps.
    pub sequence: u64,
    /// When it was written.
    pub at: jiff::Timestamp,
    /// The run it belongs to.
    pub run: Option<String>,
    /// The event.
    pub event: Event,
}

/// An event as it is journaled.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Event(pub Value);

/// What following the journal's chain found.
#[derive(Debug, Serialize)]
pub struct Chain {
    /// How many records could be followed.
    pub records: u64,
    /// Whether all of them could.
    pub whole: bool,
    /// Digest of the last record that could.
    pub head: String,
    /// What is wrong, and at which record.
    pub problem: Option<String>,
}

impl Shape for Line {
    const TYPE: &'static str = "record";
}

impl Shape for Chain {
    const TYPE: &'static str = "chain";
}

impl From<&Record> for Line {
    fn from(record: &Record) -> Self {
        Self {
            format: record.format,
            sequence: record.sequence,
            at: record.at,
            run: record.run.as_ref().map(ToString::to_string),
            // Every event is made of maps with text keys, so it can always be written.
            event: Event(serde_json::to_value(&record.event).unwrap_or(Value::Null)),
        }
    }
}
