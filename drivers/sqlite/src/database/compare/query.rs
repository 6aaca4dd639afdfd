//! The statements by which rows of an order are read.

use backout_core::compare::{Block, Blocks, TableOrder};

use super::relation::Table;
use super::written::Meant;
use crate::database::rows::quoted;

/// Rows of one piece, about.
const ROWS_A_PIECE: u64 = 200_000;
const MOST_PIECES: u64 = 10_000;

/// How the row ids of a table are cut into pieces: of one width, the first open below and the last above. Kept for as
/// long as the side lives, so that a piece is the same rows in each snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cuts {
    low: i64,
    width: u64,
    pub(super) count: u32,
}

impl Cuts {
    /// For row ids from lowest to highest, with so many rows a piece at most, about; none: all is one piece.
    pub(super) fn of(extent: Option<(i64, i64)>, rows: u64, most: Option<u64>) -> Self {
        let whole = Self { low: 0, width: 0, count: 1 };
        let Some((low, high)) = extent else { return whole };
        let span = high.abs_diff(low);
        let count = rows
            .div_ceil(most.unwrap_or(ROWS_A_PIECE).clamp(1, ROWS_A_PIECE))
            .clamp(1, MOST_PIECES)
            .min(span.max(1));
        Self { low, width: (span / count).saturating_add(1), count: u32::try_from(count).unwrap_or(1) }
    }

    /// The condition for a piece.
    pub(super) fn condition(&self, piece: u32, rowid: &str) -> Option<String> {
        let from = |piece: u32| self.low.saturating_add_unsigned(self.width.saturating_mul(u64::from(piece)));
        let below = (piece > 0).then(|| format!("{rowid} >= {}", from(piece)));
        let above = (piece + 1 < self.count).then(|| format!("{rowid} < {}", from(piece + 1)));
        match (below, above) {
            (Some(below), Some(above)) => Some(format!("{below} AND {above}")),
            (one, other) => one.or(other),
        }
    }
}

/// What is read of each row, with what each column is meant for.
pub(super) fn select(order: &TableOrder, table: &Table) -> (String, Vec<Meant>) {
    let mut expressions = Vec::new();
    let mut meant = Vec::new();
    for column in &order.columns {
        match &column.expression {
            // On lines of its own: it may end with a comment.
            Some(expression) => {
                expressions.push(format!("(\n{expression}\n)"));
                meant.push(Meant::Expression);
            }
            None => {
                expressions.push(quoted(&column.name));
                let declared = table.columns.iter().find(|one| one.name == column.name);
                meant.push(declared.map_or(Meant::Other, |declared| declared.meant));
            }
        }
    }
    (format!("SELECT {} FROM main.{}", expressions.join(", "), quoted(&order.name)), meant)
}

/// The order's condition and others, together.
pub(super) fn conditions(order: &TableOrder, others: impl IntoIterator<Item = String>) -> String {
    let own = order.filter.iter().map(|filter| format!("(\n{filter}\n)"));
    let all: Vec<String> = own.chain(others.into_iter().map(|other| format!("({other})"))).collect();
    if all.is_empty() { String::new() } else { format!(" WHERE {}", all.join(" AND ")) }
}

/// The ranges of row ids that blocks are, neighbours as one; none where blocks are not found by them.
pub(super) fn ranges<'a>(
    order: &TableOrder,
    table: &Table,
    blocks: impl IntoIterator<Item = &'a Block>,
) -> Option<Vec<(i64, i64)>> {
    let Blocks::Range { shift } = order.blocks else { return None };
    let [first] = order.key[..] else { return None };
    let column = order.columns.get(first).filter(|column| column.expression.is_none())?;
    if table.alias.as_ref() != Some(&column.name) {
        return None;
    }
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for block in blocks {
        let low = block.checked_shl(u32::from(shift))?;
        let high = low | 1_i64.checked_shl(u32::from(shift))?.wrapping_sub(1);
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(low) => *last = high,
            _ => ranges.push((low, high)),
        }
    }
    Some(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(shift: u8, key: &[usize]) -> (TableOrder, Table) {
        let column = backout_core::compare::OrderColumn {
            name: "id".to_owned(),
            expression: None,
            method: backout_core::compare::Method::Portable,
        };
        let order = TableOrder {
            schema: String::new(),
            name: "t".to_owned(),
            columns: vec![column],
            key: key.to_vec(),
            blocks: Blocks::Range { shift },
            place: backout_core::compare::Place::Here,
            twice: false,
            seed: 1,
            filter: None,
            rows_a_piece: None,
        };
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY)").unwrap();
        (order, Table::read(&connection, "t").unwrap().unwrap())
    }

    #[test]
    fn neighbouring_blocks_are_one_range() {
        let (ten, table) = order(10, &[0]);
        let found = ranges(&ten, &table, &[-2, -1, 0, 3]).unwrap();
        assert_eq!(found, [(-2048, 1023), (3072, 4095)]);
        let (widest, table) = order(63, &[0]);
        assert_eq!(ranges(&widest, &table, &[-1, 0]).unwrap(), [(i64::MIN, i64::MAX)]);
        let (keyless, table) = order(10, &[]);
        assert_eq!(ranges(&keyless, &table, &[0]), None);
    }

    #[test]
    fn every_row_id_is_in_one_piece() {
        for (extent, rows) in [
            (None, 9_000_000),
            (Some((1, 1)), 1),
            (Some((-5, 1_000_000)), 1_000_005),
            (Some((i64::MIN, i64::MAX)), u64::MAX),
        ] {
            let cuts = Cuts::of(extent, rows, None);
            let all: Vec<Option<String>> =
                (0..cuts.count).map(|piece| cuts.condition(piece, "rowid")).collect();
            // What one piece ends with, the next one begins with.
            for pair in all.windows(2) {
                let end = pair[0].as_ref().unwrap().rsplit_once("rowid < ").unwrap().1.to_owned();
                assert!(pair[1].as_ref().unwrap().starts_with(&format!("rowid >= {end}")), "{pair:?}");
            }
            assert!(!all[0].as_deref().unwrap_or_default().contains(">="));
            assert!(!all[all.len() - 1].as_deref().unwrap_or_default().contains('<'));
        }
        assert_eq!(Cuts::of(Some((1, 1_000_000)), 1_000_000, None).count, 5);
        assert_eq!(Cuts::of(Some((1, 1_000_000)), 1_000_000, Some(1_000)).count, 1_000);
    }
}
