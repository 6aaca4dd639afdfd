//! What runs leave behind, owe, and take back.

use super::*;

/// A run of one component that holds data, to a checkpoint.
fn opens(run: &str, to: &str) -> Event {
    let Event::RunOpened { plan, shape, by, version, .. } = run_opened(run) else { unreachable!() };
    Event::RunOpened {
        run: RunId::new(run).unwrap(),
        checkpoint: CheckpointId::new(to).unwrap(),
        steps: ["db.revert", "db.recover", "db.verify"].map(step).into(),
        plan,
        shape,
        pause_before: None,
        reason: None,
        choices: None,
        price: None,
        most_lost: None,
        by,
        version,
    }
}

fn leaves(shape: u8) -> Vec<Event> {
    let after = Some(seen(shape));
    let step = step("db.revert");
    let applied = Event::StepApplied { step, evidence: String::new(), after, confirmed: true, millis: 7 };
    vec![intended("db.revert"), applied]
}

fn recovers() -> Vec<Event> {
    vec![intended("db.recover"), applied("db.recover")]
}

fn closes(verdict: Verdict, outcome: Outcome) -> Vec<Event> {
    vec![intended("db.verify"), verified("db.verify", verdict), Event::RunClosed { outcome }]
}

fn begun() -> Vec<Event> {
    let mut events = vec![opened()];
    events.extend(captured("c1"));
    events.extend(cut_over());
    events
}

fn before(run: &str) -> Vec<Event> {
    let checkpoint = CheckpointId::new(&format!("before-{run}")).unwrap();
    let before_run = Some(RunId::new(run).unwrap());
    let file = Digest::from_raw([9; 32]);
    vec![
        Event::CaptureOpened { checkpoint: checkpoint.clone(), file, before_run, by: by() },
        observed(Look::Saved, checkpoint.as_str(), "db", 2),
        Event::CheckpointSealed { checkpoint, seal: Digest::from_raw([8; 32]) },
    ]
}

fn told(parts: &[Vec<Event>]) -> Life {
    Teller::told(parts.concat()).life
}

#[test]
fn a_run_that_was_given_up_is_remembered_by_what_it_left() {
    let to = |text: &str| CheckpointId::new(text).unwrap();
    let db = component("db");
    let given_up = vec![Event::RunClosed { outcome: Outcome::Abandoned }];
    for (did, landed, put_back) in [
        (Vec::new(), Some(seen(2)), false),
        (vec![intended("db.revert")], Some(seen(2)), false),
        (leaves(1), Some(seen(2)), true),
        (leaves(3), Some(seen(3)), false),
    ] {
        let life = told(&[begun(), vec![opens("r1", "c1")], did.clone(), given_up.clone()]);
        assert_eq!(life.stood(&db, &to("c1")), Stood { landed, put_back }, "{did:?}");
        assert!(life.put_back.is_empty());
    }
    let life = told(&[begun(), vec![opens("r1", "c1")], leaves(1), given_up]);
    let expected = Stood { landed: Some(seen(1)), put_back: false };
    assert_eq!(life.stood(&db, &to("before-r1")), expected, "it is ours, and no drift");
}

#[test]
fn writes_are_owed_until_they_are_taken_over_or_stand_again() {
    let db = component("db");
    let skipped = vec![chose("db.recover", Choice::Skip)];
    let restored = || closes(Verdict::Restored, Outcome::Restored);
    let open = |run: &str, to: &str| vec![opens(run, to)];
    let taken = told(&[begun(), open("r1", "c1"), leaves(1), recovers(), restored()]);
    assert!(taken.owed.is_empty());
    let untouched =
        told(&[begun(), open("r1", "c1"), vec![Event::RunClosed { outcome: Outcome::Abandoned }]]);
    assert!(untouched.owed.is_empty(), "nothing was set aside");
    let owing = [begun(), open("r1", "c1"), leaves(1), skipped, restored()].concat();
    let owed = |more: &[Vec<Event>]| {
        told(&[vec![owing.clone()], more.to_vec()].concat()).owed.get(&db).map(ToString::to_string)
    };
    assert_eq!(owed(&[]).as_deref(), Some("r1"));
    let later = Event::WritesRecovered {
        component: db.clone(),
        step: None,
        recovered: Recovered::default(),
        millis: 1,
    };
    assert_eq!(owed(&[vec![later]]), None, "taken over later");
    let again = [open("r2", "c1"), leaves(1), recovers(), restored()];
    assert_eq!(owed(&again).as_deref(), Some("r1"), "another run took over what it set aside itself");
    let undone = [before("r1"), open("r2", "before-r1"), leaves(2), recovers(), restored()];
    assert_eq!(owed(&undone), None, "they stand where they stood");
    assert_eq!(owed(&[captured("c2")]), None, "another try");
}

