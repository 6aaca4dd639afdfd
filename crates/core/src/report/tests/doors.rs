//! Each row of the table of doors.

use super::story::Story;
use crate::journal::{Choice, Event, Outcome, Stance};
use crate::report::Closed;

const STEPS: [&str; 4] = ["api.quiesce", "db.revert", "api.reopen", "api.reopen.2"];

fn closed(tell: impl FnOnce(&mut Story)) -> Closed {
    let mut story = Story::running(&STEPS);
    tell(&mut story);
    story.run_report().closed
}

#[test]
fn from_the_outcome_of_quiesce_to_the_last_reopening_step() {
    let closed = closed(|story| {
        story.does("api.quiesce", 100).does("db.revert", 1_000);
        story.does("api.reopen", 10).does("api.reopen.2", 20);
    });
    assert_eq!((closed.span_millis, closed.millis), (1_030, 1_030));
    let door = &closed.doors[0];
    assert!(!door.still_shut && !door.unclear && closed.last_open.is_some());
}

#[test]
fn what_was_there_already_counts_from_that_record() {
    let closed = closed(|story| {
        story.intends("api.quiesce", 1).wait(70);
        story.tell(Event::StepAlreadyThere { step: super::story::step("api.quiesce") }).wait(30);
        story.does("db.revert", 1_000);
    });
    assert_eq!(closed.millis, 1_030);
}

#[test]
fn found_done_counts_from_the_intention() {
    let closed = closed(|story| {
        story.intends("api.quiesce", 1).wait(5_000).process("ada").resumes().wait(10);
        story.resolves("api.quiesce", Some(true)).wait(90);
        story.does("db.revert", 900);
    });
    assert_eq!(closed.millis, 6_000);
}

#[test]
fn a_persons_word_counts_from_that_word() {
    let closed = closed(|story| {
        story.intends("api.quiesce", 1).wait(50).fails("api.quiesce").stuck("api.quiesce").wait(500);
        story.process("ada").chooses("api.quiesce", Choice::Accept).wait(100);
        story.resumes().does("db.revert", 400);
    });
    assert_eq!(closed.millis, 500);
}

#[test]
fn a_stop_opens_it_and_the_next_quiesce_shuts_it_again() {
    let closed = closed(|story| {
        story.does("api.quiesce", 10).wait(100).stops(Stance::Reopen).wait(60_000);
        story.process("ada").resumes().intends("api.quiesce", 2).wait(10).applies("api.quiesce", 10);
        story.does("db.revert", 200).does("api.reopen", 10).does("api.reopen.2", 10);
    });
    assert_eq!(closed.doors[0].shut.len(), 2);
    assert_eq!((closed.millis, closed.doors[0].millis), (320, 320));
    assert_eq!(closed.span_millis, 60_330);
}

#[test]
fn half_of_the_reopening_leaves_it_unclear_and_none_leaves_it_shut() {
    let half = closed(|story| {
        story.does("api.quiesce", 10).does("db.revert", 10).does("api.reopen", 10);
    });
    assert!(half.doors[0].unclear && !half.doors[0].still_shut && half.last_open.is_none());
    let none = closed(|story| {
        story.does("api.quiesce", 10).does("db.revert", 10).process("ada").closes(Outcome::Abandoned);
    });
    assert!(none.doors[0].still_shut && none.last_open.is_none());
    assert_eq!(none.millis, 10);
}

#[test]
fn doors_shut_at_once_count_once_and_apart() {
    let mut story = Story::running(&["a.quiesce", "b.quiesce", "a.reopen", "b.reopen"]);
    story.does("a.quiesce", 0).wait(100).does("b.quiesce", 0).wait(100);
    story.does("a.reopen", 0).wait(100).does("b.reopen", 0);
    let closed = story.run_report().closed;
    assert_eq!(closed.doors.iter().map(|door| door.millis).collect::<Vec<_>>(), [200, 200]);
    assert_eq!((closed.millis, closed.span_millis), (300, 300));
}

#[test]
fn a_component_without_a_door_has_none() {
    let mut story = Story::running(&["db.revert", "db.reopen"]);
    story.does("db.revert", 10).does("db.reopen", 10);
    assert!(story.run_report().closed.doors.is_empty());
}
