//! Why no order exists, and the cure.

use std::collections::BTreeSet;
use std::fmt;

use super::graph::{Arc, Graph};
use super::net::Net;
use super::word::{Edge, Group, Rule};
use crate::name::ComponentName;

/// A circle of edges, and what is to blame for it. Prints as one line, the cure included; [`Cycle::problem`],
/// [`Cycle::cure`] and [`Cycle::steps`] give the parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle {
    /// The edges, each beginning where the one before ends; the last ends where the first begins. The first is
    /// to blame, or in a circle of dependencies that of the component that comes first in the file.
    pub path: Vec<Edge>,
    /// What is to blame.
    pub cause: Cause,
}

/// What is to blame for a cycle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// These cannot quiesce, so that they can only leave what they use by going back themselves. A maintenance
    /// mode for any one of them breaks this cycle.
    CannotQuiesce(Vec<ComponentName>),
    /// These depend on each other in a circle, each on the next, the last on the first.
    Circle(Vec<ComponentName>),
    /// These edges were added by a person and contradict the others on the path.
    Added(Vec<Edge>),
}

impl Cycle {
    /// Finds the plainest cause of a graph without an order. Dependencies that go in a circle spoil every other
    /// rule, and added edges are only to blame when there would be an order without them.
    pub(super) fn find(net: &Net<'_>, graph: &Graph) -> Self {
        if let Some(mut arcs) = graph.cycle(|rule| rule == Rule::R1, |_| true) {
            let first = arcs.iter().enumerate().min_by_key(|(_, arc)| arc.before);
            let place = first.map_or(0, |(place, _)| place);
            arcs.rotate_left(place);
            let path = shown(net, &arcs);
            let cause = Cause::Circle(path.iter().map(|edge| edge.before.component.clone()).collect());
            return Self { path, cause };
        }
        let leaves = |arc: &Arc| arc.rule == Rule::R2 && arc.before.group() == Some(Group::Revert);
        if let Some(arcs) = graph.cycle(|rule| rule != Rule::Person, leaves) {
            let mut seen = BTreeSet::new();
            let blamed = arcs
                .iter()
                .filter(|arc| leaves(arc) && seen.insert(arc.before))
                .filter_map(|arc| net.milestone(arc.before).map(|milestone| milestone.component));
            let cause = Cause::CannotQuiesce(blamed.collect());
            return Self { path: shown(net, &arcs), cause };
        }
        let arcs = graph.cycle(|_| true, |arc| arc.rule == Rule::Person).unwrap_or_default();
        let path = shown(net, &arcs);
        let cause = Cause::Added(path.iter().filter(|edge| edge.rule == Rule::Person).cloned().collect());
        Self { path, cause }
    }

    /// What is wrong, a lowercase fragment.
    pub fn problem(&self) -> String {
        match &self.cause {
            Cause::CannotQuiesce(_) => "no order without an outage exists".to_owned(),
            Cause::Circle(names) => {
                let first = names.first().into_iter();
                let round: Vec<&str> = names.iter().chain(first).map(ComponentName::as_str).collect();
                format!("the dependencies go in a circle ({})", round.join(" → "))
            }
            Cause::Added(_) => "an added edge contradicts the order".to_owned(),
        }
    }

    /// What to do about it, a lowercase fragment.
    pub fn cure(&self) -> String {
        match &self.cause {
            Cause::CannotQuiesce(names) => format!("give {} a maintenance mode", one_of(names)),
            Cause::Circle(_) => "take one of these dependencies out".to_owned(),
            Cause::Added(edges) => format!("take out {}", one_of(edges)),
        }
    }

    /// The path in words, one line for each edge.
    pub fn steps(&self) -> Vec<String> {
        self.path
            .iter()
            .map(|edge| {
                let blamed = match &self.cause {
                    Cause::CannotQuiesce(names) => {
                        edge.rule == Rule::R2
                            && edge.before.group == Group::Revert
                            && names.contains(&edge.before.component)
                    }
                    Cause::Circle(_) | Cause::Added(_) => false,
                };
                let leaving = if blamed {
                    format!(", and {} cannot quiesce, so it leaves by going back", edge.before.component)
                } else {
                    String::new()
                };
                format!("{edge} ({}: {}{leaving})", edge.rule, edge.rule.because())
            })
            .collect()
    }

    /// The path in words, on one line.
    pub fn path_text(&self) -> String {
        self.steps().join("; ")
    }
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.problem(), self.cure())
    }
}

impl std::error::Error for Cycle {}

fn one_of(things: &[impl fmt::Display]) -> String {
    let texts: Vec<String> = things.iter().map(|thing| format!("`{thing}`")).collect();
    match texts.as_slice() {
        [only] => only.clone(),
        _ => format!("one of {}", texts.join(", ")),
    }
}

/// The path as people see it: an order that passed through gates is one edge.
fn shown(net: &Net<'_>, arcs: &[Arc]) -> Vec<Edge> {
    let mut edges = Vec::new();
    let mut begun = None;
    for arc in arcs {
        if begun.is_none() {
            begun = net.milestone(arc.before);
        }
        if let Some(after) = net.milestone(arc.after)
            && let Some(before) = begun.take()
        {
            edges.push(Edge { before, after, rule: arc.rule });
        }
    }
    edges
}
