//! What the journal adds up to: the state of a migration as a fold over its events.

mod checkpoint;
mod left;
mod phase;
mod run;
mod sealed;
mod step;
mod stood;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::checkpoint::{BlobId, DataPart, Saved};
use crate::journal::{Broken, Event, Look, Outcome, Record};
use crate::name::{CheckpointId, ComponentName, MigrationName, PhaseName, RunId, StepId};
use crate::observation::{Seen, Verdict};
use crate::plan::{Estimate, Timings};
use crate::writes::{Coverage, Occasion, Recovered};

pub use checkpoint::CheckpointLife;
pub use left::PutBack;
pub use phase::{Legal, PhaseState, legal_next, phase_state};
pub use run::{Before, RunLife};
pub use step::{Finish, StepState};
pub use stood::Stood;

/// How many durations are kept for each component and group, to judge the next run by.
const SAMPLES: usize = 9;

/// A phase that went live on the new side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cutover {
    /// When.
    pub at: Timestamp,
    /// Whether it was marked late.
    pub late: bool,
}

/// A judgement and when it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The judgement.
    pub verdict: Verdict,
    /// What was looked at.
    pub looked: Vec<String>,
    /// When.
    pub at: Timestamp,
}

/// How a migration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Accepted.
    Committed,
    /// Taken back and closed.
    Closed,
}

/// The state of a migration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Life {
    /// Which migration; none before the first record.
    pub migration: Option<MigrationName>,
    /// The nonce of its state directory.
    pub nonce: String,
    /// How often its claims were renewed.
    pub generation: u64,
    /// Components that carry our marker.
    pub claimed: BTreeSet<ComponentName>,
    /// Whether it is armed.
    pub armed: bool,
    /// What recorders record, by component, and since when in the migration's life.
    pub recorders: BTreeMap<ComponentName, (Occasion, Coverage)>,
    /// What became of recorded writes, by component: the last account since the checkpoint.
    pub recovered: BTreeMap<ComponentName, Recovered>,
    /// Every checkpoint.
    pub checkpoints: BTreeMap<CheckpointId, CheckpointLife>,
    /// The newest sealed checkpoint.
    pub sealed: Option<CheckpointId>,
    /// Phases that went live since that checkpoint.
    pub cutovers: BTreeMap<PhaseName, Cutover>,
    /// What was seen right after cutover, since that checkpoint.
    pub landed: BTreeMap<ComponentName, Seen>,
    /// What stood there when a run of ours had put it back, since checkpoint and cutover.
    pub put_back: BTreeMap<ComponentName, PutBack>,
    /// What stood there right after the last run of ours had changed it, also where that run was given up or its
    /// verdict was bad.
    pub left: BTreeMap<ComponentName, PutBack>,
    /// The run that set users' writes aside and did not take them over, by component.
    pub owed: BTreeMap<ComponentName, RunId>,
    /// The last judgement of each component.
    pub judged: BTreeMap<ComponentName, Judged>,
    /// Every run, oldest first.
    pub runs: Vec<RunLife>,
    /// How many of them came before the newest sealed checkpoint.
    pub earlier_runs: usize,
    /// How it ended, if it did.
    pub end: Option<End>,
    /// Requests that were taken out of the inbox.
    pub requests: BTreeSet<String>,
    /// The last durations of steps in milliseconds; step ids are stable between plans.
    pub durations: BTreeMap<StepId, Vec<u64>>,
    /// The number of the last record.
    pub sequence: u64,
    /// When the last record was written.
    pub last: Option<Timestamp>,
}

impl Life {
    /// The run that is under way, at rest or stuck, if any.
    pub fn open_run(&self) -> Option<&RunLife> {
        self.runs.last().filter(|run| run.outcome.is_none())
    }

    /// The identifier that the next run gets.
    pub fn next_run(&self) -> String {
        format!("r{}", self.runs.len() + 1)
    }

    /// Takes one record in.
    ///
    /// # Errors
    /// When its event cannot have happened after what was taken in before. Nothing is changed then that a reader
    /// may rely on.
    pub fn apply(&mut self, record: &Record) -> Result<(), Broken> {
        self.take(record).map_err(|cause| Broken::Illegal { sequence: record.sequence, cause })?;
        self.sequence = record.sequence;
        self.last = Some(record.at);
        Ok(())
    }

