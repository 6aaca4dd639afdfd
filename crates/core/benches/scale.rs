//! How long core takes on migrations of 10,000 components. `cargo bench -p backout-core`.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a benchmark ends by panicking")]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a benchmark needs a clock"
)]

use std::hint::black_box;
use std::time::Instant;

use backout_core::capability::{Capabilities, Quiescence};
use backout_core::delta::{Delta, Reversibility, Shown};
use backout_core::digest::Digest;
use backout_core::migration::{Source, lint, parse};
use backout_core::name::{CheckpointId, ComponentName, KindName, MigrationName};
use backout_core::observation::{Fingerprint, Seen};
use backout_core::order::{Dependency, DependencyKind, Mode, Ordered};
use backout_core::plan::{Choices, ComponentFacts, Draft, PlanInput, Timings, build};
use jiff::Timestamp;

const COMPONENTS: usize = 10_000;
const RUNS: usize = 5;

fn measure<T>(what: &str, mut work: impl FnMut() -> T) {
    let mut millis: Vec<f64> = (0..RUNS)
        .map(|_| {
            let began = Instant::now();
            black_box(work());
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    millis.sort_by(f64::total_cmp);
    println!(
        "{what}: median {:.1} ms of {RUNS} ({:.1} to {:.1})",
        millis[RUNS / 2],
        millis[0],
        millis[RUNS - 1]
    );
}

/// A chain in groups of ten, every hundredth needing the one a hundred before it.
fn needs(index: usize) -> Option<usize> {
    match index {
        0 => None,
        index if index % 10 != 0 => Some(index - 1),
        index if index % 100 == 0 => Some(index - 100),
        _ => None,
    }
}

fn text() -> String {
    let mut text = String::from("migration: large\ncomponents:\n");
    for index in 0..COMPONENTS {
        text.push_str(&format!("  c{index}:\n    kind: file.tree\n    path: data/c{index}\n"));
        if let Some(other) = needs(index) {
            text.push_str(&format!("    needs: [c{other}]\n"));
        }
    }
    text
}

fn seen(shape: u8) -> Seen {
    Seen::Present { fingerprint: Fingerprint { shape: Digest::from_raw([shape; 32]), position: None } }
}

fn facts(index: usize, needs: Option<usize>, differs: bool) -> ComponentFacts {
    let name = |index: usize| ComponentName::new(&format!("c{index}")).unwrap();
    let mut delta = Delta::default();
    delta.push("content", Shown::text("new"), Shown::text("old"));
    ComponentFacts {
        ordered: Ordered {
            name: name(index),
            mode: Mode::InPlace,
            can_quiesce: true,
            live_accepted: false,
            merges: false,
            edge: false,
            dependencies: needs
                .into_iter()
                .map(|on| Dependency { on: name(on), kind: DependencyKind::Needs, compatible_both: false })
                .collect(),
            extra: Vec::new(),
        },
        kind: KindName::new("sim.thing").unwrap(),
        target: format!("data/c{index}"),
        capabilities: Some(Capabilities {
            mode: Mode::InPlace,
            quiescence: Quiescence::Door { opening_restarts: false },
            holds_data: false,
            records_writes: false,
            marker: true,
            keeps_displaced: true,
            stages: false,
            compare_and_set: true,
            sees_exactly: true,
        }),
        instructions: None,
        then: Vec::new(),
        saved: seen(1),
        landed: Some(seen(2)),
        live: Some(seen(if differs { 2 } else { 1 })),
        put_back: false,
        delta,
        drafts: Ok(vec![Draft {
            title: "put it back".into(),
            effect: serde_json::Value::Null,
            leaves: None,
        }]),
        reversibility: Reversibility::Fully,
        price: None,
        recovery: None,
        state: None,
        data: Vec::new(),
    }
}

fn input(needs: impl Fn(usize) -> Option<usize>, differs: impl Fn(usize) -> bool) -> PlanInput {
    PlanInput {
        migration: MigrationName::new("large").unwrap(),
        file: Digest::from_raw([0; 32]),
        checkpoint: CheckpointId::new("c1").unwrap(),
        seal: Digest::from_raw([0; 32]),
        choices: Choices::default(),
        now: Timestamp::UNIX_EPOCH,
        components: (0..COMPONENTS).map(|index| facts(index, needs(index), differs(index))).collect(),
        timings: Timings::default(),
    }
}

fn main() {
    let source = Source::new("backout.yaml", &text());
    measure("parse and lint 10,000 components", || lint(&parse(&source).expect("it parses")));
    let all = input(needs, |_| true);
    measure("plan, groups of ten, all differ", || build(all.clone()).expect("a plan"));
    let few = input(needs, |index| index % 100 == 0);
    measure("plan, groups of ten, one in a hundred differs", || build(few.clone()).expect("a plan"));
    let star = input(|index| (index > 0).then_some(0), |_| true);
    measure("plan, all stand on one, all differ", || build(star.clone()).expect("a plan"));
    let pole = input(|index| index.checked_sub(1), |_| true);
    measure("plan, one tower, all differ", || build(pole.clone()).expect("a plan"));
}
