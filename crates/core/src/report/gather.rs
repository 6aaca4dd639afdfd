//! Gathers what a run's records tell, one by one, while the run is open.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::cost::{self, Cost, Paid};
use super::doors::Doors;
use super::outcome::Standing;
use super::people::{self, Answered, Holder};
use super::step::{StepAccount, millis_between};
use super::timeline::{PauseKind, Stillness, Timeline};
use super::{Component, Decision, Judgement, Kept, RunReport};
use crate::journal::{Choice, Event, Outcome, Record};
use crate::life::{Life, RunLife, StepState};
use crate::name::{ComponentName, RunId, StepId};
use crate::order::Group;

/// What was gathered of one run.
#[derive(Debug, Clone)]
pub(super) struct Gather {
    pub id: RunId,
    /// Whether its end was seen.
    pub over: bool,
    choices: Option<crate::plan::Choices>,
    version: String,
    began: Timestamp,
    /// The latest time so far; a clock that goes backwards does not take the record with it.
    latest: Timestamp,
    clock_went_back: bool,
    steps: BTreeMap<StepId, StepAccount>,
    doors: Doors,
    /// The hold of the process that carries the run, and its last sign.
    carrier: (u64, Timestamp),
    still: Option<Stillness>,
    stillnesses: Vec<Stillness>,
    answers: Vec<Answered>,
    holders: Vec<Holder>,
    verdicts: BTreeMap<ComponentName, Judgement>,
    kept: BTreeMap<ComponentName, Kept>,
}

impl Gather {
    /// Begins with the record that opened the run.
    pub(super) fn opened(record: &Record) -> Option<Self> {
        let Event::RunOpened { run, steps, choices, pause_before, by, version, .. } = &record.event else {
            return None;
        };
        let at = record.at;
        Some(Self {
            id: run.clone(),
            over: false,
            choices: choices.clone(),
            version: version.clone(),
            began: at,
            latest: at,
            clock_went_back: false,
            steps: steps.iter().map(|step| (step.clone(), StepAccount::new(step))).collect(),
            doors: Doors::new(steps),
            carrier: (record.epoch, at),
            still: None,
            stillnesses: Vec::new(),
            answers: people::at_opening(at, by, choices.as_ref(), pause_before.as_ref()),
            holders: people::holder(record, at, &[]).into_iter().collect(),
            verdicts: BTreeMap::new(),
            kept: BTreeMap::new(),
        })
    }

    /// Takes in a record that came while the run was open.
    pub(super) fn take(&mut self, record: &Record) {
        self.clock_went_back |= record.at < self.latest;
        self.latest = self.latest.max(record.at);
        let at = self.latest;
        self.holders.extend(people::holder(record, at, &self.holders));
        self.answers.extend(people::meanwhile(&record.event, at));
        self.carried(record, at);
        self.step(&record.event, at);
        match &record.event {
            Event::Reopened { component } => {
                self.doors.opened(component, at);
                let quiesce = |one: &&mut StepAccount| {
                    one.component.as_ref() == Some(component) && one.group == Some(Group::Quiesce)
                };
                for account in self.steps.values_mut().filter(quiesce) {
                    account.undone.push(at);
                }
            }
            Event::BeforeKept { component, seen, displaced, .. } => {
                let kept = Kept { component: component.clone(), seen: seen.word(), displaced: *displaced };
                self.kept.insert(component.clone(), kept);
            }
            Event::ComponentVerified { component, step: Some(step), verdict, looked, millis, .. } => {
                let judged = Judgement {
                    component: component.clone(),
                    step: step.clone(),
                    verdict: verdict.clone(),
                    looked: looked.clone(),
                    at,
                    millis: *millis,
                };
                self.verdicts.insert(component.clone(), judged);
            }
            Event::RunClosed { .. } => self.over = true,
            _ => {}
        }
    }

    /// Follows the process that carries the run, by its hold on the journal, and the times in which none does.
    fn carried(&mut self, record: &Record, at: Timestamp) {
        let (epoch, last_sign) = self.carrier;
        let takes_up = match &record.event {
            Event::RunResumed { .. } => true,
            Event::ReopenIntended { .. } | Event::RunClosed { outcome: Outcome::Abandoned } => {
                epoch != record.epoch || self.still.is_some()
            }
            // Work after a rest without a new process: the rest is over.
            Event::StepIntended { .. } => self.still.is_some(),
            _ => false,
        };
        if takes_up {
            let still = self.still.take().unwrap_or(Stillness {
                from: last_sign,
                to: None,
                kind: if self.waits_for_person() { PauseKind::WaitsForPerson } else { PauseKind::NoProcess },
            });
            if still.from < at {
                self.stillnesses.push(Stillness { to: Some(at), ..still });
            }
            if matches!(record.event, Event::RunResumed { .. }) {
                for account in self.steps.values_mut() {
                    account.process_ended(last_sign);
                }
            }
            self.carrier = (record.epoch, at);
        } else if record.epoch == epoch {
            self.carrier = (epoch, at);
        }
        match &record.event {
            Event::RunStuck { .. } => self.rest(at, PauseKind::Stuck),
            Event::RunStopped { .. } => self.rest(at, PauseKind::AtRest),
            // Another process hands in the answer: the one that asked has ended.
            Event::OperatorChose { .. }
                if record.epoch != epoch && self.still.is_none() && self.waits_for_person() =>
            {
                self.rest(last_sign, PauseKind::WaitsForPerson);
            }
            _ => {}
        }
    }

    fn rest(&mut self, from: Timestamp, kind: PauseKind) {
        self.still = Some(Stillness { from, to: None, kind });
    }

