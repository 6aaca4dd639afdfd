//! A database is exchanged under people and under a server that is killed.

mod clones;
mod full;
mod pooled;
mod proven;
mod speed;
mod template;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use backout_contract::{Context, Depth, Driver, Effect, Session, Sighting, StepOrder};
use backout_core::digest::Digest;
use backout_core::observation::{Fingerprint, Seen};
use backout_core::writes::Occasion;
use backout_fixtures::{Options, Postgres};

use super::{Database, DatabaseSession};
use crate::state::{State, is_exactly};
use crate::testing::context;

const SHOP: &str = "CREATE TABLE orders (id serial PRIMARY KEY, text text);
                    INSERT INTO orders (text) SELECT 'order ' || n FROM generate_series(1, 2000) n";
const MIGRATION: &str = "ALTER TABLE orders ADD COLUMN uuid text; UPDATE orders SET uuid = md5(text)";

async fn session(server: &Postgres, context: &Context) -> DatabaseSession {
    let keys = format!(r#"{{"url": "{}", "jobs": 2}}"#, server.url("shop"));
    let config = serde_json::from_str(&keys).expect("a configuration");
    Database::connect(config, context).await.expect("connect")
}

/// A shop that was saved and migrated, and the step that puts it back.
async fn migrated(server: &Postgres, folder: &Path) -> (Context, DatabaseSession, StepOrder<State>) {
    server.sql("postgres", "CREATE DATABASE shop");
    migrated_shop(server, folder).await
}

/// The same in a database that is there.
async fn migrated_shop(server: &Postgres, folder: &Path) -> (Context, DatabaseSession, StepOrder<State>) {
    server.sql("shop", SHOP);
    let context = context(folder, &[]);
    let (session, step) = save_and_migrate(server, &context).await;
    (context, session, step)
}

async fn save_and_migrate(server: &Postgres, context: &Context) -> (DatabaseSession, StepOrder<State>) {
    let session = session(server, context).await;
    let saved = session.capture(context, Depth::Keep).await.expect("save");
    server.sql("shop", MIGRATION);
    let live = session.capture(context, Depth::Look).await.expect("look");
    let keys = format!(r#"{{"url": "{}"}}"#, server.url("shop"));
    let config = serde_json::from_str(&keys).expect("a configuration");
    let piece = Database::steps(&config, saved.state.as_ref(), live.state.as_ref()).expect("steps").remove(0);
    // The driver compares by what the step itself says; fingerprints are the engine's.
    let seen = |byte: u8| {
        let fingerprint = Fingerprint { shape: Digest::from_raw([byte; 32]), position: None };
        Seen::Present { fingerprint }
    };
    let step = StepOrder {
        effect: piece.effect,
        saved: saved.state,
        data: saved.data,
        before: Some(seen(1)),
        after: seen(2),
    };
    (session, step)
}

/// What a hundred clients reckon to prove who they are would be measured instead of the door.
fn trust_everybody(server: &Postgres) {
    let rules = "local all all trust\nhost all all 127.0.0.1/32 trust\n";
    std::fs::write(server.data().join("pg_hba.conf"), rules).expect("write");
    server.sql("postgres", "SELECT pg_reload_conf()");
}

/// Clients that write, and come back whenever they are sent out.
struct Storm {
    go: Arc<AtomicBool>,
    came_in: Arc<AtomicU64>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

impl Storm {
    fn of(server: &Postgres, clients: usize, pause: Duration) -> Self {
        let (go, came_in) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
        let client = |_| {
            let (go, came_in, url) = (Arc::clone(&go), Arc::clone(&came_in), server.url("shop"));
            tokio::spawn(async move {
                while go.load(Ordering::Relaxed) {
                    if let Ok((client, connection)) =
                        tokio_postgres::connect(&url, tokio_postgres::NoTls).await
                    {
                        let driver = tokio::spawn(connection);
                        came_in.fetch_add(1, Ordering::Relaxed);
                        let write = "INSERT INTO orders (text) VALUES ('written')";
                        while client.simple_query(write).await.is_ok() && go.load(Ordering::Relaxed) {
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                        driver.abort();
                    }
                    tokio::time::sleep(pause).await;
                }
            })
        };
        let clients = (0..clients).map(client).collect();
        Self { go, came_in, clients }
    }

    async fn end(self) {
        self.go.store(false, Ordering::Relaxed);
        for client in self.clients {
            client.await.expect("a client");
        }
    }
}

fn is_saved(state: Option<&State>, step: &StepOrder<State>) -> bool {
    state.zip(step.saved.as_ref()).is_some_and(|(live, saved)| is_exactly(live, saved))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_clients_come_back_all_the_time() {
    let server = Postgres::start(&Options::default());
    trust_everybody(&server);
    let folder = tempfile::tempdir().expect("a folder");
    let (context, session, step) = migrated(&server, folder.path()).await;
    let storm = Storm::of(&server, 100, Duration::from_millis(100));
    while storm.came_in.load(Ordering::Relaxed) < 100 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    session.stage(&context, &step).await.expect("stage");
    let began = Instant::now();
    session.quiesce(&context).await.expect("shut");
    let shut = began.elapsed();
    let effect = session.revert(&context, &step).await.expect("put back");
    let exchanged = began.elapsed();
    assert!(matches!(effect, Effect::Applied { .. }), "{effect:?}");
    let state = session.capture(&context, Depth::Look).await.expect("look").state;
    assert!(is_saved(state.as_ref(), &step), "nobody wrote behind the shut door");
    session.reopen(&context, None).await.expect("open");
    println!(
        "shut in {shut:?}, exchanged after {exchanged:?}, looked at and open after {:?}",
        began.elapsed()
    );
    storm.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_has_the_old_one_or_the_new_one() {
    let mut server = Postgres::start(&Options::default());
    let folder = tempfile::tempdir().expect("a folder");
    let (context, session, step) = migrated(&server, folder.path()).await;
    session.stage(&context, &step).await.expect("stage");
    let mut found = BTreeSet::new();
    for pause in [0, 40, 80, 120, 160, 200, 250, 300, 400, 600] {
        let said = {
            let revert = async {
                let shut = session.quiesce(&context).await;
                let reverted = session.revert(&context, &step).await;
                (shut.is_ok(), reverted)
            };
            let mut revert = Box::pin(revert);
            let ended = tokio::time::timeout(Duration::from_millis(pause), &mut revert).await;
            server.kill();
            match ended {
                Ok(said) => said,
                Err(_) => revert.await,
            }
        };
        server.go();
        let lets_in =
            server.sql("postgres", "SELECT datallowconn::text FROM pg_database WHERE datname = 'shop'");
        let columns = {
            let open = "ALTER DATABASE shop ALLOW_CONNECTIONS true";
            server.sql("postgres", open);
            server.sql(
                "shop",
                "SELECT count(*) FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attnum > 0",
            )
        };
        server.sql("postgres", &format!("ALTER DATABASE shop ALLOW_CONNECTIONS {lets_in}"));
        let is_new = columns == "2";
        assert!(is_new || columns == "3", "the live name is neither the old nor the new one: {columns}");
        found.insert(is_new);
        if let (_, Ok(Effect::Applied { .. })) = said {
            assert!(is_new, "what was said to have happened did not outlive the server");
        }
        let sighting = session.sight(&context, &step).await.expect("look");
        assert_eq!(sighting, Some(if is_new { Sighting::After } else { Sighting::Before }));
    }
    println!("found {found:?}");
    session.quiesce(&context).await.expect("shut");
    session.revert(&context, &step).await.expect("put back");
    session.reopen(&context, None).await.expect("open");
    let state = session.capture(&context, Depth::Look).await.expect("look").state;
    assert!(is_saved(state.as_ref(), &step));
    assert_eq!(session.displaced(&context).await.expect("list").len(), 1);
    session.release(&context).await.expect("release");
    assert!(session.displaced(&context).await.expect("list").is_empty());
}

/// At cutover the declared keys are kept, and tables of which they tell nothing are named; rows of a table without a key
/// are recorded as a whole by either recorder.
#[tokio::test]
async fn what_taking_over_needs_is_kept_at_cutover() {
    for by in ["triggers", "slot"] {
        let server = crate::testing::server();
        let (name, _) = crate::testing::database("kept");
        server.sql(
            &name,
            "CREATE TABLE users (id integer PRIMARY KEY); CREATE TABLE tasks (id integer PRIMARY KEY);
            CREATE TABLE history (a integer, b text); INSERT INTO users VALUES (1), (2);
            INSERT INTO history VALUES (1, 'x'), (1, 'x')",
        );
        let folder = tempfile::tempdir().expect("a folder");
        let context = context(folder.path(), &[]);
        let keys = serde_json::json!({ "url": server.url(&name), "recorder": { "by": by }, "merge": { "tables": {
            "users": { "keys": "SELECT new, id FROM users" }, "tasks": { "keys": "SELECT nothing, id FROM tasks" } } } });
        let config = serde_json::from_value(keys).expect("a configuration");
        let session: DatabaseSession = Database::connect(config, &context).await.expect("connect");
        assert_eq!(session.arm(&context, Occasion::Arm).await.expect("arm").uncovered, []);
        let saved = session.capture(&context, Depth::Look).await.expect("look").state.expect("a state");
        server.sql(&name, "ALTER TABLE users ADD new integer; UPDATE users SET new = id + 100");
        let coverage = session.arm(&context, Occasion::Cutover).await.expect("arm");
        let gaps: Vec<&str> = coverage.uncovered.iter().map(|gap| gap.table.as_str()).collect();
        assert_eq!(
            (gaps, coverage.covered),
            (vec!["tasks"], vec!["history".to_owned(), "users".to_owned()]),
            "{by}"
        );
        let kept = server.sql(&name, "SELECT new, old FROM _backout.key ORDER BY 1");
        assert_eq!(kept.trim(), "101|1\n102|2", "{by}");
        server.sql(&name, "DELETE FROM history WHERE ctid = '(0,1)'; UPDATE history SET a = 2;
            INSERT INTO history VALUES (3, repeat('long', 10000)), (NULL, NULL); UPDATE history SET a = 4 WHERE a = 3");
        let counted = session.count(&context, &saved, &[]).await.expect("count").expect("a recorder");
        let history = counted.tables.iter().find(|table| table.table == "history").expect("a table");
        assert_eq!(history.unmapped, 0, "{by}");
        assert_eq!(history.since_cutover.inserted, 2, "{by}: {history:?}");
    }
}
