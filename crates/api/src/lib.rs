//! The versioned JSON that outsiders read.
//!
//! Nothing here is stored by Backout itself. The shapes are copies of what core decides, so that core can change
//! without breaking whoever reads `--json`: a field is never given a new meaning, new ones may appear, and
//! whatever would break a reader raises [`VERSION`].

mod checkpoint;
mod compare;
mod diagnostic;
mod drivers;
mod log;
mod page;
mod plan;
mod recover;
mod report;
mod run;
mod status;
mod verdict;

use serde::Serialize;

pub use checkpoint::{Checkpoint, Checkpoints, Export, Health, Pruning, Restored, SavedComponent, Stays};
pub use compare::{
    Comparison, ComparisonPlan, Difference, PlannedTable, SchemaDifference, SideCompared, Skipped,
    TableCompared, Value,
};
pub use diagnostic::{Check, Diagnostic, Failure, Place};
pub use drivers::{Drivers, Kind};
pub use log::{Chain, Event, Line};
pub use page::Page;
pub use plan::{Because, Change, Component, Estimate, Plan, Price, Question, Side, Step};
pub use recover::{Recovered, Recovery};
pub use report::Report;
pub use run::{Abandoned, Outcome, Run, RunStep, Runs};
pub use status::{Cutover, Holder, Journal, Listed, Migrations, Next, Phase, Recorder, Status};
pub use verdict::{Kept, Looked, Release, Verdict, Verdicts};

/// The version of every shape in this crate.
pub const VERSION: u32 = 1;

/// A whole document, one per command or one per line of a run.
pub trait Shape: Serialize {
    /// What the document is, so that a reader of mixed lines can tell.
    const TYPE: &'static str;
}

/// A shape with its version and type in front.
#[derive(Debug, Serialize)]
pub struct Document<'a, T> {
    version: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    body: &'a T,
}

impl<'a, T: Shape> Document<'a, T> {
    /// Puts version and type in front of a shape.
    pub fn new(body: &'a T) -> Self {
        Self { version: VERSION, kind: T::TYPE, body }
    }
}
