//! Two sides of data, compared, as a page of its own.

use backout_core::compare::{
    Blocks, Cell as Pair, Comparison, Difference, Kind, Place, Settled, Shown, TableOutcome, TablePlan,
    TableState,
};

use crate::page::{Block, Cell, Figure, Page, Section, Text, Tone};
use crate::words::names;

/// A comparison as a page.
pub fn page(comparison: &Comparison, rows: &[Difference], more: u64) -> Page {
    let mut sections = vec![
        Section { heading: "Summary", anchor: "summary", blocks: summary(comparison) },
        Section { heading: "Tables", anchor: "tables", blocks: tables(comparison) },
        Section { heading: "Rows that differ", anchor: "rows", blocks: differing(comparison, rows, more) },
    ];
    if comparison.schema.is_some() {
        sections.push(Section { heading: "Schema", anchor: "schema", blocks: schema(comparison) });
    }
    sections.push(Section { heading: "How it was compared", anchor: "how", blocks: how(comparison) });
    let (left, right) = (&comparison.sides.0, &comparison.sides.1);
    Page {
        title: Text::from(format!("{} and {}", left.place, right.place)),
        subtitle: Text::from("Comparison of two sides, row by row"),
        sections,
    }
}

/// | cut short | complete | differs | outcome |
/// |---|---|---|---|
/// | yes | | | incomplete, as far as it came |
/// | no | no | | incomplete |
/// | no | yes | yes | differs |
/// | no | yes | no | the same |
fn outcome(comparison: &Comparison) -> Block {
    let (tone, word, sentence) = match (&comparison.cut_short, comparison.is_complete(), comparison.differs())
    {
        (Some(why), ..) => {
            (Tone::Doubtful, "Incomplete", format!("It ended early: {why}. This is what was known by then."))
        }
        (None, false, _) => {
            (Tone::Doubtful, "Incomplete", "Some tables could not be compared to their end.".to_owned())
        }
        (None, true, true) => (Tone::Bad, "Differs", "The two sides are not the same.".to_owned()),
        (None, true, false) => (Tone::Good, "The same", "Everything that was compared is equal.".to_owned()),
    };
    Block::Outcome { tone, word: word.into(), sentence: sentence.into() }
}

fn summary(comparison: &Comparison) -> Vec<Block> {
    let tables = &comparison.tables;
    let sum = |of: fn(&TableOutcome) -> u64| tables.iter().map(of).fold(0, u64::saturating_add);
    let tone = |count: u64| if count == 0 { Tone::Plain } else { Tone::Bad };
    let figure = |label: &str, count: u64, note: &str| Figure {
        label: label.into(),
        value: count.to_string().into(),
        note: note.into(),
        tone: tone(count),
    };
    let read = Figure {
        label: "rows compared".into(),
        value: sum(|table| table.rows.0.max(table.rows.1)).to_string().into(),
        note: format!("in {} tables", tables.len()).into(),
        tone: Tone::Plain,
    };
    let figures = vec![
        read,
        figure("changed", sum(|table| table.changed), "on both sides, with other values"),
        figure("only left", sum(|table| table.only_left), ""),
        figure("only right", sum(|table| table.only_right), ""),
    ];
    let side = |side: &Shown| -> Vec<Text> {
        let positions = side.positions.iter().map(|position| Text::from(format!("at {position}")));
        [Text::from(&side.place), Text::from(&side.system)].into_iter().chain(positions).collect()
    };
    vec![
        outcome(comparison),
        Block::Figures(figures),
        Block::Facts(vec![
            ("left".into(), side(&comparison.sides.0)),
            ("right".into(), side(&comparison.sides.1)),
        ]),
    ]
}

fn tables(comparison: &Comparison) -> Vec<Block> {
    let rows = comparison.tables.iter().map(|table| {
        let counts = [table.changed, table.only_left, table.only_right];
        let count = |count: u64| match count {
            0 => Cell::plain("0"),
            count => Cell::state(Tone::Bad, count.to_string()),
        };
        let state = match &table.state {
            TableState::Incomplete(why) => Cell::state(Tone::Doubtful, format!("incomplete: {why}")),
            TableState::Complete if table.differences() == 0 => Cell::state(Tone::Good, "the same"),
            TableState::Complete => Cell::state(Tone::Bad, "differs"),
        };
        let name = match table.left == table.right {
            true => table.left.clone(),
            false => format!("{} = {}", table.left, table.right),
        };
        let mut row = vec![
            Cell::name(name),
            Cell::plain(table.rows.0.to_string()),
            Cell::plain(table.rows.1.to_string()),
        ];
        row.extend(counts.map(count));
        row.push(state);
        row
    });
    let head = ["table", "rows left", "rows right", "changed", "only left", "only right", "outcome"];
    let mut blocks = vec![Block::table("Tables", &head, rows.collect(), "No table is on both sides.")];
    for (side, only) in [("left", &comparison.only_left), ("right", &comparison.only_right)] {
        if !only.is_empty() {
            let text = format!("Only on the {side}: {}.", names(only, ""));
            blocks.push(Block::Notice(Tone::Bad, text.into()));
        }
    }
    for table in &comparison.tables {
        for note in &table.notes {
            blocks.push(Block::Notice(Tone::Doubtful, format!("{}: {note}", table.left).into()));
        }
    }
    blocks
}

