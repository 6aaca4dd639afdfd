//! The order, held against its table, the estates and a second, naive implementation.

mod estate;
mod naive;
mod part;
mod random;
mod row;
mod selection;
mod words;

use super::*;
use crate::name::ComponentName;

fn name(text: &str) -> ComponentName {
    ComponentName::new(text).unwrap()
}

fn names(text: &str) -> std::collections::BTreeSet<ComponentName> {
    text.split_whitespace().map(name).collect()
}

/// A milestone by the letter of its group: `db.W` is `db.recover`.
fn milestone(text: &str) -> Milestone {
    let (component, letter) = text.rsplit_once('.').unwrap();
    let group = match letter {
        "Q" => Group::Quiesce,
        "R" => Group::Revert,
        "W" => Group::Recover,
        "P" => Group::Prove,
        "O" => Group::Reopen,
        "V" => Group::Verify,
        _ => panic!("no group {letter}"),
    };
    Milestone { component: name(component), group }
}

fn letters(milestone: &Milestone) -> String {
    let letter = match milestone.group {
        Group::Quiesce => "Q",
        Group::Revert => "R",
        Group::Recover => "W",
        Group::Prove => "P",
        Group::Reopen => "O",
        Group::Verify => "V",
        Group::Stage => "S",
    };
    format!("{}.{letter}", milestone.component)
}

/// Components, one a line: `web switched open edge needs db cache reads settings~ before web.Q db.Q`. `open`
/// cannot quiesce, `accepted` is `live: accepted`, and a `~` behind a dependency is `compatible: both`.
fn estate(text: &str) -> Vec<Ordered> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(component).collect()
}

fn component(line: &str) -> Ordered {
    let mut words = line.split_whitespace().peekable();
    let mut made = Ordered {
        name: name(words.next().unwrap()),
        mode: if words.next() == Some("switched") { Mode::Switched } else { Mode::InPlace },
        can_quiesce: true,
        live_accepted: false,
        merges: false,
        edge: false,
        dependencies: Vec::new(),
        extra: Vec::new(),
    };
    let mut kind = None;
    while let Some(word) = words.next() {
        match word {
            "open" => made.can_quiesce = false,
            "accepted" => made.live_accepted = true,
            "merge" => made.merges = true,
            "edge" if kind.is_none() => made.edge = true,
            "needs" => kind = Some(DependencyKind::Needs),
            "reads" => kind = Some(DependencyKind::Reads),
            "inside" => kind = Some(DependencyKind::Inside),
            "before" => {
                made.extra.push((milestone(words.next().unwrap()), milestone(words.next().unwrap())));
            }
            on => made.dependencies.push(Dependency {
                on: name(on.trim_end_matches('~')),
                kind: kind.unwrap_or_else(|| panic!("no keyword before {on}")),
                compatible_both: on.ends_with('~'),
            }),
        }
    }
    made
}

fn relation(order: &Order, pair: &str) -> Relation {
    let (first, second) = pair.split_once(' ').unwrap();
    order.forced(&milestone(first), &milestone(second))
}
