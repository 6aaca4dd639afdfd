//! The table, row by row, and what nobody may ever take.

use super::*;
use crate::checkpoint::DataPart;
use crate::digest::Digest;
use crate::journal::{Actor, Chain, Event, Look, Outcome};
use crate::life::End;
use crate::name::{ComponentName, KindName, MigrationName, StepId};
use crate::observation::{Observation, Seen};

fn by() -> Actor {
    Actor { user: "ada".into(), host: "db1".into() }
}

fn blob(number: u8) -> BlobId {
    Digest::from_raw([number; 32])
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Tells a life, a record each second.
struct Teller {
    chain: Chain,
    life: Life,
}

impl Teller {
    fn new() -> Self {
        let mut teller = Self { chain: Chain::default(), life: Life::default() };
        teller.tell(Event::MigrationOpened {
            migration: MigrationName::new("todo").unwrap(),
            nonce: "n".into(),
        });
        teller
    }

    fn tell(&mut self, event: Event) {
        let now = at(i64::try_from(self.chain.next_sequence()).unwrap());
        let (record, _) = self.chain.append(event, None, 1, now).unwrap();
        self.life.apply(&record).unwrap();
    }

    /// A capture with a state and a part; three records.
    fn capture(&mut self, id: &str, state: u8, data: u8, sealed: bool, before_run: Option<&str>) {
        let checkpoint = CheckpointId::new(id).unwrap();
        self.tell(Event::CaptureOpened {
            checkpoint: checkpoint.clone(),
            file: blob(9),
            before_run: before_run.map(|run| RunId::new(run).unwrap()),
            by: by(),
        });
        self.tell(Event::ComponentObserved {
            look: Look::Saved,
            checkpoint: checkpoint.clone(),
            observation: Observation {
                component: ComponentName::new("db").unwrap(),
                kind: KindName::new("sim.thing").unwrap(),
                state_version: 1,
                seen: Seen::Absent,
                identity: None,
                at: Timestamp::UNIX_EPOCH,
            },
            state: Some(blob(state)),
            data: vec![DataPart { name: "all".into(), blob: blob(data), bytes: 1 }],
            millis: 1,
        });
        if sealed {
            self.tell(Event::CheckpointSealed { checkpoint, seal: blob(8) });
        }
    }

    /// A run with a state before it; two or three records.
    fn run(&mut self, id: &str, to: &str, plan: u8, before: u8, closed: bool) {
        self.tell(Event::RunOpened {
            run: RunId::new(id).unwrap(),
            plan: blob(plan),
            shape: blob(6),
            checkpoint: CheckpointId::new(to).unwrap(),
            steps: vec![StepId::new("db.revert").unwrap()],
            pause_before: None,
            reason: None,
            choices: None,
            price: None,
            most_lost: None,
            by: by(),
            version: "test".into(),
        });
        self.tell(Event::BeforeKept {
            component: ComponentName::new("db").unwrap(),
            seen: Seen::Absent,
            state: Some(blob(before)),
            data: Vec::new(),
            displaced: false,
        });
        if closed {
            self.tell(Event::RunClosed { outcome: Outcome::Abandoned });
        }
    }

    fn retain(&self, keep_last: Option<usize>, since: Option<i64>) -> Retention {
        retain(&self.life, &Rule { keep_last, since: since.map(at) })
    }
}

fn stays(retention: &Retention) -> Vec<(&str, Because)> {
    retention.stays.iter().map(|(id, because)| (id.as_str(), because.clone())).collect()
}

fn goes(retention: &Retention) -> Vec<&str> {
    retention.goes.iter().map(CheckpointId::as_str).collect()
}

fn run(id: &str) -> RunId {
    RunId::new(id).unwrap()
}

/// Three captures, opened in the seconds 2, 5 and 8.
fn three() -> Teller {
    let mut teller = Teller::new();
    teller.capture("c1", 11, 12, true, None);
    teller.capture("c2", 21, 22, true, None);
    teller.capture("c3", 31, 32, true, None);
    teller
}

#[test]
fn the_newest_stays_even_when_the_rule_keeps_nothing() {
    for retention in [three().retain(Some(0), None), three().retain(None, Some(1000))] {
        assert_eq!(stays(&retention), [("c3", Because::Newest)]);
        assert_eq!(goes(&retention), ["c1", "c2"]);
        assert_eq!(retention.blobs, [blob(31), blob(32)].into());
    }
}

#[test]
fn the_rule_keeps_by_count_and_by_time_and_with_both_only_what_both_let_go_goes() {
    let three = three();
    for (keep_last, since, expected) in [
        (Some(1), None, vec!["c1", "c2"]),
        (Some(2), None, vec!["c1"]),
        (Some(3), None, vec![]),
        (Some(9), None, vec![]),
        (None, Some(5), vec!["c1"]),
        (None, Some(6), vec!["c1", "c2"]),
        (None, Some(0), vec![]),
        (Some(1), Some(5), vec!["c1"]),
        (Some(2), Some(1000), vec!["c1"]),
    ] {
        assert_eq!(goes(&three.retain(keep_last, since)), expected, "{keep_last:?} {since:?}");
    }
}

#[test]
fn what_an_open_run_needs_stays() {
    let mut teller = three();
    teller.run("r1", "c1", 41, 42, false);
    let retention = teller.retain(Some(0), None);
    assert_eq!(stays(&retention), [("c1", Because::OpenRun(run("r1"))), ("c3", Because::Newest)]);
    assert_eq!(goes(&retention), ["c2"]);
    assert!(retention.runs.is_empty());
    assert_eq!(retention.blobs, [11, 12, 31, 32, 41, 42].map(blob).into());
    // Also once the migration is said to be over: the run is not.
    teller.life.end = Some(End::Closed);
    assert_eq!(teller.retain(Some(0), None), retention);
}

#[test]
fn a_run_of_this_attempt_can_be_taken_back_until_the_migration_is_over() {
    let mut teller = three();
    teller.run("r1", "c1", 41, 42, true);
    teller.capture("before-r1", 51, 52, true, Some("r1"));
    let retention = teller.retain(Some(0), None);
    let because = Because::RunOfThisAttempt(run("r1"));
    assert_eq!(stays(&retention), [("before-r1", because.clone()), ("c1", because), ("c3", Because::Newest)]);
    assert_eq!(retention.blobs, [11, 12, 31, 32, 41, 42, 51, 52].map(blob).into());

    teller.life.end = Some(End::Committed);
    let retention = teller.retain(Some(0), None);
    assert_eq!(stays(&retention), [("c3", Because::Newest)]);
    assert_eq!(retention.runs, [run("r1")].into());
    assert_eq!(retention.blobs, [31, 32].map(blob).into());
}

#[test]
fn runs_of_earlier_attempts_go_by_the_rule() {
    let mut teller = Teller::new();
    teller.capture("c1", 11, 12, true, None);
    teller.run("r1", "c1", 41, 42, true);
    teller.capture("before-r1", 51, 52, true, Some("r1"));
    teller.capture("c2", 21, 22, true, None);
    let retention = teller.retain(Some(1), None);
    assert_eq!(stays(&retention), [("c2", Because::Newest)]);
    assert_eq!(retention.runs, [run("r1")].into());
    assert_eq!(retention.blobs, [21, 22].map(blob).into());

    let retention = teller.retain(Some(2), None);
    assert!(retention.goes.is_empty() && retention.runs.is_empty());
    assert_eq!(stays(&retention)[1], ("c1", Because::Rule));
}

#[test]
fn a_capture_that_was_never_sealed_goes() {
    let mut teller = three();
    teller.capture("c4", 61, 62, false, None);
    let retention = teller.retain(Some(9), Some(0));
    assert_eq!(goes(&retention), ["c4"]);
    assert!(!retention.blobs.contains(&blob(61)));
}

#[test]
fn shared_data_stays_for_whoever_stays() {
    let mut teller = Teller::new();
    teller.capture("c1", 11, 12, true, None);
    teller.capture("c2", 11, 22, true, None);
    let retention = teller.retain(Some(1), None);
    assert_eq!(goes(&retention), ["c1"]);
    assert_eq!(retention.blobs, [11, 22].map(blob).into());
}

#[test]
fn without_any_checkpoint_nothing_is_decided() {
    assert_eq!(Teller::new().retain(Some(0), None), Retention::default());
}

fn sealing(teller: &mut Teller, data: u8) {
    teller.tell(Event::WritesCounted {
        component: ComponentName::new("db").unwrap(),
        counted: crate::writes::Counted::default(),
        data: vec![DataPart { name: "writes".into(), blob: blob(data), bytes: 1 }],
    });
}

#[test]
fn users_writes_that_a_run_sealed_stay_as_long_as_a_checkpoint_that_lacks_them() {
    let mut teller = Teller::new();
    teller.capture("c1", 11, 12, true, None);
    teller.run("r1", "c1", 41, 42, false);
    sealing(&mut teller, 43);
    teller.tell(Event::RunClosed { outcome: Outcome::Restored });
    teller.capture("c2", 21, 22, true, None);
    let of_r1 = |retention: &Retention| [41, 42, 43].map(|one| retention.blobs.contains(&blob(one)));
    let retention = teller.retain(None, Some(2));
    assert_eq!((goes(&retention), of_r1(&retention)), (vec![], [true; 3]));
    // Only the state of the run may go: what it sealed is lacked by the first checkpoint.
    teller.life.runs[0].opened = at(0);
    let retention = teller.retain(None, Some(2));
    assert_eq!(retention.runs, [run("r1")].into());
    assert_eq!((goes(&retention), of_r1(&retention)), (vec![], [false, false, true]));
    let retention = teller.retain(Some(1), None);
    assert_eq!((goes(&retention), of_r1(&retention)), (vec!["c1"], [false; 3]), "c2 has them");
    teller.life.end = Some(End::Closed);
    assert_eq!(of_r1(&teller.retain(None, Some(2))), [false; 3]);
}

#[test]
fn users_writes_that_a_run_sealed_stay_as_long_as_the_run_does() {
    let mut teller = three();
    teller.run("r1", "c1", 41, 42, false);
    sealing(&mut teller, 43);
    assert!(teller.retain(Some(0), None).blobs.contains(&blob(43)));
    teller.tell(Event::RunClosed { outcome: Outcome::Abandoned });
    assert!(teller.retain(Some(0), None).blobs.contains(&blob(43)));
    teller.life.end = Some(End::Closed);
    assert!(!teller.retain(Some(0), None).blobs.contains(&blob(43)));
}
