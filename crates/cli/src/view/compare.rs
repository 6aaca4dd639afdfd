//! Two sides of data, compared: the counts at once, then rows that differ.

mod cells;
mod far;
mod how;

use backout_core::compare::{
    Comparison, Difference, SchemaDifference, Shown, TableOutcome, TablePlan, TableState, Unlike,
};

use super::words::{counted, grouped};
use super::{Line, Output};

pub use far::Far;

/// Schema differences that are shown; the others are counted, and stand in files and with `--json`.
const SCHEMA_SHOWN: usize = 40;

/// Shows a comparison as it goes on.
pub struct View {
    output: Output,
}

impl View {
    /// Where to.
    pub fn new(output: Output) -> Self {
        Self { output }
    }

    /// Whether a program reads it.
    pub fn is_for_programs(&self) -> bool {
        self.output.json
    }

    /// The two sides.
    pub fn sides(&self, sides: &(Shown, Shown)) {
        if self.output.json {
            return;
        }
        sides_of(self.output, sides);
        self.output.blank();
    }

    /// A row, for programs.
    pub fn row(&self, row: &Difference) {
        self.output.document(&backout_api::Difference::of(row));
    }

    /// A table that is done, with its first rows.
    pub fn table(&self, outcome: &TableOutcome, rows: &[Difference]) {
        if self.output.json {
            return;
        }
        self.output.line(heading(outcome));
        for note in &outcome.notes {
            self.output.line(Line::indented(4).doubtful(note));
        }
        if !rows.is_empty() {
            cells::table(rows).print(&self.output, 4);
        }
        let more = outcome.differences().saturating_sub(rows.len() as u64);
        if more > 0 {
            let more = match rows.is_empty() {
                true => format!("{} rows that differ are not shown", grouped(more)),
                false => format!("and {} more", grouped(more)),
            };
            self.output.line(Line::indented(4).dim(more));
        }
    }

    /// What came out of all.
    pub fn end(&self, comparison: &Comparison) {
        if self.output.json {
            self.output.document(&backout_api::Comparison::of(comparison));
            return;
        }
        // Tables that were never begun were not told yet.
        for table in comparison.tables.iter().filter(|table| table.plan.is_none()) {
            if comparison.cut_short.is_some() && table.rows == (0, 0) {
                self.output.line(heading(table));
            }
        }
        for (tables, side) in [(&comparison.only_left, "left"), (&comparison.only_right, "right")] {
            for table in tables {
                self.output.line(Line::new().bad("✕ ").bold(table).plain(format!("  only on the {side}")));
            }
        }
        if let Some(schema) = &comparison.schema {
            schema_of(self.output, schema);
        }
        self.output.blank();
        self.output.line(summary(comparison));
        for line in how::lines(comparison) {
            self.output.line(line);
        }
        positions(self.output, comparison);
    }

    /// A file that was written.
    pub fn written(&self, place: &str) {
        if !self.output.json {
            self.output.aside(Line::new().dim(format!("written to {place}")));
        }
    }
}

/// How tables would be compared.
pub fn planned(output: Output, sides: &(Shown, Shown), plans: &[(String, Result<TablePlan, Unlike>)]) {
    if output.json {
        output.document(&backout_api::ComparisonPlan::of(sides, plans));
        return;
    }
    sides_of(output, sides);
    for (name, plan) in plans {
        output.blank();
        match plan {
            Ok(plan) => how::plan(output, name, plan),
            Err(why) => output
                .line(Line::new().doubtful("! ").bold(name).plain(format!("  cannot be compared: {why}"))),
        }
    }
    if plans.is_empty() {
        output.line(Line::of("no table is on both sides"));
    }
}

fn sides_of(output: Output, sides: &(Shown, Shown)) {
    let width = sides.0.place.chars().count().max(sides.1.place.chars().count());
    for (name, side) in [("left ", &sides.0), ("right", &sides.1)] {
        let mut line =
            Line::new().dim(format!("{name}  ")).then(Line::new().bold(&side.place).padded(width + 2));
        line = line.plain(&side.system);
        if let Some(position) = side.positions.first() {
            line = line.dim(format!("  at {position}"));
        }
        output.line(line);
    }
}

