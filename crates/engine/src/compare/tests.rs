mod fake;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use backout_contract::compare::Burden;
use backout_contract::{Stop, StopLevel};
use backout_core::compare::{Cell, Kind, Settled};

use super::*;
use fake::{Fake, Rows};

/// What was told while it went on.
#[derive(Default)]
struct Heard {
    differences: Vec<Difference>,
    waited: Vec<String>,
    stop_after: Option<(tokio::sync::watch::Sender<StopLevel>, usize)>,
}

impl Listener for Heard {
    fn planned(&mut self, _: &TablePlan) {}
    fn far(&mut self, pass: &Pass) {
        assert!(pass.done <= pass.of, "{pass:?}");
    }
    fn waiting(&mut self, why: &str) {
        self.waited.push(why.to_owned());
    }
    fn difference(&mut self, difference: &Difference) -> std::io::Result<()> {
        self.differences.push(difference.clone());
        if let Some((stop, after)) = &self.stop_after
            && self.differences.len() == *after
        {
            stop.send_replace(StopLevel::Finish);
        }
        Ok(())
    }
    fn table(&mut self, _: &TableOutcome) {}
}

fn order() -> CompareOrder {
    CompareOrder {
        left: Scope::default(),
        right: Scope::default(),
        pairs: Vec::new(),
        wanted: Wanted { seed: 7, ..Wanted::default() },
        each: BTreeMap::new(),
        schema: false,
        rows: true,
        masked: BTreeSet::new(),
        limit: u64::MAX,
        ceiling: Ceiling::default(),
        scratch: std::env::temp_dir(),
    }
}

async fn run(left: &Fake, right: &Fake, order: &CompareOrder) -> (Comparison, Heard) {
    let mut heard = Heard::default();
    let comparison = compare(left, right, order, &Stop::never(), &mut heard).await.unwrap();
    (comparison, heard)
}

/// Rows 0 to 4,999; every thousandth is changed, every 999th missing on the right, and there are two more.
fn base() -> (Rows, Rows) {
    let left: Rows = (0..5_000).map(|id| (id, format!("row {id}"))).collect();
    let mut right: Rows = left.iter().filter(|row| row.0 % 999 != 1).cloned().collect();
    for row in right.iter_mut().filter(|row| row.0 % 1000 == 500) {
        row.1.push('!');
    }
    right.extend([(-3, "new".to_owned()), (7_777_777, "far".to_owned())]);
    (left, right)
}

fn counts(comparison: &Comparison) -> (u64, u64, u64, u64, u64) {
    let table = &comparison.tables[0];
    (table.only_left, table.only_right, table.changed, table.settled, table.moving)
}

#[tokio::test(start_paused = true)]
async fn finds_every_row_that_differs_and_no_other() {
    let (left, right) = base();
    let (comparison, heard) = run(&Fake::new(left), &Fake::new(right), &order()).await;
    assert_eq!(counts(&comparison), (6, 2, 5, 0, 0));
    assert!(comparison.is_complete() && comparison.differs());
    assert_eq!(comparison.tables[0].rows, (5_000, 4_996));
    assert!(comparison.tables[0].notes.is_empty(), "{:?}", comparison.tables[0].notes);
    let of = |kind: Kind| -> Vec<String> {
        let keys = heard.differences.iter().filter(|one| one.kind == kind);
        let mut keys: Vec<String> = keys.map(|one| one.key[0].1.clone().unwrap()).collect();
        keys.sort();
        keys
    };
    assert_eq!(of(Kind::OnlyLeft), ["1", "1000", "1999", "2998", "3997", "4996"]);
    assert_eq!(of(Kind::OnlyRight), ["-3", "7777777"]);
    assert_eq!(of(Kind::Changed), ["1500", "2500", "3500", "4500", "500"]);
    let changed = heard.differences.iter().find(|one| one.kind == Kind::Changed).unwrap();
    let value = |suffix: &str| Some(format!("row {}{suffix}", changed.key[0].1.as_ref().unwrap()));
    assert_eq!(changed.columns, [Cell { column: "v".to_owned(), left: value(""), right: value("!") }]);
}

