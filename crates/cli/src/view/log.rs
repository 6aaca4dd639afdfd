//! The journal for people: one sentence a record.

use backout_core::digest::Digest;
use backout_core::journal::{Choice, Event, Look, Outcome, Record, Request, Stance};
use backout_core::observation::{Seen, Verdict};

use super::words::{counted, moment};
use super::{Line, Output};

/// Shows one record.
pub fn record(output: Output, record: &Record) {
    if output.json {
        output.document(&backout_api::Line::from(record));
        return;
    }
    let run = record.run.as_ref().map_or_else(String::new, |run| format!("{run} "));
    output.line(
        Line::new()
            .dim(format!("{:>5}  {}  ", record.sequence, moment(record.at)))
            .dim(run)
            .then(sentence(&record.event)),
    );
}

/// Shows how far the chain could be followed.
pub fn chain(output: Output, records: u64, head: Digest, problem: Option<&str>) {
    if output.json {
        output.document(&backout_api::Chain {
            records,
            whole: problem.is_none(),
            head: head.to_string(),
            problem: problem.map(str::to_owned),
        });
        return;
    }
    let count = counted(usize::try_from(records).unwrap_or(usize::MAX), "record");
    output.line(match problem {
        None => Line::new()
            .good("The journal is whole")
            .plain(format!(": {count}, each bound to the one before.")),
        Some(problem) => Line::new()
            .bad("The journal is broken")
            .plain(format!(": {problem}; {count} before it can be followed.")),
    });
    output.line(Line::new().dim(format!("head {head}")));
}

