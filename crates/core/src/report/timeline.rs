//! The steps on one axis of time, and the times in which nothing was done.
//!
//! | pause | since | until |
//! |---|---|---|
//! | at rest | the run came to rest | it is taken up again or given up |
//! | stuck | it needed a person to go on | likewise |
//! | waits for a person | the last sign of the process, where it asked and nothing was under way | likewise |
//! | no process | the last sign of the process | likewise |
//!
//! A pause of a run that is not over has no end; it is drawn up to the last record. While a run looks open and asks
//! nobody, the journal cannot tell whether a process carries it, and no pause is claimed.

use jiff::Timestamp;
use serde::Serialize;

use super::step::{StepAccount, millis_between};
use crate::name::StepId;
use crate::order::Group;

/// All steps on one axis. Every offset is in milliseconds since the run began, and none is beyond `millis`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// The length of the axis.
    pub millis: u64,
    /// Times in which nothing was done, in order.
    pub pauses: Vec<Pause>,
    /// One row a step, in the order of the plan.
    pub rows: Vec<Row>,
}

/// A time in which nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Pause {
    /// Since when.
    pub from: u64,
    /// Until when; the end of the axis where it goes on.
    pub to: u64,
    /// Why.
    pub kind: PauseKind,
    /// Whether it goes on.
    pub goes_on: bool,
}

/// Why nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PauseKind {
    /// It came to rest at a safe border.
    AtRest,
    /// It could not go on without a person.
    Stuck,
    /// A person was asked.
    WaitsForPerson,
    /// Its process had ended.
    NoProcess,
}

impl PauseKind {
    /// In words.
    pub const fn word(self) -> &'static str {
        match self {
            Self::AtRest => "at rest",
            Self::Stuck => "stuck",
            Self::WaitsForPerson => "waits for a person",
            Self::NoProcess => "no process",
        }
    }
}

/// One step on the axis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Which.
    pub step: StepId,
    /// In which group.
    pub group: Option<Group>,
    /// When something was the matter with it; empty for a step that was never begun.
    pub bars: Vec<Bar>,
}

/// A time in which something was the matter with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bar {
    /// Since when.
    pub from: u64,
    /// Until when; the end of the axis where it goes on.
    pub to: u64,
    /// What.
    pub kind: BarKind,
}

/// What was the matter with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BarKind {
    /// It was under way.
    Work,
    /// Nobody knew whether it had happened.
    Doubt,
    /// It waited for a person.
    Wait,
}

/// A pause by the clock, before the axis is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stillness {
    pub from: Timestamp,
    pub to: Option<Timestamp>,
    pub kind: PauseKind,
}

impl Timeline {
    /// Lays everything on the axis from `began` to `until`.
    pub(super) fn lay(
        began: Timestamp,
        until: Timestamp,
        steps: &[StepAccount],
        stillnesses: &[Stillness],
    ) -> Self {
        let millis = millis_between(began, until);
        let offset = |at: Timestamp| millis_between(began, at).min(millis);
        let end = |at: Option<Timestamp>| at.map_or(millis, offset);
        let pauses = stillnesses.iter().map(|still| Pause {
            from: offset(still.from),
            to: end(still.to),
            kind: still.kind,
            goes_on: still.to.is_none(),
        });
        let rows = steps.iter().map(|account| {
            let bar = |from, to, kind| Bar { from: offset(from), to: end(to), kind };
            let work = account.tries.iter().map(|one| {
                let lost = account.doubts.iter().map(|doubt| doubt.since).find(|since| *since >= one.began);
                bar(one.began, one.ended.or(lost), BarKind::Work)
            });
            let doubt = account.doubts.iter().map(|one| bar(one.since, one.settled, BarKind::Doubt));
            let wait = account.waits.iter().map(|one| bar(one.since, one.until, BarKind::Wait));
            let mut bars: Vec<Bar> = work.chain(doubt).chain(wait).collect();
            bars.sort_by_key(|bar| (bar.from, bar.to));
            Row { step: account.step.clone(), group: account.group, bars }
        });
        Self { millis, pauses: pauses.collect(), rows: rows.collect() }
    }

    /// How long something was done, in milliseconds: the axis without its pauses.
    pub fn working_millis(&self) -> u64 {
        let still: u64 =
            self.pauses.iter().map(|pause| pause.to.saturating_sub(pause.from)).fold(0, u64::saturating_add);
        self.millis.saturating_sub(still)
    }
}
