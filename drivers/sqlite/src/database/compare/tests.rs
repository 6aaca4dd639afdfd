use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use backout_contract::compare::{Hashed, Limits, Row, Scope, Side, Sides, Which};
use backout_contract::{Context, ErrorKind, Session};
use backout_core::compare::{
    Blocks, Key, TableOrder, TablePlan, Tallies, Wanted, compare_things, plan_table,
};
use backout_core::secret::Secret;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::Files;
use crate::database::tests::world::{FULL, World};

const LIMITS: Limits =
    Limits { connections: 1, statement: Duration::from_secs(60), lock: Duration::from_secs(5) };

struct Two {
    world: World,
    folder: TempDir,
}

impl Two {
    fn new(left: &str, right: &str) -> Self {
        let two = Self { world: World::new(), folder: tempfile::tempdir().unwrap() };
        for (name, sql) in [("left", left), ("right", right)] {
            two.open(name).execute_batch(sql).unwrap();
        }
        two
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn open(&self, name: &str) -> Connection {
        Connection::open(self.path(name)).unwrap()
    }

    fn context(&self) -> Context {
        self.world.context()
    }

    async fn side(&self, name: &str) -> Arc<dyn Side> {
        let address = Secret::new(self.path(name).to_str().unwrap());
        Files.open(&address, &LIMITS, &self.context()).await.unwrap()
    }

    async fn plan(&self, table: &str, wanted: &Wanted) -> (Arc<dyn Side>, Arc<dyn Side>, TablePlan) {
        let (left, right) = (self.side("left").await, self.side("right").await);
        let scope = Scope { tables: BTreeSet::from([table.to_owned()]), ..Scope::default() };
        let (here, there) = (left.catalog(&scope).await.unwrap(), right.catalog(&scope).await.unwrap());
        let about = left.about().await.unwrap();
        let plan = plan_table((&here.relations[0], &about), (&there.relations[0], &about), wanted).unwrap();
        (left, right, plan)
    }

    /// The keys of rows that differ, by reading all of both.
    async fn unlike(&self, table: &str, wanted: &Wanted) -> Vec<String> {
        let (left, right, plan) = self.plan(table, wanted).await;
        let (here, there) = (plan.left_order(), plan.right_order());
        let tallies = (tally(&left, &here).await, tally(&right, &there).await);
        let blocks = tallies.0.unlike(&tallies.1);
        let one = keys(&left, &here, Some(&blocks)).await;
        let other = keys(&right, &there, Some(&blocks)).await;
        assert!(one.len() as u64 <= tallies.0.rows());
        let unlike: BTreeSet<&Key> =
            one.keys().chain(other.keys()).filter(|key| one.get(key) != other.get(key)).collect();
        unlike.into_iter().map(|key| format!("{key:?}")).collect()
    }
}

async fn tally(side: &Arc<dyn Side>, order: &TableOrder) -> Tallies {
    let mut all = Tallies::default();
    for piece in 0..side.pieces(order).await.unwrap() {
        all.extend(side.tally(order, piece).await.unwrap());
    }
    all
}

async fn keys(
    side: &Arc<dyn Side>,
    order: &TableOrder,
    blocks: Option<&BTreeSet<i64>>,
) -> BTreeMap<Key, Vec<u64>> {
    let (sender, mut receiver) = mpsc::channel::<Vec<Hashed>>(2);
    let reading = async { side.keys(order, blocks, sender).await.unwrap() };
    let listening = async {
        let mut all: BTreeMap<Key, Vec<u64>> = BTreeMap::new();
        while let Some(batch) = receiver.recv().await {
            for row in batch {
                all.entry(row.key).or_default().push(row.hash);
            }
        }
        all.values_mut().for_each(|hashes| hashes.sort_unstable());
        all
    };
    tokio::join!(reading, listening).1
}

fn texts(row: &Row) -> Vec<&str> {
    row.values.iter().map(|value| value.as_ref().map_or("null", |value| value.text.as_str())).collect()
}

#[tokio::test]
async fn every_kind_of_table_is_the_same_as_its_copy() {
    let two = Two::new(FULL, FULL);
    for table in ["users", "tasks", "tags", "anything", "odd \"name\" – ü", "search", "open_tasks"] {
        assert!(two.unlike(table, &Wanted::default()).await.is_empty(), "{table}");
    }
    let catalog = two.side("left").await.catalog(&Scope::default()).await.unwrap();
    let told: Vec<String> =
        catalog.relations.iter().map(|one| format!("{} by {:?}", one.name, one.key)).collect();
    assert_eq!(
        told,
        [
            "anything by []",
            "odd \"name\" – ü by []",
            "search by []",
            "tags by [\"task\", \"tag\"]",
            "tasks by [\"id\"]",
            "users by [\"id\"]",
        ]
    );
}

#[tokio::test]
async fn each_row_that_differs_is_found_and_no_other() {
    let two = Two::new(FULL, FULL);
    two.open("right")
        .execute_batch(
            "UPDATE users SET secret = x'00ff11' WHERE id = 1;
             INSERT INTO tasks (id, title) VALUES (-9, 'new');
             UPDATE tasks SET weight = 0.25 WHERE id = 2;
             DELETE FROM tags WHERE task = 1 AND tag = 'b';",
        )
        .unwrap();
    let wanted = Wanted::default();
    assert_eq!(two.unlike("users", &wanted).await, ["Key(1)"]);
    assert_eq!(two.unlike("tasks", &wanted).await, ["Key(2)", "Key(-9)"]);
    assert_eq!(two.unlike("tags", &wanted).await, ["Key(1, b)"]);
    let filtered = Wanted { right_where: Some("id > 0 -- old".to_owned()), ..Wanted::default() };
    assert_eq!(two.unlike("tasks", &filtered).await, ["Key(2)"]);
}

#[tokio::test]
async fn one_is_not_the_text_of_one() {
    let two = Two::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 1), (2, '1'), (3, x'31'), (4, 1.0), (5, NULL)",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, '1'), (2, x'31'), (3, 1.0), (4, 1), (5, '')",
    );
    assert_eq!(two.unlike("t", &Wanted::default()).await.len(), 5);
    let (left, _, plan) = two.plan("t", &Wanted::default()).await;
    let order = plan.left_order();
    let all: Vec<Key> = keys(&left, &order, None).await.into_keys().collect();
    let mut rows = left.rows(&order, &all).await.unwrap();
    rows.sort_by(|one, other| one.key.cmp(&other.key));
    let told: Vec<Vec<&str>> = rows.iter().map(texts).collect();
    assert_eq!(told, [["1", "1"], ["2", "text:1\0"], ["3", "\\x31"], ["4", "1.0"], ["5", "null"]]);
}

