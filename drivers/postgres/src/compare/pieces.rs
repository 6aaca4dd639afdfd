//! How a pass over a relation is cut: by the places of rows, so that a piece is read from one end of a disk's region to
//! the other, and each row stands in exactly one.

use super::relation::Leaf;
use super::sql::Part;

/// How much is read in one piece.
const LEAST: u64 = 64 << 20;
const MOST: u64 = 256 << 20;
/// Larger tables have larger pieces, until there would be so many.
const MANY: u64 = 64;
/// What a row takes where nobody knows.
const ROW: u64 = 100;
/// More partitions than this are not read in one piece, however small they are.
const MOST_PARTS: usize = 100;

/// The pieces of a relation, with so many rows each at most, about, where that is said; each is a few parts that are read one after the other.
///
/// | rows have places, and the server reads by them (14 and newer) | size | pieces |
/// |---|---|---|
/// | yes | above a piece | ranges of blocks, the last one without an end |
/// | yes | up to a piece | itself; small neighbours share one |
/// | no | | itself |
pub(super) fn pieces(leaves: &[Leaf], block_size: u64, by_places: bool, most: Option<u64>) -> Vec<Vec<Part>> {
    let all: u64 = leaves.iter().map(|leaf| leaf.bytes).sum();
    let row = all.checked_div(leaves.iter().map(|leaf| leaf.rows).sum()).unwrap_or(ROW).max(1);
    let most = most.map_or(u64::MAX, |most| most.saturating_mul(row).max(block_size));
    let size = (all / MANY).clamp(LEAST, MOST).min(most);
    let mut pieces: Vec<Vec<Part>> = Vec::new();
    let mut room = 0;
    for leaf in leaves {
        let whole = Part { from: leaf.from.clone(), places: None };
        if leaf.has_places && leaf.bytes <= size {
            match pieces.last_mut() {
                Some(last) if leaf.bytes <= room && last.len() < MOST_PARTS => last.push(whole),
                _ => {
                    pieces.push(vec![whole]);
                    room = size;
                }
            }
            room -= leaf.bytes;
            continue;
        }
        room = 0;
        if !leaf.has_places || !by_places {
            pieces.push(vec![whole]);
            continue;
        }
        let blocks = (size / block_size).max(1);
        let count = leaf.bytes.div_ceil(blocks * block_size);
        for number in 0..count {
            let (from, to) = (number * blocks, (number + 1) * blocks);
            let mut places = format!("t.ctid >= '({from},0)'::tid");
            // Whoever writes meanwhile makes it longer.
            if number + 1 < count {
                places.push_str(&format!(" AND t.ctid < '({to},0)'::tid"));
            }
            pieces.push(vec![Part { from: leaf.from.clone(), places: Some(places) }]);
        }
    }
    if pieces.is_empty() {
        // A partitioned table without partitions has no rows.
        pieces.push(Vec::new());
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(name: &str, mib: u64, has_places: bool) -> Leaf {
        Leaf { from: name.to_owned(), bytes: mib << 20, rows: mib << 10, has_places }
    }

    fn cut(leaves: &[Leaf], by_places: bool) -> Vec<Vec<String>> {
        let shown = |part: &Part| format!("{} {}", part.from, part.places.as_deref().unwrap_or("whole"));
        pieces(leaves, 8192, by_places, None).iter().map(|piece| piece.iter().map(shown).collect()).collect()
    }

    #[test]
    fn each_row_of_the_table() {
        let large = cut(&[leaf("a", 150, true)], true);
        assert_eq!(
            large,
            [
                ["a t.ctid >= '(0,0)'::tid AND t.ctid < '(8192,0)'::tid"],
                ["a t.ctid >= '(8192,0)'::tid AND t.ctid < '(16384,0)'::tid"],
                ["a t.ctid >= '(16384,0)'::tid"],
            ]
        );
        assert_eq!(cut(&[leaf("a", 150, true)], false), [["a whole"]]);
        assert_eq!(cut(&[leaf("v", 0, false)], true), [["v whole"]]);
        let small = [leaf("a", 40, true), leaf("b", 20, true), leaf("c", 20, true), leaf("f", 0, false)];
        assert_eq!(cut(&small, true), [vec!["a whole", "b whole"], vec!["c whole"], vec!["f whole"]]);
        assert_eq!(cut(&[], true), [Vec::<String>::new()]);
    }

    #[test]
    fn a_piece_has_no_more_rows_than_was_said() {
        // Rows of 1 KiB: 64 MiB have 65,536 of them.
        let count = |most| pieces(&[leaf("a", 64, true)], 8192, true, most).len();
        assert_eq!([None, Some(100_000), Some(6_554), Some(1)].map(count), [1, 1, 11, 8192]);
        let parts = [leaf("a", 40, true), leaf("b", 20, true)];
        assert_eq!(pieces(&parts, 8192, true, Some(41_000)).len(), 2);
    }

    #[test]
    fn large_tables_have_large_pieces_and_many_partitions_are_spread() {
        assert_eq!(cut(&[leaf("a", 8 << 10, true)], true).len(), 64);
        assert_eq!(cut(&[leaf("a", 1 << 20, true)], true).len(), 4096);
        let many: Vec<Leaf> = (0..250).map(|_| leaf("p", 0, true)).collect();
        assert_eq!(cut(&many, true).iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 50]);
    }
}
