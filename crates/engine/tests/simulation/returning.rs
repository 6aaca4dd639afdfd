//! The way back from the way back: the state before a run is returned to by the same machinery, and what users wrote
//! meanwhile comes along.

use backout_contract::Stop;
use backout_core::decide::Course;
use backout_core::journal::{Choice, Event};
use backout_core::life::PhaseState;
use backout_core::observation::Verdict;
use backout_core::plan::{Action, Choices, Count, Plan};
use backout_engine::{
    Book, Ending, EngineError, RunOptions, abandon, before_rollback, capture, put_together, verify_all,
};

use crate::estate::{Estate, in_a_process};
use crate::journal::Death;
use crate::living_estate::{Lines, assert_stuck, checkpoint, component, is_restored, life, refusals, step};

/// What the migration and its users had made before the first rollback.
pub const MIGRATED: [&str; 6] = ["backfilled", "early", "one", "saved", "three", "two"];

pub fn with(rows: &[&str], more: &[&str]) -> Vec<String> {
    let mut all: Vec<String> = rows.iter().chain(more).map(|row| (*row).to_owned()).collect();
    all.sort();
    all
}

/// Rolled back once, and users have written since.
pub fn rolled_back(estate: &Estate) -> Lines {
    let lines = estate.lived();
    let lines = estate.restored(lines, None);
    estate.write_everywhere("later");
    lines
}

fn acting(plan: &Plan) -> Vec<&str> {
    plan.acting().map(|component| component.name.as_str()).collect()
}

#[track_caller]
fn assert_verified(estate: &Estate, lines: &[String]) {
    let judged = in_a_process(verify_all(&estate.assembled, &life(lines), &estate.tools)).unwrap();
    for one in judged {
        assert_eq!(one.verdict, Verdict::Restored, "{}: {:?}", one.component, one.looked);
    }
}

#[track_caller]
pub fn assert_shapes(estate: &Estate, expected: &str) {
    for (name, shape) in estate.shapes() {
        let expected = match (name.as_str(), expected) {
            ("fresh", "old") => None,
            ("archive" | "api", _) => Some("same"),
            _ => Some(expected),
        };
        assert_eq!(shape.as_deref(), expected, "{name}");
    }
    assert!(estate.things()["api"].open);
    assert_eq!(estate.things()["api"].started_on["settings"], expected, "what it reads was read again");
    estate.no_violations();
}

fn price(plan: &Plan) -> (Count, Count, Count, Count) {
    (plan.price.writes, plan.price.rescued, plan.price.waiting, plan.price.lost)
}

fn exactly(writes: u64, rescued: u64, waiting: u64) -> (Count, Count, Count, Count) {
    (Count::Exactly(writes), Count::Exactly(rescued), Count::Exactly(waiting), Count::Exactly(0))
}

#[test]
fn to_and_fro_and_to_and_fro_no_write_is_lost_or_doubled() {
    let estate = Estate::living();
    let lines = rolled_back(&estate);
    assert_eq!(before_rollback(&life(&lines)).unwrap(), checkpoint("before-r1"));
    assert_eq!(price(&estate.plan_to(&lines, Some("before-r1"))), exactly(2, 1, 1));
    let lines = estate.restored(lines, Some("before-r1"));
    assert_eq!(estate.rows("database"), with(&MIGRATED, &["later"]));
    assert_eq!(estate.rows("notes"), with(&["backfilled", "early", "noted", "one", "two", "three"], &[]));
    assert_shapes(&estate, "new");
    assert_eq!(estate.phase(&lines), PhaseState::CutOver);
    assert_verified(&estate, &lines);
    let (ended, lines) = estate.go_to(lines, Some("before-r1"));
    assert!(matches!(ended, Ok(Ending::NothingToDo)), "{ended:?}");

    estate.write("database", "again");
    assert_eq!(price(&estate.plan_to(&lines, None)), exactly(8, 5, 3));
    let lines = estate.restored(lines, None);
    assert_eq!(
        estate.rows("database"),
        with(&["again", "early", "later", "one", "saved", "three", "two"], &[])
    );
    assert_eq!(estate.rows("notes"), ["early", "noted"]);
    assert_shapes(&estate, "old");
    assert_eq!(estate.phase(&lines), PhaseState::RolledBack);
    assert_verified(&estate, &lines);

    assert_eq!(before_rollback(&life(&lines)).unwrap(), checkpoint("before-r3"));
    estate.write("database", "more");
    assert_eq!(price(&estate.plan_to(&lines, Some("before-r3"))), exactly(1, 1, 0));
    let lines = estate.restored(lines, Some("before-r3"));
    assert_eq!(estate.rows("database"), with(&MIGRATED, &["later", "again", "more"]));
    assert_shapes(&estate, "new");
    assert_eq!(estate.phase(&lines), PhaseState::CutOver);
    assert_verified(&estate, &lines);

    // The state before that run is the one that was rolled back to.
    assert_eq!(before_rollback(&life(&lines)).unwrap(), checkpoint("before-r4"));
    let lines = estate.restored(lines, Some("before-r4"));
    assert_eq!(
        estate.rows("database"),
        with(&["again", "early", "later", "more", "one", "saved", "three", "two"], &[])
    );
    assert_shapes(&estate, "old");
    assert_eq!(estate.phase(&lines), PhaseState::RolledBack);
    assert_verified(&estate, &lines);
    let (taken_over, lines) = estate.recover(lines, Death::Never);
    taken_over.unwrap();
    assert_eq!(estate.rows("notes"), with(&["early", "noted", "one", "two", "three", "later"], &[]));
    assert_verified(&estate, &lines);
}

