//! What a run does next. Pure: the dispatcher asks after every event and does what it is told.

use std::collections::{BTreeMap, BTreeSet};

use crate::journal::{Outcome, Stance};
use crate::life::{Finish, RunLife, StepState};
use crate::name::{ComponentName, KindName, StepId};
use crate::observation::Verdict;
use crate::order::Group;
use crate::plan::{Action, Plan, Step};

/// Something for the engine to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Look whether an effect in doubt happened.
    Resolve(StepId),
    /// Begin a step.
    Start {
        /// Which.
        step: StepId,
        /// From 1.
        attempt: u32,
    },
    /// Ask a person.
    Ask {
        /// Which step.
        step: StepId,
        /// What.
        question: String,
    },
    /// Open a door because the run stops.
    Reopen(ComponentName),
    /// Say that the run needs a person at these steps.
    Stuck(Vec<StepId>),
    /// The run is at rest.
    Rest(Stance),
    /// The run is over.
    Close(Outcome),
}

/// How much may go on side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Steps in all.
    pub steps: usize,
    /// Steps of one kind of component.
    pub per_kind: usize,
}

/// What of the limits is still free.
struct Room<'a> {
    plan: &'a Plan,
    limits: Limits,
    taken: usize,
    by_kind: BTreeMap<Option<&'a KindName>, usize>,
}

impl<'a> Room<'a> {
    fn new(plan: &'a Plan, in_flight: &BTreeSet<StepId>, limits: Limits) -> Self {
        let mut room = Self { plan, limits, taken: 0, by_kind: BTreeMap::new() };
        for step in in_flight.iter().filter_map(|id| plan.step(id)) {
            room.note(step);
        }
        room
    }

    fn note(&mut self, step: &Step) {
        self.taken += 1;
        if self.limits.per_kind < self.limits.steps {
            *self.by_kind.entry(self.kind(step)).or_default() += 1;
        }
    }

    fn kind(&self, step: &Step) -> Option<&'a KindName> {
        self.plan.component(&step.component).map(|component| &component.kind)
    }

    fn is_full(&self) -> bool {
        self.taken >= self.limits.steps
    }

    /// Takes a place for a step, if there is one.
    fn take(&mut self, step: &Step) -> bool {
        let full = self.is_full()
            || (self.limits.per_kind < self.limits.steps
                && self.by_kind.get(&self.kind(step)).is_some_and(|taken| *taken >= self.limits.per_kind));
        if !full {
            self.note(step);
        }
        !full
    }
}

/// What is next, given what is in flight.
///
/// | # | when | then |
/// |---|---|---|
/// | 1 | the run is closed or at rest | nothing |
/// | 2 | a step is in doubt and nobody looked | look, also while stopping |
/// | 3 | a stop was asked for and something is in flight | wait for it |
/// | 4 | a stop was asked for, doors shall open | open one after another: as it was on untouched ground, by its own steps on ground that is put back |
/// | 5 | a stop was asked for | rest |
/// | 6 | a step waits, everything before it is done and no door before it was opened again | start it, or ask if a person does it, within the limit |
/// | 7 | it is the one to pause before | leave it; rest once nothing is in flight |
/// | 8 | nothing is in flight, steps need a person | say that the run is stuck (once), or wait for an answer |
/// | 9 | every step is settled | close: restored if every verdict says so and nothing was skipped |
pub fn next(plan: &Plan, run: &RunLife, in_flight: &BTreeSet<StepId>, limits: Limits) -> Vec<Command> {
    if run.outcome.is_some() || run.at_rest.is_some() {
        return Vec::new();
    }
    let mut commands: Vec<Command> = plan
        .steps
        .iter()
        .filter(|step| !in_flight.contains(&step.id))
        .filter(|step| matches!(run.state(&step.id), StepState::InDoubt { looked: false, .. }))
        .map(|step| Command::Resolve(step.id.clone()))
        .collect();
    if !commands.is_empty() {
        return commands;
    }
    if let Some(asked) = run.stop {
        if !in_flight.is_empty() || run.reopening.is_some() {
            return Vec::new();
        }
        let stance = asked.unwrap_or_else(|| safe_stance(plan, run));
        let opening = (stance == Stance::Reopen).then(|| open_one(plan, run)).flatten();
        return vec![opening.unwrap_or(Command::Rest(stance))];
    }
    let unguarded = behind_doors_opened_again(plan, run);
    let mut room = Room::new(plan, in_flight, limits);
    let mut paused = false;
    for step in &plan.steps {
        if *run.state(&step.id) != StepState::Waiting
            || in_flight.contains(&step.id)
            || unguarded.contains(&step.id)
            || !is_ready(plan, run, step)
        {
            continue;
        }
        if run.pause_before.as_ref() == Some(&step.id) {
            paused = true;
            continue;
        }
        if let Action::Person { instructions } = &step.action {
            commands.push(Command::Ask { step: step.id.clone(), question: instructions.clone() });
        } else if room.is_full() {
            // Nothing more can start; the rest of a long plan need not be walked for it.
            break;
        } else if room.take(step) {
            commands.push(start(run, step));
        }
    }
    if !commands.is_empty() || !in_flight.is_empty() {
        return commands;
    }
    if paused {
        return vec![Command::Rest(Stance::StayClosed)];
    }
    at_the_end(plan, run)
}

