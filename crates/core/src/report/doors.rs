//! How long doors were shut.
//!
//! | fact about a component's door | it is |
//! |---|---|
//! | its quiesce was applied, or was there already | shut, from that record |
//! | its quiesce was found done after a doubt | shut, from its intention: nobody saw when |
//! | a person took its quiesce as done | shut, from that answer |
//! | every one of its reopening steps is done | open, from the last of those records |
//! | it was opened because the run stopped or was given up | open, from that record |
//! | some of its reopening steps are done, and others are not | unclear |
//! | none of these | shut still |
//!
//! So the seconds are never understated. Programs that run after a door was opened (`then:`) are reopening steps
//! too, and the journal does not tell them apart; where there are any, the door counts as shut until they are done.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::step::{component_of, group_of, millis_between};
use crate::name::{ComponentName, StepId};
use crate::order::Group;

/// How long doors were shut.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Closed {
    /// When the first was shut; none where none was.
    pub first_shut: Option<Timestamp>,
    /// When the last was open again; none where none was shut, or one is not known to be open.
    pub last_open: Option<Timestamp>,
    /// From the first shut to the last open, or to the end of what this record tells of, in milliseconds.
    pub span_millis: u64,
    /// How long at least one was shut, in milliseconds.
    pub millis: u64,
    /// Each door.
    pub doors: Vec<Door>,
}

/// One component's door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Door {
    /// Of which component.
    pub component: ComponentName,
    /// When it was shut.
    pub shut: Vec<Shut>,
    /// How long in all, in milliseconds.
    pub millis: u64,
    /// Whether it is shut still, as far as the journal tells.
    pub still_shut: bool,
    /// Whether only some of its reopening steps are done, so that nothing tells.
    pub unclear: bool,
}

/// A time in which a door was shut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Shut {
    /// Since when.
    pub from: Timestamp,
    /// Until when.
    pub to: Option<Timestamp>,
}

/// Follows the doors through a run.
#[derive(Debug, Clone, Default)]
pub(super) struct Doors {
    reopening: BTreeMap<ComponentName, BTreeSet<StepId>>,
    done: BTreeMap<ComponentName, BTreeSet<StepId>>,
    shut: BTreeMap<ComponentName, Vec<Shut>>,
}

impl Doors {
    pub(super) fn new(steps: &[StepId]) -> Self {
        let mut doors = Self::default();
        for step in steps {
            if let (Some(component), Some(Group::Reopen)) = (component_of(step), group_of(step)) {
                doors.reopening.entry(component).or_default().insert(step.clone());
            }
        }
        doors
    }

    /// A step is done, seen at this moment; `since` is its intention where nobody saw when.
    pub(super) fn done(&mut self, step: &StepId, at: Timestamp, since: Option<Timestamp>) {
        let Some(component) = component_of(step) else { return };
        match group_of(step) {
            Some(Group::Quiesce) => {
                let shut = self.shut.entry(component.clone()).or_default();
                if shut.last().is_none_or(|last| last.to.is_some()) {
                    shut.push(Shut { from: since.unwrap_or(at), to: None });
                }
                self.done.remove(&component);
            }
            Some(Group::Reopen) => {
                let done = self.done.entry(component.clone()).or_default();
                done.insert(step.clone());
                if self.reopening.get(&component).is_some_and(|all| all.is_subset(done)) {
                    self.opened(&component, at);
                }
            }
            _ => {}
        }
    }

    /// A door was opened.
    pub(super) fn opened(&mut self, component: &ComponentName, at: Timestamp) {
        let last = self.shut.get_mut(component).and_then(|shut| shut.last_mut());
        if let Some(last) = last.filter(|last| last.to.is_none()) {
            last.to = Some(at);
        }
    }

    /// What it came to, at the end of what is told.
    pub(super) fn closed(self, until: Timestamp) -> Closed {
        let mut all: Vec<(Timestamp, Timestamp)> = Vec::new();
        let mut doors = Vec::new();
        for (component, shut) in self.shut {
            let spans = shut.iter().map(|one| (one.from, one.to.unwrap_or(until)));
            let millis =
                spans.clone().map(|(from, to)| millis_between(from, to)).fold(0, u64::saturating_add);
            all.extend(spans);
            let is_open = shut.iter().all(|one| one.to.is_some());
            let unclear = !is_open && self.done.get(&component).is_some_and(|done| !done.is_empty());
            doors.push(Door { component, shut, millis, still_shut: !is_open && !unclear, unclear });
        }
        all.sort();
        let first_shut = all.first().map(|(from, _)| *from);
        let end = all.iter().map(|(_, to)| *to).max();
        let any_left = doors.iter().any(|door| door.still_shut || door.unclear);
        Closed {
            first_shut,
            last_open: end.filter(|_| !any_left),
            span_millis: first_shut.zip(end).map_or(0, |(from, to)| millis_between(from, to)),
            millis: together(&all),
            doors,
        }
    }
}

/// How long at least one of these spans, sorted by their beginnings, lasted.
fn together(spans: &[(Timestamp, Timestamp)]) -> u64 {
    let mut sum = 0;
    let mut reached: Option<Timestamp> = None;
    for &(from, to) in spans {
        let from = reached.map_or(from, |reached| reached.max(from));
        sum += millis_between(from, to);
        reached = Some(reached.map_or(to, |reached| reached.max(to)));
    }
    sum
}
