//! One run's way, and the way of each of its steps.
//!
//! | state | leaves by | to |
//! |---|---|---|
//! | waiting | intended | intended |
//! | waiting | asked | asked |
//! | intended | applied, already there, verified | done |
//! | intended | blocked, failed, in doubt | the same |
//! | intended | run resumed (its process ended) | in doubt |
//! | in doubt | resolved: happened | done |
//! | in doubt | resolved: did not happen | waiting |
//! | in doubt | resolved: cannot tell | in doubt, looked |
//! | blocked, failed, in doubt and looked, asked | a person: retry | waiting |
//! | blocked, failed, in doubt and looked, asked, waiting | a person: skip | skipped |
//! | blocked, failed, in doubt and looked, asked | a person: accept | done |
//! | done (a quiesce) | its door was opened again because the run stopped | waiting |
//!
//! Everything else is illegal.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::checkpoint::{BlobId, DataPart};
use crate::digest::Digest;
use crate::journal::{Actor, Choice, Event, Outcome, Record, Stance};
use crate::name::{CheckpointId, ComponentName, RunId, StepId};
use crate::observation::{Seen, Verdict};
use crate::order::Group;
use crate::plan::Price;
use crate::writes::{Counted, Recovered};

use super::step::{Finish, StepState, component_of, is_of};

/// What was kept of a component before the run changed anything.
#[derive(Debug, Clone, PartialEq)]
pub struct Before {
    /// What was seen.
    pub seen: Seen,
    /// The driver's state, in the vault.
    pub state: Option<BlobId>,
    /// The data, in the vault.
    pub data: Vec<DataPart>,
    /// Whether the displaced thing itself is the copy.
    pub displaced: bool,
}

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunLife {
    /// Which.
    pub id: RunId,
    /// Its plan, in the vault.
    pub plan: BlobId,
    /// The plan's shape.
    pub shape: Digest,
    /// The checkpoint it goes back to.
    pub checkpoint: CheckpointId,
    /// By whom it was opened.
    pub by: Actor,
    /// When.
    pub opened: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// The steps in the order of the plan.
    pub order: Vec<StepId>,
    /// Each step's state.
    pub steps: BTreeMap<StepId, StepState>,
    /// How often each step was tried.
    pub attempts: BTreeMap<StepId, u32>,
    /// Steps that failed before anybody was asked to do them, at their first attempt.
    pub never_begun: BTreeSet<StepId>,
    /// What stood there when a revert was last intended.
    pub intended_on: BTreeMap<StepId, Seen>,
    /// The step to pause before.
    pub pause_before: Option<StepId>,
    /// The state before the run.
    pub before: BTreeMap<ComponentName, Before>,
    /// Whether somebody asked it to stop, and what doors shall do.
    pub stop: Option<Option<Stance>>,
    /// Whether it came to rest after a stop.
    pub at_rest: Option<Stance>,
    /// A door that is being opened because the run stops.
    pub reopening: Option<ComponentName>,
    /// At which steps it is stuck.
    pub stuck: Vec<StepId>,
    /// Steps that a person named although their guard was skipped.
    pub released: BTreeSet<StepId>,
    /// The judgements.
    pub verdicts: BTreeMap<ComponentName, Verdict>,
    /// What stood there when it was judged.
    pub judged_on: BTreeMap<ComponentName, Seen>,
    /// Why it was decided.
    pub reason: Option<String>,
    /// The price that was stated.
    pub price: Option<Price>,
    /// The most writes that may be lost.
    pub most_lost: Option<u64>,
    /// The writes that were counted right before a component was put back.
    pub counted: BTreeMap<ComponentName, Counted>,
    /// What was put into the vault of them.
    pub sealed: BTreeMap<ComponentName, Vec<DataPart>>,
    /// What became of them.
    pub recovered: BTreeMap<ComponentName, Recovered>,
    /// What stood there after the last effect on a component's data.
    pub changed_to: BTreeMap<ComponentName, Seen>,
    /// What a component looked like with its recovered writes: what is expected of it from then on.
    pub with_writes: BTreeMap<ComponentName, Seen>,
}