#[test]
fn a_run_over_a_part_is_taken_back_over_that_part() {
    let estate = Estate::living();
    let lines = estate.lived();
    let choices = Choices { only: vec![component("edge")], ..Choices::default() };
    let (ended, lines) = estate.go(lines, &choices, RunOptions::default(), Death::Never, true);
    assert!(is_restored(&ended), "{ended:?}");
    let plan = estate.plan_to(&lines, Some("before-r1"));
    assert_eq!(acting(&plan), ["edge"]);
    assert_eq!(plan.notes, Vec::<String>::new());
    let lines = estate.restored(lines, Some("before-r1"));
    assert_eq!(estate.shapes()["edge"].as_deref(), Some("new"));
    assert_eq!(estate.phase(&lines), PhaseState::CutOver);
    let lines = estate.restored(lines, None);
    assert_shapes(&estate, "old");
    assert_verified(&estate, &lines);
}

/// A first run that is given up at a step that fails.
fn given_up(fails: &str) -> (Estate, Lines) {
    let estate = Estate::living();
    let lines = estate.lived();
    estate.world.lock().unwrap().failing.insert(fails.into(), 1);
    let (ended, lines) = estate.go_to(lines, None);
    assert_stuck(&ended, &format!("{fails}.revert"));
    let work = async |book: &mut Book| abandon(&estate.assembled, book, &estate.tools).await.unwrap();
    let (_, lines) = in_a_process(estate.process(lines, Death::Never, true, work));
    (estate, lines)
}

#[test]
fn of_a_run_that_was_given_up_only_what_was_begun_goes_back() {
    for (fails, expected) in [
        ("settings", vec!["database", "notes", "fresh"]),
        ("edge", vec!["database", "notes", "settings", "fresh"]),
        ("fresh", vec!["database", "notes", "settings", "edge"]),
    ] {
        let (estate, lines) = given_up(fails);
        let plan = estate.plan_to(&lines, Some("before-r1"));
        assert_eq!(acting(&plan), expected, "{fails} failed: {:?}", plan.questions);
        assert_eq!(plan.notes, Vec::<String>::new(), "{fails} failed");
        let lines = estate.restored(lines, Some("before-r1"));
        assert_eq!(estate.rows("database"), MIGRATED, "{fails} failed");
        assert_shapes(&estate, "new");
        assert_eq!(estate.phase(&lines), PhaseState::CutOver, "{fails} failed");
        let lines = estate.restored(lines, None);
        assert_shapes(&estate, "old");
        assert_verified(&estate, &lines);
    }
}

#[test]
fn writes_that_a_run_did_not_take_over_stand_again_before_it_and_are_taken_over_by_the_next() {
    let estate = Estate::living();
    let lines = estate.lived();
    estate.world.lock().unwrap().living.get_mut("database").unwrap().failing = Some((1, 1));
    let (ended, lines) = estate.go_to(lines, None);
    assert_stuck(&ended, "database.recover");
    let (_, lines) = estate.go_to(estate.choose(lines, "database.recover", Choice::Skip), None);
    assert_eq!(life(&lines).owed.len(), 1);
    let lines = estate.restored(lines, Some("before-r1"));
    assert_eq!(life(&lines).owed.len(), 0);
    assert_eq!(estate.rows("database"), MIGRATED);
    estate.restored(lines, None);
    assert_eq!(estate.rows("database"), ["early", "one", "saved", "three", "two"]);
}

#[test]
fn a_run_that_was_given_up_can_be_made_again_instead() {
    for fails in ["settings", "edge", "fresh"] {
        let (estate, lines) = given_up(fails);
        let plan = estate.plan_to(&lines, None);
        assert!(plan.questions.is_empty(), "{fails} failed: {:?}", plan.questions);
        let lines = estate.restored(lines, None);
        assert_eq!(estate.rows("database"), ["early", "one", "saved", "three", "two"]);
        assert_shapes(&estate, "old");
        assert_verified(&estate, &lines);
    }
}

#[test]
fn what_was_absent_before_the_run_is_absent_again() {
    let estate = Estate::living();
    let lines = estate.lived();
    estate.world.lock().unwrap().things.get_mut("edge").unwrap().shape = None;
    let lines = estate.restored(lines, None);
    assert_eq!(estate.shapes()["edge"].as_deref(), Some("old"));
    let lines = estate.restored(lines, Some("before-r1"));
    assert_eq!(estate.shapes()["edge"], None);
    assert_verified(&estate, &lines);
}

