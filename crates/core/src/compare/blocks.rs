//! Blocks of rows: what a pass adds up, and which of them have to be looked at row by row.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// The number of a block.
pub type Block = i64;

/// How rows are put into blocks. Both sides do it alike, by the key alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blocks {
    /// Neighbours: the key's integer without its lowest bits. An index finds a block.
    Range {
        /// How many bits are left away.
        shift: u8,
    },
    /// Scattered: so many lowest bits of the key's hash; of the row's where there is no key. A block is found by
    /// reading the table.
    Hash {
        /// How many bits.
        bits: u8,
    },
}

/// The rows of one block, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub rows: u64,
    /// The sum of their hashes.
    pub sum: i128,
    /// The sum of their second hashes; zero where one is enough.
    pub second: i128,
}

/// The blocks of one side, as far as they were added up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tallies(BTreeMap<Block, Tally>);

impl Tallies {
    /// Adds rows to a block. A table is read in pieces, and a block's rows may stand in any of them.
    pub fn add(&mut self, block: Block, tally: Tally) {
        let sum = self.0.entry(block).or_default();
        sum.rows += tally.rows;
        sum.sum = sum.sum.wrapping_add(tally.sum);
        sum.second = sum.second.wrapping_add(tally.second);
    }

    /// Adds all of a piece.
    pub fn extend(&mut self, piece: Self) {
        for (block, tally) in piece.0 {
            self.add(block, tally);
        }
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.0.values().map(|tally| tally.rows).sum()
    }

    /// How many blocks have rows.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The blocks whose rows are not the same on both sides.
    pub fn unlike(&self, other: &Self) -> BTreeSet<Block> {
        let differs = |block: &&Block| self.0.get(block) != other.0.get(block);
        self.0.keys().chain(other.0.keys()).filter(differs).copied().collect()
    }

    /// How many rows stand in these blocks.
    pub fn rows_in(&self, blocks: &BTreeSet<Block>) -> u64 {
        blocks.iter().filter_map(|block| self.0.get(block)).map(|tally| tally.rows).sum()
    }
}

/// What is looked at row by row after the pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drill {
    /// Nothing: both sides are the same.
    Nothing,
    /// The rows of these blocks.
    Some(BTreeSet<Block>),
    /// All rows, for finding most blocks costs more than reading once.
    All,
}

/// More blocks than this are not named to a server.
const MOST_NAMED: usize = 20_000;

/// Decides what is looked at row by row.
///
/// | blocks that differ | share of the rows in them | blocks are | looked at |
/// |---|---|---|---|
/// | none | | | nothing |
/// | some | up to a fifth | ranges | these |
/// | some | up to a half | scattered: they are found by reading all anyway | these |
/// | more than [`MOST_NAMED`] | | | all |
/// | else | | | all |
pub fn drill(left: &Tallies, right: &Tallies, blocks: Blocks) -> Drill {
    let unlike = left.unlike(right);
    if unlike.is_empty() {
        return Drill::Nothing;
    }
    let most = match blocks {
        Blocks::Range { .. } => 5,
        Blocks::Hash { .. } => 2,
    };
    let (all, within) = (left.rows().max(right.rows()), left.rows_in(&unlike).max(right.rows_in(&unlike)));
    if unlike.len() <= MOST_NAMED && within.saturating_mul(most) <= all {
        Drill::Some(unlike)
    } else {
        Drill::All
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tallies(rows: &[(Block, u64, i128)]) -> Tallies {
        let mut tallies = Tallies::default();
        for &(block, rows, sum) in rows {
            tallies.add(block, Tally { rows, sum, second: 0 });
        }
        tallies
    }

    #[test]
    fn pieces_add_up_in_any_order() {
        let mut one = tallies(&[(1, 2, 10), (2, 1, -5)]);
        one.extend(tallies(&[(2, 3, i128::MAX), (-7, 1, 1)]));
        let mut other = tallies(&[(-7, 1, 1), (2, 3, i128::MAX)]);
        other.extend(tallies(&[(2, 1, -5), (1, 2, 10)]));
        assert_eq!(one, other);
        assert_eq!((one.rows(), one.len()), (7, 3));
        assert!(one.unlike(&other).is_empty());
    }

    #[test]
    fn a_row_more_a_row_less_and_another_hash_are_seen() {
        let base = tallies(&[(1, 2, 10), (2, 1, 5)]);
        assert_eq!(base.unlike(&tallies(&[(1, 2, 10)])), BTreeSet::from([2]));
        assert_eq!(tallies(&[(1, 2, 10)]).unlike(&base), BTreeSet::from([2]));
        assert_eq!(base.unlike(&tallies(&[(1, 2, 11), (2, 1, 5)])), BTreeSet::from([1]));
        assert_eq!(base.unlike(&tallies(&[(1, 3, 10), (2, 1, 5)])), BTreeSet::from([1]));
        let second = Tally { rows: 1, sum: 5, second: 1 };
        let mut twice = tallies(&[(1, 2, 10)]);
        twice.add(2, second);
        assert_eq!(base.unlike(&twice), BTreeSet::from([2]));
    }

    #[test]
    fn each_row_of_the_table() {
        let range = Blocks::Range { shift: 9 };
        let hash = Blocks::Hash { bits: 4 };
        let base = tallies(&[(1, 10, 1), (2, 10, 2), (3, 20, 3), (4, 10, 4)]);
        let one = tallies(&[(1, 10, 9), (2, 10, 2), (3, 20, 3), (4, 10, 4)]);
        let two = tallies(&[(1, 10, 9), (2, 10, 9), (3, 20, 3), (4, 10, 4)]);
        let most = tallies(&[(1, 10, 9), (2, 10, 9), (3, 20, 9), (4, 10, 4)]);
        assert_eq!(drill(&base, &base, range), Drill::Nothing);
        assert_eq!(drill(&base, &one, range), Drill::Some(BTreeSet::from([1])));
        assert_eq!(drill(&base, &two, range), Drill::All);
        assert_eq!(drill(&base, &two, hash), Drill::Some(BTreeSet::from([1, 2])));
        assert_eq!(drill(&base, &most, hash), Drill::All);
        let all: Vec<(Block, u64, i128)> = (0..200_000).map(|block| (block, 10, 1)).collect();
        let mut many = all.clone();
        for (_, _, sum) in many.iter_mut().take(MOST_NAMED + 1) {
            *sum = 2;
        }
        assert_eq!(drill(&tallies(&all), &tallies(&many), range), Drill::All);
    }
}
