//! Many writers at once: every acknowledged write is recorded once, and the state that was saved among them has exactly
//! those that are not found to be lacking.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use backout_core::writes::Occasion;

use super::world::{World, state};
use crate::recorder::{By, Change, Kind, Value};
use crate::server::Link;

const TABLES: &str = "CREATE TABLE line (id bigint PRIMARY KEY, writer integer, note text);
                      CREATE TABLE account (id integer PRIMARY KEY, sum bigint NOT NULL);
                      INSERT INTO account SELECT n, 0 FROM generate_series(1, 5) n";
const WRITERS: u64 = 6;

fn number(change: &Change) -> i64 {
    let Kind::Inserted { after } = &change.kind else { panic!("a line is inserted") };
    let Some(Some(Value::Text(id))) = after.first() else { panic!("a line has a number") };
    id.parse().expect("a number")
}

async fn write(
    link: Link,
    writer: u64,
    next: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
) -> BTreeSet<i64> {
    let mut acknowledged = BTreeSet::new();
    let mut turn = writer;
    while !is_over.load(Ordering::Relaxed) {
        turn += 1;
        let ids: Vec<i64> =
            (0..3).map(|_| i64::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap()).collect();
        let account = turn % 5 + 1;
        let (a, b, c) = (ids[0], ids[1], ids[2]);
        let keep = if turn.is_multiple_of(4) { "ROLLBACK TO s" } else { "RELEASE s" };
        let end = if turn.is_multiple_of(7) { "ROLLBACK" } else { "COMMIT" };
        // A line before a savepoint, one within it, one after it, and a row that others want too.
        let sql = format!(
            "BEGIN; INSERT INTO line VALUES ({a}, {writer}, 'a'); SAVEPOINT s; INSERT INTO line VALUES ({b}, {writer}, 'b');
             {keep}; INSERT INTO line VALUES ({c}, {writer}, 'c'); UPDATE account SET sum = sum + 1 WHERE id = {account}; {end}"
        );
        link.batch_execute(&sql).await.expect("write");
        if end == "COMMIT" {
            acknowledged.extend([a, c]);
            if keep != "ROLLBACK TO s" {
                acknowledged.insert(b);
            }
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
    acknowledged
}

async fn reach(done: &AtomicU64, count: u64) {
    while done.load(Ordering::Relaxed) < count {
        tokio::task::yield_now().await;
    }
}

async fn crowd(by: By) {
    let mut world = World::new("crowd", by, TABLES).await;
    let (next, done) = (Arc::new(AtomicU64::new(1)), Arc::new(AtomicU64::new(0)));
    let is_over = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let link = world.another().await;
        writers.push(tokio::spawn(write(link, writer, next.clone(), is_over.clone(), done.clone())));
    }
    reach(&done, 50).await;
    // Recording begins among writers, too.
    let coverage = world.arm(Occasion::Arm).await;
    assert_eq!(coverage.uncovered, [], "{coverage:?}");
    reach(&done, done.load(Ordering::Relaxed) + 100).await;
    let reader = world.another().await;
    reader.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.unwrap();
    let target = state(&reader).await;
    let rows = reader.query("SELECT id FROM line", &[]).await.unwrap();
    let saved: BTreeSet<i64> = rows.iter().map(|row| row.get(0)).collect();
    let sums: i64 = reader.query_one("SELECT sum(sum)::bigint FROM account", &[]).await.unwrap().get(0);
    reader.batch_execute("COMMIT").await.unwrap();
    reach(&done, done.load(Ordering::Relaxed) + 200).await;
    let early = world.count(&target).await.expect("a recorder");
    assert_eq!(early.gaps, []);
    is_over.store(true, Ordering::Relaxed);
    let mut acknowledged = BTreeSet::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    let now: BTreeSet<i64> =
        world.user.query("SELECT id FROM line", &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(now, acknowledged, "what was acknowledged is there");
    let changes = world.lacked(&target).await;
    let lines: Vec<i64> =
        changes.iter().filter(|change| change.relation.table.name == "line").map(number).collect();
    let recorded: BTreeSet<i64> = lines.iter().copied().collect();
    assert_eq!(lines.len(), recorded.len(), "none twice");
    assert_eq!(recorded, now.difference(&saved).copied().collect(), "exactly what the saved state lacks");
    let after: i64 = world.user.query_one("SELECT sum(sum)::bigint FROM account", &[]).await.unwrap().get(0);
    let updates = changes.iter().filter(|change| change.relation.table.name == "account").count();
    assert_eq!(i64::try_from(updates).unwrap(), after - sums);
    // Each account is counted up one by one: changes of a row come in the order in which they were made.
    for account in 1..=5 {
        let mut last = None;
        for change in changes.iter().filter(|change| change.relation.table.name == "account") {
            let Kind::Changed { before, after } = &change.kind else { panic!("an account is changed") };
            let text = |value: &Option<Value>| match value {
                Some(Value::Text(text)) => text.parse::<i64>().unwrap(),
                other => panic!("{other:?}"),
            };
            if text(&after[0]) == account {
                assert!(last.is_none_or(|last| last == text(&before[1])), "out of order");
                last = Some(text(&after[1]));
            }
        }
    }
    let sealed = world.seal(&target).await;
    assert_eq!(sealed.counted.users().sum(), changes.len() as u64);
    let numbers = |changes: &[Change]| changes.iter().map(|change| change.number).collect::<Vec<_>>();
    assert_eq!(
        numbers(&world.lacked_of(&sealed, &target).await),
        numbers(&changes),
        "the same wherever they are read"
    );
    assert!(early.users().sum() <= sealed.counted.users().sum());
    world.disarm().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_loses_nothing_of_a_crowd() {
    crowd(By::Slot).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn triggers_lose_nothing_of_a_crowd() {
    crowd(By::Triggers).await;
}
