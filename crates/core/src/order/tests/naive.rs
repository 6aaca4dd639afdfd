//! The table once more, written as plainly as possible: no gates, no indices, every pair spelled out, and the
//! closure by brute force. Slow, and only for comparing.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

pub(super) struct Naive {
    edges: BTreeSet<(Milestone, Milestone, Rule)>,
    after: BTreeMap<Milestone, BTreeSet<Milestone>>,
}

fn at(component: &Ordered, group: Group) -> Milestone {
    Milestone { component: component.name.clone(), group }
}

/// Whether `upper` stands on `lower`, directly or not, by dependencies of some kinds.
fn stands_on(all: &[Ordered], upper: &Ordered, lower: &Ordered, kinds: &[DependencyKind]) -> bool {
    upper.dependencies.iter().filter(|dependency| kinds.contains(&dependency.kind)).any(|dependency| {
        let next = all.iter().find(|component| component.name == dependency.on).unwrap();
        next.name == lower.name || stands_on(all, next, lower, kinds)
    })
}

impl Naive {
    /// Only for dependencies without a circle.
    pub fn new(all: &[Ordered]) -> Self {
        use DependencyKind::{Inside, Needs, Reads};
        use Group::{Prove, Quiesce, Recover, Reopen, Revert, Verify};
        let mut edges = BTreeSet::new();
        for c in all {
            let mut add = |before, after, rule| edges.insert((before, after, rule));
            let groups = match (c.mode, c.merges) {
                (Mode::Switched, true) => [Quiesce, Recover, Revert, Prove, Reopen, Verify],
                _ => [Quiesce, Revert, Recover, Prove, Reopen, Verify],
            };
            for pair in groups.windows(2) {
                add(at(c, pair[0]), at(c, pair[1]), Rule::Groups);
            }
            for d in all {
                let has = |kind| c.dependencies.iter().any(|found| found.on == d.name && found.kind == kind);
                let (needs, reads, inside) = (has(Needs) || has(Inside), has(Reads), has(Inside));
                if needs || reads {
                    add(at(c, Quiesce), at(d, Quiesce), Rule::R1);
                    add(at(d, Prove), at(c, Reopen), Rule::R4);
                    add(at(d, Reopen), at(c, Reopen), Rule::R4);
                    add(at(d, Verify), at(c, Verify), Rule::R4);
                }
                if needs && d.mode == Mode::Switched {
                    add(at(c, if c.can_quiesce { Quiesce } else { Revert }), at(d, Revert), Rule::R2);
                }
                if needs && d.mode == Mode::InPlace {
                    add(at(c, Quiesce), at(d, Revert), Rule::R3);
                }
                if reads {
                    add(at(d, Revert), at(c, Revert), Rule::R5);
                }
                if needs && c.mode == Mode::Switched && d.mode == Mode::InPlace {
                    add(at(d, Reopen), at(c, Revert), Rule::R6);
                }
                if d.mode == Mode::Switched && d.merges && stands_on(all, c, d, &[Needs, Reads, Inside]) {
                    add(at(c, Quiesce), at(d, Recover), Rule::R7);
                    add(at(d, Recover), at(c, Revert), Rule::R7);
                }
                if inside {
                    add(at(d, Reopen), at(c, Revert), Rule::R8);
                }
                if c.edge && stands_on(all, c, d, &[Needs, Reads, Inside]) {
                    add(at(d, Reopen), at(c, Reopen), Rule::EdgeLast);
                }
                let moves_to_it = c.mode == Mode::Switched && d.mode == Mode::InPlace;
                if c.edge && moves_to_it && stands_on(all, c, d, &[Needs, Inside]) {
                    add(at(d, Reopen), at(c, Revert), Rule::EdgeLast);
                }
            }
            for (before, after) in &c.extra {
                edges.insert((before.clone(), after.clone(), Rule::Person));
            }
        }
        let mut after: BTreeMap<Milestone, BTreeSet<Milestone>> = BTreeMap::new();
        for (first, second, _) in &edges {
            after.entry(first.clone()).or_default().insert(second.clone());
        }
        let all: Vec<Milestone> =
            all.iter().flat_map(|component| Group::ALL.map(|group| at(component, group))).collect();
        for middle in &all {
            let reached = after.get(middle).cloned().unwrap_or_default();
            for targets in after.values_mut().filter(|targets| targets.contains(middle)) {
                targets.extend(reached.iter().cloned());
            }
        }
        Self { edges, after }
    }

    pub fn has(&self, edge: &Edge) -> bool {
        self.edges.contains(&(edge.before.clone(), edge.after.clone(), edge.rule))
    }

    pub fn forced(&self, before: &Milestone, after: &Milestone) -> bool {
        self.after.get(before).is_some_and(|targets| targets.contains(after))
    }

    pub fn cycles(&self) -> bool {
        self.after.iter().any(|(milestone, targets)| targets.contains(milestone))
    }
}
