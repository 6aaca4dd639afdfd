//! Every version reads what earlier ones wrote. The files in `golden/` are never changed: a new format adds one.

use std::fs;
use std::path::{Path, PathBuf};

use backout_contract::Journal;
use backout_core::digest::Digest;
use backout_core::journal::{Event, Look, Outcome};
use backout_core::life::End;
use backout_core::name::{CheckpointId, ComponentName, MigrationName, PhaseName, RunId, StepId};
use backout_store::{Layout, load_life};

use super::support::{ada, open, read, state};

fn golden(format: u16) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/store/golden/format-{format}.db"))
}

/// A migration that was taken back: capture, cutover, one run of one step.
fn story() -> Vec<(Option<RunId>, Event)> {
    let digest = |text: &str| Digest::of_bytes("golden", text.as_bytes());
    let checkpoint = CheckpointId::new("c1").unwrap();
    let run = RunId::new("r1").unwrap();
    let step = StepId::new("settings.revert").unwrap();
    let phase = PhaseName::new("application").unwrap();
    let settings = ComponentName::new("settings").unwrap();
    let alone = [
        Event::MigrationOpened {
            migration: MigrationName::new("todo-uuid-ids").unwrap(),
            nonce: "00ff".repeat(8),
        },
        Event::Armed { by: ada() },
        Event::ClaimsRenewed { generation: 1, components: vec![settings.clone()] },
        Event::CaptureOpened { checkpoint: checkpoint.clone(), file: digest("file"), by: ada() },
        Event::CheckpointSealed { checkpoint: checkpoint.clone(), seal: digest("seal") },
        Event::CutoverMarked { phase, at: jiff::Timestamp::UNIX_EPOCH, late: false, by: ada() },
        Event::ObservationFailed {
            look: Look::Landed,
            component: settings,
            cause: "it did not answer".into(),
        },
    ];
    let within = [
        Event::RunOpened {
            run: run.clone(),
            plan: digest("plan"),
            shape: digest("shape"),
            checkpoint,
            steps: vec![step.clone()],
            pause_before: None,
            by: ada(),
            version: "0.1.0".into(),
        },
        Event::StepIntended { step: step.clone(), attempt: 1, before: None },
        Event::StepInDoubt { step: step.clone(), cause: "the process ended before it was said".into() },
        Event::DoubtResolved { step, happened: Some(true), looked: "its fingerprint".into() },
        Event::RunClosed { outcome: Outcome::Restored },
    ];
    let mut story: Vec<_> = alone.into_iter().map(|event| (None, event)).collect();
    story.extend(within.into_iter().map(|event| (Some(run.clone()), event)));
    story.push((None, Event::Closed { by: ada() }));
    story
}

#[test]
fn format_1_is_read() {
    let (_folder, layout) = state();
    fs::copy(golden(1), layout.journal()).unwrap();
    let (records, end) = read(&layout);
    end.unwrap();
    let told: Vec<_> = records.iter().map(|record| (record.run.clone(), record.event.clone())).collect();
    assert_eq!(told, story());
    assert!(records.iter().all(|record| (record.format, record.epoch) == (1, 1)));
    let (life, chain) = load_life(&layout.journal()).unwrap();
    assert_eq!((life.end, life.runs.len()), (Some(End::Closed), 1));
    assert_eq!(chain.head().to_string(), "a71b66c5891f1f2f2106803f930a1d6edb032e81d38fc84ca0b7239437aa080c");
}

/// Makes the file of a new format, never of an old one:
/// `BACKOUT_WRITE_GOLDEN=1 cargo test -p backout-store write_golden -- --nocapture`.
#[tokio::test]
async fn write_golden() {
    if std::env::var_os("BACKOUT_WRITE_GOLDEN").is_none() {
        return;
    }
    let (_folder, layout) = state();
    write(&layout).await;
    fs::create_dir_all(golden(1).parent().unwrap()).unwrap();
    fs::copy(layout.journal(), golden(backout_core::journal::FORMAT)).unwrap();
    println!("{}", load_life(&layout.journal()).unwrap().1.head());
}

async fn write(layout: &Layout) {
    let writer = open(layout);
    for (run, event) in story() {
        writer.append(run.as_ref(), vec![event]).await.unwrap();
    }
    writer.close().await.unwrap();
}
