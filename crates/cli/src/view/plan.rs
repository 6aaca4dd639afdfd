//! A plan on one screen: the price first, then what changes, then the steps, questions last.

use std::collections::BTreeSet;

use backout_core::decide::{Course, MadeBy, Reason};
use backout_core::delta::{Change, Reversibility, Shown};
use backout_core::name::ComponentName;
use backout_core::observation::Seen;
use backout_core::plan::{Plan, PlannedComponent, Step};

use super::words::{counted, estimate, moment};
use super::{Line, Output, Table};

/// How many differences of one component are shown; `--json` has more.
const CHANGES: usize = 8;
/// How many components and steps are shown; a screen is not read further.
const COMPONENTS: usize = 60;
const STEPS: usize = 200;
/// How many edges of one step are shown.
const EDGES: usize = 3;
/// A text in a difference is not shown longer, in characters.
const LONGEST_TEXT: usize = 90;

/// Shows a plan.
pub fn show(output: Output, plan: &Plan) {
    if output.json {
        output.document(&backout_api::Plan::from(plan));
        return;
    }
    output.line(
        Line::new()
            .bold(format!("Going back with {}", plan.migration))
            .plain(format!(" to checkpoint {}", plan.checkpoint))
            .dim(format!(", seen at {}", moment(plan.made))),
    );
    if plan.is_empty() {
        output.blank();
        output.line(Line::new().good("Nothing to do").plain(": everything is as it was saved."));
        notes(output, plan);
        return;
    }
    output.blank();
    price(output, plan);
    output.blank();
    output.line(Line::new().bold("What changes").dim("  (now → then)"));
    let listed = by_execution(plan);
    for component in listed.iter().take(COMPONENTS) {
        changes(output, component);
    }
    more(output, listed.len(), COMPONENTS);
    if !plan.steps.is_empty() {
        output.blank();
        output.line(Line::new().bold("Steps"));
        steps(output, plan);
    }
    notes(output, plan);
    questions(output, plan);
}

fn price(output: Output, plan: &Plan) {
    let price = &plan.price;
    let people = match price.person_steps {
        0 => String::new(),
        count => format!(", {count} of them by a person"),
    };
    let mut table = Table::default();
    let mut row = |name: &str, text: String| table.row([Line::new().dim(name), Line::of(text)]);
    for (name, text) in super::price::rows(plan) {
        row(name, text);
    }
    row("doors shut", estimate(price.closed.as_ref()));
    row("takes", estimate(price.duration.as_ref()));
    row("steps", format!("{}{people}", price.steps));
    row("window", window(plan));
    table.print(&output, 2);
    for component in plan.acting() {
        if let Some(price) = &component.price {
            super::price::details(output, component.name.as_str(), price);
        }
    }
}

/// When going back stops being possible.
fn window(plan: &Plan) -> String {
    let closing = plan.acting().filter_map(|component| match &component.reversibility {
        Reversibility::Until { until, because } => Some((*until, because, &component.name)),
        _ => None,
    });
    match closing.min_by_key(|(until, ..)| *until) {
        Some((until, because, name)) => format!("closes {}, when {because} (`{name}`)", moment(until)),
        None => "stays open".to_owned(),
    }
}

/// The components that the plan is about, those with steps first and in the order of their first step.
fn by_execution(plan: &Plan) -> Vec<&PlannedComponent> {
    let mut seen: BTreeSet<&ComponentName> = BTreeSet::new();
    let first_own = plan.steps.iter().filter(|step| step.group == backout_core::order::Group::Revert);
    let mut listed: Vec<&PlannedComponent> = first_own
        .chain(&plan.steps)
        .filter(|step| seen.insert(&step.component))
        .filter_map(|step| plan.component(&step.component))
        .collect();
    listed.extend(
        plan.components
            .iter()
            .filter(|component| component.decision.reason != Reason::Same && !seen.contains(&component.name)),
    );
    listed
}

fn changes(output: Output, component: &PlannedComponent) {
    let what = match component.decision.course {
        Course::Act => Line::new().plain("is put back"),
        Course::Ask => Line::new().doubtful("needs an answer"),
        Course::Leave if component.part.is_some() => Line::new().plain("stays as it is, and takes part"),
        Course::Leave => Line::new().plain("stays as it is"),
    };
    output.line(
        Line::indented(2)
            .bold(component.name.as_str())
            .dim(format!("  {} ({})  ", component.target, component.kind))
            .then(what)
            .plain(match reason(component) {
                Some(reason) => format!(": {reason}"),
                None => String::new(),
            }),
    );
    if let Some(part) = component.part.as_ref().filter(|_| component.decision.course == Course::Leave) {
        output.line(Line::indented(4).plain(part));
    }
    let mut table = Table::default();
    for change in component.delta.changes.iter().take(CHANGES) {
        table.row([Line::of(cut(&change.path)), sides(change)]);
    }
    table.print(&output, 4);
    let more = component.delta.len().saturating_sub(component.delta.changes.len().min(CHANGES));
    if more > 0 {
        output.line(Line::indented(4).dim(format!("… and {more} more")));
    }
    if let Some(line) = reversibility(component) {
        output.line(Line::indented(4).then(line));
    }
}