/// ```text
/// ✓ customers  3 rows, the same
/// ✕ orders  3 rows left, 4 right: 1 changed, 1 only right
/// ! notes  incomplete: permission denied
/// ```
fn heading(outcome: &TableOutcome) -> Line {
    let name = match outcome.left == outcome.right {
        true => outcome.left.clone(),
        false => format!("{} = {}", outcome.left, outcome.right),
    };
    let (left, right) = outcome.rows;
    let rows = match left == right {
        true => rows(left),
        false => format!("{} left, {} right", rows(left), grouped(right)),
    };
    let differences = found(outcome);
    let line = match (&outcome.state, differences.is_empty()) {
        (TableState::Incomplete(why), _) => {
            let line = Line::new().doubtful("! ").bold(name).doubtful("  incomplete: ").plain(why);
            return match (outcome.rows, differences.is_empty()) {
                ((0, 0), true) => line,
                (_, true) => line.plain(format!("; {rows} read until then")),
                (_, false) => line.plain(format!("; until then {rows}: {differences}")),
            };
        }
        (TableState::Complete, true) => {
            Line::new().good("✓ ").bold(name).plain(format!("  {rows}, ")).good("the same")
        }
        (TableState::Complete, false) => {
            Line::new().bad("✕ ").bold(name).plain(format!("  {rows}: ")).bad(differences)
        }
    };
    match (outcome.settled, outcome.moving) {
        (0, 0) => line,
        (settled, 0) => line.dim(format!(" ({} settled when looked at again)", grouped(settled))),
        (_, moving) => line.doubtful(format!(" ({} still being written)", grouped(moving))),
    }
}

fn found(outcome: &TableOutcome) -> String {
    let kinds =
        [(outcome.changed, "changed"), (outcome.only_left, "only left"), (outcome.only_right, "only right")];
    let told = kinds.iter().filter(|(count, _)| *count > 0);
    told.map(|(count, word)| format!("{} {word}", grouped(*count))).collect::<Vec<_>>().join(", ")
}

fn rows(count: u64) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{} rows", grouped(count)) }
}

fn schema_of(output: Output, schema: &[SchemaDifference]) {
    if schema.is_empty() {
        output.line(Line::new().good("✓ ").bold("schema").plain("  ").good("the same"));
        return;
    }
    let heading = format!("  {}", counted(schema.len(), "difference"));
    output.line(Line::new().bad("✕ ").bold("schema").bad(heading));
    cells::schema(schema.iter().take(SCHEMA_SHOWN)).print(&output, 4);
    if let Some(more) = schema.len().checked_sub(SCHEMA_SHOWN).filter(|more| *more > 0) {
        output.line(Line::indented(4).dim(format!("and {more} more")));
    }
}

fn summary(comparison: &Comparison) -> Line {
    let differ = comparison.tables.iter().filter(|table| table.differences() > 0).count();
    let complete = comparison.tables.iter().filter(|table| table.state == TableState::Complete);
    let same = complete.filter(|table| table.differences() == 0).count();
    let incomplete = comparison.tables.iter().filter(|table| table.state != TableState::Complete).count();
    let mut parts = Vec::new();
    if differ > 0 {
        parts.push(format!(
            "{} {}",
            counted(differ, "table"),
            if differ == 1 { "differs" } else { "differ" }
        ));
    }
    if same > 0 {
        let count = if differ > 0 { same.to_string() } else { counted(same, "table") };
        parts.push(format!("{count} the same"));
    }
    if incomplete > 0 {
        parts.push(format!("{} not compared to the end", counted(incomplete, "table")));
    }
    let parts = parts.join(", ");
    let line = match (&comparison.cut_short, comparison.is_complete(), comparison.differs()) {
        (Some(why), ..) => Line::new().doubtful(format!("incomplete, {why}: this is what is known so far")),
        (None, false, _) => Line::new().doubtful("incomplete"),
        (None, true, true) => Line::new().bad("the two sides differ"),
        (None, true, false) => Line::new().good("the two sides are the same"),
    };
    if parts.is_empty() { line } else { line.plain(format!("; {parts}")) }
}

/// Where snapshots had to be renewed, all of their positions.
fn positions(output: Output, comparison: &Comparison) {
    for (name, side) in [("left", &comparison.sides.0), ("right", &comparison.sides.1)] {
        if let (Some(first), Some(last)) = (side.positions.first(), side.positions.last())
            && first != last
        {
            let snapshots = side.positions.len();
            output.line(
                Line::new().dim(format!("{name}: read in {snapshots} snapshots, from {first} to {last}")),
            );
        }
    }
}
