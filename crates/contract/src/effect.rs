//! What an attempt did, and what a look found.

use backout_core::observation::{Seen, Verdict};

/// What an attempt at a step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// It happened, and this shows it (no secrets).
    Applied {
        /// For people and the record.
        evidence: String,
    },
    /// What it would leave stood there already.
    AlreadyThere,
    /// Live is neither the step's *before* nor its *after*; nothing was changed.
    Blocked {
        /// What was found, for people.
        found: String,
    },
}

/// What a look at a step's effect found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sighting {
    /// What the step starts from.
    Before,
    /// What the step leaves.
    After,
    /// Something else: somebody else was there.
    Neither {
        /// What was seen.
        seen: Seen,
        /// For people.
        found: String,
    },
    /// The look could not tell.
    Unclear {
        /// Why.
        why: String,
    },
}

/// Where a component's door is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Users come in.
    Open,
    /// Nobody comes in.
    Shut,
}

/// A judgement with what was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Restored, differs or unknown.
    pub verdict: Verdict,
    /// One entry a look, for people (`SELECT count(*) … = 240`).
    pub looked: Vec<String>,
    /// What stood there.
    pub seen: Option<Seen>,
}
