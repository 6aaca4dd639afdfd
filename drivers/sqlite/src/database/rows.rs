//! What tables hold, in one pass each and in no memory to speak of.
//!
//! A row is hashed with the types of its values; a table is the sum of its rows' hashes, so that neither the
//! order of the rows nor their row ids count. Columns that are computed when they are read are left out.

use backout_core::digest::Digest;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use sha2::{Digest as _, Sha256};

use super::state::Content;
use crate::fault::Fault;
use crate::pace::Pace;

/// Rows between two questions whether to go on.
const ROWS_BETWEEN_CHECKS: u64 = 4096;

/// Counts and digests the rows of a table.
pub(super) fn content_of(connection: &Connection, table: &str, pace: &Pace) -> Result<Content, Fault> {
    let columns = stored_columns(connection, table)?;
    // Not by an index: what the table itself holds is what counts.
    let query = format!("SELECT {} FROM main.{} NOT INDEXED", columns.join(", "), quoted(table));
    let mut statement = connection.prepare(&query)?;
    let mut rows = statement.query([])?;
    let mut sum = Sum::default();
    let mut count = 0u64;
    while let Some(row) = rows.next()? {
        if count.is_multiple_of(ROWS_BETWEEN_CHECKS) {
            pace.check("read the rows of a database")?;
        }
        count += 1;
        let mut hasher = Sha256::new();
        for column in 0..columns.len() {
            add_value(&mut hasher, row.get_ref(column)?);
        }
        sum.add(hasher.finalize().into());
    }
    Ok(Content { rows: count, digest: sum.into_digest(count) })
}

/// A name as SQL takes any name.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn stored_columns(connection: &Connection, table: &str) -> Result<Vec<String>, Fault> {
    let mut statement = connection
        .prepare("SELECT name FROM pragma_table_xinfo(?1, 'main') WHERE hidden <> 2 ORDER BY cid")?;
    let names = statement.query_map([table], |row| row.get::<_, String>(0))?;
    names.map(|name| Ok(quoted(&name?))).collect()
}

fn add_value(hasher: &mut Sha256, value: ValueRef<'_>) {
    let mut add = |kind: u8, bytes: &[u8]| {
        hasher.update([kind]);
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    match value {
        ValueRef::Null => add(0, &[]),
        ValueRef::Integer(number) => add(1, &number.to_le_bytes()),
        ValueRef::Real(number) => add(2, &number.to_bits().to_le_bytes()),
        ValueRef::Text(text) => add(3, text),
        ValueRef::Blob(bytes) => add(4, bytes),
    }
}

/// A sum of hashes modulo 2^256. A sum and no exclusive or, in which equal rows would cancel out.
#[derive(Default)]
struct Sum([u64; 4]);

impl Sum {
    fn add(&mut self, hash: [u8; 32]) {
        let mut carry = false;
        for (limb, bytes) in self.0.iter_mut().zip(hash.chunks_exact(8)) {
            let addend = bytes.iter().rev().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
            let (partial, over) = limb.overflowing_add(addend);
            let (whole, over_again) = partial.overflowing_add(u64::from(carry));
            *limb = whole;
            carry = over || over_again;
        }
    }

    fn into_digest(self, count: u64) -> Digest {
        let mut bytes = count.to_le_bytes().to_vec();
        bytes.extend(self.0.iter().flat_map(|limb| limb.to_le_bytes()));
        Digest::of_bytes("backout/sqlite/rows", &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_carries_and_wraps() {
        let mut sum = Sum([u64::MAX, u64::MAX, 0, 7]);
        let mut one = [0u8; 32];
        one[0] = 1;
        sum.add(one);
        assert_eq!(sum.0, [0, 0, 1, 7]);
        let mut full = Sum([u64::MAX; 4]);
        full.add(one);
        assert_eq!(full.0, [0; 4]);
        let mut every = Sum::default();
        every.add([0xff; 32]);
        every.add([0xff; 32]);
        assert_eq!(every.0, [u64::MAX - 1, u64::MAX, u64::MAX, u64::MAX]);
    }
}
