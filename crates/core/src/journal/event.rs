//! Every fact that is journaled.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::checkpoint::{BlobId, DataPart};
use crate::digest::Digest;
use crate::name::{CheckpointId, ComponentName, MigrationName, PhaseName, RunId, StepId};
use crate::observation::{Observation, Seen, Verdict};
use crate::plan::{Choices, Price};
use crate::writes::{Counted, Coverage, Occasion, Recovered};

use super::words::{Actor, Choice, Look, Outcome, Request, Stance};

/// One fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The first record of a journal.
    MigrationOpened {
        /// Which migration.
        migration: MigrationName,
        /// Drawn once; tells this state directory from any other.
        nonce: String,
    },
    /// A marker that claims a target is about to be written or renewed.
    ClaimsRenewed {
        /// Grows with every claim; a target with a newer one was claimed from elsewhere.
        generation: u64,
        /// Which components can hold one.
        components: Vec<ComponentName>,
    },
    /// What data recovery needs was prepared.
    Armed {
        /// By whom.
        by: Actor,
    },
    /// Recorders were put in place at one component, and a marker write proved them.
    RecorderPlaced {
        /// At which component.
        component: ComponentName,
        /// When in the migration's life.
        occasion: Occasion,
        /// What they record.
        coverage: Coverage,
    },
    /// Arming was undone.
    Disarmed {
        /// By whom.
        by: Actor,
    },
    /// A capture began.
    CaptureOpened {
        /// The checkpoint to be.
        checkpoint: CheckpointId,
        /// Digest of the migration file.
        file: Digest,
        /// The run whose state before it this is, put together from what that run kept; none for a capture.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before_run: Option<RunId>,
        /// By whom.
        by: Actor,
    },
    /// A component was looked at and kept.
    ComponentObserved {
        /// Which look.
        look: Look,
        /// The checkpoint it belongs to.
        checkpoint: CheckpointId,
        /// What was seen.
        observation: Observation,
        /// The driver's state, in the vault.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state: Option<BlobId>,
        /// The data, in the vault.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        data: Vec<DataPart>,
        /// How long it took, in milliseconds.
        millis: u64,
    },
    /// A component could not be looked at.
    ObservationFailed {
        /// Which look.
        look: Look,
        /// The checkpoint it belongs to; none in older records, where it was the last one that was opened.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        checkpoint: Option<CheckpointId>,
        /// Which component.
        component: ComponentName,
        /// Why, without secrets.
        cause: String,
    },
    /// A checkpoint is complete and sealed.
    CheckpointSealed {
        /// Which.
        checkpoint: CheckpointId,
        /// Digest of its manifest.
        seal: Digest,
    },
    /// What was saved was put back into scratch copies, which were looked at and are what was sealed.
    CheckpointProven {
        /// Which.
        checkpoint: CheckpointId,
        /// The components that were put back.
        components: Vec<ComponentName>,
        /// By whom.
        by: Actor,
    },
    /// The data of old checkpoints is about to be removed from the vault; nothing can be gone back to there.
    CheckpointsPruned {
        /// Which.
        checkpoints: Vec<CheckpointId>,
        /// By whom.
        by: Actor,
    },
    /// A phase went live on the new side.
    CutoverMarked {
        /// Which phase.
        phase: PhaseName,
        /// When, as far as is known.
        at: Timestamp,
        /// Whether it was marked late, so that the landed look may already hold later changes.
        late: bool,
        /// By whom.
        by: Actor,
    },
    /// The migration was accepted; what was displaced may be released.
    Committed {
        /// By whom.
        by: Actor,
    },
    /// The migration is over after going back.
    Closed {
        /// By whom.
        by: Actor,
    },
    /// A run began.
    RunOpened {
        /// Which run.
        run: RunId,
        /// The plan, in the vault.
        plan: BlobId,
        /// The plan's shape, which approvals bind to.
        shape: Digest,
        /// The checkpoint it goes back to.
        checkpoint: CheckpointId,
        /// Its steps, so that the run can be followed without the plan at hand.
        steps: Vec<StepId>,
        /// The step to pause before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pause_before: Option<StepId>,
        /// Why it was decided, in the words of who did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// What was chosen, drift answered with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        choices: Option<Choices>,
        /// The price that was stated.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        price: Option<Box<Price>>,
        /// The most writes that may be lost: a step that would lose more does not begin.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        most_lost: Option<u64>,
        /// By whom.
        by: Actor,
        /// The version of the program.
        version: String,
    },
    /// A run was taken up again after its process ended.
    RunResumed {
        /// By whom.
        by: Actor,
        /// The version of the program.
        version: String,
    },
    /// The state before the run was kept.
    BeforeKept {
        /// Of which component.
        component: ComponentName,
        /// What was seen.
        seen: Seen,
        /// The driver's state, in the vault.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state: Option<BlobId>,
        /// The data, in the vault.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        data: Vec<DataPart>,
        /// Whether the displaced thing itself will be the copy.
        displaced: bool,
    },
    /// Somebody asked the run to stop.
    StopRequested {
        /// What doors shall do, where somebody said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stance: Option<Stance>,
        /// By whom.
        by: Actor,
    },
    /// A door is about to be opened again because the run stops.
    ReopenIntended {
        /// Of which component.
        component: ComponentName,
    },
    /// It was opened; its quiesce is to be done again when the run goes on.
    Reopened {
        /// Of which component.
        component: ComponentName,
    },
    /// A run came to rest at a safe border.
    RunStopped {
        /// What doors did.
        stance: Stance,
    },
    /// An effect is about to begin.
    StepIntended {
        /// Which step.
        step: StepId,
        /// From 1.
        attempt: u32,
        /// What stood there just before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Seen>,
    },
    /// The effect happened.
    StepApplied {
        /// Which step.
        step: StepId,
        /// What the driver showed for it, without secrets.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        evidence: String,
        /// What stands there now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Seen>,
        /// Whether the look afterwards agreed; if not, the verdict will tell.
        confirmed: bool,
        /// How long it took, in milliseconds.
        millis: u64,
    },
    /// What the step would leave stood there already.
    StepAlreadyThere {
        /// Which step.
        step: StepId,
    },
    /// Live is neither what the step expects nor what it leaves.
    StepBlocked {
        /// Which step.
        step: StepId,
        /// What was found, for people.
        found: String,
    },
    /// It failed, and it is certain that nothing happened.
    StepFailed {
        /// Which step.
        step: StepId,
        /// Why, without secrets.
        cause: String,
        /// What to do next.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        hints: Vec<String>,
        /// Whether nobody was even asked to do it, so that no part of it can be done.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        never_begun: bool,
    },
    /// It was asked, and nobody knows whether it happened.
    StepInDoubt {
        /// Which step.
        step: StepId,
        /// Why, without secrets.
        cause: String,
    },
    /// A look settled it.
    DoubtResolved {
        /// Which step.
        step: StepId,
        /// Whether it had happened; none when the look could not tell, which needs a person.
        happened: Option<bool>,
        /// By which look, for people.
        looked: String,
    },
    /// The writes that the put-back state lacks were counted, behind a shut door where there is one, right before
    /// the component is put back.
    WritesCounted {
        /// Of which component.
        component: ComponentName,
        /// How many.
        counted: Counted,
        /// The writes themselves, in the vault, where they would go with what is displaced.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        data: Vec<DataPart>,
    },
    /// Writes were taken over into the put-back state, or written to files for a person.
    WritesRecovered {
        /// Of which component.
        component: ComponentName,
        /// By which step; none outside a run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepId>,
        /// What was done.
        recovered: Recovered,
        /// How long it took, in milliseconds.
        millis: u64,
    },
    /// A step waits for a person.
    StepAsked {
        /// Which step.
        step: StepId,
        /// What is asked.
        question: String,
    },
    /// A person chose.
    OperatorChose {
        /// For which step.
        step: StepId,
        /// What.
        choice: Choice,
        /// Why.
        reason: String,
        /// Who.
        by: Actor,
    },
    /// The engine will not go on without a person.
    RunStuck {
        /// At which steps.
        steps: Vec<StepId>,
    },
    /// A component was looked at and judged.
    ComponentVerified {
        /// Which component.
        component: ComponentName,
        /// By which step; none outside a run.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepId>,
        /// The judgement.
        verdict: Verdict,
        /// What was looked at, one entry a look.
        looked: Vec<String>,
        /// What stood there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<Seen>,
        /// How long it took, in milliseconds.
        millis: u64,
    },
    /// The run ended.
    RunClosed {
        /// How.
        outcome: Outcome,
    },
    /// A request from elsewhere was taken out of the inbox.
    RequestTaken {
        /// Its identifier, so that it is taken once.
        request: String,
        /// What it asks.
        asks: Request,
        /// By whom.
        by: Actor,
    },
}
