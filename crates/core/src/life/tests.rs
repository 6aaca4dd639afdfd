//! The fold: what may follow what, by the table of steps, and what a migration's state adds up to.

use jiff::Timestamp;

use super::*;
use crate::digest::Digest;
use crate::journal::Actor;
use crate::journal::{Chain, Choice, Stance};
use crate::name::{KindName, StepId};
use crate::observation::{Fingerprint, Observation};

fn by() -> Actor {
    Actor { user: "ada".into(), host: "db1".into() }
}

fn step(text: &str) -> StepId {
    StepId::new(text).unwrap()
}

fn component(text: &str) -> ComponentName {
    ComponentName::new(text).unwrap()
}

/// Folds events; the chain's own rules are tested beside it.
#[derive(Default)]
struct Teller {
    chain: Chain,
    life: Life,
}

impl Teller {
    fn tell(&mut self, event: Event) -> Result<(), Broken> {
        let at = Timestamp::from_second(self.chain.next_sequence() as i64).unwrap();
        let (record, _) = self.chain.append(event, None, 1, at).unwrap();
        self.life.apply(&record)
    }

    fn told(events: Vec<Event>) -> Self {
        let mut teller = Self::default();
        for event in events {
            teller.tell(event).unwrap();
        }
        teller
    }
}

fn opened() -> Event {
    Event::MigrationOpened { migration: MigrationName::new("todo").unwrap(), nonce: "n".into() }
}

fn seen(shape: u8) -> Seen {
    Seen::Present { fingerprint: Fingerprint { shape: Digest::from_raw([shape; 32]), position: None } }
}

fn observed(look: Look, checkpoint: &str, name: &str, shape: u8) -> Event {
    Event::ComponentObserved {
        look,
        checkpoint: CheckpointId::new(checkpoint).unwrap(),
        observation: Observation {
            component: component(name),
            kind: KindName::new("sim.thing").unwrap(),
            state_version: 1,
            seen: seen(shape),
            identity: None,
            at: Timestamp::UNIX_EPOCH,
        },
        state: None,
        data: Vec::new(),
        millis: 1,
    }
}

fn captured(id: &str) -> Vec<Event> {
    let checkpoint = CheckpointId::new(id).unwrap();
    vec![
        Event::CaptureOpened {
            checkpoint: checkpoint.clone(),
            file: Digest::from_raw([9; 32]),
            before_run: None,
            by: by(),
        },
        observed(Look::Saved, id, "db", 1),
        Event::CheckpointSealed { checkpoint, seal: Digest::from_raw([8; 32]) },
    ]
}

fn cut_over() -> Vec<Event> {
    let phase = PhaseName::new("all").unwrap();
    vec![
        observed(Look::Landed, "c1", "db", 2),
        Event::CutoverMarked { phase, at: Timestamp::from_second(5).unwrap(), late: false, by: by() },
    ]
}

fn run_opened(id: &str) -> Event {
    Event::RunOpened {
        run: RunId::new(id).unwrap(),
        plan: Digest::from_raw([7; 32]),
        shape: Digest::from_raw([6; 32]),
        checkpoint: CheckpointId::new("c1").unwrap(),
        steps: vec![step("db.quiesce"), step("db.revert"), step("db.verify")],
        pause_before: None,
        reason: None,
        choices: None,
        price: None,
        most_lost: None,
        by: by(),
        version: "test".into(),
    }
}

fn in_run() -> Vec<Event> {
    let mut events = vec![opened()];
    events.extend(captured("c1"));
    events.extend(cut_over());
    events.push(run_opened("r1"));
    events
}

fn intended(id: &str) -> Event {
    Event::StepIntended { step: step(id), attempt: 1, before: None }
}

fn applied(id: &str) -> Event {
    Event::StepApplied { step: step(id), evidence: String::new(), after: None, confirmed: true, millis: 7 }
}

fn verified(id: &str, verdict: Verdict) -> Event {
    Event::ComponentVerified {
        component: component("db"),
        step: Some(step(id)),
        verdict,
        looked: vec!["looked".into()],
        seen: None,
        millis: 3,
    }
}

