//! Who depends on whom, by position in the file, so that walks over large estates compare no names.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::Node;
use super::word::{DependencyKind, Milestone, Ordered};
use crate::name::ComponentName;

/// One dependency, by position.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tie {
    pub consumer: usize,
    pub provider: usize,
    pub kind: DependencyKind,
    pub compatible_both: bool,
}

/// The components with an index by name and the ties by provider.
pub(super) struct Net<'a> {
    components: &'a [Ordered],
    positions: BTreeMap<&'a ComponentName, usize>,
    consumers: Vec<Vec<Tie>>,
}

impl<'a> Net<'a> {
    pub fn new(components: &'a [Ordered]) -> Self {
        let mut positions = BTreeMap::new();
        for (position, component) in components.iter().enumerate() {
            positions.entry(&component.name).or_insert(position);
        }
        let mut consumers = vec![Vec::new(); components.len()];
        for (consumer, component) in components.iter().enumerate() {
            for dependency in &component.dependencies {
                let Some(&provider) = positions.get(&dependency.on) else { continue };
                if let Some(ties) = consumers.get_mut(provider) {
                    let (kind, compatible_both) = (dependency.kind, dependency.compatible_both);
                    ties.push(Tie { consumer, provider, kind, compatible_both });
                }
            }
        }
        Self { components, positions, consumers }
    }

    /// The components with their positions, in the order of the file.
    pub fn components(&self) -> impl Iterator<Item = (usize, &'a Ordered)> + use<'a> {
        self.components.iter().enumerate()
    }

    pub fn component(&self, position: usize) -> Option<&'a Ordered> {
        self.components.get(position)
    }

    pub fn position(&self, name: &ComponentName) -> Option<usize> {
        self.positions.get(name).copied()
    }

    /// Every name with its position.
    pub fn names(&self) -> impl Iterator<Item = (&'a ComponentName, usize)> {
        self.positions.iter().map(|(name, position)| (*name, *position))
    }

    /// The milestone of a node, none for a gate.
    pub fn milestone(&self, node: Node) -> Option<Milestone> {
        let component = self.component(node.component())?.name.clone();
        Some(Milestone { component, group: node.group()? })
    }

    /// The positions of named components, in the order of the file.
    pub fn positions(&self, names: &BTreeSet<ComponentName>) -> BTreeSet<usize> {
        names.iter().filter_map(|name| self.position(name)).collect()
    }

    /// Who depends on a component.
    pub fn consumers(&self, provider: usize) -> &[Tie] {
        self.consumers.get(provider).map_or(&[], Vec::as_slice)
    }

    /// All ties.
    pub fn ties(&self) -> impl Iterator<Item = Tie> {
        self.consumers.iter().flatten().copied()
    }
}
