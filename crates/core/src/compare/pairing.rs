//! Rows of two streams, matched by key while they arrive: what both sides have alike is forgotten at once.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::key::Key;

/// One of two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Which {
    /// The first.
    Left,
    /// The second.
    Right,
}

/// A key whose rows are not the same on both sides: the hashes of each side's rows that have no equal on the other. More
/// than one a side only where the key does not tell rows apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Odd {
    /// On the left.
    pub left: Vec<u64>,
    /// On the right.
    pub right: Vec<u64>,
}

/// Rows that wait for their equal.
#[derive(Debug, Default)]
pub struct Pairing {
    waiting: BTreeMap<Key, Odd>,
}

impl Pairing {
    /// A row of one side.
    pub fn add(&mut self, side: Which, key: Key, hash: u64) {
        let mut entry = match self.waiting.entry(key) {
            Entry::Vacant(vacant) => {
                let odd = match side {
                    Which::Left => Odd { left: vec![hash], right: Vec::new() },
                    Which::Right => Odd { left: Vec::new(), right: vec![hash] },
                };
                vacant.insert(odd);
                return;
            }
            Entry::Occupied(occupied) => occupied,
        };
        let odd = entry.get_mut();
        let (own, other) = match side {
            Which::Left => (&mut odd.left, &mut odd.right),
            Which::Right => (&mut odd.right, &mut odd.left),
        };
        match other.iter().position(|there| *there == hash) {
            Some(at) => {
                other.swap_remove(at);
                if odd.left.is_empty() && odd.right.is_empty() {
                    entry.remove();
                }
            }
            None => own.push(hash),
        }
    }

    /// How many keys wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What found no equal, by key.
    pub fn finish(self) -> BTreeMap<Key, Odd> {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(number: u64) -> Key {
        Key::of([Some(number.to_string().as_bytes())])
    }

    #[test]
    fn what_arrives_later_or_twice_finds_its_equal() {
        let mut pairing = Pairing::default();
        for (side, number, hash) in [
            (Which::Left, 1, 10),
            (Which::Right, 2, 20),
            (Which::Left, 2, 20),
            (Which::Right, 1, 11),
            (Which::Left, 3, 30),
            (Which::Left, 3, 30),
            (Which::Right, 3, 30),
            (Which::Right, 4, 40),
        ] {
            pairing.add(side, key(number), hash);
        }
        assert_eq!(pairing.waiting(), 3);
        let odd = pairing.finish();
        assert_eq!(odd[&key(1)], Odd { left: vec![10], right: vec![11] });
        assert_eq!(odd[&key(3)], Odd { left: vec![30], right: vec![] });
        assert_eq!(odd[&key(4)], Odd { left: vec![], right: vec![40] });
    }

    proptest! {
        #[test]
        fn the_order_of_arrival_changes_nothing(
            left in prop::collection::vec((0u64..6, 0u64..3), 0..20),
            right in prop::collection::vec((0u64..6, 0u64..3), 0..20),
            turns in prop::collection::vec(any::<bool>(), 40),
        ) {
            let (mut lefts, mut rights) = (left.iter(), right.iter());
            let mut mixed = Pairing::default();
            for turn in turns.iter().copied().chain([true; 20]).chain([false; 20]) {
                let (side, next) = if turn { (Which::Left, lefts.next()) } else { (Which::Right, rights.next()) };
                if let Some((number, hash)) = next {
                    mixed.add(side, key(*number), *hash);
                }
            }
            let mut counts: BTreeMap<(u64, u64), i64> = BTreeMap::new();
            left.iter().for_each(|one| *counts.entry(*one).or_default() += 1);
            right.iter().for_each(|one| *counts.entry(*one).or_default() -= 1);
            let mut found: BTreeMap<(Key, u64), i64> = BTreeMap::new();
            for (key, odd) in mixed.finish() {
                odd.left.iter().for_each(|hash| *found.entry((key.clone(), *hash)).or_default() += 1);
                odd.right.iter().for_each(|hash| *found.entry((key.clone(), *hash)).or_default() -= 1);
            }
            counts.retain(|_, count| *count != 0);
            let counts: BTreeMap<(Key, u64), i64> =
                counts.into_iter().map(|((number, hash), count)| ((key(number), hash), count)).collect();
            prop_assert_eq!(found, counts);
        }
    }
}
