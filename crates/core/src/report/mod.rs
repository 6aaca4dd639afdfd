//! The incident record of a run, as a value: what happened, when, at what cost, and what is left to do.
//!
//! It is a fold over the journal and nothing else: no look at the world, no vault, no clock. A run that is not over
//! ends at the last record, and says so. What an older version did not journal is left open, never guessed.
//!
//! Times inside a run never go backwards here, although a machine's clock may: where it did, the later time stands
//! and [`RunReport::clock_went_back`] says so.

mod cost;
mod doors;
mod follow_up;
mod gather;
mod happening;
mod outcome;
mod people;
mod reporter;
mod step;
mod timeline;

use jiff::Timestamp;
use serde::Serialize;

use crate::checkpoint::BlobId;
use crate::digest::Digest;
use crate::journal::Actor;
use crate::name::{CheckpointId, ComponentName, KindName, MigrationName, RunId, StepId};
use crate::observation::Verdict;
use crate::plan::Choices;
use crate::writes::{Coverage, Occasion};

pub use cost::{Cost, Paid, WritesAccount};
pub use doors::{Closed, Door, Shut};
pub use follow_up::{About, FollowUp};
pub use happening::{Happening, Moment};
pub use outcome::{Standing, State};
pub use people::{Answer, Answered, Carried, Holder};
pub use reporter::{NoSuchRun, Reporter};
pub use step::{Doubt, Look, StepAccount, Try, TryOutcome, Wait, component_of, group_of};
pub use timeline::{Bar, BarKind, Pause, PauseKind, Row, Timeline};

/// The incident record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Which migration; none where the journal is empty.
    pub migration: Option<MigrationName>,
    /// How far the journal could be followed.
    pub chain: ChainSeen,
    /// What led up to the run, or everything there is where there was no run.
    pub before: Vec<Moment>,
    /// What was recorded of users' writes when the run began.
    pub recorders: Vec<Recorder>,
    /// The run; none where there was none yet.
    pub run: Option<RunReport>,
    /// What came after it.
    pub after: Vec<Moment>,
    /// What is left to do, owners and dates open.
    pub follow_ups: Vec<FollowUp>,
}

/// How far the journal could be followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChainSeen {
    /// How many records could be followed.
    pub records: u64,
    /// Digest of the last one that could.
    pub head: Digest,
    /// Whether all of them could.
    pub whole: bool,
    /// What is wrong, and at which record.
    pub problem: Option<String>,
    /// When the last one was written.
    pub last: Option<Timestamp>,
    /// The oldest and the newest record format in it.
    pub formats: Option<(u16, u16)>,
}

/// What was recorded of users' writes at one component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recorder {
    /// Which component.
    pub component: ComponentName,
    /// When it was put in place last.
    pub at: Timestamp,
    /// On which occasion.
    pub occasion: Occasion,
    /// What it records.
    pub coverage: Coverage,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunReport {
    /// Which.
    pub id: RunId,
    /// How it stands, in a word and in a sentence.
    pub standing: Standing,
    /// Who decided what, and why.
    pub decision: Decision,
    /// When it began.
    pub began: Timestamp,
    /// When it ended; none for one that is not over.
    pub ended: Option<Timestamp>,
    /// Up to when this record tells of it: its end, or the last record.
    pub until: Timestamp,
    /// From its beginning until then, in milliseconds.
    pub millis: u64,
    /// Whether the clock of a machine went backwards meanwhile.
    pub clock_went_back: bool,
    /// Doors that were shut.
    pub closed: Closed,
    /// The price that was stated, and what was paid.
    pub cost: Cost,
    /// Every component that was saved or has a step.
    pub components: Vec<Component>,
    /// The steps on one axis of time.
    pub timeline: Timeline,
    /// Every step, in the order of the plan.
    pub steps: Vec<StepAccount>,
    /// The judgements.
    pub verdicts: Vec<Judgement>,
    /// What people answered, asked and chose.
    pub answers: Vec<Answered>,
    /// Which processes carried it.
    pub holders: Vec<Holder>,
    /// Approvals that were given. This version asks for none, so it is always empty.
    pub approvals: Vec<String>,
    /// What was kept of the state before the run.
    pub kept: Vec<Kept>,
}

/// Who decided what, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decision {
    /// By whom.
    pub by: Actor,
    /// Why; none where nobody said, or a version ran that did not ask.
    pub reason: Option<String>,
    /// The checkpoint it goes back to.
    pub to: CheckpointId,
    /// When that was sealed.
    pub sealed: Option<Timestamp>,
    /// The run whose state before it that checkpoint is; none for a capture.
    pub before_run: Option<RunId>,
    /// The plan, as the vault names it.
    pub plan: BlobId,
    /// The plan's shape.
    pub shape: Digest,
    /// What was chosen; none where a version ran that did not journal it.
    pub choices: Option<Choices>,
    /// The most writes that were to be lost.
    pub most_lost: Option<u64>,
    /// The step it was to pause before.
    pub pause_before: Option<StepId>,
    /// The version of the program.
    pub version: String,
}

impl Decision {
    /// Whether only a part was to go back.
    pub fn is_partial(&self) -> bool {
        self.choices.as_ref().is_some_and(|choices| !choices.only.is_empty() || choices.phase.is_some())
    }
}

/// One component, as far as the run concerns it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Component {
    /// Its name.
    pub name: ComponentName,
    /// Its kind, where the checkpoint has it.
    pub kind: Option<KindName>,
    /// How many steps of the run are its.
    pub steps: usize,
}

/// A judgement with what was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// Which component.
    pub component: ComponentName,
    /// By which step.
    pub step: StepId,
    /// The judgement.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// What was looked at, one entry a look.
    pub looked: Vec<String>,
    /// When.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

/// What was kept of one component before the run changed anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Which component.
    pub component: ComponentName,
    /// What was seen: `present`, `absent`, `unreadable`, `unreachable`.
    pub seen: &'static str,
    /// Whether the displaced thing itself is the copy, which stays until `commit` or `close`.
    pub displaced: bool,
}

#[cfg(test)]
mod tests;
