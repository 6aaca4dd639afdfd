//! What users wrote meanwhile, what became of it, and what was not recorded. Never a value.

use std::collections::{BTreeMap, BTreeSet};

use backout_core::name::ComponentName;
use backout_core::report::{Recorder, Report, RunReport, WritesAccount};
use backout_core::writes::{Conflict, Occasion, Tally, Winner};

use crate::page::{Block, Cell, Section, Text, Tone};
use crate::words::{count, names};

pub fn section(report: &Report, run: &RunReport) -> Section {
    let accounts = &run.cost.writes;
    let mut blocks = vec![Block::table(
        "What became of writes",
        &["component", "saved", "still to come", "waiting for a person", "lost", "files for people"],
        accounts.iter().map(account).collect(),
        "This run counted no writes.",
    )];
    let tables = accounts.iter().flat_map(|one| {
        let tables = one.counted.iter().flat_map(|counted| &counted.tables);
        tables.map(|table| {
            vec![
                Cell::name(one.component.as_str()),
                Cell::name(&table.table),
                Cell::plain(tally(table.before_cutover)),
                Cell::plain(tally(table.since_cutover)),
                Cell::plain(table.migration.to_string()),
                Cell::plain(table.unmapped.to_string()),
            ]
        })
    });
    let tables: Vec<Vec<Cell>> = tables.collect();
    if !tables.is_empty() {
        let head = ["component", "table", "before cutover", "since cutover", "by the migration", "unmapped"];
        blocks.push(Block::table("Rows written since the checkpoint, as recorded", &head, tables, ""));
    }
    let taken_over: u64 = accounts.iter().filter_map(|one| Some(one.counted.as_ref()?.taken_over())).sum();
    if taken_over > 0 {
        let told =
            format!("{taken_over} more rows were put in by recoveries; they count where users wrote them.");
        blocks.push(Block::paragraph(told));
    }
    let conflicts = accounts.iter().flat_map(|one| {
        let conflicts = one.recovered.iter().flat_map(|done| &done.conflicts);
        conflicts.map(|conflict| conflict_row(one, conflict))
    });
    let head = ["component", "table", "key", "columns", "why", "which version stands"];
    blocks.push(Block::table("Conflicts", &head, conflicts.collect(), "No row was changed on both sides."));
    let more: u64 = accounts
        .iter()
        .filter_map(|one| one.recovered.as_ref())
        .map(|done| done.more_conflicts)
        .fold(0, u64::saturating_add);
    if more > 0 {
        blocks.push(Block::paragraph(format!("{more} more conflicts stand in the files.")));
    }
    blocks.push(coverage(&report.recorders));
    blocks.extend(notes(report, accounts));
    let gaps = gaps(report, accounts);
    blocks.push(Block::table(
        "What was not recorded, or not always",
        &["component", "tables", "why"],
        gaps,
        "No gap in what was recorded is known.",
    ));
    Section { heading: "What users wrote", anchor: "writes", blocks }
}

pub fn without_run(report: &Report) -> Option<Section> {
    (!report.recorders.is_empty()).then(|| {
        let mut blocks = vec![coverage(&report.recorders)];
        blocks.extend(notes(report, &[]));
        blocks.push(Block::table(
            "What is not recorded, or was not always",
            &["component", "tables", "why"],
            gaps(report, &[]),
            "No gap in what is recorded is known.",
        ));
        Section { heading: "What is recorded of users' writes", anchor: "writes", blocks }
    })
}

fn account(one: &WritesAccount) -> Vec<Cell> {
    let files = one.recovered.iter().flat_map(|done| &done.files).map(Text::from).collect();
    let tone = |zero: bool, otherwise| if zero { Tone::Plain } else { otherwise };
    let is_zero = |found| found == backout_core::plan::Count::Exactly(0);
    vec![
        Cell::name(one.component.as_str()),
        Cell::plain(count(one.saved)),
        Cell::plain(count(one.pending)),
        Cell::state(tone(is_zero(one.waiting), Tone::Doubtful), count(one.waiting)),
        Cell::state(tone(is_zero(one.lost), Tone::Bad), count(one.lost)),
        Cell::lines(files),
    ]
}

fn tally(found: Tally) -> String {
    if found.sum() == 0 {
        return "none".to_owned();
    }
    format!("{} inserted, {} changed, {} deleted", found.inserted, found.changed, found.deleted)
}

fn conflict_row(account: &WritesAccount, conflict: &Conflict) -> Vec<Cell> {
    let stands = match conflict.winner {
        Some(Winner::Recorded) => Cell::state(Tone::Plain, "what users wrote"),
        Some(Winner::Restored) => Cell::state(Tone::Plain, "what was put back"),
        None => Cell::state(Tone::Doubtful, "open; what was put back stands meanwhile"),
    };
    vec![
        Cell::name(account.component.as_str()),
        Cell::name(&conflict.table),
        Cell::name(&conflict.key),
        Cell::plain(names(&conflict.columns, "the whole row")),
        Cell::plain(conflict.cause.because()),
        stands,
    ]
}

fn coverage(recorders: &[Recorder]) -> Block {
    let rows = recorders.iter().map(|one| {
        let occasion = match one.occasion {
            Occasion::Arm => "before the capture",
            Occasion::Cutover | Occasion::CutoverAtRest => "after cutover",
        };
        vec![
            Cell::name(one.component.as_str()),
            Cell::plain(occasion),
            Cell::plain(names(&one.coverage.covered, "none")),
        ]
    });
    Block::table(
        "Recorders",
        &["component", "proven", "tables covered"],
        rows.collect(),
        "Nothing recorded what users wrote.",
    )
}

/// What recorders said of themselves, each once: how they record, how much they hold, how far they may be believed.
fn notes(report: &Report, accounts: &[WritesAccount]) -> Option<Block> {
    let said = report.recorders.iter().map(|one| (&one.component, &one.coverage.notes));
    let counted = accounts.iter().filter_map(|one| Some((&one.component, &one.counted.as_ref()?.notes)));
    let notes: BTreeSet<(&ComponentName, &String)> =
        said.chain(counted).flat_map(|(name, notes)| notes.iter().map(move |note| (name, note))).collect();
    let rows = notes.into_iter().map(|(name, note)| vec![Cell::name(name.as_str()), Cell::plain(note)]);
    let rows: Vec<Vec<Cell>> = rows.collect();
    (!rows.is_empty()).then(|| Block::table("What the recorders said", &["component", "note"], rows, ""))
}

/// One row for each component and reason, with all tables that it concerns.
fn gaps(report: &Report, accounts: &[WritesAccount]) -> Vec<Vec<Cell>> {
    let recorded = report.recorders.iter().flat_map(|one| {
        let gaps = one.coverage.uncovered.iter().chain(&one.coverage.interrupted);
        gaps.map(|gap| (&one.component, gap))
    });
    let counted = accounts.iter().flat_map(|one| {
        let gaps = one.counted.iter().flat_map(|counted| &counted.gaps);
        gaps.map(|gap| (&one.component, gap))
    });
    let mut tables: BTreeMap<(&ComponentName, &str), BTreeSet<&str>> = BTreeMap::new();
    for (component, gap) in recorded.chain(counted) {
        tables.entry((component, &gap.why)).or_default().insert(&gap.table);
    }
    let row = |((component, why), tables): ((&ComponentName, &str), BTreeSet<&str>)| {
        vec![Cell::name(component.as_str()), Cell::plain(names(tables, "")), Cell::plain(why)]
    };
    tables.into_iter().map(row).collect()
}
