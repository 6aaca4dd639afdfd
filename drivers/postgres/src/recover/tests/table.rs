//! The table of decisions, row by row, against the server that decides; and what a winner makes of conflicts.

use std::collections::BTreeMap;
use std::sync::Arc;

use backout_core::writes::{Way, Winner};

use super::world::World;
use crate::recorder::{Change, Image, Kind, Relation, Value};
use crate::server::TableName;

type Row = [i64; 2];

/// One write of users to a row, but for its key.
#[derive(Clone, Copy)]
enum Did {
    I(Row),
    U(Row, Row),
    D(Row),
}
use Did::{D, I, U};

/// What stands in the put-back database, and what became of it there.
#[derive(Clone, Copy)]
enum Here {
    Gone,
    Is(Row),
    Changed(Row),
    Born(Row),
}
use Here::{Born, Changed, Gone, Is};

fn image(key: usize, row: Row) -> Image {
    let text = |value: i64| Some(Value::Text(value.to_string().into()));
    vec![Some(Value::Text(key.to_string().into())), text(row[0]), text(row[1])]
}

fn change(number: u64, table: &str, key: usize, did: Did) -> Change {
    let key_type = if table == "drawn" { "integer" } else { "text" };
    let columns = [("id", key_type), ("a", "integer"), ("b", "integer")];
    Change {
        transaction: number,
        number,
        by_migration: false,
        since_cutover: true,
        relation: Arc::new(Relation {
            table: TableName::new("public", table),
            columns: columns.map(|(name, kind)| (name.to_owned(), kind.to_owned())).to_vec(),
        }),
        kind: match did {
            I(after) => Kind::Inserted { after: image(key, after) },
            U(before, after) => Kind::Changed { before: image(key, before), after: image(key, after) },
            D(before) => Kind::Deleted { before: image(key, before) },
        },
    }
}

