//! How a run stands, in a word and in a sentence.
//!
//! | # | journaled | state | over |
//! |---|---|---|---|
//! | 1 | closed: restored | restored | yes |
//! | 2 | closed: not verified | not verified | yes |
//! | 3 | closed: abandoned | abandoned | yes |
//! | 4 | stuck, and nobody chose since | stuck | no |
//! | 5 | came to rest, not taken up since | at rest | no |
//! | 6 | was stuck or asked, a person chose since, and nothing was done since | at rest | no |
//! | 7 | asked a person, nothing is under way | waits for a person | no |
//! | 8 | none of these | open: whether a process carries it cannot be told from a journal | no |

use serde::Serialize;

use super::timeline::PauseKind;
use super::{Closed, Cost, Decision};
use crate::journal::{Outcome, Stance};
use crate::life::{RunLife, StepState};
use crate::observation::Verdict;
use crate::plan::Count;

/// How a run stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// In a word.
    pub state: State,
    /// Whether it is over.
    pub over: bool,
    /// In a sentence.
    pub sentence: String,
}

/// How a run stands, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Everything that was to be put back is, and was looked at.
    Restored,
    /// It ended, and something differs, cannot be told, or was left out.
    NotVerified,
    /// A person gave it up.
    Abandoned,
    /// It will not go on without a person.
    Stuck,
    /// It came to rest at a safe border.
    AtRest,
    /// A person was asked.
    WaitsForPerson,
    /// It was under way when the last record was written.
    Open,
}

impl State {
    /// In words.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Restored => "restored",
            Self::NotVerified => "not verified",
            Self::Abandoned => "abandoned",
            Self::Stuck => "stuck",
            Self::AtRest => "at rest",
            Self::WaitsForPerson => "waits for a person",
            Self::Open => "open",
        }
    }

    pub(super) fn of(run: &RunLife, still: Option<PauseKind>) -> Self {
        let asked = run.steps.values().any(|state| matches!(state, StepState::Asked { .. }));
        let under_way = run
            .steps
            .values()
            .any(|state| matches!(state, StepState::Intended | StepState::InDoubt { looked: false, .. }));
        match run.outcome {
            Some(Outcome::Restored) => Self::Restored,
            Some(Outcome::NotVerified) => Self::NotVerified,
            Some(Outcome::Abandoned) => Self::Abandoned,
            None if !run.stuck.is_empty() => Self::Stuck,
            None if run.at_rest.is_some() || still.is_some() => Self::AtRest,
            None if asked && !under_way => Self::WaitsForPerson,
            None => Self::Open,
        }
    }

    /// Whether the run is over.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Restored | Self::NotVerified | Self::Abandoned)
    }
}

/// "1 step", "3 steps".
pub(super) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

impl Standing {
    pub(super) fn of(
        run: &RunLife,
        still: Option<PauseKind>,
        decision: &Decision,
        closed: &Closed,
        cost: &Cost,
    ) -> Self {
        let state = State::of(run, still);
        let mut sentence = if state.is_over() { String::new() } else { "This run is not over: ".to_owned() };
        sentence.push_str(&clause(state, run));
        if state == State::Restored && decision.is_partial() {
            sentence.push_str(", and only a part was to go back");
        }
        if let Some(waiting) = cost.paid.waiting.filter(|waiting| *waiting != Count::Exactly(0)) {
            let verb = if waiting == Count::Exactly(1) { "waits" } else { "wait" };
            sentence.push_str(&format!("; of what users wrote, {waiting} {verb} for a person"));
        }
        match cost.paid.lost {
            None | Some(Count::Exactly(0)) => {}
            Some(Count::AtLeast(0)) => sentence.push_str("; not all that they wrote was recorded"),
            Some(Count::Unknown) => sentence.push_str("; how much of it is lost cannot be told"),
            Some(Count::Exactly(1)) => sentence.push_str("; 1 of their writes is lost"),
            Some(lost) => sentence.push_str(&format!("; {lost} of their writes are lost")),
        }
        let shut: Vec<&str> =
            closed.doors.iter().filter(|door| door.still_shut).map(|door| door.component.as_str()).collect();
        if !shut.is_empty() {
            let (noun, verb) = if shut.len() == 1 { ("door", "is") } else { ("doors", "are") };
            sentence.push_str(&format!("; the {noun} of {} {verb} shut", shut.join(", ")));
        }
        sentence.push('.');
        Self { state, over: state.is_over(), sentence }
    }
}

fn clause(state: State, run: &RunLife) -> String {
    let done = run.steps.values().filter(|state| matches!(state, StepState::Done(_))).count();
    let done = format!("{done} of {} are done", counted(run.steps.len(), "step"));
    let needing = |wanted: fn(&StepState) -> bool| {
        let steps = run.order.iter().filter(|step| wanted(run.state(step)));
        steps.map(|step| step.as_str()).collect::<Vec<_>>().join(", ")
    };
    match state {
        State::Restored => {
            let looked = counted(run.verdicts.len(), "component");
            format!("Everything that was to be put back is back, and was looked at: {looked} restored")
        }
        State::NotVerified => format!("The run ended, and not all is known to be restored: {}", doubts(run)),
        State::Abandoned => format!("A person gave the run up; {done}"),
        State::Stuck => {
            let steps: Vec<&str> = run.stuck.iter().map(|step| step.as_str()).collect();
            format!("it is stuck at {} and needs a person; {done}", steps.join(", "))
        }
        State::AtRest => {
            let how = match run.at_rest {
                Some(Stance::Reopen) => {
                    "it came to rest at a safe border, and what stands on whole ground was opened"
                }
                Some(Stance::StayClosed) => "it came to rest at a safe border, and shut doors stayed shut",
                None => "it needed a person, one chose since, and nobody took it up again",
            };
            format!("{how}; {done}")
        }
        State::WaitsForPerson => {
            let steps = needing(|state| matches!(state, StepState::Asked { .. }));
            format!("it waits for a person at {steps}; {done}")
        }
        State::Open => {
            format!("{done}, and whether a process carries it on cannot be told from the journal")
        }
    }
}

fn doubts(run: &RunLife) -> String {
    let verdicts =
        |wanted: fn(&Verdict) -> bool| run.verdicts.values().filter(|verdict| wanted(verdict)).count();
    let skipped = run.steps.values().filter(|state| matches!(state, StepState::Skipped { .. })).count();
    let parts = [
        (verdicts(|verdict| matches!(verdict, Verdict::Differs { .. })), "component", "differs", "differ"),
        (
            verdicts(|verdict| matches!(verdict, Verdict::Unknown { .. })),
            "component",
            "cannot be told",
            "cannot be told",
        ),
        (skipped, "step", "was left out", "were left out"),
    ];
    let told: Vec<String> = parts
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, noun, one, many)| {
            format!("{} {}", counted(count, noun), if count == 1 { one } else { many })
        })
        .collect();
    if told.is_empty() { "a component was not looked at".to_owned() } else { told.join(", ") }
}
