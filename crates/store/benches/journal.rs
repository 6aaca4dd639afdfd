//! A journal of a million records of a realistic mix: open and append, verify, stream, memory.
//!
//! `cargo bench -p backout-store` makes it in a folder that goes away; `BENCH_KEEP=DIR` keeps it as `DIR/.backout`, for
//! commands of the program to be tried on, and finds it there the next time.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark ends by panicking")]

mod story;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use backout_contract::{Clock, Journal};
use backout_core::journal::{Actor, Event};
use backout_core::life::Life;
use backout_store::{Holder, Layout, Lock, Writer, read_all, verify};
use jiff::Timestamp;

const RECORDS: u64 = 1_000_000;

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn monotonic_millis(&self) -> u64 {
        0
    }
}

fn ada() -> Actor {
    Actor { user: "ada".into(), host: "db1".into() }
}

fn open(layout: &Layout) -> (Writer, Life) {
    let holder = Holder::this_process(ada(), "bench", Timestamp::UNIX_EPOCH).unwrap();
    Writer::open(layout, Lock::acquire(layout, holder).unwrap(), Arc::new(Still)).unwrap()
}

#[tokio::main]
async fn main() {
    let scratch = tempfile::tempdir().unwrap();
    let kept = std::env::var_os("BENCH_KEEP").map(PathBuf::from);
    let folder = kept.as_deref().unwrap_or_else(|| scratch.path());
    let layout = Layout::at(folder.join(".backout"));
    layout.prepare().unwrap();
    if !layout.journal().exists() {
        write(&layout).await;
    }
    println!("{} MiB on disk", fs::metadata(layout.journal()).unwrap().len() / (1 << 20));

    let began = Instant::now();
    let mut bytes = 0;
    let mut stream = |path: &Path| {
        read_all(path, |_, line| {
            bytes += line.len();
            Ok(())
        })
    };
    stream(&layout.journal()).unwrap();
    println!("stream {} MiB of lines: {:.2?}, {}", bytes / (1 << 20), began.elapsed(), memory());

    let began = Instant::now();
    let (writer, life) = open(&layout);
    writer.append(None, vec![Event::Armed { by: ada() }]).await.unwrap();
    println!(
        "open {} records ({} runs, {} checkpoints) and append: {:.2?}, {}",
        life.sequence,
        life.runs.len(),
        life.checkpoints.len(),
        began.elapsed(),
        memory(),
    );
    writer.close().await.unwrap();
    drop(life);

    let began = Instant::now();
    verify(&layout.journal()).unwrap();
    println!("verify the chain: {:.2?}, {}", began.elapsed(), memory());
}

/// The largest resident size so far.
fn memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    format!("at most {} MiB resident", kib / 1024)
}

async fn write(layout: &Layout) {
    let (writer, _) = open(layout);
    writer.note(None, vec![story::opened()]).await.unwrap();
    let mut written = 1;
    for number in 1.. {
        for (run, events) in story::attempt(number, &ada()) {
            written += events.len() as u64;
            writer.append(run.as_ref(), events).await.unwrap();
        }
        if written >= RECORDS {
            break;
        }
    }
    writer.close().await.unwrap();
}
