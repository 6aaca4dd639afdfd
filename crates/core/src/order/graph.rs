//! Milestones as numbers and edges between them.
//!
//! Two rules reach through any number of components: rule 7 (recover before everything that stands on it moves)
//! and the edge (what is rewritten behind it reopens first). Written out, they would need an edge for each pair.
//! Each component therefore has two *gates* beside its milestones, which pass an order on from component to
//! component; they are never shown.

use std::collections::VecDeque;

use super::word::{Group, Rule};

/// Numbers that belong to one component: its groups, then its gates.
const SLOTS: usize = Group::ALL.len() + 2;

/// A point that only passes an order on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Gate {
    /// All data beneath the component that are merged are recovered.
    Recovered,
    /// All that is rewritten in place behind the component is open again.
    Reopened,
}

/// The number of a milestone or gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Node(usize);

impl Node {
    pub const fn of(component: usize, group: Group) -> Self {
        Self(component * SLOTS + group as usize)
    }

    pub const fn gate(component: usize, gate: Gate) -> Self {
        Self(component * SLOTS + Group::ALL.len() + gate as usize)
    }

    pub const fn component(self) -> usize {
        self.0 / SLOTS
    }

    /// Its group, none for a gate.
    pub fn group(self) -> Option<Group> {
        Group::ALL.get(self.0 % SLOTS).copied()
    }
}

/// One edge, seen from one end: the other end and the rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub node: Node,
    pub rule: Rule,
}

/// One edge, seen from above.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arc {
    pub before: Node,
    pub after: Node,
    pub rule: Rule,
}

/// A graph without a cycle, laid out.
#[derive(Debug, Clone)]
pub(super) struct Ranked {
    /// For each node the largest number of milestones on a path to it, gates not counted.
    pub ranks: Vec<usize>,
    /// All nodes, each behind everything that leads to it.
    pub walk: Vec<Node>,
}

/// For each node whether it is on a cycle or behind one.
pub(super) type Stuck = Vec<bool>;

#[derive(Debug, Clone)]
pub(super) struct Graph {
    before: Vec<Vec<Link>>,
    after: Vec<Vec<Link>>,
}

impl Graph {
    pub fn new(components: usize) -> Self {
        Self { before: vec![Vec::new(); components * SLOTS], after: vec![Vec::new(); components * SLOTS] }
    }

    pub fn link(&mut self, before: Node, after: Node, rule: Rule) {
        if let (Some(out), Some(into)) = (self.after.get_mut(before.0), self.before.get_mut(after.0)) {
            out.push(Link { node: after, rule });
            into.push(Link { node: before, rule });
        }
    }

    pub fn before(&self, node: Node) -> &[Link] {
        self.before.get(node.0).map_or(&[], Vec::as_slice)
    }

    pub fn after(&self, node: Node) -> &[Link] {
        self.after.get(node.0).map_or(&[], Vec::as_slice)
    }

    /// All nodes, gates included.
    pub fn nodes(&self) -> impl Iterator<Item = Node> + use<> {
        (0..self.before.len()).map(Node)
    }

    /// How many edges there are.
    #[cfg(test)]
    pub fn links(&self) -> usize {
        self.before.iter().map(Vec::len).sum()
    }

    /// Ranks every node, looking only at the edges of some rules.
    pub fn ranks(&self, keep: impl Fn(Rule) -> bool) -> Result<Ranked, Stuck> {
        let mut waits: Vec<usize> =
            self.before.iter().map(|links| links.iter().filter(|link| keep(link.rule)).count()).collect();
        let mut ranks = vec![0; waits.len()];
        let mut ready: Vec<Node> = self.nodes().filter(|node| get(&waits, *node) == 0).collect();
        let mut walk = Vec::with_capacity(ranks.len());
        while let Some(node) = ready.pop() {
            walk.push(node);
            let rank = get(&ranks, node);
            for link in self.after(node).iter().filter(|link| keep(link.rule)) {
                let reached = rank + usize::from(link.node.group().is_some());
                if let (Some(wait), Some(old)) = (waits.get_mut(link.node.0), ranks.get_mut(link.node.0)) {
                    *old = reached.max(*old);
                    *wait -= 1;
                    if *wait == 0 {
                        ready.push(link.node);
                    }
                }
            }
        }
        if walk.len() == ranks.len() {
            Ok(Ranked { ranks, walk })
        } else {
            Err(waits.into_iter().map(|wait| wait > 0).collect())
        }
    }

    /// A cycle in the edges of some rules, if there is one: the shortest through one suspect edge, beginning
    /// with that edge, where any suspect edge is on the first cycle met.
    pub fn cycle(&self, keep: impl Fn(Rule) -> bool, suspect: impl Fn(&Arc) -> bool) -> Option<Vec<Arc>> {
        let stuck = self.ranks(&keep).err()?;
        let inside = |link: &&Link| keep(link.rule) && get(&stuck, link.node);
        // Every stuck node waits for another stuck one, so walking back must come round.
        let mut node = self.nodes().find(|node| get(&stuck, *node))?;
        let mut walked: Vec<Arc> = Vec::new();
        let mut met = vec![None; stuck.len()];
        let start = loop {
            let step = met.get_mut(node.0)?;
            if let Some(start) = *step {
                break start;
            }
            *step = Some(walked.len());
            let link = self.before(node).iter().find(inside)?;
            walked.push(Arc { before: link.node, after: node, rule: link.rule });
            node = link.node;
        };
        let round = walked.get(start..)?;
        let first = *round.iter().find(|arc| suspect(arc)).or_else(|| round.first())?;

        let mut reached: Vec<Option<Arc>> = vec![None; stuck.len()];
        let mut todo = VecDeque::from([first.after]);
        while let Some(before) = todo.pop_front() {
            for link in self.after(before).iter().filter(inside) {
                let slot = reached.get_mut(link.node.0)?;
                if slot.is_none() {
                    *slot = Some(Arc { before, after: link.node, rule: link.rule });
                    todo.push_back(link.node);
                }
            }
        }
        let mut path = vec![];
        let mut node = first.before;
        while node != first.after {
            let arc = get(&reached, node)?;
            path.push(arc);
            node = arc.before;
        }
        path.push(first);
        path.reverse();
        Some(path)
    }
}

/// The value kept for a node. Every list made here has one for each.
pub(super) fn get<T: Copy + Default>(values: &[T], node: Node) -> T {
    values.get(node.0).copied().unwrap_or_default()
}