fn start(run: &RunLife, step: &Step) -> Command {
    let attempt = run.attempts.get(&step.id).copied().unwrap_or(0) + 1;
    Command::Start { step: step.id.clone(), attempt }
}

/// What opens the next door because the run stops. On ground that is put back these are the steps of the plan, for a
/// program that read what stood there before has to start again first.
fn open_one(plan: &Plan, run: &RunLife) -> Option<Command> {
    shut_doors(plan, run).into_iter().find_map(|component| match ground(plan, run, &component) {
        Ground::Untouched => Some(Command::Reopen(component)),
        Ground::PutBack => plan
            .steps
            .iter()
            .filter(|step| step.component == component && step.group == Group::Reopen)
            .find(|step| *run.state(&step.id) == StepState::Waiting && is_ready(plan, run, step))
            .map(|step| start(run, step)),
        Ground::Between => None,
    })
}

/// The steps that wait, directly or not, for a door that was shut and then opened again because the run stopped: what
/// stands between may be done already, and would let them through.
fn behind_doors_opened_again<'a>(plan: &'a Plan, run: &RunLife) -> BTreeSet<&'a StepId> {
    let opened_again = |step: &&Step| {
        step.action == Action::Quiesce
            && *run.state(&step.id) == StepState::Waiting
            && run.attempts.contains_key(&step.id)
    };
    let mut todo: Vec<&StepId> = plan.steps.iter().filter(opened_again).map(|step| &step.id).collect();
    let mut behind = BTreeSet::new();
    while let Some(id) = todo.pop() {
        let followers = plan.steps.iter().filter(|step| step.after.contains(id));
        todo.extend(followers.map(|step| &step.id).filter(|follower| behind.insert(*follower)));
    }
    behind
}

fn at_the_end(plan: &Plan, run: &RunLife) -> Vec<Command> {
    let failing: Vec<StepId> = plan
        .steps
        .iter()
        .filter(|step| {
            let state = run.state(&step.id);
            (state.needs_person() && !matches!(state, StepState::Asked { .. }))
                || lost_its_guard(plan, run, step)
        })
        .map(|step| step.id.clone())
        .collect();
    if !failing.is_empty() {
        return if run.stuck == failing { Vec::new() } else { vec![Command::Stuck(failing)] };
    }
    if plan.steps.iter().all(|step| run.state(&step.id).is_settled()) {
        return vec![Command::Close(outcome(plan, run))];
    }
    Vec::new()
}

/// Whether everything before a step is done. A skipped step lets through, unless it was a guard; then what it
/// guarded goes on only if a person named it too.
fn is_ready(plan: &Plan, run: &RunLife, step: &Step) -> bool {
    step.after.iter().all(|before| {
        let is_guard = || plan.step(before).is_some_and(Step::is_guard);
        let is_skipped = matches!(run.state(before), StepState::Skipped { .. });
        lets_through(plan, run, before) && (!is_skipped || run.released.contains(&step.id) || !is_guard())
    })
}

