//! Looks at real databases, with writers and without.

#![allow(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use backout_conformance::listing::{Detail, list};
use backout_conformance::{FolderVault, MapResolver, quoted};
use backout_contract::probe::{ConfiguredProbe, ErasedProbe};
use backout_contract::{Context, DriverError, ErrorKind, Probe, ProbeDyn, ProbeLook, Stop};
use backout_core::diagnostic::Diagnostic;
use backout_core::migration::{Source, parse};
use backout_core::name::ComponentName;
use backout_probe_sqlite::Sqlite;
use rusqlite::Connection;
use tempfile::TempDir;

struct World(TempDir);

impl World {
    fn new(sql: &str) -> Self {
        let world = Self(tempfile::tempdir().unwrap());
        fs::create_dir(world.0.path().join("estate")).unwrap();
        world.open().execute_batch(sql).unwrap();
        world
    }

    fn estate(&self) -> std::path::PathBuf {
        self.0.path().join("estate")
    }

    fn open(&self) -> Connection {
        Connection::open(self.estate().join("a b?.db")).unwrap()
    }

    fn context(&self) -> Context {
        let environment = BTreeMap::from([("DATABASE".to_owned(), "estate/a b?.db".to_owned())]);
        Context {
            component: ComponentName::new("a").unwrap(),
            root: self.0.path().to_owned(),
            scratch: self.0.path().join("scratch"),
            run: None,
            key: "a".to_owned(),
            deadline: Duration::from_secs(60),
            stop: Stop::never(),
            vault: Arc::new(FolderVault::new("/")),
            resolver: Arc::new(MapResolver::new(environment, "/")),
            progress: backout_contract::Progress::default(),
            child_token: "none".to_owned(),
        }
    }

    async fn look(&self, keys: &str) -> Result<ProbeLook, DriverError> {
        configure(&format!("path: ${{env:DATABASE}}\n{keys}")).unwrap().look(&self.context()).await
    }

    async fn ask(&self, query: &str, expected: &str) -> ProbeLook {
        self.look(&format!("query: {}\n{expected}", quoted(query))).await.unwrap()
    }
}

fn configure(keys: &str) -> Result<Arc<dyn ConfiguredProbe>, Vec<Diagnostic>> {
    let lines: String = keys.lines().map(|line| format!("      {line}\n")).collect();
    let text =
        format!("migration: m\ncomponents:\n  a:\n    kind: k\n    verify:\n    - probe: sqlite\n{lines}");
    let file = parse(&Source::new("backout.yaml", &text))?;
    let verification = &file.components[0].verify[0];
    ErasedProbe::<Sqlite>::default()
        .configure(&verification.config, &file.source)
        .map_err(|found| vec![found])
}

fn ok(found: &str) -> ProbeLook {
    ProbeLook::Ok { found: found.to_owned() }
}

fn bad(found: &str) -> ProbeLook {
    ProbeLook::Bad { found: found.to_owned() }
}

const TASKS: &str = "CREATE TABLE tasks (title TEXT); INSERT INTO tasks VALUES ('milk'), ('bread')";

#[tokio::test]
async fn every_row_of_the_table() {
    let world = World::new(TASKS);
    for (query, expected, found) in [
        ("SELECT count(*) FROM tasks", "equals: 2", ok("2")),
        ("SELECT count(*) FROM tasks", "equals: 3", bad("2, expected 3")),
        ("SELECT count(*) FROM tasks", "equals: \"2\"", bad("2, expected '2'")),
        ("SELECT count(*) FROM tasks", "at_least: 2", ok("2")),
        ("SELECT count(*) FROM tasks", "at_least: 3", bad("2, expected at least 3")),
        ("SELECT count(*) FROM tasks", "at_least: 1\nat_most: 1.5", bad("2, expected 1 to 1.5")),
        ("SELECT min(title) FROM tasks", "equals: bread", ok("'bread'")),
        ("SELECT count(*) = 2 FROM tasks", "equals: true", ok("1")),
        ("SELECT title FROM tasks", "equals: milk", bad("more than one row, expected 'milk'")),
        ("SELECT title FROM tasks WHERE 0", "equals: milk", bad("no row, expected 'milk'")),
        ("SELECT NULL", "equals: 0", bad("NULL, expected 0")),
    ] {
        assert_eq!(world.ask(query, expected).await, found, "{query} {expected}");
    }
    let ProbeLook::Bad { found } = world.ask("SELECT x FROM nowhere", "equals: 1").await else { panic!() };
    assert!(found.contains("no such table: nowhere"), "{found}");
    fs::write(world.estate().join("a b?.db"), "no database").unwrap();
    assert!(matches!(world.ask("SELECT 1 FROM sqlite_schema", "equals: 1").await, ProbeLook::Bad { .. }));
    fs::remove_file(world.estate().join("a b?.db")).unwrap();
    assert_eq!(world.ask("SELECT 1", "equals: 1").await, bad("no database is there"));
    assert_eq!(fs::read_dir(world.estate()).unwrap().count(), 0, "none is made");
}

