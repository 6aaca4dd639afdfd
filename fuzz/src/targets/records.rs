//! Journal records: any line is read or refused by number, and any order of facts is followed or refused as one that
//! cannot have happened; whatever state comes out answers what commands ask of it.

use std::hint::black_box;

use backout_core::journal::{Broken, Chain, Choice, Record};
use backout_core::life::{Life, legal_next, phase_state};
use backout_core::name::{ComponentName, PhaseName};
use backout_core::report::Reporter;

pub const WORDS: &[&str] = &[
    "\"format\":1",
    "\"format\":2",
    "\"sequence\":1",
    "\"run\":\"r1\",",
    "\"event\"",
    "\"armed\"",
    "\"run-opened\"",
    "\"run-closed\"",
    "\"run-resumed\"",
    "\"run-stopped\"",
    "\"run-stuck\"",
    "\"step-intended\"",
    "\"step-applied\"",
    "\"step-already-there\"",
    "\"step-blocked\"",
    "\"step-failed\"",
    "\"step-in-doubt\"",
    "\"doubt-resolved\"",
    "\"step-asked\"",
    "\"operator-chose\"",
    "\"component-verified\"",
    "\"cutover-marked\"",
    "\"checkpoint-sealed\"",
    "\"capture-opened\"",
    "\"recorder-placed\"",
    "\"writes-counted\"",
    "\"writes-recovered\"",
    "\"both-changed\"",
    "\"abandoned\"",
    "\"restored\"",
    "\"reopened\"",
    "\"retry\"",
    "\"skip\"",
    "\"accept\"",
];

pub fn check(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else { return false };
    as_stored(text);
    as_facts(text)
}

/// As they stand, until the first that does not follow.
fn as_stored(text: &str) {
    let (mut chain, mut life) = (Chain::default(), Life::default());
    for line in text.lines() {
        let before = chain.clone();
        match chain.read(line) {
            Ok(record) => {
                assert_eq!(record.sequence, before.next_sequence());
                assert_eq!(record.previous, before.head());
                if life.apply(&record).is_err() {
                    break;
                }
            }
            Err(broken) => {
                assert_eq!((chain.next_sequence(), chain.head()), (before.next_sequence(), before.head()));
                black_box(broken.to_string());
                break;
            }
        }
    }
    questions(&life);
}

/// What each line says, chained anew, so that facts meet in orders that no writer would write. Whether all of them
/// were followed.
fn as_facts(text: &str) -> bool {
    let mut followed = true;
    let mut reporter = Reporter::new(None);
    let (mut chain, mut reader, mut life) = (Chain::default(), Chain::default(), Life::default());
    for line in text.lines() {
        let Ok(Record { run, epoch, at, event, .. }) = serde_json::from_str(line) else { continue };
        let (record, line) = chain
            .append(event, run, epoch, at)
            .unwrap_or_else(|error| panic!("what was read cannot be written: {error}"));
        assert_eq!(reader.read(&line).as_ref(), Ok(&record), "what was written reads back as something else");
        match life.apply(&record) {
            Ok(()) => {
                assert_eq!(life.sequence, record.sequence);
                assert_eq!(reporter.take(&record), Ok(()), "a report cannot follow what the fold could");
            }
            Err(Broken::Illegal { sequence, cause }) => {
                assert_eq!(sequence, record.sequence);
                assert!(!cause.is_empty());
                followed = false;
            }
            Err(other) => panic!("a fact that was read is {other:?}"),
        }
    }
    assert_eq!(reader.head(), chain.head());
    questions(&life);
    let report = reporter.report(chain.head(), None);
    let told = report.map(|report| serde_json::to_string(&report).map(|text| text.len()));
    assert!(matches!(told, Ok(Ok(1..))), "there is no report: {told:?}");
    followed && life.sequence > 0
}

/// What commands ask of a state.
fn questions(life: &Life) {
    black_box((life.next_checkpoint(), life.next_run(), life.timings()));
    let components: Vec<ComponentName> = life
        .checkpoint()
        .map(|(_, checkpoint, _)| checkpoint.components.keys().cloned().collect())
        .unwrap_or_default();
    let named = PhaseName::new("all").ok();
    let states: Vec<_> =
        life.cutovers.keys().chain(&named).map(|phase| phase_state(life, phase, &components)).collect();
    assert!(!legal_next(life, &states).is_empty(), "a state without an exit");
    for run in &life.runs {
        for component in &components {
            black_box((run.all_done(component), run.steps_of(component).count()));
        }
        for counted in run.counted.values() {
            black_box((counted.users().sum(), counted.writes(), counted.unmapped(), counted.migration()));
        }
        for recovered in run.recovered.values() {
            black_box((recovered.conflicts(), recovered.wants_a_person()));
        }
        for step in &run.order {
            let may =
                [Choice::Retry, Choice::Skip, Choice::Accept].map(|choice| run.may_choose(step, choice));
            assert!(!run.state(step).needs_person() || may.contains(&true), "a person has no choice");
            black_box(run.state(step).word());
        }
    }
}
