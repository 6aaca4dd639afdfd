//! What one look at one component found.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::{Digest, FingerprintKey};
use crate::name::{ComponentName, KindName};

/// The two halves of what a look found: `shape` must match exactly (pointers, settings, schema); `position` says
/// how far living data has moved and is judged by the price. A kind without living data has no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Keyed digest of what must match exactly.
    pub shape: Digest,
    /// Keyed digest of how far the data has moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Digest>,
}

impl Fingerprint {
    /// From the two facets that a driver names.
    pub fn of(key: &FingerprintKey, kind: &KindName, shape: &Value, position: Option<&Value>) -> Self {
        let label = |facet: &str| format!("backout/{facet}/{kind}");
        Self {
            shape: key.digest(&label("shape"), shape),
            position: position.map(|value| key.digest(&label("position"), value)),
        }
    }
}

/// What a look found, without its content. "Unreadable" is there and cannot be understood (corrupt, locked, no
/// right to read); "unreachable" did not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "presence", rename_all = "kebab-case")]
pub enum Seen {
    /// It is there, and this is what it looks like.
    Present {
        /// Its fingerprint.
        #[serde(flatten)]
        fingerprint: Fingerprint,
    },
    /// It is not there.
    Absent,
    /// It is there and cannot be read.
    Unreadable {
        /// Why, without secrets.
        cause: String,
    },
    /// It did not answer.
    Unreachable {
        /// Why, without secrets.
        cause: String,
    },
}

impl Seen {
    /// The fingerprint, where something was there to be seen.
    pub fn fingerprint(&self) -> Option<&Fingerprint> {
        match self {
            Self::Present { fingerprint } => Some(fingerprint),
            Self::Absent | Self::Unreadable { .. } | Self::Unreachable { .. } => None,
        }
    }

    /// Whether both looks could tell what is there, and found the same shape (or nothing, twice).
    pub fn same_shape(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Present { fingerprint: one }, Self::Present { fingerprint: two }) => {
                one.shape == two.shape
            }
            (Self::Absent, Self::Absent) => true,
            _ => false,
        }
    }

    /// Same shape, and the data at the same position.
    pub fn same_exactly(&self, other: &Self) -> bool {
        self.same_shape(other)
            && self.fingerprint().and_then(|f| f.position) == other.fingerprint().and_then(|f| f.position)
    }

    /// Whether the look could tell what is there.
    pub fn is_known(&self) -> bool {
        matches!(self, Self::Present { .. } | Self::Absent)
    }

    /// One word for people.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Present { .. } => "present",
            Self::Absent => "absent",
            Self::Unreadable { .. } => "unreadable",
            Self::Unreachable { .. } => "unreachable",
        }
    }
}

/// One look at one component. The state itself travels beside it, because it may hold rows and secrets and must
/// never enter the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Which component.
    pub component: ComponentName,
    /// Its kind.
    pub kind: KindName,
    /// Version of the driver's state format.
    pub state_version: u16,
    /// What was found.
    pub seen: Seen,
    /// What tells this thing from another with the same name (device and path, system identifier, account).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// When it was looked at.
    pub at: Timestamp,
}

/// How sure a judgement after the fact is. Success is said only after looking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// Looked, and it is what was saved.
    Restored,
    /// Looked, and it is not.
    Differs {
        /// What differs, for people, without secrets.
        what: String,
    },
    /// Nothing could tell.
    Unknown {
        /// Why not.
        why: String,
    },
}

impl Verdict {
    /// One word for people and programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Restored => "restored",
            Self::Differs { .. } => "differs",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// The worse of two verdicts: differs, then unknown, then restored.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Differs { what: one }, Self::Differs { what: two }) => {
                Self::Differs { what: format!("{one}; {two}") }
            }
            (differs @ Self::Differs { .. }, _) | (_, differs @ Self::Differs { .. }) => differs,
            (unknown @ Self::Unknown { .. }, _) | (_, unknown @ Self::Unknown { .. }) => unknown,
            (Self::Restored, Self::Restored) => Self::Restored,
        }
    }
}
