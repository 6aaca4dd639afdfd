//! Judgements, and what is kept.

use backout_core::observation::Verdict as Judged;
use serde::Serialize;

use crate::Shape;

/// What `verify` found.
#[derive(Debug, Serialize)]
pub struct Verdicts {
    /// Of which migration.
    pub migration: String,
    /// Whether every verdict is *restored*.
    pub restored: bool,
    /// One entry a component, in the order of the file.
    pub verdicts: Vec<Looked>,
}

/// One component's judgement with what was looked at.
#[derive(Debug, Serialize)]
pub struct Looked {
    /// Which component.
    pub component: String,
    /// The judgement.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// What was looked at, one entry a look.
    pub looked: Vec<String>,
    /// When.
    pub at: jiff::Timestamp,
}

/// A judgement.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// `restored`, `differs` or `unknown`.
    pub verdict: &'static str,
    /// What differs, or why nothing could tell.
    pub detail: Option<String>,
}

/// What `commit` and `close` let go.
#[derive(Debug, Serialize)]
pub struct Release {
    /// Of which migration.
    pub migration: String,
    /// Whether it was let go, or only listed.
    pub released: bool,
    /// What it is, by component.
    pub kept: Vec<Kept>,
}

/// Something about one component, as texts for people.
#[derive(Debug, Serialize)]
pub struct Kept {
    /// Which component.
    pub component: String,
    /// The texts.
    pub places: Vec<String>,
}

impl Shape for Verdicts {
    const TYPE: &'static str = "verdicts";
}

impl Shape for Release {
    const TYPE: &'static str = "release";
}

impl From<&Judged> for Verdict {
    fn from(verdict: &Judged) -> Self {
        let detail = match verdict {
            Judged::Restored => None,
            Judged::Differs { what } => Some(what.clone()),
            Judged::Unknown { why } => Some(why.clone()),
        };
        Self { verdict: verdict.word(), detail }
    }
}
