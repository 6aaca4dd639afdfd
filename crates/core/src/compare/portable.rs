//! Hashes of our own, for sides whose servers do not hash alike.

use std::hash::Hasher;

use twox_hash::XxHash3_64;

use super::blocks::{Block, Blocks, Tally};
use super::key::Key;
use super::plan::TableOrder;

/// 64 bits of one text.
pub fn hash_text(text: &[u8], seed: u64) -> u64 {
    XxHash3_64::oneshot_with_seed(seed, text)
}

/// 64 bits of a row's texts, in their order. A null is no text, and lengths count, so that nothing moves from one column
/// into the next unseen.
pub fn hash_row<'a>(cells: impl IntoIterator<Item = Option<&'a [u8]>>, seed: u64) -> u64 {
    let mut hash = XxHash3_64::with_seed(seed);
    for cell in cells {
        match cell {
            None => hash.write(&u64::MAX.to_le_bytes()),
            Some(text) => {
                hash.write(&(text.len() as u64).to_le_bytes());
                hash.write(text);
            }
        }
    }
    hash.finish()
}

/// A row that was hashed by us, as every driver has to do it: sums of two sides are comparable only so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedHere {
    /// What tells the row from others; of a table without a key, its hash as bytes.
    pub key: Key,
    /// The block that it is in.
    pub block: Block,
    /// Its hash; where two are taken, their sum.
    pub hash: u64,
    /// What it adds to its block.
    pub tally: Tally,
}

impl TableOrder {
    /// Hashes a row from the texts of the order's columns.
    ///
    /// | blocks | key | the block is |
    /// |---|---|---|
    /// | ranges | an integer first | that integer without its lowest bits |
    /// | scattered | some | the lowest bits of the hash of the key's bytes |
    /// | scattered | none | the lowest bits of the row's hash |
    pub fn hash_here(&self, cells: &[Option<&[u8]>]) -> HashedHere {
        let first = hash_row(cells.iter().copied(), self.seed);
        let second = if self.twice { hash_row(cells.iter().copied(), !self.seed) } else { 0 };
        let hash = first.wrapping_add(second);
        let key = if self.key.is_empty() {
            Key::from_bytes(hash.to_be_bytes())
        } else {
            Key::of(self.key.iter().map(|at| cells.get(*at).copied().flatten()))
        };
        let lowest = |hash: u64, bits: u8| (hash & !(u64::MAX << bits.min(63))).cast_signed();
        let block = match self.blocks {
            Blocks::Hash { bits } if self.key.is_empty() => lowest(first, bits),
            Blocks::Hash { bits } => lowest(hash_text(key.bytes(), self.seed), bits),
            Blocks::Range { shift } => {
                let text = self.key.first().and_then(|at| cells.get(*at).copied().flatten());
                let number: Option<i64> = text.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
                number.unwrap_or_default() >> shift.min(63)
            }
        };
        HashedHere {
            key,
            block,
            hash,
            tally: Tally { rows: 1, sum: i128::from(first), second: i128::from(second) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Method, OrderColumn, Place};

    fn order(key: &[usize], blocks: Blocks, twice: bool) -> TableOrder {
        let column =
            |name: &str| OrderColumn { name: name.to_owned(), expression: None, method: Method::Portable };
        TableOrder {
            schema: String::new(),
            name: "t".to_owned(),
            columns: vec![column("id"), column("name")],
            key: key.to_vec(),
            blocks,
            place: Place::Here,
            twice,
            seed: 5,
            filter: None,
            rows_a_piece: None,
        }
    }

    #[test]
    fn each_way_to_find_the_block() {
        let row: [Option<&[u8]>; 2] = [Some(b"-700"), Some(b"x")];
        let (range, hash) = (Blocks::Range { shift: 9 }, Blocks::Hash { bits: 3 });
        assert_eq!(order(&[0], range, false).hash_here(&row).block, -2);
        let keyed = order(&[0], hash, false).hash_here(&row);
        assert_eq!(keyed.key, Key::of([Some(b"-700".as_slice())]));
        assert_eq!(keyed.block, i64::try_from(hash_text(keyed.key.bytes(), 5) & 7).unwrap());
        let other = order(&[0], hash, false).hash_here(&[Some(b"-700"), None]);
        assert_eq!((other.key == keyed.key, other.block == keyed.block), (true, true));
        assert_ne!(other.hash, keyed.hash);
        let keyless = order(&[], hash, false).hash_here(&row);
        assert_eq!(keyless.key, Key::from_bytes(keyless.hash.to_be_bytes()));
        assert_eq!(keyless.block, i64::try_from(keyless.hash & 7).unwrap());
    }

    #[test]
    fn a_second_hash_counts_too() {
        let row: [Option<&[u8]>; 2] = [Some(b"1"), Some(b"x")];
        let range = Blocks::Range { shift: 0 };
        let (once, twice) =
            (order(&[0], range, false).hash_here(&row), order(&[0], range, true).hash_here(&row));
        assert_eq!((once.tally.sum, once.tally.second), (i128::from(once.hash), 0));
        assert_eq!(twice.tally.sum, once.tally.sum);
        assert_ne!(twice.tally.second, 0);
        assert_ne!(twice.hash, once.hash);
    }

    #[test]
    fn what_moves_between_columns_is_another_row() {
        let rows: [&[Option<&[u8]>]; 6] = [
            &[Some(b"ab"), Some(b"c")],
            &[Some(b"a"), Some(b"bc")],
            &[Some(b"c"), Some(b"ab")],
            &[None, Some(b"abc")],
            &[Some(b""), Some(b"abc")],
            &[Some(b"abc"), None],
        ];
        let mut hashes: Vec<u64> = rows.iter().map(|row| hash_row(row.iter().copied(), 7)).collect();
        assert_eq!(hashes[0], hash_row(rows[0].iter().copied(), 7));
        assert_ne!(hashes[0], hash_row(rows[0].iter().copied(), 8));
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), rows.len());
    }
}