fn chose(id: &str, choice: Choice) -> Event {
    Event::OperatorChose { step: step(id), choice, reason: "because".into(), by: by() }
}

/// Events that bring `db.revert` into each state.
fn ways() -> Vec<(&'static str, Vec<Event>)> {
    let id = "db.revert";
    let resolved = |happened| Event::DoubtResolved { step: step(id), happened, looked: "looked".into() };
    let failed =
        Event::StepFailed { step: step(id), cause: "no".into(), hints: Vec::new(), never_begun: false };
    let blocked = Event::StepBlocked { step: step(id), found: "other".into() };
    let doubt = Event::StepInDoubt { step: step(id), cause: "no answer".into() };
    let asked = Event::StepAsked { step: step(id), question: "done?".into() };
    vec![
        ("waiting", vec![]),
        ("intended", vec![intended(id)]),
        ("done", vec![intended(id), applied(id)]),
        ("blocked", vec![intended(id), blocked]),
        ("failed", vec![intended(id), failed]),
        ("in doubt", vec![intended(id), doubt.clone()]),
        ("looked", vec![intended(id), doubt, resolved(None)]),
        ("asked", vec![asked]),
        ("skipped", vec![chose(id, Choice::Skip)]),
    ]
}

/// For each event about a step: the states it may follow, and the word of the state after it.
fn table() -> Vec<(Event, Vec<(&'static str, &'static str)>)> {
    let id = "db.revert";
    let resolved = |happened| Event::DoubtResolved { step: step(id), happened, looked: "looked".into() };
    let person = ["blocked", "failed", "looked", "asked"];
    let all_to =
        |word: &'static str, from: &[&'static str]| from.iter().map(|state| (*state, word)).collect();
    vec![
        (intended(id), vec![("waiting", "under way")]),
        (applied(id), vec![("intended", "done")]),
        (Event::StepAlreadyThere { step: step(id) }, vec![("intended", "already there")]),
        (verified(id, Verdict::Restored), vec![("intended", "done")]),
        (Event::StepBlocked { step: step(id), found: "x".into() }, vec![("intended", "blocked")]),
        (
            Event::StepFailed { step: step(id), cause: "x".into(), hints: Vec::new(), never_begun: false },
            vec![("intended", "failed")],
        ),
        (Event::StepInDoubt { step: step(id), cause: "x".into() }, vec![("intended", "in doubt")]),
        (resolved(Some(true)), vec![("in doubt", "found done"), ("looked", "found done")]),
        (resolved(Some(false)), vec![("in doubt", "waiting"), ("looked", "waiting")]),
        (resolved(None), vec![("in doubt", "in doubt"), ("looked", "in doubt")]),
        (Event::StepAsked { step: step(id), question: "x".into() }, vec![("waiting", "asked")]),
        (
            chose(id, Choice::Retry),
            std::iter::once(("waiting", "waiting")).chain(all_to_vec("waiting", &person)).collect(),
        ),
        (
            chose(id, Choice::Skip),
            std::iter::once(("waiting", "skipped")).chain(all_to_vec("skipped", &person)).collect(),
        ),
        (chose(id, Choice::Accept), all_to("accepted", &person)),
    ]
}

fn all_to_vec(word: &'static str, from: &[&'static str]) -> Vec<(&'static str, &'static str)> {
    from.iter().map(|state| (*state, word)).collect()
}

#[test]
fn every_pair_of_state_and_event_is_in_the_table_or_illegal() {
    for (event, legal) in table() {
        for (state, way) in ways() {
            let mut teller = Teller::told(in_run().into_iter().chain(way).collect());
            let result = teller.tell(event.clone());
            match legal.iter().find(|(from, _)| *from == state) {
                Some((_, to)) => {
                    assert_eq!(result, Ok(()), "{state} + {event:?}");
                    let run = teller.life.open_run().unwrap();
                    assert_eq!(run.state(&step("db.revert")).word(), *to, "{state} + {event:?}");
                }
                None => assert!(
                    matches!(result, Err(Broken::Illegal { .. })),
                    "{state} + {event:?} must be illegal: {result:?}"
                ),
            }
        }
    }
}