/// What an event says.
pub fn sentence(event: &Event) -> Line {
    match event {
        Event::MigrationOpened { migration, .. } => Line::of(format!("migration {migration} was opened")),
        Event::ClaimsRenewed { generation, components } => {
            Line::of(format!("claims {} (generation {generation})", counted(components.len(), "component")))
        }
        Event::Armed { by } => Line::of(format!("armed by {by}")),
        Event::RecorderPlaced { component, coverage, .. } => {
            let line = Line::new()
                .bold(component.as_str())
                .plain(format!(" is recorded: {}", counted(coverage.covered.len(), "table")));
            match coverage.uncovered.len() {
                0 => line,
                more => line.bad(format!("; {} not", counted(more, "table"))),
            }
        }
        Event::WritesCounted { component, counted: found, .. } => {
            Line::new().bold(component.as_str()).plain(format!(
                ": {} writes since it was saved, {} of the migration's own",
                found.writes(),
                found.migration()
            ))
        }
        Event::WritesRecovered { component, recovered, .. } => {
            let line = Line::new().bold(component.as_str()).plain(format!(
                ": {} writes taken over, {} there already",
                recovered.applied, recovered.already
            ));
            match recovered.waiting.saturating_add(recovered.open_conflicts) {
                0 => line,
                more => line.doubtful(format!(", {more} wait for a person")),
            }
        }
        Event::Disarmed { by } => Line::of(format!("disarmed by {by}")),
        Event::CaptureOpened { checkpoint, by, .. } => {
            Line::of(format!("capture of {checkpoint} begun by {by}"))
        }
        Event::ComponentObserved { look, observation, .. } => {
            let word = if *look == Look::Saved { "saved" } else { "seen after cutover" };
            Line::new()
                .bold(observation.component.as_str())
                .plain(format!(" {word}: {}", seen(&observation.seen)))
        }
        Event::ObservationFailed { look, component, cause, .. } => {
            let word = if *look == Look::Saved { "saved" } else { "seen after cutover" };
            Line::new()
                .bold(component.as_str())
                .bad(format!(" could not be {word}"))
                .plain(format!(": {cause}"))
        }
        Event::CheckpointSealed { checkpoint, seal } => {
            Line::new().good(format!("checkpoint {checkpoint} sealed")).dim(format!(" {}", seal.short()))
        }
        Event::CheckpointProven { checkpoint, components, by } => {
            let names: Vec<&str> = components.iter().map(|component| component.as_str()).collect();
            Line::new()
                .good(format!("checkpoint {checkpoint} proven"))
                .plain(format!(": {} put back into scratch copies by {by}", names.join(", ")))
        }
        Event::CheckpointsPruned { checkpoints, by } => {
            let names: Vec<&str> = checkpoints.iter().map(|checkpoint| checkpoint.as_str()).collect();
            Line::of(format!("data of {} removed by {by}", names.join(", ")))
        }
        Event::CutoverMarked { phase, at, late, by } => {
            let late = if *late { ", marked late" } else { "" };
            Line::of(format!("phase {phase} went live at {}{late}, by {by}", moment(*at)))
        }
        Event::Committed { by } => Line::of(format!("committed by {by}")),
        Event::Closed { by } => Line::of(format!("closed by {by}")),
        Event::RunOpened { run, checkpoint, steps, by, version, .. } => Line::new()
            .bold(format!("run {run} opened"))
            .plain(format!(" to {checkpoint}, {}, by {by}, backout {version}", counted(steps.len(), "step"))),
        Event::RunResumed { by, version } => Line::of(format!("run resumed by {by}, backout {version}")),
        Event::BeforeKept { component, seen: before, displaced, .. } => {
            let how = if *displaced { "the displaced thing will be the copy" } else { "a copy was kept" };
            Line::new().bold(component.as_str()).plain(format!(" before the run: {}; {how}", seen(before)))
        }
        Event::StopRequested { stance, by } => Line::new().doubtful(format!("stop asked for by {by}")).plain(
            stance.map_or("", |one| match one {
                Stance::Reopen => ", doors reopened",
                Stance::StayClosed => ", doors shut",
            }),
        ),
        Event::ReopenIntended { component } => {
            Line::of(format!("about to open {component}, because the run stops"))
        }
        Event::Reopened { component } => Line::of(format!("{component} is open again")),
        Event::RunStopped { stance } => Line::new().doubtful("the run is at rest").plain(match stance {
            Stance::Reopen => "; what stands on whole ground is open",
            Stance::StayClosed => "; doors stay shut",
        }),
        Event::StepIntended { step, attempt, .. } => {
            let again = if *attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
            Line::new().bold(step.as_str()).plain(format!(" begins{again}"))
        }
        Event::StepApplied { step, evidence, confirmed, .. } => {
            let tail = if evidence.is_empty() { String::new() } else { format!(": {evidence}") };
            let line = Line::new().bold(step.as_str()).good(" done").plain(tail);
            if *confirmed { line } else { line.bad("; the look afterwards did not agree") }
        }
        Event::StepAlreadyThere { step } => Line::new().bold(step.as_str()).good(" was there already"),
        Event::StepBlocked { step, found } => {
            Line::new().bold(step.as_str()).bad(" blocked").plain(format!(": {found}"))
        }
        Event::StepFailed { step, cause, .. } => {
            Line::new().bold(step.as_str()).bad(" failed, nothing happened").plain(format!(": {cause}"))
        }
        Event::StepInDoubt { step, cause } => {
            Line::new().bold(step.as_str()).bad(" in doubt").plain(format!(": {cause}"))
        }
        Event::DoubtResolved { step, happened, looked } => {
            let word = match happened {
                Some(true) => " had happened",
                Some(false) => " had not happened",
                None => " stays in doubt",
            };
            Line::new().bold(step.as_str()).plain(format!("{word}: {looked}"))
        }
        Event::StepAsked { step, question } => {
            Line::new().bold(step.as_str()).doubtful(" waits for a person").plain(format!(": {question}"))
        }
        Event::OperatorChose { step, choice, reason, by } => {
            Line::new().bold(step.as_str()).plain(format!(": {by} chose {}: {reason}", choice_word(*choice)))
        }
        Event::RunStuck { steps } => {
            let steps: Vec<&str> = steps.iter().map(|step| step.as_str()).collect();
            Line::new().bad("the run is stuck").plain(format!(" at {}", steps.join(", ")))
        }
        Event::ComponentVerified { component, verdict, .. } => {
            let line = Line::new().bold(component.as_str());
            match verdict {
                Verdict::Restored => line.good(" restored"),
                Verdict::Differs { what } => line.bad(" differs").plain(format!(": {what}")),
                Verdict::Unknown { why } => line.doubtful(" unknown").plain(format!(": {why}")),
            }
        }
        Event::RunClosed { outcome } => match outcome {
            Outcome::Restored => Line::new().good("the run is over: restored"),
            Outcome::NotVerified => Line::new().bad("the run is over: not verified"),
            Outcome::Abandoned => Line::new().doubtful("the run was given up"),
        },
        Event::RequestTaken { asks, by, .. } => Line::of(match asks {
            Request::Stop { .. } => format!("{by} asked to stop"),
            Request::Choose { step, choice, .. } => format!("{by} asked to {} {step}", choice_word(*choice)),
        }),
    }
}

fn seen(seen: &Seen) -> String {
    match seen {
        Seen::Present { fingerprint } => format!("present {}", fingerprint.shape.short()),
        Seen::Absent => "absent".to_owned(),
        Seen::Unreadable { cause } => format!("unreadable: {cause}"),
        Seen::Unreachable { cause } => format!("unreachable: {cause}"),
    }
}

fn choice_word(choice: Choice) -> &'static str {
    match choice {
        Choice::Retry => "retry",
        Choice::Skip => "skip",
        Choice::Accept => "accept",
    }
}
