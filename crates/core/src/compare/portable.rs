//! Hashes of our own, for sides whose servers do not hash alike.

use std::hash::Hasher;

use twox_hash::XxHash3_64;

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

#[cfg(test)]
mod tests {
    use super::*;

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
