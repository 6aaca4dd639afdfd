//! Which milestones stand behind each gate, as one bit for each, so that asking does not walk the whole estate.

use std::collections::BTreeMap;

use super::graph::{Graph, Node};

/// For each gate the milestones that lead into it, through other gates or not.
#[derive(Debug, Clone)]
pub(super) struct Behind {
    sources: Vec<Node>,
    rows: BTreeMap<Node, Vec<u64>>,
}

impl Behind {
    /// `walk` is a topological order of the graph's nodes.
    pub fn new(graph: &Graph, walk: &[Node]) -> Self {
        let mut numbers: BTreeMap<Node, usize> = BTreeMap::new();
        let mut sources = Vec::new();
        let gates = || walk.iter().copied().filter(|node| node.group().is_none());
        for link in gates().flat_map(|gate| graph.before(gate)).filter(|link| link.node.group().is_some()) {
            numbers.entry(link.node).or_insert_with(|| {
                sources.push(link.node);
                sources.len() - 1
            });
        }
        let mut rows: BTreeMap<Node, Vec<u64>> = BTreeMap::new();
        for gate in gates() {
            let mut row = vec![0; sources.len().div_ceil(64)];
            for link in graph.before(gate) {
                if let Some(number) = numbers.get(&link.node) {
                    row.iter_mut().skip(number / 64).take(1).for_each(|word| *word |= 1 << (number % 64));
                } else if let Some(below) = rows.get(&link.node) {
                    row.iter_mut().zip(below).for_each(|(word, more)| *word |= more);
                }
            }
            // Most gates of most estates have nothing behind them.
            if row.iter().any(|word| *word != 0) {
                rows.insert(gate, row);
            }
        }
        Self { sources, rows }
    }

    /// The milestones behind a gate.
    pub fn of(&self, gate: Node) -> impl Iterator<Item = Node> {
        let words = self.rows.get(&gate).into_iter().flatten();
        let chunks = self.sources.chunks(64).zip(words);
        chunks.filter(|(_, word)| **word != 0).flat_map(|(chunk, word)| {
            chunk.iter().enumerate().filter(move |(bit, _)| word >> bit & 1 == 1).map(|(_, node)| *node)
        })
    }
}