    fn take(&mut self, record: &Record) -> Result<(), String> {
        let at = record.at;
        if self.migration.is_none() && !matches!(record.event, Event::MigrationOpened { .. }) {
            return Err("the migration was not opened".into());
        }
        match &record.event {
            Event::MigrationOpened { migration, nonce } => {
                if self.migration.is_some() {
                    return Err("the migration is open already".into());
                }
                self.migration = Some(migration.clone());
                self.nonce = nonce.clone();
            }
            Event::ClaimsRenewed { generation, components } => {
                if *generation <= self.generation {
                    return Err(format!("generation {generation} does not come after {}", self.generation));
                }
                self.generation = *generation;
                self.claimed.extend(components.iter().cloned());
            }
            Event::Armed { .. } => {
                self.armed = true;
                self.end = None;
            }
            Event::Disarmed { .. } => {
                self.armed = false;
                self.recorders.clear();
            }
            Event::RecorderPlaced { component, occasion, coverage } => {
                self.recorders.insert(component.clone(), (*occasion, coverage.clone()));
            }
            Event::CaptureOpened { checkpoint, file, before_run, by } => {
                if self.checkpoints.contains_key(checkpoint) {
                    return Err(format!("checkpoint {checkpoint} is there already"));
                }
                let life = CheckpointLife {
                    opened: at,
                    file: *file,
                    before_run: before_run.clone(),
                    runs_before: self.runs_until(before_run.as_ref()),
                    by: by.clone(),
                    components: BTreeMap::new(),
                    failed: BTreeMap::new(),
                    sealed: None,
                    proven: BTreeMap::new(),
                    pruned: None,
                };
                self.checkpoints.insert(checkpoint.clone(), life);
                if before_run.is_none() {
                    self.end = None;
                }
            }
            Event::ComponentObserved { look, checkpoint, observation, state, data, .. } => {
                self.observed(*look, checkpoint, observation, *state, data)?;
            }
            Event::ObservationFailed { look: Look::Landed, .. } => {}
            Event::ObservationFailed { look: Look::Saved, checkpoint, component, cause } => {
                let failed = match checkpoint {
                    Some(named) => Some(self.unsealed(named)?),
                    None => self.checkpoints.values_mut().rfind(|one| one.sealed.is_none()),
                };
                if let Some(checkpoint) = failed {
                    checkpoint.failed.insert(component.clone(), cause.clone());
                }
            }
            Event::CheckpointSealed { checkpoint, seal } => {
                let life = self.unsealed(checkpoint)?;
                life.sealed = Some((*seal, at));
                if life.before_run.is_some() {
                    return Ok(());
                }
                self.sealed = Some(checkpoint.clone());
                self.recovered.clear();
                self.cutovers.clear();
                self.landed.clear();
                self.put_back.clear();
                self.left.clear();
                self.owed.clear();
                self.earlier_runs = self.runs.len();
                self.judged.clear();
            }
            Event::CheckpointProven { checkpoint, components, .. } => {
                let life = self.checkpoints.get_mut(checkpoint).filter(|life| life.sealed.is_some());
                let life = life.ok_or_else(|| format!("checkpoint {checkpoint} was not sealed"))?;
                life.proven.extend(components.iter().map(|component| (component.clone(), at)));
            }
            Event::CheckpointsPruned { checkpoints, .. } => {
                for checkpoint in checkpoints {
                    let life = self.checkpoints.get_mut(checkpoint);
                    life.ok_or_else(|| format!("checkpoint {checkpoint} was not opened"))?.pruned = Some(at);
                }
            }
            Event::CutoverMarked { phase, at, late, .. } => {
                if self.sealed.is_none() {
                    return Err("a phase cannot go live before a checkpoint is sealed".into());
                }
                self.cutovers.insert(phase.clone(), Cutover { at: *at, late: *late });
            }
            Event::Committed { .. } => self.over(End::Committed),
            Event::Closed { .. } => self.over(End::Closed),
            Event::RunOpened { .. } => {
                if let Some(open) = self.open_run() {
                    return Err(format!("run {} is still open", open.id));
                }
                self.runs.push(RunLife::opened(record)?);
            }
            Event::RequestTaken { request, .. } => {
                self.requests.insert(request.clone());
            }
            Event::ComponentVerified { component, verdict, looked, step, millis, .. } => {
                let judged = Judged { verdict: verdict.clone(), looked: looked.clone(), at };
                self.judged.insert(component.clone(), judged);
                if let Some(step) = step {
                    self.took(step, *millis);
                    self.in_run(record)?;
                }
            }
            Event::RunClosed { outcome } => {
                self.in_run(record)?;
                if *outcome != Outcome::Abandoned {
                    self.remember_put_back();
                }
                self.remember_left();
            }
            Event::StepApplied { step, millis, .. } => {
                self.took(step, *millis);
                self.in_run(record)?;
            }
            Event::WritesRecovered { component, step, recovered, .. } => {
                self.recovered.insert(component.clone(), recovered.clone());
                match step {
                    Some(_) => self.in_run(record)?,
                    None => {
                        self.owed.remove(component);
                    }
                }
            }
            Event::RunResumed { .. }
            | Event::WritesCounted { .. }
            | Event::BeforeKept { .. }
            | Event::StopRequested { .. }
            | Event::ReopenIntended { .. }
            | Event::Reopened { .. }
            | Event::RunStopped { .. }
            | Event::StepIntended { .. }
            | Event::StepAlreadyThere { .. }
            | Event::StepBlocked { .. }
            | Event::StepFailed { .. }
            | Event::StepInDoubt { .. }
            | Event::DoubtResolved { .. }
            | Event::StepAsked { .. }
            | Event::OperatorChose { .. }
            | Event::RunStuck { .. } => self.in_run(record)?,
        }
        Ok(())
    }

