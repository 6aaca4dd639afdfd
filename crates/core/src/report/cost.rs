//! The price that was stated, and what was paid.
//!
//! For each component whose writes were counted or taken over:
//!
//! | # | put back | recover step | taken over | saved | still to come | waits for a person | lost |
//! |---|---|---|---|---|---|---|---|
//! | 1 | any | any | yes | applied and there already, at most what was counted | none | files and open conflicts | the unmapped |
//! | 2 | no | any | no | none | none | none | none: they stand there still |
//! | 3 | yes, or cannot be told | the run will come to it | no | none | all but the unmapped | none | the unmapped |
//! | 4 | yes, or cannot be told | left out, or the run is over | no | none | none | all but the unmapped: they are recorded | the unmapped |
//! | 5 | cannot be told | none | no | none | none | none | unknown |
//! | 6 | yes | none | no | none | none | none | all |
//!
//! Where something was not recorded, what is lost is *at least* that. A conflict with a winner is no loss: both
//! versions stand in a file.

use std::collections::BTreeMap;

use serde::Serialize;

use super::step::component_of;
use crate::life::{Finish, RunLife, StepState};
use crate::name::ComponentName;
use crate::order::Group;
use crate::plan::{Count, Price};
use crate::writes::{Counted, Recovered};

/// The price that was stated, and what was paid.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    /// The price; none where a version ran that did not journal it.
    pub stated: Option<Price>,
    /// What was paid.
    pub paid: Paid,
    /// What was counted and what became of it, by component.
    pub writes: Vec<WritesAccount>,
}

/// What was paid, up to now where the run is not over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Paid {
    /// Writes that the put-back state lacked; none where nothing was counted.
    pub writes: Option<Count>,
    /// Of those, what was taken over.
    pub saved: Option<Count>,
    /// Of those, what this run has still to take over.
    pub pending: Option<Count>,
    /// Of those, what waits for a person.
    pub waiting: Option<Count>,
    /// Of those, what is lost.
    pub lost: Option<Count>,
    /// Rows that were changed on both sides.
    pub conflicts: u64,
    /// How long at least one door was shut, in milliseconds.
    pub closed_millis: u64,
    /// How long the run worked, pauses left out, in milliseconds.
    pub working_millis: u64,
    /// How many steps are done.
    pub steps_done: usize,
    /// How many there are.
    pub steps: usize,
}

/// What users wrote to one component, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WritesAccount {
    /// Which component.
    pub component: ComponentName,
    /// What was counted right before it was put back.
    pub counted: Option<Counted>,
    /// What was taken over.
    pub recovered: Option<Recovered>,
    /// How many were taken over.
    pub saved: Count,
    /// How many this run has still to take over.
    pub pending: Count,
    /// How many wait for a person.
    pub waiting: Count,
    /// How many are lost.
    pub lost: Count,
}

/// Whether the saved state stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PutBack {
    No,
    Yes,
    CannotTell,
}

/// What is planned to take writes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recovery {
    /// Nothing.
    None,
    /// A step that the run will come to.
    ToCome,
    /// A step that was left out, or that the run did not come to.
    Missed,
}

impl WritesAccount {
    pub(super) fn new(
        component: &ComponentName,
        counted: Option<&Counted>,
        recovered: Option<&Recovered>,
        put_back: PutBack,
        recovery: Recovery,
    ) -> Self {
        let zero = Count::Exactly(0);
        let vague = counted.is_some_and(|counted| !counted.gaps.is_empty());
        let as_known = |count| if vague { Count::AtLeast(count) } else { Count::Exactly(count) };
        let users = counted.map_or(0, |counted| counted.users().sum());
        let unmapped = counted.map_or(0, |counted| {
            counted.tables.iter().map(|table| table.unmapped).fold(0, u64::saturating_add)
        });
        let mapped = Count::Exactly(users.saturating_sub(unmapped));
        let (saved, pending, waiting, lost) = match (recovered, put_back, recovery) {
            (Some(done), ..) => (
                // What the target had before anybody counted is not among those that were saved.
                Count::Exactly({
                    let found = done.applied.saturating_add(done.already);
                    if counted.is_some() { found.min(users) } else { found }
                }),
                zero,
                Count::Exactly(done.waiting.saturating_add(done.open_conflicts)),
                as_known(done.unmapped),
            ),
            (None, PutBack::No, _) => (zero, zero, zero, zero),
            (None, _, Recovery::ToCome) => (zero, mapped, zero, as_known(unmapped)),
            (None, _, Recovery::Missed) => (zero, zero, mapped, as_known(unmapped)),
            (None, PutBack::CannotTell, Recovery::None) => (zero, zero, zero, Count::Unknown),
            (None, PutBack::Yes, Recovery::None) => (zero, zero, zero, as_known(users)),
        };
        Self {
            component: component.clone(),
            counted: counted.cloned(),
            recovered: recovered.cloned(),
            saved,
            pending,
            waiting,
            lost,
        }
    }
}

/// What was written to each component and what became of it.
pub(super) fn accounts(run: &RunLife) -> Vec<WritesAccount> {
    let mut names: Vec<&ComponentName> = run.counted.keys().chain(run.recovered.keys()).collect();
    names.sort();
    names.dedup();
    let by_component = states(run);
    let account = |name: &&ComponentName| {
        let groups = by_component.get(*name);
        let of = |group: Group| groups.into_iter().flatten().filter(move |(one, _)| *one == group);
        let put_back = put_back(of(Group::Revert).map(|(_, state)| *state));
        let recovery = match of(Group::Recover).map(|(_, state)| *state).next() {
            None => Recovery::None,
            Some(StepState::Skipped { .. }) => Recovery::Missed,
            Some(_) if run.outcome.is_some() => Recovery::Missed,
            Some(_) => Recovery::ToCome,
        };
        let (counted, recovered) = (run.counted.get(*name), run.recovered.get(*name));
        WritesAccount::new(name, counted, recovered, put_back, recovery)
    };
    names.iter().map(account).collect()
}

type States<'a> = BTreeMap<ComponentName, Vec<(Group, &'a StepState)>>;

fn states(run: &RunLife) -> States<'_> {
    let mut found: States<'_> = BTreeMap::new();
    for (step, state) in &run.steps {
        if let (Some(component), Some(group)) = (component_of(step), super::group_of(step)) {
            found.entry(component).or_default().push((group, state));
        }
    }
    found
}

/// Put back is what has a step that happened, or that a person took as done; an effect that nobody could look at
/// leaves it open.
fn put_back<'a>(reverts: impl Iterator<Item = &'a StepState>) -> PutBack {
    let one = |state: &StepState| match state {
        StepState::Done(Finish::Applied | Finish::AlreadyThere | Finish::FoundDone | Finish::Accepted) => {
            PutBack::Yes
        }
        StepState::Intended | StepState::InDoubt { .. } => PutBack::CannotTell,
        _ => PutBack::No,
    };
    reverts.map(one).fold(PutBack::No, |sum, one| match (sum, one) {
        (PutBack::Yes, _) | (_, PutBack::Yes) => PutBack::Yes,
        (PutBack::CannotTell, _) | (_, PutBack::CannotTell) => PutBack::CannotTell,
        (PutBack::No, PutBack::No) => PutBack::No,
    })
}

/// The sum of what became of all writes; none where nothing was counted nor taken over.
pub(super) fn sum(writes: &[WritesAccount], of: impl Fn(&WritesAccount) -> Count) -> Option<Count> {
    writes.iter().map(of).reduce(Count::plus)
}