#[test]
fn a_resumed_run_puts_in_doubt_what_was_under_way_and_nothing_else() {
    for (state, way) in ways() {
        let mut teller = Teller::told(in_run().into_iter().chain(way).collect());
        let word = |teller: &Teller| teller.life.open_run().unwrap().state(&step("db.revert")).word();
        let before = word(&teller);
        teller.tell(Event::RunResumed { by: by(), version: "test".into() }).unwrap();
        assert_eq!(word(&teller), if state == "intended" { "in doubt" } else { before });
    }
}

#[test]
fn a_door_that_was_opened_again_is_to_be_closed_again() {
    let mut events = in_run();
    events.extend([intended("db.quiesce"), applied("db.quiesce")]);
    events.push(Event::StopRequested { stance: None, by: by() });
    events.push(Event::ReopenIntended { component: component("db") });
    events.push(Event::Reopened { component: component("db") });
    events.push(Event::RunStopped { stance: Stance::Reopen });
    let teller = Teller::told(events);
    let run = teller.life.open_run().unwrap();
    assert_eq!(*run.state(&step("db.quiesce")), StepState::Waiting);
    assert_eq!(run.at_rest, Some(Stance::Reopen));
}

#[test]
fn nothing_comes_before_the_migration_is_opened_and_nothing_opens_it_twice() {
    assert!(matches!(Teller::default().tell(Event::Armed { by: by() }), Err(Broken::Illegal { .. })));
    assert!(matches!(Teller::told(vec![opened()]).tell(opened()), Err(Broken::Illegal { .. })));
}

#[test]
fn one_run_at_a_time() {
    let mut teller = Teller::told(in_run());
    assert!(matches!(teller.tell(run_opened("r2")), Err(Broken::Illegal { .. })));
    teller.tell(Event::RunClosed { outcome: Outcome::Abandoned }).unwrap();
    assert_eq!(teller.tell(run_opened("r2")), Ok(()));
}

#[test]
fn a_restored_component_is_put_back_until_the_next_checkpoint_or_cutover() {
    let mut events = in_run();
    events.extend([intended("db.verify"), verified("db.verify", Verdict::Restored)]);
    events.push(Event::RunClosed { outcome: Outcome::Restored });
    let put_back = |teller: &Teller| teller.life.put_back.contains_key(&component("db"));
    let mut teller = Teller::told(events.clone());
    assert!(put_back(&teller));
    teller.tell(observed(Look::Landed, "c1", "db", 2)).unwrap();
    assert!(!put_back(&teller));
    let mut teller = Teller::told(events.clone());
    for event in captured("c2") {
        teller.tell(event).unwrap();
    }
    assert!(!put_back(&teller));
    assert!(teller.life.landed.is_empty() && teller.life.cutovers.is_empty());
    events.pop();
    events.push(Event::RunClosed { outcome: Outcome::Abandoned });
    assert!(!put_back(&Teller::told(events)), "an abandoned run put nothing back");
}

#[test]
fn a_component_that_differs_was_not_put_back() {
    let mut events = in_run();
    events.extend([intended("db.verify"), verified("db.verify", Verdict::Differs { what: "x".into() })]);
    events.push(Event::RunClosed { outcome: Outcome::NotVerified });
    assert!(Teller::told(events).life.put_back.is_empty());
}

#[test]
fn a_sealed_checkpoint_takes_nothing_more_in() {
    let mut events = vec![opened()];
    events.extend(captured("c1"));
    let mut teller = Teller::told(events);
    assert!(matches!(teller.tell(observed(Look::Saved, "c1", "api", 1)), Err(Broken::Illegal { .. })));
}

