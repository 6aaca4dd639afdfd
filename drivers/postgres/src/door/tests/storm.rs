//! A door that is shut while clients try to come in as fast as the server can send them away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use backout_contract::Door;
use backout_fixtures::{Options, Postgres};
use tokio_postgres::NoTls;

use super::super::{Outside, enter, reopen, shut, whereabouts};
use super::{closing, pace};
use crate::testing::address;

/// How often somebody tried to come in, and how often somebody did.
#[derive(Default)]
struct Tried {
    knocked: AtomicU64,
    came_in: AtomicU64,
}

/// So many clients against so many places, until so many have knocked in vain; tells how many knocked in a second.
async fn weathered(clients: usize, places: usize, knocks: u64) -> u64 {
    let settings = vec![format!("max_connections = {places}"), "log_min_messages = panic".into()];
    let server = Postgres::start(&Options { settings, ..Options::default() });
    // What clients reckon to prove who they are would hold them back.
    std::fs::write(
        server.data().join("pg_hba.conf"),
        "local all all trust\nhost all all 127.0.0.1/32 trust\n",
    )
    .expect("write");
    server.sql(
        "postgres",
        "SELECT pg_reload_conf(); CREATE ROLE keeper LOGIN CREATEDB; CREATE ROLE app LOGIN;
         GRANT pg_signal_backend TO keeper",
    );
    server.sql("postgres", "CREATE DATABASE shop OWNER keeper");
    let (go, tried) = (Arc::new(AtomicBool::new(true)), Arc::new(Tried::default()));
    let clients: Vec<_> = (0..clients)
        .map(|_| {
            let (go, tried, url) = (Arc::clone(&go), Arc::clone(&tried), server.url_as("app", "a", "shop"));
            tokio::spawn(async move {
                while go.load(Ordering::Relaxed) {
                    tried.knocked.fetch_add(1, Ordering::Relaxed);
                    let Ok((client, connection)) = tokio_postgres::connect(&url, NoTls).await else {
                        continue;
                    };
                    tried.came_in.fetch_add(1, Ordering::Relaxed);
                    let driver = tokio::spawn(connection);
                    drop(client.simple_query("SELECT 1").await);
                    driver.abort();
                }
            })
        })
        .collect();
    let until = |counted: fn(&Tried) -> &AtomicU64, count: u64| {
        let tried = Arc::clone(&tried);
        async move {
            let before = counted(&tried).load(Ordering::Relaxed);
            while counted(&tried).load(Ordering::Relaxed) < before + count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    until(|tried| &tried.came_in, 50).await;
    let keeper = address(&server.url_as("keeper", "k", "shop"));
    let mut outside = Outside::connect(&keeper, None).await.expect("a place for us");
    shut(&mut outside, "shop", &closing(), &pace()).await.expect("shut");
    let (came_in, began) = (tried.came_in.load(Ordering::Relaxed), Instant::now());
    until(|tried| &tried.knocked, knocks).await;
    let rate = knocks * 1000 / u64::try_from(began.elapsed().as_millis()).unwrap_or(1).max(1);
    assert_eq!(tried.came_in.load(Ordering::Relaxed), came_in, "nobody comes in");
    let links = enter(&outside, "shop", 2, &pace()).await.expect("we come in");
    let inside = "SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE datname = 'shop' AND application_name <> 'backout'";
    let others: i64 = outside.link.query_one(inside, &[]).await.expect("ask").get(0);
    assert_eq!(others, 0, "whoever slipped in is out");
    assert_eq!(whereabouts(&outside, "shop").await.expect("look"), Door::Shut);
    drop(links);
    reopen(&mut outside, "shop").await.expect("open");
    until(|tried| &tried.came_in, 50).await;
    go.store(false, Ordering::Relaxed);
    for client in clients {
        client.await.expect("a client");
    }
    rate
}

#[tokio::test(flavor = "multi_thread")]
async fn knocking_opens_no_door() {
    weathered(16, 60, 300).await;
}

/// More clients than the server has places for, so that we have to wait for one too.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowded_server_has_a_place_for_us_in_the_end() {
    weathered(40, 12, 300).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: how many a server sends away in a second"]
async fn measured() {
    println!("{} knocked in a second", weathered(200, 300, 20_000).await);
    println!("{} knocked in a second where places were few", weathered(200, 50, 20_000).await);
}
