//! How each component was judged, and by looking at what.

use backout_core::name::ComponentName;
use backout_core::observation::Verdict;
use backout_core::report::RunReport;

use crate::page::{Block, Cell, Section, Text, Tone};
use crate::words::{lasting, moment};

pub fn section(run: &RunReport) -> Section {
    let mut rows: Vec<Vec<Cell>> = run
        .verdicts
        .iter()
        .map(|judged| {
            let (tone, detail) = match &judged.verdict {
                Verdict::Restored => (Tone::Good, None),
                Verdict::Differs { what } => (Tone::Bad, Some(what)),
                Verdict::Unknown { why } => (Tone::Doubtful, Some(why)),
            };
            let mut lines: Vec<Text> = detail.into_iter().map(Text::from).collect();
            lines.extend(judged.looked.iter().map(|look| Text::from(format!("looked: {look}"))));
            vec![
                Cell::name(judged.component.as_str()),
                Cell::state(tone, judged.verdict.word()),
                Cell::lines(lines),
                Cell::plain(format!("{} ({})", moment(judged.at), lasting(judged.millis))),
            ]
        })
        .collect();
    let judged = |name: &ComponentName| run.verdicts.iter().any(|one| one.component == *name);
    let left = run.components.iter().filter(|one| one.steps > 0 && !judged(&one.name));
    rows.extend(left.map(|one| {
        vec![
            Cell::name(one.name.as_str()),
            Cell::state(Tone::Doubtful, "not judged"),
            Cell::plain("nobody looked at it in this run"),
            Cell::plain("–"),
        ]
    }));
    let table = Block::table(
        "Each component, and what was looked at",
        &["component", "verdict", "what was looked at", "when"],
        rows,
        "Nothing was judged.",
    );
    Section { heading: "Verdicts", anchor: "verdicts", blocks: vec![table] }
}