#[test]
fn phases_go_through_their_states() {
    let phase = PhaseName::new("all").unwrap();
    let members = [component("db")];
    let state = |events: Vec<Event>| phase_state(&Teller::told(events).life, &phase, &members);
    let mut events = vec![opened()];
    assert_eq!(state(events.clone()), PhaseState::Draft);
    events.push(Event::Armed { by: by() });
    assert_eq!(state(events.clone()), PhaseState::Armed);
    events.extend(captured("c1"));
    assert_eq!(state(events.clone()), PhaseState::Captured);
    events.extend(cut_over());
    assert_eq!(state(events.clone()), PhaseState::CutOver);
    events.push(run_opened("r1"));
    assert_eq!(state(events.clone()), PhaseState::RollingBack);
    for id in ["db.quiesce", "db.revert"] {
        events.extend([intended(id), applied(id)]);
    }
    assert_eq!(state(events.clone()), PhaseState::Verifying);
    let mut stuck = events.clone();
    stuck.push(Event::RunStuck { steps: vec![step("db.verify")] });
    assert_eq!(state(stuck), PhaseState::Stuck);
    let mut held = events.clone();
    held.push(Event::RunStopped { stance: Stance::StayClosed });
    assert_eq!(state(held), PhaseState::Held);
    events.extend([intended("db.verify"), verified("db.verify", Verdict::Restored)]);
    events.push(Event::RunClosed { outcome: Outcome::Restored });
    assert_eq!(state(events.clone()), PhaseState::RolledBack);
    let mut again = events.clone();
    again.extend(captured("c2"));
    assert_eq!(state(again), PhaseState::Captured);
    events.push(Event::Closed { by: by() });
    assert_eq!(state(events.clone()), PhaseState::Closed);
    events.extend(captured("c2"));
    assert_eq!(state(events), PhaseState::Captured, "a closed migration can be tried again");
}

#[test]
fn every_state_has_an_exit_and_every_state_between_capture_and_commit_accepts_rollback() {
    use PhaseState as P;
    let mut life = Teller::told(vec![opened()]).life;
    for state in [P::Draft, P::Captured, P::CutOver, P::RolledBack, P::NotVerified, P::Committed, P::Closed] {
        let commands: Vec<&str> = legal_next(&life, &[state]).iter().map(|legal| legal.command).collect();
        assert!(!commands.is_empty(), "{state:?}");
        let between = matches!(state, P::Captured | P::CutOver | P::RolledBack | P::NotVerified);
        assert_eq!(commands.contains(&"rollback"), between, "{state:?}");
    }
    life = Teller::told(in_run()).life;
    assert!(legal_next(&life, &[P::RollingBack]).iter().any(|legal| legal.command == "resume"));
}

#[test]
fn the_median_of_earlier_durations_is_kept() {
    let mut teller = Teller::told(in_run());
    for (index, millis) in [50u64, 10, 30].into_iter().enumerate() {
        teller.tell(intended("db.revert")).unwrap();
        let mut event = applied("db.revert");
        if let Event::StepApplied { millis: slot, .. } = &mut event {
            *slot = millis;
        }
        teller.tell(event).unwrap();
        teller.tell(Event::RunClosed { outcome: Outcome::Restored }).unwrap();
        teller.tell(run_opened(&format!("r{}", index + 2))).unwrap();
    }
    let timings = teller.life.timings();
    assert_eq!(timings.get(&step("db.revert")), Some(&Estimate { millis: 30, samples: 3 }));
}

mod leaving;

#[test]
fn what_was_pruned_cannot_be_gone_back_to() {
    let mut events = vec![opened()];
    events.extend(captured("c1"));
    events.extend(captured("c2"));
    let c1 = CheckpointId::new("c1").unwrap();
    let pruned = |checkpoint: &str| Event::CheckpointsPruned {
        checkpoints: vec![CheckpointId::new(checkpoint).unwrap()],
        by: by(),
    };
    let mut teller = Teller::told(events);
    assert!(teller.life.checkpoint_to(Some(&c1)).is_some());
    teller.tell(pruned("c1")).unwrap();
    assert!(teller.life.checkpoint_to(Some(&c1)).is_none());
    assert!(teller.life.checkpoint_to(None).is_some_and(|(id, ..)| id.as_str() == "c2"));
    assert!(matches!(teller.tell(pruned("c9")), Err(Broken::Illegal { .. })), "it was never opened");
}