fn reason(component: &PlannedComponent) -> Option<&'static str> {
    Some(match (component.decision.reason, component.decision.made_by) {
        (Reason::Same, _) => return None,
        (Reason::Migrated, _) => "the migration changed it",
        (Reason::LandedUnknown, _) => {
            "it changed since the capture; by the migration or by somebody, nobody looked"
        }
        (Reason::Gone, MadeBy::Migration) => "it is gone since the migration",
        (Reason::Gone, MadeBy::SomebodySince) => "somebody removed it since cutover",
        (Reason::Gone, _) => "it is gone",
        (Reason::Unreadable, _) => "what stands there cannot be read",
        (Reason::Unreachable, _) => "it does not answer",
        (Reason::LaterWrites, _) => "only later writes, which stay",
        (Reason::Drift, _) => "somebody changed it since cutover",
        (Reason::DriftSincePutBack, _) => "somebody changed it after it was put back",
        (Reason::WritesUnknown, _) => "its data moved, and it cannot be told who wrote",
        (Reason::ByHand, _) => "only a person can put it back",
        (Reason::Kept, _) => "kept, by choice",
        (Reason::Overwritten, _) => "somebody changed it since cutover, and that is overwritten, by choice",
    })
}

fn sides(change: &Change) -> Line {
    match (&change.now, &change.then) {
        (Shown::Sensitive, Shown::Sensitive) => Line::new().plain("(sensitive, differs)"),
        (now, then) => side(now).plain(" → ").then(side(then)),
    }
}

fn side(shown: &Shown) -> Line {
    match shown {
        Shown::Absent => Line::new().dim("(nothing)"),
        Shown::Sensitive => Line::new().dim("(sensitive)"),
        Shown::Text(text) => Line::of(cut(text)),
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST_TEXT {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(LONGEST_TEXT).collect();
    short.push('…');
    short
}

fn reversibility(component: &PlannedComponent) -> Option<Line> {
    if component.decision.course == Course::Leave {
        return None;
    }
    Some(match &component.reversibility {
        Reversibility::Fully => match &component.live {
            Some(Seen::Unreadable { cause } | Seen::Unreachable { cause }) => Line::new().doubtful(cause),
            _ => Line::new().dim("reversible"),
        },
        Reversibility::Until { until, because } => {
            Line::new().doubtful(format!("reversible until {}, when {because}", moment(*until)))
        }
        Reversibility::WithLoss { what } => Line::new().doubtful(format!("reversible with loss: {what}")),
        Reversibility::OneWay { why } => Line::new().bad(format!("one-way: {why}")),
    })
}

fn steps(output: Output, plan: &Plan) {
    let width = plan.steps.iter().map(|step| step.id.as_str().len()).max().unwrap_or(0);
    let digits = plan.steps.len().to_string().len();
    for (index, step) in plan.steps.iter().take(STEPS).enumerate() {
        let number = index + 1;
        output.line(
            Line::indented(2)
                .dim(format!("{number:>digits$}  "))
                .then(Line::new().bold(step.id.as_str()).padded(width + 2))
                .plain(&step.title),
        );
        edges(output, step, digits + 6);
    }
    more(output, plan.steps.len(), STEPS);
}

/// Says how many are not shown, and where they are.
fn more(output: Output, all: usize, shown: usize) {
    if all > shown {
        output.line(
            Line::indented(2)
                .doubtful(format!("… and {} more: --out FILE and --json have all of them", all - shown)),
        );
    }
}

fn edges(output: Output, step: &Step, indent: usize) {
    for edge in step.because.iter().take(EDGES) {
        output.line(Line::indented(indent).dim(format!("after {}: {}", edge.after, edge.rule.because())));
    }
    if step.because.len() > EDGES {
        output.line(
            Line::indented(indent).dim(format!("and {}", counted(step.because.len() - EDGES, "more edge"))),
        );
    }
}

fn notes(output: Output, plan: &Plan) {
    if !plan.notes.is_empty() {
        output.blank();
        output.line(Line::new().bold("To know"));
        for note in &plan.notes {
            output.line(Line::indented(2).plain(note));
        }
    }
}

fn questions(output: Output, plan: &Plan) {
    if plan.questions.is_empty() {
        return;
    }
    output.blank();
    output.line(Line::new().bold("Needs an answer first"));
    for question in &plan.questions {
        output.line(Line::indented(2).doubtful(&question.question));
        output.line(Line::indented(4).plain(question.answers.join("   or   ")));
    }
}
