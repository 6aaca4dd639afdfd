//! What became of each step: every try, every doubt and how it was settled, every wait for a person.

use jiff::Timestamp;
use serde::Serialize;

use crate::journal::{Choice, Event};
use crate::name::{ComponentName, StepId};
use crate::order::Group;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepAccount {
    /// Which.
    pub step: StepId,
    /// Of which component.
    pub component: Option<ComponentName>,
    /// In which group.
    pub group: Option<Group>,
    /// Where it is, in one or two words.
    pub state: &'static str,
    /// Why, for one that failed, is blocked, in doubt, asked or skipped.
    pub detail: Option<String>,
    /// Its tries, oldest first.
    pub tries: Vec<Try>,
    /// When nobody knew whether it had happened.
    pub doubts: Vec<Doubt>,
    /// When it waited for a person.
    pub waits: Vec<Wait>,
    /// When its door was opened again because the run stopped, so that it had to be done once more.
    pub undone: Vec<Timestamp>,
}

/// One try of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Try {
    /// From 1.
    pub attempt: u32,
    /// When it was intended.
    pub began: Timestamp,
    /// When its outcome was known; none while it is under way, or where its process ended first.
    pub ended: Option<Timestamp>,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: TryOutcome,
    /// How long the work itself took, in milliseconds, where it was measured.
    pub millis: Option<u64>,
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum TryOutcome {
    /// It has no outcome yet.
    UnderWay,
    /// It happened.
    Applied {
        /// What the driver showed for it.
        evidence: String,
        /// Whether the look afterwards agreed.
        confirmed: bool,
    },
    /// It stood there already.
    AlreadyThere,
    /// A look that judged.
    Judged {
        /// The verdict in a word.
        verdict: &'static str,
    },
    /// Something else stood there; nothing was changed.
    Blocked {
        /// What.
        found: String,
    },
    /// It failed, and nothing happened.
    Failed {
        /// Why.
        cause: String,
    },
    /// Nobody knew.
    InDoubt {
        /// Why.
        cause: String,
    },
}

impl TryOutcome {
    /// One or two words for people.
    pub fn word(&self) -> &'static str {
        match self {
            Self::UnderWay => "under way",
            Self::Applied { .. } => "done",
            Self::AlreadyThere => "already there",
            Self::Judged { .. } => "judged",
            Self::Blocked { .. } => "blocked",
            Self::Failed { .. } => "failed",
            Self::InDoubt { .. } => "in doubt",
        }
    }
}

/// A time in which nobody knew whether a step had happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Doubt {
    /// Since when; for one whose process ended, since the last sign of that process.
    pub since: Timestamp,
    /// Why.
    pub cause: String,
    /// The looks that were taken to settle it.
    pub looks: Vec<Look>,
    /// When it was settled, by a look or by a person.
    pub settled: Option<Timestamp>,
}

/// A look at a step in doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Look {
    /// When.
    pub at: Timestamp,
    /// Whether it had happened; none where the look could not tell.
    pub happened: Option<bool>,
    /// What was looked at.
    pub looked: String,
}

/// A time in which a step waited for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wait {
    /// Since when.
    pub since: Timestamp,
    /// When a person chose.
    pub until: Option<Timestamp>,
    /// For what.
    pub why: String,
}

/// The component of a step, by its name `COMPONENT.GROUP` or `COMPONENT.GROUP.N`.
pub fn component_of(step: &StepId) -> Option<ComponentName> {
    split(step).and_then(|(component, _)| ComponentName::new(component).ok())
}

/// The group of a step, likewise.
pub fn group_of(step: &StepId) -> Option<Group> {
    split(step).map(|(_, group)| group)
}

fn split(step: &StepId) -> Option<(&str, Group)> {
    let (front, last) = step.as_str().rsplit_once('.')?;
    if let Some(group) = Group::of_step(last) {
        return Some((front, group));
    }
    last.parse::<u32>().ok()?;
    let (component, group) = front.rsplit_once('.')?;
    Some((component, group.parse().ok()?))
}

impl StepAccount {
    pub(super) fn new(step: &StepId) -> Self {
        Self {
            step: step.clone(),
            component: component_of(step),
            group: group_of(step),
            state: "waiting",
            detail: None,
            tries: Vec::new(),
            doubts: Vec::new(),
            waits: Vec::new(),
            undone: Vec::new(),
        }
    }

