//! The difference of two observations, as data.

use serde::{Deserialize, Serialize};

/// How many changes a delta lists; the rest are counted.
pub const LISTED: usize = 200;

/// One side of a change, as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    /// Nothing is there.
    Absent,
    /// A text that people may see.
    Text(String),
    /// There is something, and it is nobody's business.
    Sensitive,
}

/// One thing that differs: what stands now, and what would stand after going back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Where in the component (`API_URL`, `table tasks`, `assets/app.js`), in a form safe for a terminal.
    pub path: String,
    /// What stands there now.
    pub now: Shown,
    /// What the checkpoint has there.
    pub then: Shown,
}

/// What differs between live and saved, in the order in which people would read it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// The first [`LISTED`] changes.
    pub changes: Vec<Change>,
    /// How many more there are.
    #[serde(default)]
    pub more: usize,
}

impl Delta {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.more == 0
    }

    /// Adds a change, or counts it once enough are listed.
    pub fn push(&mut self, path: impl Into<String>, now: Shown, then: Shown) {
        if self.changes.len() < LISTED {
            self.changes.push(Change { path: path.into(), now, then });
        } else {
            self.more += 1;
        }
    }

    /// How many things differ.
    pub fn len(&self) -> usize {
        self.changes.len() + self.more
    }
}

impl Shown {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

/// Whether, until when and at what loss a component can be put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reversible", rename_all = "kebab-case")]
pub enum Reversibility {
    /// It can be put back as it was.
    Fully,
    /// It can be put back until something it stands on expires.
    Until {
        /// The last moment.
        until: jiff::Timestamp,
        /// What expires.
        because: String,
    },
    /// It can be put back, and something is lost.
    WithLoss {
        /// What is lost, for people.
        what: String,
    },
    /// It cannot be put back.
    OneWay {
        /// Why not.
        why: String,
    },
}
