//! The price that was stated before the run, against what was paid.

use backout_core::plan::Count;
use backout_core::report::RunReport;

use crate::page::{Block, Cell, Section};
use crate::words::{count, counted, estimate, lasting, seconds};

pub fn section(run: &RunReport) -> Section {
    let paid = &run.cost.paid;
    let stated = run.cost.stated.as_ref();
    let none = || "not recorded".to_owned();
    let wrote = |of: Option<Count>| of.map_or_else(none, count);
    let rows = [
        (
            "writes that the put-back state lacks",
            wrote(stated.map(|price| price.writes)),
            counted(paid.writes),
        ),
        ("of those, taken over", wrote(stated.map(|price| price.rescued)), counted(paid.saved)),
        ("of those, still to be taken over", "–".to_owned(), counted(paid.pending)),
        ("of those, waiting for a person", wrote(stated.map(|price| price.waiting)), counted(paid.waiting)),
        ("of those, lost", wrote(stated.map(|price| price.lost)), counted(paid.lost)),
        (
            "doors shut",
            stated.map_or_else(none, |price| estimate(price.closed.as_ref())),
            format!("{} ({})", lasting(paid.closed_millis), seconds(paid.closed_millis)),
        ),
        (
            "time worked",
            stated.map_or_else(none, |price| estimate(price.duration.as_ref())),
            format!("{} ({})", lasting(paid.working_millis), seconds(paid.working_millis)),
        ),
        (
            "steps",
            stated.map_or_else(none, |price| price.steps.to_string()),
            format!("{} of {} done", paid.steps_done, paid.steps),
        ),
    ];
    let rows = rows
        .into_iter()
        .map(|(what, stated, paid)| vec![Cell::plain(what), Cell::plain(stated), Cell::plain(paid)])
        .collect();
    let mut blocks =
        vec![Block::table("The price, stated and paid", &["what", "stated before", "paid"], rows, "")];
    if !run.standing.over {
        blocks.push(Block::paragraph("The run is not over: what was paid is counted up to the last record."));
    }
    Section { heading: "What it cost", anchor: "cost", blocks }
}
