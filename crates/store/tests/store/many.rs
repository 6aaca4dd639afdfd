//! Long journals.

use std::fs;
use std::sync::Arc;
use std::time::Instant;

use backout_contract::Journal;
use backout_core::checkpoint::BlobId;
use backout_core::digest::Digest;
use backout_core::journal::{Event, Look, Outcome};
use backout_core::name::{CheckpointId, RunId, StepId};
use backout_core::observation::Verdict;
use backout_store::{Layout, Lock, Writer, verify};

use super::support::{Still, ada, armed, journal_of, open, opened, state, us};

#[tokio::test]
async fn ten_thousand_records_are_read_back() {
    let (_folder, layout) = journal_of(10_000).await;
    assert_eq!(verify(&layout.journal()).unwrap().records, 10_000);
    let writer = open(&layout);
    assert_eq!(writer.append(None, vec![armed()]).await.unwrap()[0].sequence, 10_001);
}

/// Prints what the numbers of a long journal are. Needs a release build to say anything:
/// `cargo test --release -p backout-store -- --ignored --nocapture a_million`.
#[tokio::test]
#[ignore = "takes a minute; for measuring"]
async fn a_million_records() {
    let (_folder, layout) = state();
    write_runs(&layout, 1_000_000).await;
    let size = fs::metadata(layout.journal()).unwrap().len() / (1 << 20);

    let start = Instant::now();
    let lock = Lock::acquire(&layout, us()).unwrap();
    let (writer, life) = Writer::open(&layout, lock, Arc::new(Still)).unwrap();
    let records = writer.append(None, vec![armed()]).await.unwrap();
    println!("{size} MiB, {} runs; open and append: {:?}", life.runs.len(), start.elapsed());
    assert!(records[0].sequence > 1_000_000);
    writer.close().await.unwrap();
    drop(life);

    let start = Instant::now();
    verify(&layout.journal()).unwrap();
    println!("verify: {:?}", start.elapsed());
    let status = fs::read_to_string("/proc/self/status").unwrap();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap());
}

/// Runs of two hundred steps each, as a rollback writes them.
async fn write_runs(layout: &Layout, records: u64) {
    let writer = open(layout);
    let checkpoint = CheckpointId::new("c1").unwrap();
    let digest: BlobId = Digest::of_bytes("blob", b"");
    let capture = Event::CaptureOpened { checkpoint: checkpoint.clone(), file: digest, by: ada() };
    let failed = Event::ObservationFailed {
        look: Look::Landed,
        component: backout_core::name::ComponentName::new("c1").unwrap(),
        cause: "none".into(),
    };
    let sealed = Event::CheckpointSealed { checkpoint: checkpoint.clone(), seal: digest };
    writer.note(None, vec![opened(), capture, failed, sealed]).await.unwrap();
    let steps: Vec<StepId> = (0..200).map(|n| StepId::new(&format!("c{n}.revert")).unwrap()).collect();
    let (mut written, mut number) = (4, 0);
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
            component: backout_core::name::ComponentName::new("c1").unwrap(),
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
