//! Messages, and how a command failed.

use backout_core::diagnostic::{Diagnostic as Found, Severity};
use serde::Serialize;

use crate::Shape;

/// One message.
#[derive(Debug, Clone, Serialize)]
pub struct Diagnostic {
    /// Which page explains it (`backout explain CODE`).
    pub code: String,
    /// `error`, `warning` or `note`.
    pub severity: Severity,
    /// What was attempted on which thing.
    pub summary: String,
    /// Why.
    pub cause: Option<String>,
    /// Where, for messages about a file.
    pub place: Option<Place>,
    /// What to do next.
    pub hints: Vec<String>,
}

/// A place in a file, counted from 1.
#[derive(Debug, Clone, Serialize)]
pub struct Place {
    /// As the person named it.
    pub file: String,
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

/// How a command ended that could not do what it was asked.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// The exit code.
    pub exit: u8,
    /// What was and was not changed, one sentence.
    pub changed: String,
    /// The messages.
    pub diagnostics: Vec<Diagnostic>,
}

/// What `check` found.
#[derive(Debug, Serialize)]
pub struct Check {
    /// The migration, where its name could be read.
    pub migration: Option<String>,
    /// Whether anything was looked at, or the file alone was read.
    pub offline: bool,
    /// How many errors there are.
    pub errors: usize,
    /// How many warnings there are.
    pub warnings: usize,
    /// The messages.
    pub diagnostics: Vec<Diagnostic>,
}

impl Shape for Failure {
    const TYPE: &'static str = "failure";
}

impl Shape for Check {
    const TYPE: &'static str = "check";
}

impl From<&Found> for Diagnostic {
    fn from(found: &Found) -> Self {
        Self {
            code: found.code.to_string(),
            severity: found.severity,
            summary: found.summary.clone(),
            cause: found.cause.clone(),
            place: found.place.as_ref().map(|place| Place {
                file: place.file.clone(),
                line: place.line,
                column: place.column,
            }),
            hints: found.label.iter().chain(&found.hints).cloned().collect(),
        }
    }
}