#[tokio::test]
async fn a_look_changes_nothing() {
    for journal in ["delete", "wal"] {
        for is_open in [false, true] {
            let world = World::new(&format!("PRAGMA journal_mode = {journal}; {TASKS}"));
            let other = is_open.then(|| world.open());
            if let Some(other) = &other {
                other.execute_batch("INSERT INTO tasks VALUES ('only in the log')").unwrap();
            }
            let before = list(&world.estate(), Detail::Everything);
            let expected = if is_open { 3 } else { 2 };
            let look = world.ask("SELECT count(*) FROM tasks", &format!("equals: {expected}")).await;
            assert_eq!(look, ok(&expected.to_string()), "{journal} {is_open}");
            assert_eq!(list(&world.estate(), Detail::Everything), before, "{journal} {is_open}");
        }
    }
}

#[tokio::test]
async fn what_a_dead_writer_left_is_played_into_a_copy() {
    let world = World::new(&format!("PRAGMA journal_mode = wal; {TASKS}"));
    let other = world.open();
    other.execute_batch("INSERT INTO tasks VALUES ('committed')").unwrap();
    let left = World(tempfile::tempdir().unwrap());
    fs::create_dir(left.estate()).unwrap();
    for name in ["a b?.db", "a b?.db-wal"] {
        fs::copy(world.estate().join(name), left.estate().join(name)).unwrap();
    }
    let before = list(&left.estate(), Detail::Everything);
    assert_eq!(left.ask("SELECT count(*) FROM tasks", "equals: 3").await, ok("3"));
    assert_eq!(list(&left.estate(), Detail::Everything), before);
    assert!(is_empty(&left.0.path().join("scratch")));
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

#[tokio::test]
async fn a_query_ends_in_time() {
    let world = World::new(TASKS);
    let forever = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    assert_eq!(world.ask(forever, "equals: 1\ntimeout: 50ms").await, bad("no answer within 50ms"));
}

#[tokio::test]
async fn a_lock_is_no_answer() {
    let world = World::new(TASKS);
    let other = world.open();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let look = world.ask("SELECT count(*) FROM tasks", "equals: 2\ntimeout: 50ms").await;
    assert_eq!(look, ProbeLook::Unknown { why: "another connection holds it".into() });
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(world.ask("SELECT count(*) FROM tasks", "equals: 2").await, ok("2"));
}

#[tokio::test]
async fn what_writes_is_refused() {
    let world = World::new(TASKS);
    let before = list(&world.estate(), Detail::Everything);
    for query in
        ["WITH x AS (SELECT 1) DELETE FROM tasks RETURNING 1", "SELECT 1; DROP TABLE tasks", "SELECT 1, 2"]
    {
        let error = world.look(&format!("query: {}\nequals: 1", quoted(query))).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config, "{query}");
        assert_eq!(list(&world.estate(), Detail::Everything), before, "{query}");
    }
}

#[test]
fn mistakes_have_a_place() {
    for (keys, part) in [
        ("path: a\nquery: DROP TABLE t\nequals: 1", "write one SELECT"),
        ("path: a\nquery: SELECT 1", "say what the query should give"),
        ("path: a\nquery: SELECT 1\nequals: 1\nat_least: 1", "stands alone"),
        ("path: a\nquery: SELECT 1\nequals: [1]", "takes a number"),
        ("path: a\nquery: SELECT 1\nequal: 1", "equal"),
        ("query: SELECT 1\nequals: 1", "path"),
    ] {
        let found = configure(keys).err().unwrap();
        assert!(format!("{found:?}").contains(part), "{keys}: {found:?}");
        assert!(found.iter().all(|found| found.place.is_some()), "{keys}");
    }
    let probe =
        configure("path: data/todo.db\nquery: |\n  SELECT count(*)\n  FROM tasks\nequals: 1").unwrap();
    assert_eq!(probe.describe(), "SELECT count(*) FROM tasks in data/todo.db");
    let schema = ErasedProbe::<Sqlite>::default().schema();
    assert!(schema["properties"]["at_least"].is_object(), "{schema}");
    assert_eq!(Sqlite::KIND, "sqlite");
}
