//! A journal of a million records: open and append, verify, memory. `cargo bench -p backout-store`.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark ends by panicking")]

use std::fs;
use std::sync::Arc;
use std::time::Instant;

use backout_contract::{Clock, Journal};
use backout_core::checkpoint::BlobId;
use backout_core::digest::Digest;
use backout_core::journal::{Actor, Event, Outcome};
use backout_core::name::{CheckpointId, ComponentName, MigrationName, RunId, StepId};
use backout_core::observation::Verdict;
use backout_store::{Holder, Layout, Lock, Writer, verify};
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

fn open(layout: &Layout) -> (Writer, backout_core::life::Life) {
    let holder = Holder::this_process(ada(), "bench", Timestamp::UNIX_EPOCH).unwrap();
    Writer::open(layout, Lock::acquire(layout, holder).unwrap(), Arc::new(Still)).unwrap()
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::at(folder.path().join("state"));
    layout.prepare().unwrap();
    write_runs(&layout, RECORDS).await;
    println!("{} MiB on disk", fs::metadata(layout.journal()).unwrap().len() / (1 << 20));

    let began = Instant::now();
    let (writer, life) = open(&layout);
    writer.append(None, vec![Event::Armed { by: ada() }]).await.unwrap();
    println!("open {} records ({} runs) and append: {:.2?}", life.sequence, life.runs.len(), began.elapsed());
    writer.close().await.unwrap();
    drop(life);

    let began = Instant::now();
    verify(&layout.journal()).unwrap();
    println!("verify the chain: {:.2?}", began.elapsed());
    let status = fs::read_to_string("/proc/self/status").unwrap();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap());
}

/// Runs of two hundred steps each, as a rollback writes them.
async fn write_runs(layout: &Layout, records: u64) {
    let (writer, _) = open(layout);
    let opened = Event::MigrationOpened { migration: MigrationName::new("todo").unwrap(), nonce: "n".into() };
    let checkpoint = CheckpointId::new("c1").unwrap();
    let digest: BlobId = Digest::of_bytes("blob", b"");
    let capture = Event::CaptureOpened { checkpoint: checkpoint.clone(), file: digest, by: ada() };
    let sealed = Event::CheckpointSealed { checkpoint: checkpoint.clone(), seal: digest };
    writer.note(None, vec![opened, capture, sealed]).await.unwrap();
    let steps: Vec<StepId> = (0..200).map(|n| StepId::new(&format!("c{n}.revert")).unwrap()).collect();
    let (mut written, mut number) = (3, 0);
    while written < records {
        number += 1;
        let run = RunId::new(&format!("r{number}")).unwrap();
        let mut events = vec![Event::RunOpened {
            run: run.clone(),
            plan: digest,
            shape: digest,
            checkpoint: checkpoint.clone(),
            steps: steps.clone(),
            pause_before: None,
            by: ada(),
            version: "0.1.0".into(),
        }];
        for step in &steps {
            events.push(Event::StepIntended { step: step.clone(), attempt: 1, before: None });
            events.push(Event::StepApplied {
                step: step.clone(),
                evidence: "the command ended with 0".into(),
                after: None,
                confirmed: true,
                millis: 12,
            });
        }
        events.push(Event::ComponentVerified {
            component: ComponentName::new("c1").unwrap(),
            step: None,
            verdict: Verdict::Restored,
            looked: vec!["its fingerprint".into()],
            seen: None,
            millis: 3,
        });
        events.push(Event::RunClosed { outcome: Outcome::Restored });
        written += events.len() as u64;
        writer.append(Some(&run), events).await.unwrap();
    }
    writer.close().await.unwrap();
}
