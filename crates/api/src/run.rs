//! Runs: what each step came to, and how it ended.

use backout_core::journal::Outcome as Ended;
use backout_core::life::{RunLife, StepState};
use serde::Serialize;

use crate::{Kept, Shape};

/// Every run, oldest first.
#[derive(Debug, Serialize)]
pub struct Runs {
    /// Of which migration.
    pub migration: Option<String>,
    /// The runs.
    pub runs: Vec<Run>,
}

/// One run.
#[derive(Debug, Serialize)]
pub struct Run {
    /// `r1`, `r2`, …
    pub id: String,
    /// The checkpoint it goes back to.
    pub checkpoint: String,
    /// By whom it was opened.
    pub by: String,
    /// When.
    pub opened: jiff::Timestamp,
    /// When it ended.
    pub ended: Option<jiff::Timestamp>,
    /// `open`, `at-rest`, `stuck`, or how it ended: `restored`, `not-verified`, `abandoned`.
    pub state: &'static str,
    /// Its steps.
    pub steps: Vec<RunStep>,
}

/// One step of a run.
#[derive(Debug, Serialize)]
pub struct RunStep {
    /// `COMPONENT.GROUP`.
    pub id: String,
    /// In one or two words.
    pub state: &'static str,
    /// Why, for a step that failed, is blocked, in doubt, asked or skipped.
    pub detail: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// The commands that lead on, for a step that needs a person.
    pub ways: Vec<String>,
}

/// How the process that carried a run came to its end; the last line of a run with `--json`.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Which run; none when there was nothing to do.
    pub run: Option<String>,
    /// `nothing-to-do`, `restored`, `not-verified`, `abandoned`, `at-rest`, `stuck` or `waiting`.
    pub outcome: &'static str,
    /// The exit code.
    pub exit: u8,
    /// Components whose verdict is not *restored*, and steps that were left out.
    pub not_verified: Vec<String>,
    /// The steps that need a person.
    pub steps: Vec<RunStep>,
    /// The commands that lead on.
    pub next: Vec<String>,
}

/// What giving a run up left how.
#[derive(Debug, Serialize)]
pub struct Abandoned {
    /// Which run; none when no run was open.
    pub run: Option<String>,
    /// Doors that were opened.
    pub opened: Vec<String>,
    /// Doors that stay shut, each with the reason.
    pub shut: Vec<Kept>,
    /// Every step as it stands.
    pub steps: Vec<RunStep>,
}

impl Shape for Runs {
    const TYPE: &'static str = "runs";
}

impl Shape for Outcome {
    const TYPE: &'static str = "outcome";
}

impl Shape for Abandoned {
    const TYPE: &'static str = "abandoned";
}

impl From<&RunLife> for Run {
    fn from(run: &RunLife) -> Self {
        Self {
            id: run.id.to_string(),
            checkpoint: run.checkpoint.to_string(),
            by: run.by.to_string(),
            opened: run.opened,
            ended: run.ended,
            state: word_of(run),
            steps: run.order.iter().map(|step| RunStep::of(run, step)).collect(),
        }
    }
}

/// Where a run is, in one word.
fn word_of(run: &RunLife) -> &'static str {
    match run.outcome {
        Some(Ended::Restored) => "restored",
        Some(Ended::NotVerified) => "not-verified",
        Some(Ended::Abandoned) => "abandoned",
        None if !run.stuck.is_empty() => "stuck",
        None if run.at_rest.is_some() => "at-rest",
        None => "open",
    }
}

impl RunStep {
    /// One step of a run as it stands.
    pub fn of(run: &RunLife, step: &backout_core::name::StepId) -> Self {
        let state = run.state(step);
        let (detail, ways) = match state {
            StepState::Waiting | StepState::Intended | StepState::Done(_) => (None, &[][..]),
            StepState::Failed { cause, .. } | StepState::InDoubt { cause, .. } => (Some(cause.clone()), WAYS),
            StepState::Blocked { found } => (Some(found.clone()), WAYS),
            StepState::Asked { question } => (Some(question.clone()), ANSWERS),
            StepState::Skipped { reason } => (Some(reason.clone()), &[][..]),
        };
        let ways = if state.needs_person() { ways } else { &[] };
        Self {
            id: step.to_string(),
            state: state.word(),
            detail,
            attempts: run.attempts.get(step).copied().unwrap_or(0),
            ways: ways.iter().map(|way| format!("backout step {step} {way}")).collect(),
        }
    }
}

const WAYS: &[&str] = &["retry", "skip --reason R", "accept --reason R"];
const ANSWERS: &[&str] = &["accept --reason R", "skip --reason R"];
