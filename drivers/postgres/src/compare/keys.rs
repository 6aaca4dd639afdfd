//! Keys and hashes of rows: of some blocks or of all, as they come.

use std::collections::BTreeSet;

use backout_contract::compare::Hashed;
use backout_core::compare::{Block, Blocks, Key, Place};
use tokio::sync::mpsc::Sender;

use super::sql::{Part, Sql};
use super::stream::{Rows, garbled};
use crate::server::{Fault, Link};

/// So many rows are handed on at a time.
const BATCH: usize = 4096;
/// So many ranges stand in one statement.
const RANGES: usize = 500;

/// Gives key and hash of rows to whoever listens. True when nobody does any more.
pub(super) async fn keys(
    link: &Link,
    sql: &Sql<'_>,
    pieces: &[Vec<Part>],
    blocks: Option<&BTreeSet<Block>>,
    to: &Sender<Vec<Hashed>>,
) -> Result<bool, Fault> {
    let mut giving = Giving { sql, blocks, to, batch: Vec::with_capacity(BATCH) };
    let here = sql.order.place == Place::Here;
    if let (Blocks::Range { shift }, Some(blocks)) = (sql.order.blocks, blocks) {
        // The index finds them. What the server thinks of the size of a range may be far off, so it has no other choice.
        link.batch_execute("SET LOCAL enable_seqscan = off").await?;
        let cells = if here { sql.texts() } else { sql.key_and_hashes() };
        for ranges in ranges(blocks, shift).chunks(RANGES) {
            if giving.give(link, &sql.keys_between(ranges, &cells)).await? {
                return Ok(true);
            }
        }
        return Ok(giving.flush().await);
    }
    let numbers: Option<Vec<Block>> = blocks.map(|blocks| blocks.iter().copied().collect());
    for part in pieces.iter().flatten() {
        let statement =
            if here { sql.texts_of(part) } else { sql.keys(part, numbers.as_deref(), link.version.major()) };
        if giving.give(link, &statement).await? {
            return Ok(true);
        }
    }
    Ok(giving.flush().await)
}

struct Giving<'a> {
    sql: &'a Sql<'a>,
    blocks: Option<&'a BTreeSet<Block>>,
    to: &'a Sender<Vec<Hashed>>,
    batch: Vec<Hashed>,
}

impl Giving<'_> {
    async fn give(&mut self, link: &Link, statement: &str) -> Result<bool, Fault> {
        let mut rows = Rows::of(link, statement).await?;
        while rows.next().await? {
            let hashed = match self.sql.order.place {
                Place::Server => Some(hashed(self.sql, &rows)?),
                Place::Here => {
                    let found = self.sql.order.hash_here(&rows.cells());
                    let wanted = self.blocks.is_none_or(|blocks| blocks.contains(&found.block));
                    wanted.then_some(Hashed { key: found.key, hash: found.hash })
                }
            };
            self.batch.extend(hashed);
            if self.batch.len() == BATCH && self.flush().await {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn flush(&mut self) -> bool {
        if self.batch.is_empty() {
            return false;
        }
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        self.to.send(batch).await.is_err()
    }
}

/// What a row of [`Sql::key_and_hashes`] says: its key, and both hashes in one.
pub(super) fn hashed(sql: &Sql<'_>, rows: &Rows) -> Result<Hashed, Fault> {
    let many = sql.order.key.len();
    let first = rows.number(many)?.cast_unsigned();
    let second = if sql.order.twice { rows.number(many + 1)?.cast_unsigned() } else { 0 };
    let hash = first.wrapping_add(second);
    if many == 0 {
        return Ok(Hashed { key: Key::from_bytes(hash.to_be_bytes()), hash });
    }
    // Nearly every key is one integer.
    if let ([_], Some(read)) = (sql.order.key.as_slice(), sql.key().next())
        && read.kind.is_integer()
    {
        let Some(bytes) = rows.cell(0) else { return Ok(Hashed { key: Key::of([None]), hash }) };
        let number = i64::from_be_bytes(<[u8; 8]>::try_from(bytes).map_err(|_| garbled())?);
        return Ok(Hashed { key: Key::of([Some(number.to_string().as_bytes())]), hash });
    }
    let mut numbers = Vec::new();
    for (at, read) in sql.key().enumerate() {
        let number = read.kind.is_integer() && rows.cell(at).is_some();
        numbers.push(if number { Some(rows.number(at)?.to_string()) } else { None });
    }
    let parts = numbers.iter().enumerate().map(|(at, number)| match number {
        Some(number) => Some(number.as_bytes()),
        None => rows.cell(at),
    });
    Ok(Hashed { key: Key::of(parts), hash })
}

/// The integers of blocks, neighbours together.
fn ranges(blocks: &BTreeSet<Block>, shift: u8) -> Vec<(i64, i64)> {
    let shift = u32::from(shift.min(63));
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for block in blocks {
        let low = block.checked_mul(1_i64.checked_shl(shift).unwrap_or(i64::MAX)).unwrap_or(i64::MIN);
        let high = low.saturating_add((1_i64 << shift).wrapping_sub(1));
        match ranges.last_mut() {
            Some((_, end)) if end.checked_add(1) == Some(low) => *end = high,
            _ => ranges.push((low, high)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one_range() {
        let of = |blocks: &[Block], shift| ranges(&blocks.iter().copied().collect(), shift);
        assert_eq!(of(&[0, 1, 3], 2), [(0, 7), (12, 15)]);
        assert_eq!(of(&[-2, -1, 0], 10), [(-2048, 1023)]);
        assert_eq!(of(&[5], 0), [(5, 5)]);
        assert_eq!(of(&[-1, 0], 62), [(-(1 << 62), (1 << 62) - 1)]);
        assert_eq!(of(&[-1, 0], 63), [(i64::MIN, i64::MAX)]);
        assert_eq!(of(&[i64::MAX >> 3], 3), [(i64::MAX - 7, i64::MAX)]);
    }
}
