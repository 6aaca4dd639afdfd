//! How long the programs take alone, and with everything that we do around them.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::super::{fetch, jobs, keep, restore};
use super::Held;
use crate::catalog::Scope;
use crate::server::{Address, connect, identifier, programs, variables};
use crate::testing::{address, context};

fn alone(name: &str, at: &Address, version: crate::server::Version, arguments: &[&str]) -> Duration {
    let began = Instant::now();
    let status = Command::new(programs(name, version).expect(name).remove(0))
        .envs(variables(at))
        .args(arguments)
        .stdout(Stdio::null())
        .status()
        .expect(name);
    assert!(status.success(), "{name}");
    began.elapsed()
}

async fn emptied(at: &Address) {
    let outside = connect(&at.of_database("postgres")).await.expect("connect");
    let name = identifier(&at.database);
    for sql in [
        format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        format!("CREATE DATABASE {name} TEMPLATE template0"),
    ] {
        outside.batch_execute(&sql).await.expect("an empty database");
    }
    outside.batch_execute("CHECKPOINT").await.expect("checkpoint");
}

#[tokio::test]
#[ignore = "a measurement, made by benches/postgres-dump.sh"]
async fn measured() {
    let from = address(&std::env::var("BENCH_URL").expect("BENCH_URL"));
    let rounds: usize = std::env::var("BENCH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let folder =
        tempfile::tempdir_in(std::env::var("BENCH_FOLDER").expect("BENCH_FOLDER")).expect("a folder");
    let context = context(folder.path(), &[]);
    let into = from.of_database("bench_restored");
    let bare = folder.path().join("bare").into_os_string().into_string().expect("a path");
    let mut ratios = [Vec::new(), Vec::new()];
    for _ in 0..rounds {
        let held = Held::of(&from).await;
        let version = held.version();
        let jobs_argument = format!("-j{}", jobs());
        drop(std::fs::remove_dir_all(&bare));
        let dump = alone("pg_dump", &from, version, &["-Fd", &jobs_argument, "-Z1", "-f", &bare]);
        let began = Instant::now();
        let data = keep(&context, &from, version, &held.snapshot, &Scope::Database).await.expect("keep");
        let ours = began.elapsed();
        println!("dump: pg_dump {dump:.1?}, kept {ours:.1?}");
        ratios[0].push(ours.as_secs_f64() / dump.as_secs_f64());

        emptied(&into).await;
        let named = format!("dbname={}", into.database);
        let put_back = alone("pg_restore", &into, version, &[&jobs_argument, "-d", &named, &bare]);
        emptied(&into).await;
        let began = Instant::now();
        let fetched = fetch(&context, &data, &held.taken).await.expect("fetch");
        let taken = began.elapsed();
        restore(&context, &fetched, &into, version, jobs()).await.expect("restore");
        let ours = began.elapsed();
        println!(
            "restore: pg_restore {put_back:.1?}, ours {ours:.1?}, of which {taken:.1?} to take it out and check it"
        );
        ratios[1].push(ours.as_secs_f64() / put_back.as_secs_f64());
    }
    for (what, mut ratios) in ["dump", "restore"].into_iter().zip(ratios) {
        ratios.sort_by(f64::total_cmp);
        println!("{what}: {:.2} times the program alone", ratios[ratios.len() / 2]);
    }
}
