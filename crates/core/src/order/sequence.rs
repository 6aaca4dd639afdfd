//! An order that exists: its edges, a sequence, and what is forced.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::behind::Behind;
use super::graph::{Graph, Node, Ranked, get};
use super::net::Net;
use super::word::{Edge, Group, Milestone, Rule};
use crate::name::ComponentName;

/// How two milestones stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// The first must come before the second.
    Forced,
    /// They may come in either order, or side by side.
    Free,
    /// The second must come before the first.
    Reversed,
}

/// The order of all milestones of a migration.
#[derive(Debug, Clone)]
pub struct Order {
    milestones: Vec<Milestone>,
    positions: BTreeMap<ComponentName, usize>,
    sequence: Vec<Node>,
    graph: Graph,
    behind: Behind,
    ranks: Vec<usize>,
}

impl Order {
    pub(super) fn new(net: &Net<'_>, graph: Graph, ranked: Ranked) -> Self {
        let Ranked { ranks, walk } = ranked;
        let behind = Behind::new(&graph, &walk);
        let mut sequence: Vec<Node> = graph.nodes().filter(|node| node.group().is_some()).collect();
        let milestones = sequence.iter().filter_map(|node| net.milestone(*node)).collect();
        sequence.sort_by_key(|node| (get(&ranks, *node), *node));
        let positions = net.names().map(|(name, position)| (name.clone(), position)).collect();
        Self { milestones, positions, sequence, graph, behind, ranks }
    }

    /// All milestones, each as early as the edges allow; those that can come at the same time in the order of the
    /// migration file.
    pub fn sequence(&self) -> impl Iterator<Item = &Milestone> {
        self.sequence.iter().filter_map(|node| self.milestone(*node))
    }

    /// How many milestones, one after the other, must come before this one; none for an unknown component.
    pub fn rank(&self, milestone: &Milestone) -> Option<usize> {
        self.node(milestone).map(|node| get(&self.ranks, node))
    }

    /// How two milestones stand to each other; free when they are the same one, or when the component of one is
    /// unknown.
    pub fn forced(&self, first: &Milestone, second: &Milestone) -> Relation {
        let (Some(first), Some(second)) = (self.node(first), self.node(second)) else {
            return Relation::Free;
        };
        if self.reaches(first, second) {
            Relation::Forced
        } else if self.reaches(second, first) {
            Relation::Reversed
        } else {
            Relation::Free
        }
    }

    /// What a milestone waits for directly and by which rule, in the order of the file. Where several rules ask
    /// for one pair, the first of them is named.
    pub fn predecessors(&self, milestone: &Milestone) -> impl Iterator<Item = (&Milestone, Rule)> {
        self.node(milestone).into_iter().flat_map(|node| self.before(node))
    }

    /// All edges, by the milestone that waits. Which pairs are forced is what [`Order::forced`] says: pairs that
    /// follow from others have no edge of their own.
    pub fn edges(&self) -> impl Iterator<Item = Edge> {
        self.milestones.iter().flat_map(|after| {
            self.predecessors(after).map(|(before, rule)| Edge {
                before: before.clone(),
                after: after.clone(),
                rule,
            })
        })
    }

    /// Looks through gates to the milestones behind them.
    fn before(&self, node: Node) -> impl Iterator<Item = (&Milestone, Rule)> {
        let mut found: BTreeMap<Node, Rule> = BTreeMap::new();
        let mut add = |before: Node, new: Rule| {
            let rule = found.entry(before).or_insert(new);
            *rule = new.min(*rule);
        };
        for link in self.graph.before(node) {
            if link.node.group().is_some() {
                add(link.node, link.rule);
            } else {
                self.behind.of(link.node).for_each(|before| add(before, link.rule));
            }
        }
        found.into_iter().filter_map(|(before, rule)| Some((self.milestone(before)?, rule)))
    }

    fn node(&self, milestone: &Milestone) -> Option<Node> {
        self.positions.get(&milestone.component).map(|position| Node::of(*position, milestone.group))
    }

    fn milestone(&self, node: Node) -> Option<&Milestone> {
        let group = node.group()?;
        self.milestones.get(node.component() * Group::ALL.len() + group as usize)
    }

    fn reaches(&self, from: Node, to: Node) -> bool {
        let limit = get(&self.ranks, to);
        // Ranks grow with every milestone on a path, so nothing at or above the goal can lead to it.
        if get(&self.ranks, from) >= limit {
            return false;
        }
        let mut seen = BTreeSet::new();
        let mut todo = vec![from];
        while let Some(node) = todo.pop() {
            for link in self.graph.after(node) {
                if link.node == to {
                    return true;
                }
                if get(&self.ranks, link.node) < limit && seen.insert(link.node) {
                    todo.push(link.node);
                }
            }
        }
        false
    }
}