#[test]
fn what_could_not_be_kept_stays_and_the_plan_says_so() {
    type Spoil = fn(&Estate);
    let spoilt: [(&str, Spoil, Spoil); 2] = [
        (
            "unreadable before",
            |estate| estate.world.lock().unwrap().rows("database").is_unreadable = true,
            |_| {},
        ),
        (
            "displaced, and gone",
            |_| {},
            |estate| {
                estate.world.lock().unwrap().living.get_mut("database").unwrap().displaced.clear();
            },
        ),
    ];
    for (how, before, after) in spoilt {
        let estate = Estate::living();
        let lines = estate.lived();
        before(&estate);
        let lines = estate.restored(lines, None);
        after(&estate);
        let plan = estate.plan_to(&lines, Some("before-r1"));
        assert_eq!(acting(&plan), ["notes", "settings", "fresh", "edge"], "{how}");
        assert_eq!(
            plan.notes,
            ["what stood at `database` before run r1 could not be kept, so it stays as it is"],
            "{how}"
        );
        let lines = estate.restored(lines, Some("before-r1"));
        assert_eq!(estate.shapes()["database"].as_deref(), Some("old"), "{how}");
        assert_eq!(estate.shapes()["notes"].as_deref(), Some("new"), "{how}");
        assert!(estate.things()["api"].open, "{how}");
        assert_verified(&estate, &lines);
    }
}

/// Goes on with a run as often as it asks for the relay.
#[track_caller]
fn go_by_hand(estate: &Estate, lines: Lines, to: Option<&str>, expected: &str) -> Lines {
    let (ended, lines) = estate.go_to(lines, to);
    let Ok(Ending::Waiting { asked, .. }) = &ended else { panic!("{ended:?}") };
    assert_eq!(asked, &[(step("relay.revert"), expected.to_owned())]);
    let (ended, lines) = estate.go_to(estate.choose(lines, "relay.revert", Choice::Accept), to);
    assert!(matches!(ended, Ok(Ending::Closed { .. })), "{ended:?}");
    lines
}

#[test]
fn what_a_person_did_is_undone_by_a_person_once() {
    let estate = Estate::living_with_relay();
    let lines = go_by_hand(&estate, estate.lived(), None, "turn the relay to the left");
    let undo = "undo what was done by hand in run r1: turn the relay to the left";
    let lines = go_by_hand(&estate, lines, Some("before-r1"), undo);
    let lines = go_by_hand(&estate, lines, None, "turn the relay to the left");
    let (ended, _) = estate.go_to(lines, None);
    assert!(matches!(ended, Ok(Ending::NothingToDo)), "{ended:?}");

    let estate = Estate::living_with_relay();
    let choices = Choices { only: vec![component("edge")], ..Choices::default() };
    let (_, lines) = estate.go(estate.lived(), &choices, RunOptions::default(), Death::Never, true);
    let plan = estate.plan_to(&lines, Some("before-r1"));
    assert!(!plan.steps.iter().any(|step| matches!(step.action, Action::Person { .. })), "no hand was in it");
}

#[test]
fn there_is_no_state_before_a_run_where_none_was_or_it_was_let_go_or_it_is_another_try() {
    let estate = Estate::living();
    let lines = estate.lived();
    assert_eq!(
        refusals(&before_rollback(&life(&lines))),
        ["BK0224 there is no state before a rollback to return to"]
    );
    let lines = estate.restored(lines, None);
    let put = |lines: &Lines| -> Result<(), EngineError> {
        let work = async |book: &mut Book| {
            put_together(&checkpoint("before-r1"), &estate.assembled, book, &estate.tools).await
        };
        in_a_process(estate.process(lines.clone(), Death::Never, true, work)).0
    };
    put(&lines).unwrap();

    let again = async |book: &mut Book| {
        capture(&estate.assembled, book, &estate.tools, &Stop::never()).await.map(|_| ())
    };
    let (captured, again) = in_a_process(estate.process(lines.clone(), Death::Never, true, again));
    captured.unwrap();
    assert_eq!(refusals(&before_rollback(&life(&again))).len(), 1);

    let by = estate.tools.actor.clone();
    let close = async |book: &mut Book| book.append(vec![Event::Closed { by }]).await.unwrap();
    let (_, closed) = in_a_process(estate.process(lines, Death::Never, true, close));
    assert_eq!(refusals(&before_rollback(&life(&closed))).len(), 1);
    assert_eq!(refusals(&put(&closed)), ["BK0224 there is no state before a rollback to return to"]);
}

#[test]
fn drift_since_the_rollback_is_asked_about() {
    let estate = Estate::living();
    let lines = rolled_back(&estate);
    estate.world.lock().unwrap().things.get_mut("settings").unwrap().shape = Some("somebody's".into());
    let plan = estate.plan_to(&lines, Some("before-r1"));
    let asked: Vec<&str> = plan.questions.iter().map(|one| one.component.as_str()).collect();
    assert_eq!(asked, ["settings"]);
    let course = plan.component(&component("settings")).unwrap().decision.course;
    assert_eq!(course, Course::Ask);
}