#[test]
fn back_at_the_state_before_a_run_is_where_the_phase_was_then() {
    let phase = PhaseName::new("all").unwrap();
    let state = |events: &[Event]| phase_state(&told(&[events.to_vec()]), &phase, &[component("db")]);
    let goes = |run: &str, to: &str, outcome| {
        let verdict = match outcome {
            Outcome::Restored => Verdict::Restored,
            _ => Verdict::Unknown { why: "nobody looked".into() },
        };
        [vec![opens(run, to)], leaves(1), recovers(), closes(verdict, outcome)].concat()
    };
    let mut events = [begun(), goes("r1", "c1", Outcome::Restored)].concat();
    assert_eq!(state(&events), PhaseState::RolledBack);
    events.extend(before("r1"));
    assert_eq!(state(&events), PhaseState::RolledBack, "putting it together moves nothing");
    let failed = [events.clone(), goes("r2", "before-r1", Outcome::NotVerified)].concat();
    assert_eq!(state(&failed), PhaseState::NotVerified);
    events.extend(goes("r2", "before-r1", Outcome::Restored));
    assert_eq!(state(&events), PhaseState::CutOver);
    events.extend([before("r2"), goes("r3", "before-r2", Outcome::Restored)].concat());
    assert_eq!(state(&events), PhaseState::RolledBack, "before the second run it was rolled back");
    events.extend([before("r3"), goes("r4", "before-r3", Outcome::Restored)].concat());
    assert_eq!(state(&events), PhaseState::CutOver);
    events.extend(captured("c2"));
    assert_eq!(state(&events), PhaseState::Captured);
}

#[test]
fn a_look_that_failed_belongs_to_the_checkpoint_that_it_names() {
    let mut events = begun();
    let opens = |name: &str, before_run: Option<&str>| Event::CaptureOpened {
        checkpoint: CheckpointId::new(name).unwrap(),
        file: Digest::from_raw([9; 32]),
        before_run: before_run.map(|run| RunId::new(run).unwrap()),
        by: by(),
    };
    let fails = |name: Option<&str>| Event::ObservationFailed {
        look: Look::Saved,
        checkpoint: name.map(|name| CheckpointId::new(name).unwrap()),
        component: component("db"),
        cause: "it is gone".into(),
    };
    events.extend([opens("before-r1", Some("r1")), opens("c2", None), fails(Some("before-r1"))]);
    let failed = |events: &[Event], name: &str| {
        told(&[events.to_vec()]).checkpoints[&CheckpointId::new(name).unwrap()].failed.len()
    };
    assert_eq!((failed(&events, "before-r1"), failed(&events, "c2")), (1, 0));
    let older = [events[..events.len() - 1].to_vec(), vec![fails(None)]].concat();
    assert_eq!((failed(&older, "before-r1"), failed(&older, "c2")), (0, 1));
    events.push(observed(Look::Saved, "before-r1", "db", 2));
    assert_eq!(failed(&events, "before-r1"), 0, "a later look brought it back");
    let mut teller = Teller::told(events);
    assert!(teller.tell(fails(Some("c1"))).is_err(), "a sealed checkpoint takes nothing in");
}