impl RunLife {
    pub(super) fn opened(record: &Record) -> Result<Self, String> {
        let Event::RunOpened {
            run,
            plan,
            shape,
            checkpoint,
            steps,
            pause_before,
            reason,
            price,
            most_lost,
            by,
            ..
        } = &record.event
        else {
            return Err("a run begins with its opening".into());
        };
        Ok(Self {
            id: run.clone(),
            plan: *plan,
            shape: *shape,
            checkpoint: checkpoint.clone(),
            by: by.clone(),
            opened: record.at,
            ended: None,
            outcome: None,
            order: steps.clone(),
            steps: steps.iter().map(|step| (step.clone(), StepState::Waiting)).collect(),
            attempts: BTreeMap::new(),
            never_begun: BTreeSet::new(),
            intended_on: BTreeMap::new(),
            pause_before: pause_before.clone(),
            before: BTreeMap::new(),
            stop: None,
            at_rest: None,
            reopening: None,
            stuck: Vec::new(),
            released: BTreeSet::new(),
            verdicts: BTreeMap::new(),
            judged_on: BTreeMap::new(),
            reason: reason.clone(),
            price: price.as_deref().cloned(),
            most_lost: *most_lost,
            sealed: BTreeMap::new(),
            counted: BTreeMap::new(),
            recovered: BTreeMap::new(),
            changed_to: BTreeMap::new(),
            with_writes: BTreeMap::new(),
        })
    }

    /// A step's state; waiting where it was never heard of.
    pub fn state(&self, step: &StepId) -> &StepState {
        self.steps.get(step).unwrap_or(&StepState::Waiting)
    }

    /// Whether every step of a component is done (none failed, none skipped).
    pub fn all_done(&self, component: &ComponentName) -> bool {
        self.steps_of(component).all(|(_, state)| matches!(state, StepState::Done(_)))
    }

