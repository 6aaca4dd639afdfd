//! Which checkpoints, and which data in the vault, must stay when old ones are pruned.
//!
//! A checkpoint stays for the first of these that holds:
//!
//! | it is | and | stays, because |
//! |---|---|---|
//! | the newest sealed one | | it is what a rollback goes back to |
//! | where a run that is not over goes back to | | the run needs it |
//! | where a run of this attempt goes back to | the migration is not over | that run can be taken back or repeated |
//! | the state before a run of this attempt | the migration is not over | the run can be taken back |
//! | sealed | opened after the rule's border | the rule keeps it |
//! | anything else | | it goes |
//!
//! "This attempt" is what came after the newest capture was sealed. A run's plan and the state before it stay
//! while it is not over, while it is of this attempt and the migration is not over, or while it began after the
//! border. While the migration is not over, what a run sealed of users' writes stays besides as long as a checkpoint stays
//! that came before the run: its state lacks those writes. A capture that was never sealed goes: nothing can be gone back to there, and whoever prunes holds the
//! lock, so none is under way.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::checkpoint::BlobId;
use crate::life::{CheckpointLife, Life, RunLife};
use crate::name::{CheckpointId, RunId};

/// What a person wants to keep. What neither half names goes; with both, only what both let go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rule {
    /// So many of the newest sealed captures.
    pub keep_last: Option<usize>,
    /// Everything that began at this time or later.
    pub since: Option<Timestamp>,
}

/// Why a checkpoint stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// It is the newest sealed one.
    Newest,
    /// A run that is not over goes back to it.
    OpenRun(RunId),
    /// A run of this attempt goes back to it, or it is the state before that run.
    RunOfThisAttempt(RunId),
    /// The rule keeps it.
    Rule,
}

impl Because {
    /// For people.
    pub fn words(&self) -> String {
        match self {
            Self::Newest => "the newest one".to_owned(),
            Self::OpenRun(run) => format!("run {run} is not over and needs it"),
            Self::RunOfThisAttempt(run) => format!("run {run} can still be taken back"),
            Self::Rule => "kept by the rule".to_owned(),
        }
    }
}

/// What stays and what goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    /// Checkpoints that stay, and why.
    pub stays: BTreeMap<CheckpointId, Because>,
    /// Checkpoints whose data may go.
    pub goes: BTreeSet<CheckpointId>,
    /// Runs whose plan and whose state before them may go.
    pub runs: BTreeSet<RunId>,
    /// Everything in the vault that has to stay.
    pub blobs: BTreeSet<BlobId>,
}

/// Decides.
pub fn retain(life: &Life, rule: &Rule) -> Retention {
    let border = border(life, rule);
    let by_rule = |opened: Timestamp| border.is_some_and(|border| opened >= border);
    let mut retention = Retention::default();
    for run in &life.runs {
        if is_needed(life, run) || by_rule(run.opened) {
            retention.blobs.extend(blobs_of_run(run));
        } else {
            retention.runs.insert(run.id.clone());
        }
    }
    for (id, checkpoint) in &life.checkpoints {
        let stays = because(life, id, checkpoint)
            .or_else(|| (checkpoint.sealed.is_some() && by_rule(checkpoint.opened)).then_some(Because::Rule));
        match stays {
            Some(because) => {
                retention.blobs.extend(blobs_of(checkpoint));
                if life.end.is_none() {
                    retention.blobs.extend(life.runs_after(id).iter().flat_map(sealed_by));
                }
                retention.stays.insert(id.clone(), because);
            }
            None => {
                retention.goes.insert(id.clone());
            }
        }
    }
    retention
}

/// The data of a checkpoint.
pub fn blobs_of(checkpoint: &CheckpointLife) -> impl Iterator<Item = BlobId> + '_ {
    checkpoint.components.values().flat_map(|saved| {
        let data = saved.data.iter().map(|part| part.blob);
        saved.state.into_iter().chain(data)
    })
}

/// The plan of a run and the state before it.
pub fn blobs_of_run(run: &RunLife) -> impl Iterator<Item = BlobId> + '_ {
    let before = run.before.values().flat_map(|before| {
        let data = before.data.iter().map(|part| part.blob);
        before.state.into_iter().chain(data)
    });
    std::iter::once(run.plan).chain(before).chain(sealed_by(run))
}

/// What a run sealed of users' writes.
fn sealed_by(run: &RunLife) -> impl Iterator<Item = BlobId> + '_ {
    run.sealed.values().flatten().map(|part| part.blob)
}

/// Why it stays whatever the rule says.
fn because(life: &Life, id: &CheckpointId, checkpoint: &CheckpointLife) -> Option<Because> {
    checkpoint.sealed?;
    if life.sealed.as_ref() == Some(id) {
        return Some(Because::Newest);
    }
    let concerns = |run: &&RunLife| run.checkpoint == *id || checkpoint.before_run.as_ref() == Some(&run.id);
    if let Some(run) = life.open_run().filter(concerns) {
        return Some(Because::OpenRun(run.id.clone()));
    }
    let run = life.runs.iter().filter(|run| is_needed(life, run)).find(concerns)?;
    Some(Because::RunOfThisAttempt(run.id.clone()))
}

fn is_needed(life: &Life, run: &RunLife) -> bool {
    let is_of_this_attempt = life.runs_since().iter().any(|one| one.id == run.id);
    run.outcome.is_none() || (life.end.is_none() && is_of_this_attempt)
}

/// What began at this time or later is kept by the rule; none where the rule keeps nothing.
fn border(life: &Life, rule: &Rule) -> Option<Timestamp> {
    let last = rule.keep_last.and_then(|count| {
        let captures =
            life.checkpoints.values().filter(|one| one.sealed.is_some() && one.before_run.is_none());
        let mut opened: Vec<Timestamp> = captures.map(|one| one.opened).collect();
        opened.sort_unstable_by(|one, other| other.cmp(one));
        opened.truncate(count);
        opened.last().copied()
    });
    match (last, rule.since) {
        (Some(last), Some(since)) => Some(last.min(since)),
        (last, since) => last.or(since),
    }
}

#[cfg(test)]
mod tests;