fn differing(comparison: &Comparison, rows: &[Difference], more: u64) -> Vec<Block> {
    let mut blocks = Vec::new();
    for table in &comparison.tables {
        let own = rows.iter().filter(|row| row.table == table.left);
        let lines: Vec<Vec<Cell>> = own.flat_map(lines_of).collect();
        if !lines.is_empty() {
            let head = ["key", "what", "column", "left", "right"];
            blocks.push(Block::table(&table.left, &head, lines, ""));
        }
    }
    if more > 0 {
        blocks.push(Block::Notice(
            Tone::Doubtful,
            format!("{more} more rows differ and are not shown.").into(),
        ));
    }
    if blocks.is_empty() {
        blocks.push(Block::paragraph("No row differs."));
    }
    blocks
}

/// A line a column, as a page has room for.
fn lines_of(row: &Difference) -> Vec<Vec<Cell>> {
    let key = match row.times {
        Some((left, right)) => format!("{left} times left, {right} times right"),
        None => {
            let part = |(column, value): &(String, Option<String>)| {
                format!("{column} = {}", value.as_deref().unwrap_or("NULL"))
            };
            row.key.iter().map(part).collect::<Vec<_>>().join(", ")
        }
    };
    let what = match row.kind {
        Kind::OnlyLeft => "only left",
        Kind::OnlyRight => "only right",
        Kind::Changed => "changed",
    };
    let what = match row.settled {
        Settled::Stands => what.to_owned(),
        Settled::Moving => format!("{what}, still being written"),
    };
    let (on_left, on_right) = (row.kind != Kind::OnlyRight, row.kind != Kind::OnlyLeft);
    let line = |pair: Option<&Pair>| {
        vec![
            Cell::name(&key),
            Cell::plain(&what),
            Cell::name(pair.map_or("", |pair| &pair.column)),
            value(pair.and_then(|pair| pair.left.as_deref()), on_left && pair.is_some()),
            value(pair.and_then(|pair| pair.right.as_deref()), on_right && pair.is_some()),
        ]
    };
    if row.columns.is_empty() {
        vec![line(None)]
    } else {
        row.columns.iter().map(|pair| line(Some(pair))).collect()
    }
}

/// A null is no text: its word stands without quotes, and a text that could be taken for it within them.
fn value(text: Option<&str>, is_there: bool) -> Cell {
    match text {
        None if is_there => Cell::plain("NULL"),
        None => Cell::plain("–"),
        Some(text) if text.is_empty() || text.eq_ignore_ascii_case("null") || text == "–" => {
            Cell::plain(format!("\"{text}\""))
        }
        Some(text) => Cell::plain(text),
    }
}

fn schema(comparison: &Comparison) -> Vec<Block> {
    let rows = comparison.schema.iter().flatten().map(|one| {
        let said = |text: &Option<String>| Cell::plain(text.as_deref().unwrap_or("–"));
        let property = one.property.as_deref().unwrap_or("the whole");
        vec![Cell::name(&one.object), Cell::plain(property), said(&one.left), said(&one.right)]
    });
    let head = ["object", "property", "left", "right"];
    vec![Block::table("Differences of the schemas", &head, rows.collect(), "The schemas are the same.")]
}

fn how(comparison: &Comparison) -> Vec<Block> {
    let planned = comparison.tables.iter().filter_map(|table| Some((table, table.plan.as_ref()?)));
    let rows = planned.map(|(table, plan)| {
        let skipped: Vec<String> =
            plan.skipped.iter().map(|one| format!("{} ({})", one.column, one.why)).collect();
        vec![
            Cell::name(&table.left),
            Cell::plain(names(&plan.key, "none: compared as a multiset")),
            Cell::plain(hashed(plan)),
            Cell::plain(at_most(plan.risk())),
            Cell::plain(names(&skipped, "none")),
        ]
    });
    let head = ["table", "key", "hashed", "chance of a hidden difference, at most", "columns left out"];
    vec![Block::table("Each table", &head, rows.collect(), "No table was compared.")]
}

/// Rounded up, for it is an upper bound.
fn at_most(risk: f64) -> String {
    if risk > 0.0 { format!("1e{:.0}", risk.log10().ceil()) } else { "0".to_owned() }
}

fn hashed(plan: &TablePlan) -> String {
    let place = match plan.place {
        Place::Server => "on both servers",
        Place::Here => "here",
    };
    let blocks = match plan.blocks {
        Blocks::Range { .. } => "blocks of neighbouring keys",
        Blocks::Hash { .. } => "scattered blocks",
    };
    format!("{place}, {} bits, {blocks}", if plan.twice { 128 } else { 64 })
}