#[tokio::test]
async fn rows_without_a_key_are_a_multiset() {
    let table = "CREATE TABLE t (v); INSERT INTO t VALUES ('a'), ('a'), ('b')";
    let two = Two::new(table, table);
    two.open("right").execute_batch("INSERT INTO t VALUES ('a')").unwrap();
    let (left, right, plan) = two.plan("t", &Wanted::default()).await;
    assert!(plan.key.is_empty());
    let (here, there) =
        (keys(&left, &plan.left_order(), None).await, keys(&right, &plan.right_order(), None).await);
    let (key, twice) = here.iter().find(|(_, hashes)| hashes.len() == 2).unwrap();
    assert_eq!((twice.len(), there[key].len()), (2, 3));
    let rows = right.rows(&plan.right_order(), std::slice::from_ref(key)).await.unwrap();
    assert_eq!(rows.iter().map(texts).collect::<Vec<_>>(), [["a"], ["a"], ["a"]]);
}

#[tokio::test]
async fn a_key_that_an_index_finds_gives_the_same_rows_as_reading_all() {
    let table = "CREATE TABLE t (a TEXT COLLATE NOCASE, b REAL, c BLOB, PRIMARY KEY (a, b, c));
        INSERT INTO t VALUES ('x', 1, x'00'), ('X', 2, 'text'), ('y', 1e300, 1), ('12', -0.5, '12'), ('', 0.0, x'')";
    let two = Two::new(table, table);
    let (left, right, plan) = two.plan("t", &Wanted::default()).await;
    assert_eq!(plan.key, ["a", "b", "c"]);
    let order = plan.left_order();
    let all: Vec<Key> = keys(&left, &order, None).await.into_keys().collect();
    assert_eq!(left.rows(&order, &all).await.unwrap().len(), 5);
    assert_eq!(left.rows(&order, &all[..2]).await.unwrap().len(), 2);
    // The same by an expression, for which there is no index.
    let wanted =
        Wanted { right_as: BTreeMap::from([("a".to_owned(), "trim(a)".to_owned())]), ..Wanted::default() };
    let (_, _, plan) = two.plan("t", &wanted).await;
    let mut told: Vec<Key> =
        right.rows(&plan.right_order(), &all).await.unwrap().into_iter().map(|row| row.key).collect();
    told.sort();
    assert_eq!(told, all);
}

