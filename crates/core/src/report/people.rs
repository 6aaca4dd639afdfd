//! What people said, and which processes carried the run.

use jiff::Timestamp;
use serde::Serialize;

use crate::journal::{Actor, Choice, Event, Outcome, Record, Stance};
use crate::name::{CheckpointId, ComponentName, PhaseName, StepId};
use crate::plan::Choices;

/// Something that a person answered, asked or chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answered {
    /// When.
    pub at: Timestamp,
    /// By whom; none where the journal does not say.
    pub by: Option<Actor>,
    /// What.
    #[serde(flatten)]
    pub answer: Answer,
}

/// What a person can say to a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// Go back to this checkpoint.
    To {
        /// Which.
        checkpoint: CheckpointId,
    },
    /// Put only these back.
    Only {
        /// Which.
        components: Vec<ComponentName>,
    },
    /// Put only this phase back.
    Phase {
        /// Which.
        phase: PhaseName,
    },
    /// Leave a component as it stands.
    Keep {
        /// Which.
        component: ComponentName,
    },
    /// Put the checkpoint over it, whoever changed it.
    Overwrite {
        /// Which.
        component: ComponentName,
    },
    /// Pause before a step.
    PauseBefore {
        /// Which.
        step: StepId,
    },
    /// What becomes of a step that needs a person.
    Choose {
        /// Which step.
        step: StepId,
        /// What.
        choice: Choice,
        /// Why.
        reason: String,
    },
    /// Stop at a safe border.
    Stop {
        /// What doors shall do, where somebody said.
        stance: Option<Stance>,
    },
    /// Give the run up.
    Abandon,
}

/// A process that carried the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// Since when.
    pub at: Timestamp,
    /// How it came to it.
    pub how: Carried,
    /// By whom it was started; none where the journal does not say.
    pub by: Option<Actor>,
    /// The version of the program, where it is journaled.
    pub version: Option<String>,
    /// The number of its hold on the journal.
    pub epoch: u64,
}

/// How a process came to carry a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Carried {
    /// It opened the run.
    Opened,
    /// It took the run up again.
    Resumed,
    /// The same for somebody else than before.
    TookOver,
    /// It gave the run up.
    GaveUp,
}

/// What was said with the command that opened the run.
pub(super) fn at_opening(
    at: Timestamp,
    by: &Actor,
    choices: Option<&Choices>,
    pause_before: Option<&StepId>,
) -> Vec<Answered> {
    let mut answers = Vec::new();
    if let Some(choices) = choices {
        answers.extend(choices.to.clone().map(|checkpoint| Answer::To { checkpoint }));
        if !choices.only.is_empty() {
            answers.push(Answer::Only { components: choices.only.clone() });
        }
        answers.extend(choices.phase.clone().map(|phase| Answer::Phase { phase }));
        answers.extend(choices.keep.iter().cloned().map(|component| Answer::Keep { component }));
        answers.extend(choices.overwrite.iter().cloned().map(|component| Answer::Overwrite { component }));
    }
    answers.extend(pause_before.cloned().map(|step| Answer::PauseBefore { step }));
    answers.into_iter().map(|answer| Answered { at, by: Some(by.clone()), answer }).collect()
}

/// What was said while the run was open.
pub(super) fn meanwhile(event: &Event, at: Timestamp) -> Option<Answered> {
    let (by, answer) = match event {
        Event::OperatorChose { step, choice, reason, by } => {
            let choose = Answer::Choose { step: step.clone(), choice: *choice, reason: reason.clone() };
            (Some(by.clone()), choose)
        }
        Event::StopRequested { stance, by } => (Some(by.clone()), Answer::Stop { stance: *stance }),
        Event::RunClosed { outcome: Outcome::Abandoned } => (None, Answer::Abandon),
        _ => return None,
    };
    Some(Answered { at, by, answer })
}

/// The process that begins to carry the run with this record, if one does.
pub(super) fn holder(record: &Record, at: Timestamp, before: &[Holder]) -> Option<Holder> {
    let holder = |how, by: Option<&Actor>, version: Option<&String>| Holder {
        at,
        how,
        by: by.cloned(),
        version: version.cloned(),
        epoch: record.epoch,
    };
    let last = before.last();
    match &record.event {
        Event::RunOpened { by, version, .. } => Some(holder(Carried::Opened, Some(by), Some(version))),
        Event::RunResumed { by, version } => {
            let same = last.and_then(|last| last.by.as_ref()).is_none_or(|last| last == by);
            let how = if same { Carried::Resumed } else { Carried::TookOver };
            Some(holder(how, Some(by), Some(version)))
        }
        Event::RunClosed { outcome: Outcome::Abandoned } if last?.epoch != record.epoch => {
            Some(holder(Carried::GaveUp, None, None))
        }
        _ => None,
    }
}
