//! One attempt at a migration of twenty-four components, from capture to close, as the engine journals it.

use backout_core::checkpoint::{BlobId, DataPart};
use backout_core::digest::Digest;
use backout_core::journal::{Actor, Event, Look, Outcome};
use backout_core::name::{CheckpointId, ComponentName, KindName, MigrationName, PhaseName, RunId, StepId};
use backout_core::observation::{Fingerprint, Observation, Seen, Verdict};
use jiff::Timestamp;

const COMPONENTS: usize = 24;
const GROUPS: [&str; 4] = ["quiesce", "revert", "prove", "reopen"];

pub fn opened() -> Event {
    Event::MigrationOpened { migration: MigrationName::new("todo").unwrap(), nonce: "00ff".repeat(8) }
}

/// What is written by each command of the attempt.
pub fn attempt(number: u64, by: &Actor) -> Vec<(Option<RunId>, Vec<Event>)> {
    let checkpoint = CheckpointId::new(&format!("c{number}")).unwrap();
    let run = RunId::new(&format!("r{number}")).unwrap();
    let components: Vec<ComponentName> =
        (0..COMPONENTS).map(|at| ComponentName::new(&format!("component-{at}")).unwrap()).collect();
    let claimed =
        |turn| Event::ClaimsRenewed { generation: number * 2 + turn, components: components.clone() };

    let mut capture = vec![
        Event::CaptureOpened {
            checkpoint: checkpoint.clone(),
            file: digest(0),
            before_run: None,
            by: by.clone(),
        },
        claimed(0),
    ];
    capture.extend(components.iter().map(|name| observed(Look::Saved, &checkpoint, name, number)));
    capture.push(Event::CheckpointSealed { checkpoint: checkpoint.clone(), seal: digest(number) });

    let mut cutover: Vec<Event> =
        components.iter().map(|name| observed(Look::Landed, &checkpoint, name, number + 1)).collect();
    cutover.push(Event::CutoverMarked {
        phase: PhaseName::new("all").unwrap(),
        at: Timestamp::UNIX_EPOCH,
        late: false,
        by: by.clone(),
    });

    let within = rollback(number, &checkpoint, &run, &components, claimed(1), by);
    vec![
        (None, capture),
        (None, cutover),
        (Some(run), within),
        (None, vec![Event::Closed { by: by.clone() }]),
    ]
}

fn rollback(
    number: u64,
    checkpoint: &CheckpointId,
    run: &RunId,
    components: &[ComponentName],
    claimed: Event,
    by: &Actor,
) -> Vec<Event> {
    let named = |name: &ComponentName, group: &str| StepId::new(&format!("{name}.{group}")).unwrap();
    let groups = GROUPS.iter().chain(&["verify"]);
    let steps = groups.flat_map(|group| components.iter().map(move |name| named(name, group))).collect();
    let mut events = vec![
        Event::RunOpened {
            run: run.clone(),
            plan: digest(number),
            shape: digest(number),
            checkpoint: checkpoint.clone(),
            steps,
            pause_before: None,
            reason: None,
            choices: None,
            price: None,
            most_lost: None,
            by: by.clone(),
            version: "0.1.0".into(),
        },
        claimed,
    ];
    events.extend(components.iter().map(|name| Event::BeforeKept {
        component: name.clone(),
        seen: seen(number),
        state: Some(digest(number)),
        data: Vec::new(),
        displaced: true,
    }));
    for step in GROUPS.iter().flat_map(|group| components.iter().map(move |name| named(name, group))) {
        events.push(Event::StepIntended { step: step.clone(), attempt: 1, before: Some(seen(number)) });
        events.push(Event::StepApplied {
            step,
            evidence: "put beside and swapped, 3 files of 1.4 MiB; the displaced ones are kept".into(),
            after: Some(seen(number)),
            confirmed: true,
            millis: 12,
        });
    }
    for name in components {
        let step = named(name, "verify");
        events.push(Event::StepIntended { step: step.clone(), attempt: 1, before: None });
        events.push(Event::ComponentVerified {
            component: name.clone(),
            step: Some(step),
            verdict: Verdict::Restored,
            looked: vec![
                "its fingerprint is what was saved".into(),
                "http://127.0.0.1:8080/health is well".into(),
            ],
            seen: Some(seen(number)),
            millis: 3,
        });
    }
    events.push(Event::RunClosed { outcome: Outcome::Restored });
    events
}

fn observed(look: Look, checkpoint: &CheckpointId, name: &ComponentName, number: u64) -> Event {
    Event::ComponentObserved {
        look,
        checkpoint: checkpoint.clone(),
        observation: Observation {
            component: name.clone(),
            kind: KindName::new("bench.database").unwrap(),
            state_version: 1,
            seen: seen(number),
            identity: Some(format!("./data/{name}.db")),
            at: Timestamp::UNIX_EPOCH,
        },
        state: Some(digest(number)),
        data: vec![DataPart { name: "database".into(), blob: digest(number), bytes: 69_632 }],
        millis: 11,
    }
}

fn seen(number: u64) -> Seen {
    Seen::Present { fingerprint: Fingerprint { shape: digest(number), position: Some(digest(number)) } }
}

fn digest(number: u64) -> BlobId {
    Digest::of_bytes("bench", &number.to_le_bytes())
}