    /// Recorders go with what was kept.
    fn over(&mut self, end: End) {
        self.end = Some(end);
        self.armed = false;
        self.recorders.clear();
    }

    fn took(&mut self, step: &StepId, millis: u64) {
        let kept = self.durations.entry(step.clone()).or_default();
        kept.push(millis);
        if kept.len() > SAMPLES {
            kept.remove(0);
        }
    }

    /// How long steps took before.
    pub fn timings(&self) -> Timings {
        let median = |kept: &Vec<u64>| {
            let mut sorted = kept.clone();
            sorted.sort_unstable();
            let millis = sorted.get(sorted.len() / 2).copied()?;
            Some(Estimate { millis, samples: sorted.len() })
        };
        self.durations.iter().filter_map(|(step, kept)| Some((step.clone(), median(kept)?))).collect()
    }

    fn in_run(&mut self, record: &Record) -> Result<(), String> {
        match self.runs.last_mut().filter(|run| run.outcome.is_none()) {
            Some(run) => run.take(record),
            None => Err("no run is open".into()),
        }
    }

    fn unsealed(&mut self, checkpoint: &CheckpointId) -> Result<&mut CheckpointLife, String> {
        match self.checkpoints.get_mut(checkpoint) {
            None => Err(format!("checkpoint {checkpoint} was not opened")),
            Some(life) if life.sealed.is_some() => Err(format!("checkpoint {checkpoint} is sealed")),
            Some(life) => Ok(life),
        }
    }

    fn observed(
        &mut self,
        look: Look,
        checkpoint: &CheckpointId,
        observation: &crate::observation::Observation,
        state: Option<BlobId>,
        data: &[DataPart],
    ) -> Result<(), String> {
        let component = observation.component.clone();
        match look {
            Look::Saved => {
                let saved = Saved { observation: observation.clone(), state, data: data.to_vec() };
                let checkpoint = self.unsealed(checkpoint)?;
                checkpoint.failed.remove(&component);
                checkpoint.components.insert(component, saved);
            }
            Look::Landed => {
                self.put_back.remove(&component);
                self.left.remove(&component);
                self.landed.insert(component, observation.seen.clone());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