#[tokio::test]
async fn a_large_table_is_read_in_pieces_and_found_again_by_ranges() {
    let table = "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 450000)
        INSERT INTO t SELECT i, 'row ' || i FROM n";
    let two = Two::new(table, table);
    two.open("right").execute_batch("UPDATE t SET v = 'x' WHERE id IN (1, 200001, 450000)").unwrap();
    let (left, _, plan) = two.plan("t", &Wanted::default()).await;
    assert!(matches!(plan.blocks, Blocks::Range { .. }));
    assert!(left.pieces(&plan.left_order()).await.unwrap() > 1);
    assert_eq!(two.unlike("t", &Wanted::default()).await, ["Key(1)", "Key(200001)", "Key(450000)"]);
}

#[tokio::test]
async fn numbers_with_gaps_are_not_put_into_ranges() {
    let gaps = "CREATE TABLE t (id INTEGER PRIMARY KEY);
        INSERT INTO t VALUES (1), (2), (3), (9000000000000000000)";
    let two = Two::new(gaps, gaps);
    let (_, _, plan) = two.plan("t", &Wanted::default()).await;
    assert!(matches!(plan.blocks, Blocks::Hash { .. }));
    assert!(two.unlike("t", &Wanted::default()).await.is_empty());
}

#[tokio::test]
async fn nulls_in_a_primary_key_leave_no_key() {
    let nulls = "CREATE TABLE t (a TEXT PRIMARY KEY); INSERT INTO t VALUES ('x'), (NULL), (NULL)";
    let two = Two::new(nulls, "CREATE TABLE t (a TEXT PRIMARY KEY)");
    let key = |side: Arc<dyn Side>| async move {
        side.catalog(&Scope::default()).await.unwrap().relations[0].key.clone()
    };
    assert!(key(two.side("left").await).await.is_empty());
    assert_eq!(key(two.side("right").await).await, ["a"]);
}

#[tokio::test]
async fn schemas_are_told_as_data() {
    let two = Two::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT DEFAULT 'a', o REFERENCES u (id));
         CREATE TABLE u (id INTEGER PRIMARY KEY); CREATE INDEX i ON t (v); INSERT INTO t (v) VALUES (1)",
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT NOT NULL DEFAULT 'a', o);
         CREATE TABLE u (id INTEGER PRIMARY KEY); INSERT INTO t (v) VALUES (1), (2)",
    );
    let things = |side: Arc<dyn Side>| async move { side.catalog(&Scope::default()).await.unwrap().things };
    let (left, right) = (things(two.side("left").await).await, things(two.side("right").await).await);
    let told: Vec<String> = compare_things(&left, &right)
        .into_iter()
        .map(|one| {
            let say = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            let property = one.property.unwrap_or_default();
            format!("{} {property}: {} | {}", one.object, say(one.left), say(one.right))
        })
        .filter(|line| !line.starts_with("table t "))
        .collect();
    assert_eq!(
        told,
        [
            "column t.v not null: no | yes",
            "counter of t last: 1 | 2",
            "foreign key t (o) : present | -",
            "index i : present | -",
        ]
    );
}

#[tokio::test]
async fn a_look_changes_nothing_and_a_condition_cannot_write() {
    let two = Two::new(FULL, FULL);
    let before = fs::metadata(two.path("left")).unwrap().modified().unwrap();
    assert!(two.unlike("users", &Wanted::default()).await.is_empty());
    assert_eq!(fs::metadata(two.path("left")).unwrap().modified().unwrap(), before);
    assert_eq!(fs::read_dir(two.folder.path()).unwrap().count(), 2);
    let (left, _, plan) = two.plan("users", &Wanted::default()).await;
    let order = TableOrder { filter: Some("id IN (DELETE FROM users)".to_owned()), ..plan.left_order() };
    assert!(left.tally(&order, 0).await.is_err());
}

