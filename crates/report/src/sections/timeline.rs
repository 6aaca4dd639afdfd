//! The steps on one axis of time, and the times in which nothing was done.

use backout_core::report::{PauseKind, RunReport};

use crate::axis::Axis;
use crate::page::{Block, Cell, Section, Tone};
use crate::words::{moment, offset, seconds};

pub fn section(run: &RunReport) -> Section {
    let axis = Axis::of(run);
    let mut text =
        "Times are UTC and count from the moment the run was opened. Work is drawn to one scale.".to_owned();
    if axis.pauses.iter().any(|pause| pause.cut) {
        text.push_str(" A pause marked // is drawn shorter than it was: its true length stands beside it, and the first bar shows the \
             whole run to scale.");
    }
    let pauses = axis.pauses.iter().map(|pause| {
        let until = if pause.goes_on { "goes on".to_owned() } else { format!("lasted {}", pause.lasted) };
        vec![
            Cell::state(Tone::Doubtful, pause.kind.word()),
            Cell::time(offset(pause.since)),
            Cell::plain(until),
            Cell::plain(meaning(pause.kind)),
        ]
    });
    let pauses = Block::table(
        "Times in which nothing was done",
        &["pause", "since", "length", "meaning"],
        pauses.collect(),
        "The run never paused.",
    );
    let when = |at: jiff::Timestamp| {
        let since = at.as_millisecond().saturating_sub(run.began.as_millisecond());
        format!("{} ({})", moment(at), offset(u64::try_from(since).unwrap_or(0)))
    };
    let doors = run.closed.doors.iter().flat_map(|door| {
        door.shut.iter().map(|shut| {
            let open = match (shut.to, door.unclear) {
                (Some(to), _) => Cell::plain(when(to)),
                (None, true) => Cell::state(Tone::Bad, "unclear"),
                (None, false) => Cell::state(Tone::Bad, "shut still"),
            };
            let until = shut.to.unwrap_or(run.until);
            let millis = until.as_millisecond().saturating_sub(shut.from.as_millisecond());
            vec![
                Cell::name(door.component.as_str()),
                Cell::plain(when(shut.from)),
                open,
                Cell::plain(seconds(u64::try_from(millis).unwrap_or(0))),
            ]
        })
    });
    let doors = Block::table(
        "Doors",
        &["component", "shut", "open again", "length"],
        doors.collect(),
        "No door was shut.",
    );
    Section {
        heading: "Timeline",
        anchor: "timeline",
        blocks: vec![Block::paragraph(text), Block::Timeline(Box::new(axis)), pauses, doors],
    }
}

fn meaning(kind: PauseKind) -> &'static str {
    match kind {
        PauseKind::AtRest => "the run had come to rest at a safe border",
        PauseKind::Stuck => "a step needed a person before the run could go on",
        PauseKind::WaitsForPerson => "a person was asked, and nothing else was to be done",
        PauseKind::NoProcess => "no process carried the run: it had ended without a word",
    }
}