/// Number of the row in the table of decisions, what users did, what stands here, whether keys are drawn, the cause of a
/// conflict with its columns, and what stands afterwards: while it waits, if the recorded version wins, and if the
/// restored one does.
type Case = (u32, Vec<Did>, Here, bool, Option<&'static str>, [Option<Row>; 3]);

fn cases() -> Vec<Case> {
    let same = |row: Option<Row>| [row, row, row];
    let back = || vec![U([2, 3], [8, 3]), U([8, 3], [2, 3])];
    let both = Some("both-changed a");
    let gone = Some("changed-and-deleted ");
    vec![
        (1, vec![I([2, 3]), D([2, 3])], Gone, true, None, same(None)),
        (1, vec![I([2, 3]), D([2, 3])], Born([7, 7]), true, None, same(Some([7, 7]))),
        (1, vec![I([2, 3]), D([2, 3])], Is([7, 7]), true, None, same(None)),
        (1, vec![I([2, 3]), D([2, 3])], Changed([7, 7]), true, gone, [Some([7, 7]), None, Some([7, 7])]),
        (2, vec![I([2, 3])], Gone, true, None, same(Some([2, 3]))),
        (2, vec![I([2, 3])], Gone, false, None, same(Some([2, 3]))),
        (3, vec![I([2, 3])], Born([2, 3]), true, None, same(Some([2, 3]))),
        (3, vec![I([2, 3])], Is([2, 3]), false, None, same(Some([2, 3]))),
        (4, vec![I([2, 3])], Born([7, 3]), true, None, same(Some([7, 3]))),
        (
            5,
            vec![I([2, 3])],
            Born([7, 3]),
            false,
            Some("key-taken "),
            [Some([7, 3]), Some([2, 3]), Some([7, 3])],
        ),
        (6, vec![I([2, 3])], Is([7, 3]), true, None, same(Some([2, 3]))),
        (6, vec![I([2, 3])], Is([7, 7]), false, None, same(Some([2, 3]))),
        (7, vec![I([2, 3])], Changed([7, 3]), true, both, [Some([7, 3]), Some([2, 3]), Some([7, 3])]),
        (8, vec![D([2, 3])], Gone, true, None, same(None)),
        (9, vec![D([2, 3])], Changed([2, 7]), true, gone, [Some([2, 7]), None, Some([2, 7])]),
        (9, vec![D([2, 3])], Born([2, 7]), false, gone, [Some([2, 7]), None, Some([2, 7])]),
        (10, vec![D([2, 3])], Is([2, 3]), true, None, same(None)),
        (10, vec![D([2, 3])], Is([2, 7]), true, None, same(None)),
        (11, back(), Gone, true, None, same(None)),
        (11, back(), Is([7, 3]), true, None, same(Some([7, 3]))),
        (12, vec![U([2, 3], [8, 9])], Gone, true, gone, [None, Some([8, 9]), None]),
        (12, vec![U([2, 3], [8, 9])], Gone, false, gone, [None, Some([8, 9]), None]),
        (13, vec![U([2, 3], [8, 9])], Is([8, 9]), true, None, same(Some([8, 9]))),
        (13, vec![U([2, 3], [2, 9])], Changed([5, 9]), true, None, same(Some([5, 9]))),
        (14, vec![U([2, 3], [8, 9])], Is([2, 3]), true, None, same(Some([8, 9]))),
        (14, vec![U([2, 3], [2, 9])], Changed([5, 3]), true, None, same(Some([5, 9]))),
        (14, vec![U([2, 3], [8, 9])], Changed([8, 3]), true, None, same(Some([8, 9]))),
        (15, vec![U([2, 3], [8, 9])], Is([7, 3]), true, both, [Some([7, 3]), Some([8, 9]), Some([7, 9])]),
        (15, vec![U([2, 3], [8, 9])], Is([7, 9]), true, both, [Some([7, 9]), Some([8, 9]), Some([7, 9])]),
        (
            15,
            vec![U([2, 3], [8, 9])],
            Changed([7, 7]),
            true,
            Some("both-changed a,b"),
            [Some([7, 7]), Some([8, 9]), Some([7, 7])],
        ),
    ]
}

#[tokio::test]
async fn every_row_of_the_table() {
    for (version, winner) in [None, Some(Winner::Recorded), Some(Winner::Restored)].into_iter().enumerate() {
        let mut world = World::begin(
            "CREATE TABLE drawn (id integer PRIMARY KEY, a integer, b integer);
             CREATE TABLE kept (id text PRIMARY KEY, a integer, b integer)",
        );
        let (mut changes, mut written, mut rows) = (Vec::new(), Vec::new(), String::new());
        for (at, (_, did, here, drawn, ..)) in cases().into_iter().enumerate() {
            let (key, table) = (at + 1, if drawn { "drawn" } else { "kept" });
            for did in did {
                changes.push(change(changes.len() as u64 + 1, table, key, did));
            }
            let (Is(row) | Changed(row) | Born(row)) = here else { continue };
            rows += &format!("INSERT INTO {table} VALUES ({key}, {}, {});", row[0], row[1]);
            match here {
                Changed(row) => written.push(change(written.len() as u64 + 1, table, key, U([0, 0], row))),
                Born(row) => written.push(change(written.len() as u64 + 1, table, key, I(row))),
                Is(_) | Gone => {}
            }
        }
        world.here(&rows);
        world.written_here = Some(written);
        let order = world.order(Way::Merge, winner);
        let recovered = world.recover_as(world.link().await, &order, changes.clone()).await.unwrap();
        let mut told: BTreeMap<String, String> = BTreeMap::new();
        for line in world.lines("conflicts.jsonl") {
            let columns: Vec<&str> =
                line["columns"].as_array().unwrap().iter().filter_map(|name| name.as_str()).collect();
            let said = format!("{} {}", line["cause"].as_str().unwrap(), columns.join(","));
            told.insert(line["key"][0].as_str().unwrap().to_owned(), said);
        }
        let mut conflicts = 0;
        for (at, (number, _, _, drawn, cause, after)) in cases().into_iter().enumerate() {
            let (key, table) = (at + 1, if drawn { "drawn" } else { "kept" });
            let found = world.rows(&format!("SELECT a, b FROM {table} WHERE id = '{key}'"));
            let expected: Vec<String> =
                after[version].iter().map(|row| format!("{}|{}", row[0], row[1])).collect();
            assert_eq!(found, expected, "row {number}, case {key}, {winner:?}");
            assert_eq!(told.get(&key.to_string()).map(String::as_str), cause, "row {number}, case {key}");
            conflicts += u64::from(cause.is_some());
        }
        assert_eq!(recovered.conflicts(), conflicts);
        assert_eq!(recovered.open_conflicts, if winner.is_none() { conflicts } else { 0 });
        // The row whose key was taken.
        let highest = cases().len();
        assert_eq!(world.rows(&format!("SELECT a, b FROM drawn WHERE id > {highest}")), ["2|3"]);
        assert_eq!(recovered.keys_drawn, 1);
        // Twice is once; and whatever waits is settled later.
        let again = world.recover_as(world.link().await, &order, changes.clone()).await.unwrap();
        assert_eq!((again.applied, again.keys_drawn, again.open_conflicts), (0, 0, recovered.open_conflicts));
        if winner.is_none() {
            assert_eq!(world.rows("SELECT count(*) FROM _backout.conflict"), [conflicts.to_string()]);
            let order = world.order(Way::Merge, Some(Winner::Recorded));
            let later = world.recover_as(world.link().await, &order, changes).await.unwrap();
            assert_eq!((later.open_conflicts, later.conflicts()), (0, conflicts));
            for (at, (number, _, _, drawn, _, after)) in cases().into_iter().enumerate() {
                let table = if drawn { "drawn" } else { "kept" };
                let found = world.rows(&format!("SELECT a, b FROM {table} WHERE id = '{}'", at + 1));
                let expected: Vec<String> =
                    after[1].iter().map(|row| format!("{}|{}", row[0], row[1])).collect();
                assert_eq!(found, expected, "row {number}, settled later");
            }
            assert_eq!(world.rows("SELECT count(*) FROM _backout.conflict"), ["0"]);
        }
    }
}