#[tokio::test(start_paused = true)]
async fn what_is_the_same_in_another_order_is_the_same() {
    let (left, _) = base();
    let mut right = left.clone();
    right.reverse();
    let (comparison, heard) = run(&Fake::new(left), &Fake::new(right), &order()).await;
    assert!(comparison.is_complete() && !comparison.differs() && heard.differences.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_connection_lost_at_any_call_changes_nothing() {
    let (left, right) = base();
    let (left, right): (Rows, Rows) = (left[..60].to_vec(), right[..60].to_vec());
    let calm = (Fake::new(left.clone()), Fake::new(right.clone()));
    let (expected, _) = run(&calm.0, &calm.1, &order()).await;
    assert!(calm.0.calls() > 10);
    for lost in 0..calm.0.calls() {
        let (one, other) = (Fake::new(left.clone()), Fake::new(right.clone()));
        one.lose.store(lost, Ordering::Relaxed);
        let (found, heard) = run(&one, &other, &order()).await;
        assert_eq!(found.tables, expected.tables, "lost at {lost}");
        assert_eq!(heard.differences.len() as u64, expected.tables[0].differences());
        let (one, other) = (Fake::new(left.clone()), Fake::new(right.clone()));
        other.lose.store(lost.min(calm.1.calls() - 1), Ordering::Relaxed);
        assert_eq!(
            run(&one, &other, &order()).await.0.tables,
            expected.tables,
            "lost at {lost} on the right"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_read_of_another_moment_after_a_lost_connection_is_looked_at_again() {
    let (left, right) = base();
    let calls = {
        let calm = Fake::new(right.clone());
        run(&Fake::new(left.clone()), &calm, &order()).await;
        calm.calls()
    };
    let mut settled = 0;
    for lost in 0..calls {
        // Row 500 becomes equal, but only in the snapshot after the one that rows are read in.
        let repair = |number: u32, rows: &mut Rows| {
            let equal = rows.iter_mut().filter(|row| number >= 2 && row.0 == 500);
            equal.for_each(|row| row.1 = "row 500".to_owned());
        };
        let other = Fake::written(right.clone(), repair);
        other.lose.store(lost, Ordering::Relaxed);
        let (comparison, heard) = run(&Fake::new(left.clone()), &other, &order()).await;
        // Nothing is null here: a change to or from a null would be two moments mixed.
        let mut changed =
            heard.differences.iter().filter(|one| one.kind == Kind::Changed).flat_map(|one| &one.columns);
        assert!(changed.all(|cell| cell.left.is_some() && cell.right.is_some()), "lost at {lost}");
        settled += comparison.tables[0].settled;
    }
    assert!(settled > 0);
}

#[tokio::test(start_paused = true)]
async fn a_side_that_is_gone_ends_it_and_says_so() {
    let (left, right) = base();
    for lost in [0, 3, 10] {
        let mut gone = Fake::new(right.clone());
        gone.for_good = true;
        gone.lose.store(lost, Ordering::Relaxed);
        let (comparison, _) = run(&Fake::new(left.clone()), &gone, &order()).await;
        assert!(!comparison.is_complete());
        assert!(comparison.cut_short.as_ref().unwrap().contains("the fake"), "{comparison:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn rows_on_their_way_are_settled_and_rows_that_go_on_changing_are_told_as_moving() {
    let (left, _) = base();
    let behind: Rows = left.iter().filter(|row| row.0 != 10).cloned().collect();
    // Row 10 arrives later, row 20 differs for good, row 30 changes without end, row 40 changes once and then stands.
    let arrive = |number: u32, rows: &mut Rows| {
        if !rows.iter().any(|row| row.0 == 10) {
            rows.push((10, "row 10".to_owned()));
        }
        let mut set = |id: i64, text: String| {
            rows.iter_mut().filter(|row| row.0 == id).for_each(|row| row.1 = text.clone())
        };
        set(30, format!("try {number}"));
        set(40, "changed once".to_owned());
    };
    let mut changed = behind.clone();
    for row in changed.iter_mut().filter(|row| [20, 30, 40].contains(&row.0)) {
        row.1 = "other".to_owned();
    }
    let (comparison, heard) = run(&Fake::new(left), &Fake::written(changed, arrive), &order()).await;
    assert_eq!(counts(&comparison), (0, 0, 3, 1, 1));
    let moving: Vec<_> = heard.differences.iter().filter(|one| one.settled == Settled::Moving).collect();
    assert_eq!(moving.len(), 1);
    assert_eq!(moving[0].key[0].1.as_deref(), Some("30"));
    assert!(comparison.sides.1.positions.len() > 1, "{:?}", comparison.sides);
}

#[tokio::test(start_paused = true)]
async fn tables_without_a_key_are_multisets() {
    let row = |text: &str| (1, text.to_owned());
    let left = vec![row("a"), row("a"), row("b"), row("c")];
    let right = vec![row("c"), row("a"), row("d"), row("d")];
    let (comparison, heard) = run(&Fake::keyless(left), &Fake::keyless(right), &order()).await;
    assert_eq!(counts(&comparison), (2, 2, 0, 0, 0));
    let mut told: Vec<_> = heard
        .differences
        .iter()
        .map(|one| {
            assert!(one.key.is_empty());
            let cell = one.columns.iter().find(|cell| cell.column == "v").unwrap();
            (cell.left.clone().or(cell.right.clone()).unwrap(), one.times.unwrap())
        })
        .collect();
    told.sort();
    assert_eq!(told, [("a".to_owned(), (1, 0)), ("b".to_owned(), (1, 0)), ("d".to_owned(), (0, 2))]);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_waits_in_files() {
    let left: Rows = (0..170_000).map(|id| (id, String::new())).collect();
    let mut right = left.clone();
    right.reverse();
    for row in right.iter_mut().filter(|row| row.0 % 500 == 0) {
        row.1.push('x');
    }
    let order = CompareOrder { limit: 0, ..order() };
    let (comparison, _) = run(&Fake::new(left), &Fake::new(right), &order).await;
    assert_eq!(counts(&comparison), (0, 0, 340, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_limit_ends_what_is_told_and_not_what_is_counted() {
    let (left, right) = base();
    let order = CompareOrder { limit: 3, masked: BTreeSet::from(["v".to_owned()]), ..order() };
    let (comparison, heard) = run(&Fake::new(left), &Fake::new(right), &order).await;
    assert_eq!(counts(&comparison), (6, 2, 5, 0, 0));
    assert_eq!(heard.differences.len(), 3);
    let cells = heard.differences.iter().flat_map(|one| &one.columns);
    for text in cells.flat_map(|cell| [&cell.left, &cell.right]).flatten() {
        assert_eq!(text, Cell::MASKED);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_gives_what_is_known_so_far() {
    let (left, mut right) = base();
    right.iter_mut().for_each(|row| row.1.push('?'));
    let (sender, stop) = Stop::channel();
    let mut heard = Heard { stop_after: Some((sender, 1)), ..Heard::default() };
    let comparison = compare(&Fake::new(left), &Fake::new(right), &order(), &stop, &mut heard).await.unwrap();
    assert_eq!(comparison.cut_short.as_deref(), Some(STOPPED));
    assert_eq!(comparison.tables[0].state, TableState::Incomplete(STOPPED.to_owned()));
    let known = comparison.tables[0].differences();
    assert!(known > 0 && known < 5_000 && known == heard.differences.len() as u64, "{known}");
    assert!(comparison.tables[0].notes[0].ends_with("blocks differ"));
}

#[tokio::test(start_paused = true)]
async fn a_ceiling_holds_the_pass_back() {
    let (left, right) = base();
    let mut slow = order();
    slow.ceiling.rows_per_second = Some(100);
    let began = tokio::time::Instant::now();
    run(&Fake::new(left.clone()), &Fake::new(right.clone()), &slow).await;
    let took = began.elapsed().as_secs();
    // The pass, and most rows once more, for they stand in blocks that differ.
    assert!((95..100).contains(&took), "5,000 rows twice at 100 a second took {took} s");
    let mut careful = order();
    careful.ceiling.lag = Some(Duration::from_secs(5));
    let lagging = Fake::new(left);
    let lag = |seconds| Burden { lag: Some(Duration::from_secs(seconds)), answer: Duration::ZERO };
    *lagging.burdens.lock().unwrap() = vec![lag(9), lag(9), lag(4)];
    let (_, heard) = run(&lagging, &Fake::new(right), &careful).await;
    assert_eq!(heard.waited, ["fake: a replica lags 9 s behind"; 2]);
}

#[tokio::test(start_paused = true)]
async fn any_two_tables_are_told_apart_as_maps_are() {
    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;
    let side = || prop::collection::btree_map(-20_i64..20, 0_u8..3, 0..40);
    let mut runner = TestRunner::deterministic();
    for _ in 0..200 {
        let tree = (side(), side()).new_tree(&mut runner).unwrap();
        let (left, right): (BTreeMap<i64, u8>, BTreeMap<i64, u8>) =
            proptest::strategy::ValueTree::current(&tree);
        let rows = |map: &BTreeMap<i64, u8>| map.iter().map(|(id, v)| (*id, v.to_string())).collect::<Rows>();
        let (comparison, _) = run(&Fake::new(rows(&left)), &Fake::new(rows(&right)), &order()).await;
        let only = |one: &BTreeMap<i64, u8>, other: &BTreeMap<i64, u8>| {
            one.keys().filter(|id| !other.contains_key(id)).count() as u64
        };
        let changed =
            left.iter().filter(|(id, v)| right.get(id).is_some_and(|there| there != *v)).count() as u64;
        assert_eq!(counts(&comparison), (only(&left, &right), only(&right, &left), changed, 0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_table_may_be_compared_in_its_own_way() {
    let (left, right) = base();
    let mut order = order();
    let alone = Wanted { except: BTreeSet::from(["v".to_owned()]), ..order.wanted.clone() };
    order.each.insert("t".to_owned(), alone);
    let (comparison, _) = run(&Fake::new(left), &Fake::new(right), &order).await;
    let plan = comparison.tables[0].plan.as_ref().unwrap();
    assert_eq!(plan.skipped.iter().map(|one| one.column.as_str()).collect::<Vec<_>>(), ["v"]);
}

#[tokio::test(start_paused = true)]
async fn schemas_may_be_compared_without_rows() {
    let (left, right) = base();
    let order = CompareOrder { rows: false, schema: true, ..order() };
    let (comparison, _) = run(&Fake::new(left), &Fake::new(right), &order).await;
    assert!(comparison.tables.is_empty() && comparison.schema.is_some() && comparison.is_complete());
}