/// Whether a step is settled, and where it was skipped, also what it waited for: the plan names only the nearest
/// steps, and a skipped one did not wait.
fn lets_through(plan: &Plan, run: &RunLife, id: &StepId) -> bool {
    match run.state(id) {
        StepState::Done(_) => true,
        StepState::Skipped { .. } => {
            plan.step(id).is_none_or(|step| step.after.iter().all(|before| lets_through(plan, run, before)))
        }
        _ => false,
    }
}

/// Whether a step waits only because a guard before it was skipped.
fn lost_its_guard(plan: &Plan, run: &RunLife, step: &Step) -> bool {
    *run.state(&step.id) == StepState::Waiting
        && step.after.iter().all(|before| lets_through(plan, run, before))
        && !is_ready(plan, run, step)
}

fn outcome(plan: &Plan, run: &RunLife) -> Outcome {
    let skipped = run.steps.values().any(|state| matches!(state, StepState::Skipped { .. }));
    let verified = plan.steps.iter().filter(|step| step.group == Group::Verify).all(|step| {
        run.verdicts.get(&step.component) == Some(&Verdict::Restored)
            && *run.state(&step.id) == StepState::Done(Finish::Judged)
    });
    if verified && !skipped { Outcome::Restored } else { Outcome::NotVerified }
}

/// What doors do when nobody said: they open if every shut one stands on whole ground, else they stay shut.
pub fn safe_stance(plan: &Plan, run: &RunLife) -> Stance {
    let shut = shut_doors(plan, run);
    if shut.iter().all(|component| ground(plan, run, component) != Ground::Between) {
        Stance::Reopen
    } else {
        Stance::StayClosed
    }
}

/// The doors that are shut.
pub fn shut_doors(plan: &Plan, run: &RunLife) -> Vec<ComponentName> {
    let is_done = |component: &ComponentName, group: Group| {
        let mut steps =
            plan.steps.iter().filter(|step| step.component == *component && step.group == group).peekable();
        steps.peek().is_some() && steps.all(|step| matches!(run.state(&step.id), StepState::Done(_)))
    };
    plan.steps
        .iter()
        .filter(|step| step.action == Action::Reopen)
        .map(|step| step.component.clone())
        .filter(|component| is_done(component, Group::Quiesce) && !is_done(component, Group::Reopen))
        .collect()
}

/// How what a component stands on is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// As it was before the run.
    Untouched,
    /// All put back.
    PutBack,
    /// Neither; opening a door would start the one side's program on the other side's data.
    Between,
}

/// How what a component stands on is.
pub fn ground(plan: &Plan, run: &RunLife, component: &ComponentName) -> Ground {
    let mut todo: Vec<&StepId> = plan
        .steps
        .iter()
        .filter(|s| s.component == *component && s.group == Group::Reopen)
        .map(|s| &s.id)
        .collect();
    let mut beneath = BTreeSet::new();
    while let Some(id) = todo.pop() {
        if let Some(step) = plan.step(id)
            && beneath.insert(&step.id)
        {
            todo.extend(step.after.iter());
        }
    }
    let mut untouched = true;
    let mut done = true;
    for step in beneath.iter().filter_map(|id| plan.step(id)) {
        if matches!(step.group, Group::Revert | Group::Recover | Group::Prove) {
            match run.state(&step.id) {
                StepState::Waiting => done = false,
                StepState::Done(_) => untouched = false,
                StepState::Asked { .. } if step.group == Group::Revert => done = false,
                StepState::Failed { .. } if run.never_begun.contains(&step.id) => done = false,
                _ => return Ground::Between,
            }
        }
    }
    match (untouched, done) {
        (_, true) => Ground::PutBack,
        (true, false) => Ground::Untouched,
        (false, false) => Ground::Between,
    }
}

#[cfg(test)]
#[path = "next_tests.rs"]
mod tests;
