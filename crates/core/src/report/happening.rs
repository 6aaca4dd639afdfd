//! The life of the migration around the run.

use jiff::Timestamp;
use serde::Serialize;

use crate::digest::Digest;
use crate::journal::{Actor, Event, Look, Outcome, Record};
use crate::name::{CheckpointId, ComponentName, PhaseName, RunId};
use crate::observation::Verdict;
use crate::writes::Occasion;

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moment {
    /// When it was journaled.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: Happening,
}

/// What can happen outside a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Happening {
    /// The journal begins.
    MigrationOpened,
    /// What data recovery needs was prepared.
    Armed {
        /// By whom.
        by: Actor,
    },
    /// What was saved was put back into scratch copies and is what was sealed.
    Proven {
        /// Which.
        checkpoint: CheckpointId,
        /// The components.
        components: Vec<ComponentName>,
        /// By whom.
        by: Actor,
    },
    /// The data of old checkpoints was removed.
    Pruned {
        /// Which.
        checkpoints: Vec<CheckpointId>,
        /// By whom.
        by: Actor,
    },
    /// Arming was undone.
    Disarmed {
        /// By whom.
        by: Actor,
    },
    /// Recorders were put in place.
    RecorderPlaced {
        /// At which component.
        component: ComponentName,
        /// On which occasion.
        occasion: Occasion,
        /// How many tables are covered.
        covered: usize,
        /// How many are not, or were not for a while.
        gaps: usize,
    },
    /// A capture began.
    CaptureOpened {
        /// The checkpoint to be.
        checkpoint: CheckpointId,
        /// The run whose state before it this is.
        before_run: Option<RunId>,
        /// By whom.
        by: Actor,
    },
    /// A component could not be looked at.
    NotSeen {
        /// For the checkpoint, or after cutover.
        look: Look,
        /// Which component.
        component: ComponentName,
        /// Why.
        cause: String,
    },
    /// A checkpoint is complete.
    Sealed {
        /// Which.
        checkpoint: CheckpointId,
        /// Its seal.
        seal: Digest,
    },
    /// A phase went live on the new side.
    CutOver {
        /// Which.
        phase: PhaseName,
        /// When, as far as is known.
        went_live: Timestamp,
        /// Whether it was marked late.
        late: bool,
        /// By whom.
        by: Actor,
    },
    /// Another run began.
    RunOpened {
        /// Which.
        run: RunId,
        /// To which checkpoint.
        to: CheckpointId,
        /// By whom.
        by: Actor,
    },
    /// Another run ended.
    RunClosed {
        /// Which.
        run: Option<RunId>,
        /// How.
        outcome: Outcome,
    },
    /// A component was judged outside a run.
    Judged {
        /// Which.
        component: ComponentName,
        /// How.
        #[serde(flatten)]
        verdict: Verdict,
    },
    /// Writes were taken over outside a run.
    WritesRecovered {
        /// Of which component.
        component: ComponentName,
        /// How many.
        applied: u64,
        /// How many wait for a person.
        waiting: u64,
    },
    /// The migration was accepted.
    Committed {
        /// By whom.
        by: Actor,
    },
    /// The migration is over after going back.
    Closed {
        /// By whom.
        by: Actor,
    },
}

impl Moment {
    /// What a record tells of the migration's life; none for what belongs to a run, and for single looks.
    pub(super) fn of(record: &Record) -> Option<Self> {
        let what = match &record.event {
            Event::MigrationOpened { .. } => Happening::MigrationOpened,
            Event::Armed { by } => Happening::Armed { by: by.clone() },
            Event::Disarmed { by } => Happening::Disarmed { by: by.clone() },
            Event::RecorderPlaced { component, occasion, coverage } => Happening::RecorderPlaced {
                component: component.clone(),
                occasion: *occasion,
                covered: coverage.covered.len(),
                gaps: coverage.uncovered.len() + coverage.interrupted.len(),
            },
            Event::CaptureOpened { checkpoint, before_run, by, .. } => Happening::CaptureOpened {
                checkpoint: checkpoint.clone(),
                before_run: before_run.clone(),
                by: by.clone(),
            },
            Event::ObservationFailed { look, component, cause, .. } => {
                Happening::NotSeen { look: *look, component: component.clone(), cause: cause.clone() }
            }
            Event::CheckpointSealed { checkpoint, seal } => {
                Happening::Sealed { checkpoint: checkpoint.clone(), seal: *seal }
            }
            Event::CheckpointProven { checkpoint, components, by } => Happening::Proven {
                checkpoint: checkpoint.clone(),
                components: components.clone(),
                by: by.clone(),
            },
            Event::CheckpointsPruned { checkpoints, by } => {
                Happening::Pruned { checkpoints: checkpoints.clone(), by: by.clone() }
            }
            Event::CutoverMarked { phase, at, late, by } => {
                Happening::CutOver { phase: phase.clone(), went_live: *at, late: *late, by: by.clone() }
            }
            Event::RunOpened { run, checkpoint, by, .. } => {
                Happening::RunOpened { run: run.clone(), to: checkpoint.clone(), by: by.clone() }
            }
            Event::RunClosed { outcome } => {
                Happening::RunClosed { run: record.run.clone(), outcome: *outcome }
            }
            Event::ComponentVerified { component, verdict, step: None, .. } => {
                Happening::Judged { component: component.clone(), verdict: verdict.clone() }
            }
            Event::WritesRecovered { component, step: None, recovered, .. } => Happening::WritesRecovered {
                component: component.clone(),
                applied: recovered.applied,
                waiting: recovered.waiting.saturating_add(recovered.open_conflicts),
            },
            Event::Committed { by } => Happening::Committed { by: by.clone() },
            Event::Closed { by } => Happening::Closed { by: by.clone() },
            _ => return None,
        };
        Some(Self { at: record.at, what })
    }
}
