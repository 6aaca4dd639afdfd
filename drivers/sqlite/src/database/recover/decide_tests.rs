use super::*;
use crate::database::recover::fold::Write;

fn row(values: [i64; 3]) -> Row {
    values.map(|value| Some(Cell::Integer(value))).to_vec()
}

fn users(writes: Vec<Write>) -> Folded {
    let mut writes = writes.into_iter();
    let mut folded = Folded::of(writes.next().unwrap());
    writes.for_each(|write| folded.then(write));
    folded
}

fn i(after: [i64; 3]) -> Write {
    Write::Insert { after: row(after) }
}

fn u(before: [i64; 3], after: [i64; 3]) -> Write {
    Write::Update { before: row(before), after: row(after) }
}

fn d(before: [i64; 3]) -> Write {
    Write::Delete { before: row(before) }
}

fn here(values: [i64; 3]) -> Option<Here> {
    Some(Here { row: row(values), is_born: false, is_changed: false })
}

fn changed_here(values: [i64; 3]) -> Option<Here> {
    Some(Here { row: row(values), is_born: false, is_changed: true })
}

fn born_here(values: [i64; 3]) -> Option<Here> {
    Some(Here { row: row(values), is_born: true, is_changed: true })
}

fn conflict(cause: ConflictCause, columns: &[usize], recorded: Action, restored: Action) -> Decision {
    Decision::Conflict(Conflict { cause, columns: columns.to_vec(), recorded, restored })
}

#[test]
fn every_row_of_the_table() {
    use Action::{Delete, Insert, Nothing, Update};
    use ConflictCause::{BothChanged, ChangedAndDeleted, KeyTaken};
    let take = Decision::Take;
    let inserted = || users(vec![i([1, 2, 3])]);
    let deleted = || users(vec![d([1, 2, 3])]);
    let changed = || users(vec![u([1, 2, 3], [1, 8, 9])]);
    let changed_and_gone = || conflict(ChangedAndDeleted, &[], Insert, Nothing);
    for (number, users, here, drawn, expected) in [
        (1, users(vec![i([1, 2, 3]), d([1, 2, 3])]), None, true, take(Nothing)),
        (1, users(vec![i([1, 2, 3]), d([1, 2, 3])]), born_here([1, 7, 7]), true, take(Nothing)),
        (1, users(vec![i([1, 2, 3]), d([1, 2, 3])]), here([1, 7, 7]), true, take(Delete)),
        (
            1,
            users(vec![i([1, 2, 3]), d([1, 2, 3])]),
            changed_here([1, 7, 7]),
            true,
            conflict(ChangedAndDeleted, &[], Delete, Nothing),
        ),
        (2, inserted(), None, true, take(Insert)),
        (2, inserted(), None, false, take(Insert)),
        (3, inserted(), born_here([1, 2, 3]), true, take(Nothing)),
        (3, inserted(), here([1, 2, 3]), false, take(Nothing)),
        (4, inserted(), born_here([1, 7, 3]), true, Decision::DrawAnotherKey),
        (5, inserted(), born_here([1, 7, 3]), false, conflict(KeyTaken, &[], Update(vec![1]), Nothing)),
        (6, inserted(), here([1, 7, 3]), true, take(Update(vec![1]))),
        (6, inserted(), here([1, 7, 7]), false, take(Update(vec![1, 2]))),
        (7, inserted(), changed_here([1, 7, 3]), true, conflict(BothChanged, &[1], Update(vec![1]), Nothing)),
        (8, deleted(), None, true, take(Nothing)),
        (9, deleted(), changed_here([1, 2, 7]), true, conflict(ChangedAndDeleted, &[], Delete, Nothing)),
        (9, deleted(), born_here([1, 2, 7]), false, conflict(ChangedAndDeleted, &[], Delete, Nothing)),
        (10, deleted(), here([1, 2, 3]), true, take(Delete)),
        (10, deleted(), here([1, 2, 7]), true, take(Delete)),
        (11, users(vec![u([1, 2, 3], [1, 8, 3]), u([1, 8, 3], [1, 2, 3])]), None, true, take(Nothing)),
        (
            11,
            users(vec![u([1, 2, 3], [1, 8, 3]), u([1, 8, 3], [1, 2, 3])]),
            here([1, 7, 3]),
            true,
            take(Nothing),
        ),
        (12, changed(), None, true, changed_and_gone()),
        (12, changed(), None, false, changed_and_gone()),
        (13, changed(), here([1, 8, 9]), true, take(Nothing)),
        (13, changed(), changed_here([5, 8, 9]), true, take(Nothing)),
        (14, changed(), here([1, 2, 3]), true, take(Update(vec![1, 2]))),
        (14, changed(), changed_here([5, 2, 3]), true, take(Update(vec![1, 2]))),
        (14, changed(), changed_here([1, 8, 3]), true, take(Update(vec![2]))),
        (
            15,
            changed(),
            here([1, 7, 3]),
            true,
            conflict(BothChanged, &[1], Update(vec![1, 2]), Update(vec![2])),
        ),
        (15, changed(), here([1, 7, 9]), true, conflict(BothChanged, &[1], Update(vec![1]), Nothing)),
        (15, changed(), here([1, 7, 7]), true, conflict(BothChanged, &[1, 2], Update(vec![1, 2]), Nothing)),
    ] {
        assert_eq!(decide(&users, here.as_ref(), drawn), expected, "row {number}: {users:?} {here:?}");
    }
}

#[test]
fn a_column_of_which_nothing_is_known_is_no_difference() {
    let mut last = row([1, 2, 3]);
    last[2] = None;
    let users = users(vec![Write::Insert { after: last }]);
    assert_eq!(decide(&users, here([1, 2, 9]).as_ref(), true), Decision::Take(Action::Nothing));
}

#[test]
fn a_winner_settles_a_conflict() {
    let users = users(vec![u([1, 2, 3], [1, 8, 9])]);
    let Decision::Conflict(conflict) = decide(&users, here([1, 7, 3]).as_ref(), true) else { panic!() };
    assert_eq!(conflict.settled(Winner::Recorded), &Action::Update(vec![1, 2]));
    assert_eq!(conflict.settled(Winner::Restored), &Action::Update(vec![2]));
}
