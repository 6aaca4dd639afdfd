//! Runs: all of them, their steps, and how one ended.

use backout_core::journal::{Outcome, Stance};
use backout_core::life::{RunLife, StepState};
use backout_core::name::StepId;
use backout_core::observation::Verdict;
use backout_engine::Ending;

use super::verdicts::word;
use super::words::{counted, lasting, moment};
use super::{Line, Output, Table};
use crate::exit::Exit;

/// Shows every run.
pub fn list(output: Output, migration: Option<&str>, runs: &[RunLife]) {
    if output.json {
        let runs = runs.iter().map(backout_api::Run::from).collect();
        output.document(&backout_api::Runs { migration: migration.map(str::to_owned), runs });
        return;
    }
    if runs.is_empty() {
        output.line(Line::of("There was no run yet."));
        return;
    }
    let mut table = Table::default().headed(&["run", "to", "opened", "took", "steps", "outcome", "by"]);
    for run in runs {
        let done = run.steps.values().filter(|state| state.is_settled()).count();
        let took = run
            .ended
            .map_or_else(|| "–".to_owned(), |ended| lasting(ended.duration_since(run.opened).unsigned_abs()));
        table.row([
            Line::new().bold(run.id.as_str()),
            Line::of(run.checkpoint.as_str()),
            Line::of(moment(run.opened)),
            Line::of(took),
            Line::of(format!("{done}/{}", run.steps.len())),
            outcome(run),
            Line::of(run.by.to_string()),
        ]);
    }
    table.print(&output, 0);
}

/// Where a run is, or how it ended.
pub fn outcome(run: &RunLife) -> Line {
    match run.outcome {
        Some(Outcome::Restored) => Line::new().good("restored"),
        Some(Outcome::NotVerified) => Line::new().bad("not verified"),
        Some(Outcome::Abandoned) => Line::new().doubtful("abandoned"),
        None if !run.stuck.is_empty() => Line::new().bad("stuck"),
        None if run.at_rest.is_some() => Line::new().doubtful("at rest"),
        None if run.steps.values().any(|state| matches!(state, StepState::Asked { .. })) => {
            Line::new().doubtful("waits for a person")
        }
        None => Line::new().plain("open"),
    }
}

/// The steps of a run with their states; what needs a person with its ways on.
pub fn steps(output: Output, run: &RunLife, indent: usize) {
    let width = run.steps.keys().map(|step| step.as_str().len()).max().unwrap_or(0);
    for (step, state) in run.order.iter().map(|step| (step, run.state(step))) {
        output.line(
            Line::indented(indent)
                .then(Line::new().bold(step.as_str()).padded(width + 2))
                .then(state_word(state)),
        );
        if state.needs_person() && run.outcome.is_none() {
            ways(output, run, step, indent + 2);
        }
    }
}

fn state_word(state: &StepState) -> Line {
    let word = state.word();
    match state {
        StepState::Done(_) => Line::new().good(word),
        StepState::Waiting => Line::new().dim(word),
        StepState::Intended => Line::new().plain(word),
        StepState::Skipped { reason } => Line::new().doubtful(word).plain(format!(": {reason}")),
        StepState::Asked { question } => Line::new().doubtful(word).plain(format!(": {question}")),
        StepState::Failed { cause, .. } | StepState::InDoubt { cause, .. } => {
            Line::new().bad(word).plain(format!(": {cause}"))
        }
        StepState::Blocked { found } => Line::new().bad(word).plain(format!(": {found}")),
    }
}

fn ways(output: Output, run: &RunLife, step: &StepId, indent: usize) {
    if let StepState::Failed { hints, .. } = run.state(step) {
        for hint in hints {
            output.line(Line::indented(indent).dim(hint));
        }
    }
    for way in backout_api::RunStep::of(run, step).ways {
        output.line(Line::indented(indent).plain(way));
    }
}

