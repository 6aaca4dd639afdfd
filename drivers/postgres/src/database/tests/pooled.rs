//! Clients behind a pooler in transaction mode, while a database is exchanged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use backout_contract::{Depth, Effect, Session};
use backout_fixtures::{Options, PgBouncer, Postgres};
use tokio_postgres::NoTls;

use super::{is_saved, migrated};

async fn until(counted: &AtomicU64, more: u64) {
    let before = counted.load(Ordering::Relaxed);
    while counted.load(Ordering::Relaxed) < before + more {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Whatever was acknowledged stands in the database that was live then. Whoever asks while the door is shut waits in the
/// pooler, or is told to come back.
#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_brings_its_clients_back() {
    let server = Postgres::start(&Options::default());
    let folder = tempfile::tempdir().expect("a folder");
    let (context, session, step) = migrated(&server, folder.path()).await;
    let settings = ["pool_mode = transaction", "default_pool_size = 8", "server_login_retry = 1"];
    let pooler = PgBouncer::start(&server, &[("postgres", Postgres::PASSWORD)], &settings);
    let url = pooler.url_as("postgres", Postgres::PASSWORD, "shop");
    let (go, written) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
    let clients: Vec<_> = (0..30)
        .map(|_| {
            let (go, written, url) = (Arc::clone(&go), Arc::clone(&written), url.clone());
            tokio::spawn(async move {
                while go.load(Ordering::Relaxed) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    let Ok((client, connection)) = tokio_postgres::connect(&url, NoTls).await else {
                        continue;
                    };
                    let driver = tokio::spawn(connection);
                    while go.load(Ordering::Relaxed) && !client.is_closed() {
                        let write = "INSERT INTO orders (text) VALUES ('by a client')";
                        if client.simple_query(write).await.is_ok() {
                            written.fetch_add(1, Ordering::Relaxed);
                        }
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    driver.abort();
                }
            })
        })
        .collect();
    until(&written, 100).await;
    session.stage(&context, &step).await.expect("stage");
    session.quiesce(&context).await.expect("shut");
    let effect = session.revert(&context, &step).await.expect("put back");
    assert!(matches!(effect, Effect::Applied { .. }), "{effect:?}");
    let state = session.capture(&context, Depth::Look).await.expect("look").state;
    assert!(is_saved(state.as_ref(), &step), "nobody wrote behind the shut door");
    session.reopen(&context, None).await.expect("open");
    until(&written, 100).await;
    go.store(false, Ordering::Relaxed);
    for client in clients {
        client.await.expect("a client");
    }
    let displaced = session.displaced(&context).await.expect("list").remove(0);
    server.sql("postgres", &format!("ALTER DATABASE \"{displaced}\" ALLOW_CONNECTIONS true"));
    let count = "SELECT count(*) FROM orders WHERE text = 'by a client'";
    let counted = |database: &str| server.sql(database, count).parse::<u64>().expect("a number");
    let (here, there) = (counted("shop"), counted(&displaced));
    assert!(here >= 100 && there >= 100, "{here}, {there}");
    // An answer may be lost on its way, an acknowledged row may not.
    assert!(here + there >= written.load(Ordering::Relaxed), "{here}, {there}, {written:?}");
}
