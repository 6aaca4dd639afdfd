//! How long the door is shut while a hundred clients come back all the time.

use super::*;

const ROWS: &str = "INSERT INTO orders (text) SELECT 'order ' || n FROM generate_series(1, ";

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The steps behind the door as a run takes them, each by a session of its own, but for what a run writes down.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, made by benches/postgres-door.sh"]
async fn measured() {
    let number =
        |name: &str, usual: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (rounds, rows) = (number("BENCH_ROUNDS", 5), number("BENCH_ROWS", 1_000_000));
    let pause = Duration::from_millis(number("BENCH_PAUSE", 0));
    let settings = ["shared_buffers = 512MB", "max_wal_size = 4GB", "max_connections = 300"];
    let server =
        Postgres::start(&Options { settings: settings.map(str::to_owned).into(), ..Options::default() });
    trust_everybody(&server);
    server.sql("postgres", "CREATE DATABASE shop");
    server.sql("shop", SHOP);
    server.sql("shop", &format!("{ROWS} {rows}) n"));
    println!(
        "{} in the database",
        server.sql("shop", "SELECT pg_size_pretty(pg_database_size('shop'))").trim()
    );
    let mut parts = [Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    for round in 0..rounds {
        let folder = tempfile::tempdir().expect("a folder");
        let mut context = context(folder.path(), &[]);
        context.run = Some(backout_core::name::RunId::new(&format!("r{round}")).expect("a name"));
        context.deadline = Duration::from_secs(900);
        let (session, step) = save_and_migrate(&server, &context).await;
        session.stage(&context, &step).await.expect("stage");
        let storm = Storm::of(&server, 100, pause);
        while storm.came_in.load(Ordering::Relaxed) < 100 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let began = Instant::now();
        session.quiesce(&context).await.expect("shut");
        parts[0].push(began.elapsed());
        session.glance(&context, step.saved.as_ref()).await.expect("look");
        parts[1].push(began.elapsed());
        session.revert(&context, &step).await.expect("put back");
        parts[2].push(began.elapsed());
        for _ in ["the look after it", "the proof"] {
            let glance = session.glance(&context, step.saved.as_ref()).await.expect("look");
            assert!(matches!(glance.known, backout_contract::Known::Proven(_)), "{:?}", glance.known);
        }
        parts[3].push(began.elapsed());
        session.reopen(&context, None).await.expect("open");
        parts[4].push(began.elapsed());
        storm.end().await;
        session.release(&context).await.expect("release");
    }
    for (what, times) in ["shut", "looked at", "exchanged", "proven", "open"].into_iter().zip(parts) {
        let most = times.iter().max().copied().unwrap_or_default();
        println!("door: {what} after {:.2?}, at most {most:.2?}", median(times));
    }
}