/// Shows how the process that carried a run came to its end.
pub fn ending(output: Output, ending: &Ending, run: Option<&RunLife>, exit: Exit) {
    if output.json {
        output.document(&shape(ending, run, exit));
        return;
    }
    output.blank();
    match ending {
        Ending::NothingToDo => {
            output.line(Line::new().good("Nothing to do").plain(": everything is as it was saved."));
        }
        Ending::Closed { run: id, outcome: Outcome::Restored } => {
            let looked = run.map_or(0, |run| run.verdicts.len());
            let forth = run.is_some_and(|run| run.checkpoint.is_before_a_run());
            let what = if forth { "returned to the state before that run" } else { "put everything back" };
            output.line(
                Line::new()
                    .good("Restored and verified")
                    .plain(format!(": run {id} {what}, and looked at {}.", counted(looked, "component"))),
            );
            if let Some(run) = run {
                super::price::paid(output, run);
            }
            match forth {
                true => next(output, &["backout status", "backout rollback   (goes back again)"]),
                false => {
                    next(output, &["backout status", "backout close   (lets go of what was kept aside)"])
                }
            }
        }
        Ending::Closed { run: id, outcome } => {
            let word = if *outcome == Outcome::Abandoned { "given up" } else { "over, and not verified" };
            output.line(Line::new().bad(format!("Run {id} is {word}.")));
            if let Some(run) = run {
                not_verified(output, run);
                super::price::paid(output, run);
            }
            next(output, &["backout verify", "backout rollback", "backout log"]);
        }
        Ending::AtRest { run: id, stance, paused } => {
            let doors = match stance {
                Stance::Reopen => "what stands on whole ground is open again",
                Stance::StayClosed => "doors stay shut",
            };
            let why = match paused {
                Some(step) => format!("pauses before {step}"),
                None => "stopped at a safe border".to_owned(),
            };
            output.line(Line::new().doubtful(format!("Run {id} {why}")).plain(format!("; {doors}.")));
            if let Some(run) = run {
                steps(output, run, 2);
            }
            next(output, &["backout resume", "backout abandon"]);
        }
        Ending::Stuck { run: id, steps } => {
            output.line(Line::new().bad(format!("Run {id} is stuck")).plain(" and needs a person:"));
            if let Some(run) = run {
                for step in steps {
                    output.line(
                        Line::indented(2).bold(step.as_str()).plain("  ").then(state_word(run.state(step))),
                    );
                    ways(output, run, step, 4);
                }
            }
            next(output, &["backout resume   (after a choice)", "backout abandon"]);
        }
        Ending::Waiting { run: id, asked } => {
            output.line(Line::new().doubtful(format!("Run {id} waits for a person:")));
            for (step, question) in asked {
                output.line(Line::indented(2).bold(step.as_str()).plain(format!("  {question}")));
                output.line(Line::indented(4).plain(format!("backout step {step} accept --reason R")));
            }
            next(output, &["backout resume   (after the answer)"]);
        }
    }
}

fn next(output: Output, commands: &[&str]) {
    for (index, command) in commands.iter().enumerate() {
        output.line(Line::of(if index == 0 { "next: " } else { "      " }).plain(command));
    }
}

fn not_verified(output: Output, run: &RunLife) {
    for (component, verdict) in run.verdicts.iter().filter(|(_, verdict)| **verdict != Verdict::Restored) {
        output.line(Line::indented(2).bold(component.as_str()).plain("  ").then(word(verdict)));
    }
    for (step, state) in run.steps.iter().filter(|(_, state)| matches!(state, StepState::Skipped { .. })) {
        output.line(Line::indented(2).bold(step.as_str()).plain("  ").then(state_word(state)));
    }
}

fn shape(ending: &Ending, run: Option<&RunLife>, exit: Exit) -> backout_api::Outcome {
    let (word, next): (_, &[&str]) = match ending {
        Ending::NothingToDo => ("nothing-to-do", &[]),
        Ending::Closed { outcome: Outcome::Restored, .. } => ("restored", &["backout close"]),
        Ending::Closed { outcome: Outcome::NotVerified, .. } => {
            ("not-verified", &["backout verify", "backout rollback"])
        }
        Ending::Closed { outcome: Outcome::Abandoned, .. } => ("abandoned", &["backout plan"]),
        Ending::AtRest { .. } => ("at-rest", &["backout resume", "backout abandon"]),
        Ending::Stuck { .. } => ("stuck", &["backout resume", "backout abandon"]),
        Ending::Waiting { .. } => ("waiting", &["backout resume"]),
    };
    let run = run.filter(|_| *ending != Ending::NothingToDo);
    let not_verified = run.map(|run| {
        let verdicts = run.verdicts.iter().filter(|(_, verdict)| **verdict != Verdict::Restored);
        let skipped = run.steps.iter().filter(|(_, state)| matches!(state, StepState::Skipped { .. }));
        verdicts.map(|(name, _)| name.to_string()).chain(skipped.map(|(step, _)| step.to_string())).collect()
    });
    let needing = run.map(|run| {
        let steps = run.steps.iter().filter(|(_, state)| state.needs_person());
        steps.map(|(step, _)| backout_api::RunStep::of(run, step)).collect()
    });
    backout_api::Outcome {
        run: run.map(|run| run.id.to_string()),
        outcome: word,
        exit: exit.code(),
        not_verified: not_verified.unwrap_or_default(),
        steps: needing.unwrap_or_default(),
        next: next.iter().map(ToString::to_string).collect(),
    }
}