    /// The steps of a component.
    pub fn steps_of<'a>(
        &'a self,
        component: &'a ComponentName,
    ) -> impl Iterator<Item = (&'a StepId, &'a StepState)> + 'a {
        self.steps.iter().filter(|(step, _)| {
            step.as_str().strip_prefix(component.as_str()).is_some_and(|rest| rest.starts_with('.'))
        })
    }

    /// Whether a person may choose this for a step now.
    pub fn may_choose(&self, step: &StepId, choice: Choice) -> bool {
        let Some(state) = self.steps.get(step) else { return false };
        match choice {
            Choice::Retry | Choice::Skip => state.needs_person() || *state == StepState::Waiting,
            Choice::Accept => state.needs_person(),
        }
    }

    pub(super) fn take(&mut self, record: &Record) -> Result<(), String> {
        if let Some(run) = &record.run
            && *run != self.id
        {
            return Err(format!("it belongs to run {run}, and run {} is open", self.id));
        }
        match &record.event {
            Event::RunResumed { .. } => {
                self.stop = None;
                self.at_rest = None;
                self.reopening = None;
                self.pause_before = None;
                self.stuck.clear();
                for state in self.steps.values_mut().filter(|state| **state == StepState::Intended) {
                    *state = StepState::InDoubt {
                        cause: "the process ended before it was said".into(),
                        looked: false,
                    };
                }
            }
            Event::BeforeKept { component, seen, state, data, displaced } => {
                let before =
                    Before { seen: seen.clone(), state: *state, data: data.clone(), displaced: *displaced };
                self.before.insert(component.clone(), before);
            }
            Event::StopRequested { stance, .. } => self.stop = Some(*stance),
            Event::ReopenIntended { component } => self.reopening = Some(component.clone()),
            Event::Reopened { component } => {
                self.reopening = None;
                for (_, state) in
                    self.steps.iter_mut().filter(|(step, _)| step.as_str() == format!("{component}.quiesce"))
                {
                    *state = StepState::Waiting;
                }
            }
            Event::RunStopped { stance } => self.at_rest = Some(*stance),
            Event::RunStuck { steps } => self.stuck = steps.clone(),
            Event::RunClosed { outcome } => {
                self.outcome = Some(*outcome);
                self.ended = Some(record.at);
            }
            Event::StepIntended { step, attempt, before } => {
                self.change(step, |state| match state {
                    StepState::Waiting => Some(StepState::Intended),
                    _ => None,
                })?;
                self.attempts.insert(step.clone(), *attempt);
                self.never_begun.remove(step);
                match before {
                    Some(seen) => self.intended_on.insert(step.clone(), seen.clone()),
                    None => self.intended_on.remove(step),
                };
            }
            Event::StepApplied { step, after, .. } => {
                self.finish(step, Finish::Applied)?;
                let recovering = self.recovered.keys().find(|component| is_recovery_of(step, component));
                if let (Some(component), Some(after)) = (recovering.cloned(), after) {
                    self.with_writes.insert(component, after.clone());
                }
                let changing = component_of(step, Group::Revert).or(component_of(step, Group::Recover));
                if let (Some(component), Some(after)) = (changing, after) {
                    self.changed_to.insert(component, after.clone());
                }
            }
            Event::WritesCounted { component, counted, data } => {
                self.counted.insert(component.clone(), counted.clone());
                self.sealed.insert(component.clone(), data.clone());
            }
            Event::WritesRecovered { component, recovered, .. } => {
                self.recovered.insert(component.clone(), recovered.clone());
            }
            Event::StepAlreadyThere { step } => self.finish(step, Finish::AlreadyThere)?,
            Event::ComponentVerified { component, step: Some(step), verdict, seen, .. } => {
                self.finish(step, Finish::Judged)?;
                if let Some(seen) = seen {
                    self.judged_on.insert(component.clone(), seen.clone());
                }
                self.verdicts.insert(component.clone(), verdict.clone());
            }
            Event::StepBlocked { step, found } => {
                self.conclude(step, StepState::Blocked { found: found.clone() })?;
            }
            Event::StepFailed { step, cause, hints, never_begun } => {
                if *never_begun && self.attempts.get(step) == Some(&1) {
                    self.never_begun.insert(step.clone());
                }
                self.conclude(step, StepState::Failed { cause: cause.clone(), hints: hints.clone() })?;
            }
            Event::StepInDoubt { step, cause } => {
                self.conclude(step, StepState::InDoubt { cause: cause.clone(), looked: false })?;
            }
            Event::DoubtResolved { step, happened, looked } => {
                self.change(step, |state| match (state, happened) {
                    (StepState::InDoubt { .. }, Some(true)) => Some(StepState::Done(Finish::FoundDone)),
                    (StepState::InDoubt { .. }, Some(false)) => Some(StepState::Waiting),
                    (StepState::InDoubt { cause, .. }, None) => {
                        Some(StepState::InDoubt { cause: format!("{cause}; {looked}"), looked: true })
                    }
                    _ => None,
                })?
            }
            Event::StepAsked { step, question } => self.change(step, |state| match state {
                StepState::Waiting => Some(StepState::Asked { question: question.clone() }),
                _ => None,
            })?,
            Event::OperatorChose { step, choice, reason, .. } => self.chose(step, *choice, reason)?,
            other => return Err(format!("{other:?} is no event of a run")),
        }
        Ok(())
    }

    fn chose(&mut self, step: &StepId, choice: Choice, reason: &str) -> Result<(), String> {
        self.stuck.clear();
        // Retrying a step that waits names it although its guard was skipped.
        if choice == Choice::Retry && *self.state(step) == StepState::Waiting {
            self.released.insert(step.clone());
            return Ok(());
        }
        self.change(step, |state| match choice {
            Choice::Skip if state.needs_person() || *state == StepState::Waiting => {
                Some(StepState::Skipped { reason: reason.to_owned() })
            }
            Choice::Retry if state.needs_person() => Some(StepState::Waiting),
            Choice::Accept if state.needs_person() => Some(StepState::Done(Finish::Accepted)),
            _ => None,
        })
    }

    fn finish(&mut self, step: &StepId, how: Finish) -> Result<(), String> {
        self.conclude(step, StepState::Done(how))
    }

    fn conclude(&mut self, step: &StepId, end: StepState) -> Result<(), String> {
        self.change(step, |state| match state {
            StepState::Intended => Some(end),
            _ => None,
        })
    }

    fn change(
        &mut self,
        step: &StepId,
        to: impl FnOnce(&StepState) -> Option<StepState>,
    ) -> Result<(), String> {
        let state = self.steps.get_mut(step).ok_or_else(|| format!("step {step} is not in the plan"))?;
        match to(state) {
            Some(next) => {
                *state = next;
                Ok(())
            }
            None => Err(format!("step {step} is {}", state.word())),
        }
    }
}

/// Whether a step takes over the writes of a component.
fn is_recovery_of(step: &StepId, component: &ComponentName) -> bool {
    is_of(step, component, Group::Recover)
}