#[tokio::test]
async fn a_snapshot_stands_while_others_write_or_is_said_to_be_lost() {
    let wal = "PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)";
    let two = Two::new(wal, "");
    let count = |side: Arc<dyn Side>| async move {
        let scope = Scope::default();
        let about = side.about().await.unwrap();
        let relation = side.catalog(&scope).await?.relations.remove(0);
        let order =
            plan_table((&relation, &about), (&relation, &about), &Wanted::default()).unwrap().left_order();
        Ok::<u64, backout_contract::DriverError>(side.tally(&order, 0).await?.rows())
    };
    // Nobody has it open: it is read without a lock, and whoever writes then is noticed.
    let side = two.side("left").await;
    assert_eq!(count(Arc::clone(&side)).await.unwrap(), 1);
    let writer = two.open("left");
    writer.execute_batch("INSERT INTO t VALUES (2)").unwrap();
    assert_eq!(count(Arc::clone(&side)).await.unwrap_err().kind, ErrorKind::Unreachable);
    assert!(side.renew().await.unwrap());
    // Now there are others, and the snapshot stands beside them.
    assert_eq!(count(Arc::clone(&side)).await.unwrap(), 2);
    writer.execute_batch("INSERT INTO t VALUES (3)").unwrap();
    assert_eq!(count(Arc::clone(&side)).await.unwrap(), 2);
    assert!(side.renew().await.unwrap());
    assert_eq!(count(Arc::clone(&side)).await.unwrap(), 3);
    assert!(!side.renew().await.unwrap());
}

#[tokio::test]
async fn addresses_are_told_by_their_text_and_by_what_is_in_the_file() {
    let two = Two::new(FULL, "");
    let context = two.context();
    fs::write(two.path("text"), "SQLite format 4").unwrap();
    let knows = |address: String| Files.knows(&Secret::new(address), &context);
    let left = two.path("left").to_str().unwrap().to_owned();
    assert!(knows(left.clone()) && knows(format!("sqlite:{left}")));
    assert!(!knows(two.path("text").to_str().unwrap().to_owned()));
    assert!(!knows("postgresql://localhost/x".to_owned()));
    for address in [format!("sqlite:{left}"), format!("sqlite://{left}")] {
        let side = Files.open(&Secret::new(address), &LIMITS, &context).await.unwrap();
        assert_eq!(side.place(), left);
    }
    for (address, kind) in [("sqlite::memory:", ErrorKind::Config), ("sqlite:absent.db", ErrorKind::Config)] {
        let failed = Files.open(&Secret::new(address), &LIMITS, &context).await.err().unwrap();
        assert_eq!(failed.kind, kind, "{address}");
    }
}

#[tokio::test]
async fn a_component_has_a_live_side_and_a_displaced_one_after_a_rollback() {
    let world = World::new();
    world.run(FULL);
    let kept = world.keep().await;
    world.run("INSERT INTO users (name) VALUES ('late')");
    let plan = world.plan(&kept).await;
    let session = world.session().await;
    let side = |which: Which, run: bool| {
        let (session, mut context) = (&session, world.context());
        if !run {
            context.run = None;
        }
        async move { session.side(&context, which, &LIMITS).await.unwrap() }
    };
    assert!(side(Which::Displaced, true).await.is_none());
    assert!(side(Which::Old, true).await.is_none());
    world.revert(&plan).await.unwrap();
    for run in [true, false] {
        let (live, displaced) =
            (side(Which::Live, run).await.unwrap(), side(Which::Displaced, run).await.unwrap());
        let about = live.about().await.unwrap();
        let scope = Scope { tables: BTreeSet::from(["users".to_owned()]), ..Scope::default() };
        let mut rows = Vec::new();
        for side in [live, displaced] {
            let relation = side.catalog(&scope).await.unwrap().relations.remove(0);
            let plan = plan_table((&relation, &about), (&relation, &about), &Wanted::default()).unwrap();
            rows.push(tally(&side, &plan.left_order()).await.rows());
        }
        assert_eq!(rows, [2, 3]);
    }
}

#[tokio::test]
async fn what_was_saved_is_a_side_that_leaves_nothing_behind() {
    let world = World::new();
    world.run(FULL);
    let kept = world.keep().await;
    world.run("INSERT INTO users (name) VALUES ('late')");
    let session = world.session().await;
    let state = kept.state.as_ref().unwrap();
    let side = session.saved_side(&world.context(), state, &kept.data, &LIMITS).await.unwrap().unwrap();
    let about = side.about().await.unwrap();
    let scope = Scope { tables: BTreeSet::from(["users".to_owned()]), ..Scope::default() };
    let relation = side.catalog(&scope).await.unwrap().relations.remove(0);
    let plan = plan_table((&relation, &about), (&relation, &about), &Wanted::default()).unwrap();
    assert_eq!(tally(&side, &plan.left_order()).await.rows(), 2);
    let scratch = || fs::read_dir(world.root.join("scratch")).unwrap().count();
    assert_eq!(scratch(), 1);
    drop(side);
    assert_eq!(scratch(), 0);
}
