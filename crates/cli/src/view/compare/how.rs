//! How tables are compared, and how sure that is.

use std::collections::BTreeMap;

use backout_core::compare::{Blocks, Comparison, Method, Place, TablePlan};

use crate::view::words::grouped;
use crate::view::{Line, Output};

/// One table's plan.
pub fn plan(output: Output, name: &str, plan: &TablePlan) {
    let there = full_name(&plan.right);
    let title = if name == there { name.to_owned() } else { format!("{name} = {there}") };
    output.line(Line::new().bold(title).plain(format!("  about {} rows", grouped(plan.rows))));
    let fact = |what: &str, text: String| output.line(Line::indented(2).dim(format!("{what}  ")).plain(text));
    fact(
        "rows  ",
        match plan.key.as_slice() {
            [] => "no key on both sides: compared as a multiset, equal rows are counted".to_owned(),
            key => format!("told apart by {}", key.join(", ")),
        },
    );
    let bits = if plan.twice { 128 } else { 64 };
    fact(
        "hashed",
        match plan.place {
            Place::Server => format!("on both servers, {bits} bits; blocks, keys and hashes cross the wire"),
            Place::Here => format!("here, {bits} bits; every row crosses the wire"),
        },
    );
    fact(
        "blocks",
        match plan.blocks {
            Blocks::Range { shift } => match 1_u64.checked_shl(u32::from(shift)) {
                Some(width) => format!("ranges of {} keys; an index finds one again", grouped(width)),
                None => "one range".to_owned(),
            },
            Blocks::Hash { bits } => {
                format!("{} by hash; one more reading finds rows again", grouped(1_u64 << bits.min(63)))
            }
        },
    );
    fact("risk  ", risk(plan.risk()));
    for (method, columns) in by_method(plan) {
        fact("column", format!("{}  {}", columns.join(", "), method));
    }
    for skipped in &plan.skipped {
        output
            .line(Line::indented(2).dim("not     ").doubtful(format!("{}: {}", skipped.column, skipped.why)));
    }
    for (side, condition) in [("left  ", &plan.left_where), ("right ", &plan.right_where)] {
        if let Some(condition) = condition {
            fact(side, format!("only where {condition}"));
        }
    }
}

/// The way all tables were compared, in a line or two.
pub fn lines(comparison: &Comparison) -> Vec<Line> {
    let plans: Vec<&TablePlan> = comparison.tables.iter().filter_map(|table| table.plan.as_ref()).collect();
    if plans.is_empty() {
        return Vec::new();
    }
    let here = plans.iter().filter(|plan| plan.place == Place::Here).count();
    let place = match (here, plans.len()) {
        (0, _) => "on the servers",
        (here, all) if here == all => "here",
        _ => "on the servers and here",
    };
    let total: f64 = plans.iter().map(|plan| plan.risk()).sum();
    let mut lines = vec![Line::new().dim(format!("rows were hashed {place}; {}", risk(total)))];
    let keyless = comparison
        .tables
        .iter()
        .filter(|table| table.plan.as_ref().is_some_and(|plan| plan.key.is_empty()))
        .map(|table| table.left.as_str());
    let keyless: Vec<&str> = keyless.collect();
    if !keyless.is_empty() {
        let names = some_of(&keyless);
        lines.push(Line::new().dim(format!("without a key, compared as multisets: {names}")));
    }
    let mut skipped: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for table in &comparison.tables {
        for one in table.plan.iter().flat_map(|plan| &plan.skipped) {
            skipped.entry(one.why.as_str()).or_default().push(format!("{}.{}", table.left, one.column));
        }
    }
    for (why, columns) in skipped {
        let names: Vec<&str> = columns.iter().map(String::as_str).collect();
        lines.push(Line::new().doubtful(format!("columns not compared ({why}): {}", some_of(&names))));
    }
    lines
}

fn some_of(names: &[&str]) -> String {
    const MOST: usize = 5;
    let first = names.iter().take(MOST).copied().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(MOST).filter(|more| *more > 0) {
        Some(more) => format!("{first} and {more} more"),
        None => first,
    }
}

fn risk(risk: f64) -> String {
    if risk <= 0.0 {
        return "there were no rows that a hash could hide".to_owned();
    }
    // Rounded up: what is said is never less than it is.
    let exponent = risk.log10().ceil();
    format!("the chance that a difference is hidden is below 1e{exponent:.0}")
}

fn by_method(plan: &TablePlan) -> Vec<(String, Vec<String>)> {
    let mut found: BTreeMap<Method, Vec<String>> = BTreeMap::new();
    for column in &plan.columns {
        let expression =
            if column.left_as.is_some() || column.right_as.is_some() { " (by an expression)" } else { "" };
        let name = match column.left == column.right {
            true => format!("{}{expression}", column.left),
            false => format!("{} = {}{expression}", column.left, column.right),
        };
        found.entry(column.method).or_default().push(name);
    }
    let said = |method: Method| match method {
        Method::Binary => "by the bits of the value",
        Method::Value => "by the type's own hash: what the type calls equal is equal; --exact tells it apart",
        Method::Text => "by its text, on the server",
        Method::Portable => "by its text, here",
    };
    found.into_iter().map(|(method, columns)| (said(method).to_owned(), columns)).collect()
}

fn full_name((schema, name): &(String, String)) -> String {
    if schema.is_empty() { name.clone() } else { format!("{schema}.{name}") }
}