    fn waits_for_person(&self) -> bool {
        let under_way = |one: &StepAccount| one.tries.last().is_some_and(|last| last.ended.is_none());
        let waits = |one: &StepAccount| one.waits.last().is_some_and(|last| last.until.is_none());
        self.steps.values().any(waits) && !self.steps.values().any(under_way)
    }

    fn step(&mut self, event: &Event, at: Timestamp) {
        let Some(step) = step_of(event) else { return };
        let Some(account) = self.steps.get_mut(step) else { return };
        account.take(event, at);
        match event {
            Event::StepApplied { .. } | Event::StepAlreadyThere { .. } => self.doors.done(step, at, None),
            Event::OperatorChose { choice: Choice::Accept, .. } => self.doors.done(step, at, None),
            Event::DoubtResolved { happened: Some(true), .. } => {
                let since = account.tries.last().map(|last| last.began);
                self.doors.done(step, at, since);
            }
            _ => {}
        }
    }

    /// What it came to.
    pub(super) fn finish(self, life: &Life, run: &RunLife) -> RunReport {
        let until = self.latest;
        let mut stillnesses = self.stillnesses.clone();
        let going_on = self.still.or_else(|| {
            let waits = !self.over && self.waits_for_person();
            waits.then_some(Stillness { from: self.carrier.1, to: None, kind: PauseKind::WaitsForPerson })
        });
        stillnesses.extend(going_on.filter(|_| !self.over));
        let mut accounts = self.steps;
        let mut steps: Vec<StepAccount> = run.order.iter().filter_map(|step| accounts.remove(step)).collect();
        for account in &mut steps {
            let state = run.state(&account.step);
            account.state = state.word();
            account.detail = detail(state);
        }
        let timeline = Timeline::lay(self.began, until, &steps, &stillnesses);
        let closed = self.doors.closed(until);
        let writes = cost::accounts(run);
        let paid = Paid {
            writes: cost::sum(&writes, |one| match &one.counted {
                Some(counted) => counted.writes(),
                None => one.saved.plus(one.pending).plus(one.waiting).plus(one.lost),
            }),
            saved: cost::sum(&writes, |one| one.saved),
            pending: cost::sum(&writes, |one| one.pending),
            waiting: cost::sum(&writes, |one| one.waiting),
            lost: cost::sum(&writes, |one| one.lost),
            conflicts: run
                .recovered
                .values()
                .map(crate::writes::Recovered::conflicts)
                .fold(0, u64::saturating_add),
            closed_millis: closed.millis,
            working_millis: timeline.working_millis(),
            steps_done: run.steps.values().filter(|state| matches!(state, StepState::Done(_))).count(),
            steps: run.steps.len(),
        };
        let cost = Cost { stated: run.price.clone(), paid, writes };
        let target = life.checkpoints.get(&run.checkpoint);
        let decision = Decision {
            by: run.by.clone(),
            reason: run.reason.clone(),
            to: run.checkpoint.clone(),
            sealed: target.and_then(|target| target.sealed).map(|(_, at)| at),
            before_run: target.and_then(|target| target.before_run.clone()),
            plan: run.plan,
            shape: run.shape,
            choices: self.choices,
            most_lost: run.most_lost,
            pause_before: opened_pause(&self.answers),
            version: self.version,
        };
        let standing = Standing::of(run, self.still.map(|still| still.kind), &decision, &closed, &cost);
        RunReport {
            id: self.id,
            standing,
            components: components(life, run, &steps),
            decision,
            began: self.began,
            ended: run.ended.map(|_| until),
            until,
            millis: millis_between(self.began, until),
            clock_went_back: self.clock_went_back,
            closed,
            cost,
            timeline,
            steps,
            verdicts: self.verdicts.into_values().collect(),
            answers: self.answers,
            holders: self.holders,
            approvals: Vec::new(),
            kept: self.kept.into_values().collect(),
        }
    }
}

fn opened_pause(answers: &[Answered]) -> Option<StepId> {
    answers.iter().find_map(|one| match &one.answer {
        super::people::Answer::PauseBefore { step } => Some(step.clone()),
        _ => None,
    })
}

/// Every component that was saved or has a step, by name.
fn components(life: &Life, run: &RunLife, steps: &[StepAccount]) -> Vec<Component> {
    let mut all: BTreeMap<ComponentName, Component> = BTreeMap::new();
    let saved = life.checkpoints.get(&run.checkpoint).into_iter().flat_map(|target| &target.components);
    for (name, saved) in saved {
        let kind = Some(saved.observation.kind.clone());
        all.insert(name.clone(), Component { name: name.clone(), kind, steps: 0 });
    }
    for name in steps.iter().filter_map(|account| account.component.as_ref()) {
        let one =
            all.entry(name.clone()).or_insert_with(|| Component { name: name.clone(), kind: None, steps: 0 });
        one.steps += 1;
    }
    all.into_values().collect()
}

fn step_of(event: &Event) -> Option<&StepId> {
    match event {
        Event::StepIntended { step, .. }
        | Event::StepApplied { step, .. }
        | Event::StepAlreadyThere { step }
        | Event::StepBlocked { step, .. }
        | Event::StepFailed { step, .. }
        | Event::StepInDoubt { step, .. }
        | Event::DoubtResolved { step, .. }
        | Event::StepAsked { step, .. }
        | Event::OperatorChose { step, .. }
        | Event::ComponentVerified { step: Some(step), .. } => Some(step),
        _ => None,
    }
}

fn detail(state: &StepState) -> Option<String> {
    match state {
        StepState::Waiting | StepState::Intended | StepState::Done(_) => None,
        StepState::Failed { cause, .. } | StepState::InDoubt { cause, .. } => Some(cause.clone()),
        StepState::Blocked { found } => Some(found.clone()),
        StepState::Asked { question } => Some(question.clone()),
        StepState::Skipped { reason } => Some(reason.clone()),
    }
}
