//! Messages for people, as data: what was attempted on which thing, the cause, and what to do next, apart.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A stable identifier of a kind of message, `BK` and four digits; each has a page (`backout explain BK0101`).
///
/// The hundreds say where it comes from: 01 migration file, 02 checkpoint, 03 plan, 04 run, 05 store and
/// journal, 06 driver or probe, 07 usage of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Code(pub &'static str);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// How much a diagnostic weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Said, and nothing is held up.
    Note,
    /// Likely a mistake; work goes on.
    Warning,
    /// The thing cannot be used as it is.
    Error,
}

/// Where in a text something stands. Lines and columns count from 1, columns in characters; `start` and `end`
/// are byte offsets into the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// The file as the person named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One message. Diagnostics are collected and shown together, not thrown one by one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Which page explains it.
    pub code: Code,
    /// Error, warning or note.
    pub severity: Severity,
    /// One line: what was attempted on which thing, a lowercase fragment without a full stop.
    pub summary: String,
    /// The cause, where it is not said by the summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The place in a file that is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What to write under the underlined place, such as "did you mean `needs`?".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What to do next, one sentence or command each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

impl Diagnostic {
    /// An error with nothing but its code and summary.
    pub fn error(code: Code, summary: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            summary: summary.into(),
            cause: None,
            place: None,
            label: None,
            hints: Vec::new(),
        }
    }

    /// A warning with nothing but its code and summary.
    pub fn warning(code: Code, summary: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, summary) }
    }

    /// With a cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// With a place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// With a label under the place.
    #[must_use]
    pub fn labelled(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// With one more thing to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// With more things to do next.
    #[must_use]
    pub fn hints(mut self, hints: impl IntoIterator<Item = String>) -> Self {
        self.hints.extend(hints);
        self
    }

    /// Whether this is an error (and not a warning or a note).
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{place}: {} [{}]", self.summary, self.code),
            None => write!(f, "{} [{}]", self.summary, self.code),
        }
    }
}

impl std::error::Error for Diagnostic {}
