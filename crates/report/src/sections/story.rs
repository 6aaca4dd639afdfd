//! The life of the migration before the run and after it.

use backout_core::journal::{Look, Outcome};
use backout_core::report::{Happening, Moment, Report};
use backout_core::writes::Occasion;

use crate::page::{Block, Cell, Section};
use crate::words::{many, moment};

pub fn before(report: &Report) -> Section {
    let heading = if report.run.is_some() { "What led up to it" } else { "What happened so far" };
    let block =
        table("From the first record on", &report.before, "The journal holds nothing before the run.");
    Section { heading, anchor: "before", blocks: vec![block] }
}

pub fn after(report: &Report) -> Option<Section> {
    (!report.after.is_empty()).then(|| Section {
        heading: "What happened since",
        anchor: "after",
        blocks: vec![table("After the run", &report.after, "")],
    })
}

fn table(caption: &str, moments: &[Moment], otherwise: &str) -> Block {
    let rows = moments.iter().map(|one| vec![Cell::time(moment(one.at)), Cell::plain(sentence(&one.what))]);
    Block::table(caption, &["time", "what"], rows.collect(), otherwise)
}

fn sentence(what: &Happening) -> String {
    match what {
        Happening::MigrationOpened => "the journal of the migration was begun".to_owned(),
        Happening::Armed { by } => format!("armed by {by}"),
        Happening::Disarmed { by } => format!("disarmed by {by}"),
        Happening::RecorderPlaced { component, occasion, covered, gaps } => {
            let when = match occasion {
                Occasion::Arm => "before the capture",
                Occasion::Cutover | Occasion::CutoverAtRest => "after cutover",
            };
            let gaps = match gaps {
                0 => String::new(),
                more => format!("; {} with gaps", many(*more, "table")),
            };
            format!("{component}: writes to {} are recorded, proven {when}{gaps}", many(*covered, "table"))
        }
        Happening::CaptureOpened { checkpoint, before_run: None, by } => {
            format!("capture of checkpoint {checkpoint} begun by {by}")
        }
        Happening::CaptureOpened { checkpoint, before_run: Some(run), by } => {
            format!("the state before run {run} was made checkpoint {checkpoint} by {by}")
        }
        Happening::NotSeen { look: Look::Saved, component, cause } => {
            format!("{component} could not be captured: {cause}")
        }
        Happening::NotSeen { look: Look::Landed, component, cause } => {
            format!("{component} could not be looked at after cutover: {cause}")
        }
        Happening::Sealed { checkpoint, seal } => {
            format!("checkpoint {checkpoint} sealed ({})", seal.short())
        }
        Happening::Proven { checkpoint, components, by } => {
            let names: Vec<&str> = components.iter().map(|component| component.as_str()).collect();
            format!(
                "checkpoint {checkpoint} proven by {by}: {} put back into scratch copies",
                names.join(", ")
            )
        }
        Happening::Pruned { checkpoints, by } => {
            let names: Vec<&str> = checkpoints.iter().map(|checkpoint| checkpoint.as_str()).collect();
            format!("data of {} removed by {by}", names.join(", "))
        }
        Happening::CutOver { phase, went_live, late, by } => {
            let late = if *late { "; marked late, so the look after it may hold later changes" } else { "" };
            format!("phase {phase} went live at {}, marked by {by}{late}", moment(*went_live))
        }
        Happening::RunOpened { run, to, by } => format!("run {run} back to {to} opened by {by}"),
        Happening::RunClosed { run, outcome } => {
            let run = run.as_ref().map_or_else(|| "the run".to_owned(), |run| format!("run {run}"));
            match outcome {
                Outcome::Restored => format!("{run} ended: restored"),
                Outcome::NotVerified => format!("{run} ended: not verified"),
                Outcome::Abandoned => format!("{run} was given up"),
            }
        }
        Happening::Judged { component, verdict } => format!("{component} was looked at: {}", verdict.word()),
        Happening::WritesRecovered { component, applied, waiting } => {
            format!("{component}: {applied} writes taken over; {waiting} wait for a person")
        }
        Happening::Committed { by } => format!("committed by {by}"),
        Happening::Closed { by } => format!("closed by {by}"),
    }
}