    /// Takes in an event about this step.
    pub(super) fn take(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::StepIntended { attempt, .. } => self.tries.push(Try {
                attempt: *attempt,
                began: at,
                ended: None,
                outcome: TryOutcome::UnderWay,
                millis: None,
            }),
            Event::StepApplied { evidence, confirmed, millis, .. } => {
                let outcome = TryOutcome::Applied { evidence: evidence.clone(), confirmed: *confirmed };
                self.end(at, outcome, Some(*millis));
            }
            Event::StepAlreadyThere { .. } => self.end(at, TryOutcome::AlreadyThere, None),
            Event::ComponentVerified { verdict, millis, .. } => {
                self.end(at, TryOutcome::Judged { verdict: verdict.word() }, Some(*millis));
            }
            Event::StepBlocked { found, .. } => {
                self.end(at, TryOutcome::Blocked { found: found.clone() }, None);
                self.wait(at, "something else stands there");
            }
            Event::StepFailed { cause, .. } => {
                self.end(at, TryOutcome::Failed { cause: cause.clone() }, None);
                self.wait(at, "it failed");
            }
            Event::StepInDoubt { cause, .. } => {
                self.end(at, TryOutcome::InDoubt { cause: cause.clone() }, None);
                self.doubt(at, cause);
            }
            Event::DoubtResolved { happened, looked, .. } => {
                if let Some(doubt) = self.doubts.last_mut() {
                    doubt.looks.push(Look { at, happened: *happened, looked: looked.clone() });
                    doubt.settled = happened.map(|_| at);
                }
                if happened.is_none() {
                    self.wait(at, "the look could not tell whether it happened");
                }
            }
            Event::StepAsked { question, .. } => self.wait(at, question),
            Event::OperatorChose { choice, .. } => self.chose(*choice, at),
            _ => {}
        }
    }

    /// The process ended; the last sign of it was then.
    pub(super) fn process_ended(&mut self, last_sign: Timestamp) {
        let Some(open) = self.tries.last_mut().filter(|one| one.outcome == TryOutcome::UnderWay) else {
            return;
        };
        let cause = "the process ended before it was said";
        open.outcome = TryOutcome::InDoubt { cause: cause.into() };
        let since = last_sign.max(open.began);
        self.doubt(since, cause);
    }

    fn chose(&mut self, choice: Choice, at: Timestamp) {
        if let Some(wait) = self.waits.last_mut().filter(|wait| wait.until.is_none()) {
            wait.until = Some(at);
        }
        if let Some(doubt) = self.doubts.last_mut().filter(|doubt| doubt.settled.is_none()) {
            let by = match choice {
                Choice::Retry => "a person said to try again",
                Choice::Skip => "a person left the step out",
                Choice::Accept => "a person took the step as done",
            };
            doubt.looks.push(Look { at, happened: None, looked: by.into() });
            doubt.settled = Some(at);
        }
    }

    fn end(&mut self, at: Timestamp, outcome: TryOutcome, millis: Option<u64>) {
        if let Some(open) = self.tries.last_mut() {
            open.ended = Some(at);
            open.outcome = outcome;
            open.millis = millis;
        }
    }

    fn doubt(&mut self, since: Timestamp, cause: &str) {
        self.doubts.push(Doubt { since, cause: cause.to_owned(), looks: Vec::new(), settled: None });
    }

    fn wait(&mut self, since: Timestamp, why: &str) {
        self.waits.push(Wait { since, until: None, why: why.to_owned() });
    }

    /// How often it was tried.
    pub fn attempts(&self) -> u32 {
        self.tries.last().map_or(0, |last| last.attempt)
    }

    /// How long its tries took, in milliseconds, from intention to outcome.
    pub fn millis(&self) -> Option<u64> {
        let taken = |one: &Try| Some(millis_between(one.began, one.ended?));
        let known: Vec<u64> = self.tries.iter().filter_map(taken).collect();
        (!known.is_empty()).then(|| known.iter().copied().fold(0, u64::saturating_add))
    }

    /// Whether a look afterwards did not agree with the last try.
    pub fn is_unconfirmed(&self) -> bool {
        matches!(self.tries.last(), Some(Try { outcome: TryOutcome::Applied { confirmed: false, .. }, .. }))
    }
}

/// From one moment to a later one; nothing where it is not later.
pub(super) fn millis_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_millisecond().saturating_sub(from.as_millisecond())).unwrap_or(0)
}
