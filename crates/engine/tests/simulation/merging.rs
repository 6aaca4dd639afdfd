//! What users wrote meanwhile stands once after a rollback, and nothing of the migration's does.

use backout_core::journal::{Choice, Outcome, Stance};
use backout_core::life::{PhaseState, StepState};
use backout_core::plan::{Choices, Count, bound};
use backout_engine::{Book, Ending, RunOptions, abandon, recover, rest};

use crate::estate::{Estate, in_a_process};
use crate::journal::Death;
use crate::living_estate::{Lines, assert_stuck, component, is_restored, life, step};

const MERGED: [&str; 6] = ["early", "last", "one", "saved", "three", "two"];

fn last_words(estate: &Estate) {
    estate.write_last("database", "last");
    estate.write_last("notes", "last");
}

#[test]
fn every_write_of_users_stands_once_and_none_of_the_migrations() {
    let estate = Estate::living();
    let lines = estate.lived();
    let price = estate.plan_to(&lines, None).price;
    assert_eq!(
        (price.writes, price.rescued, price.waiting),
        (Count::Exactly(6), Count::Exactly(3), Count::Exactly(3))
    );
    assert_eq!(price.lost, Count::Exactly(0));
    last_words(&estate);
    let lines = estate.restored(lines, None);
    assert_eq!(estate.rows("database"), MERGED);
    assert_eq!(estate.rows("notes"), ["early", "noted"], "what is reviewed waits");
    let run = life(&lines).runs.pop().unwrap();
    let counted =
        run.counted.iter().map(|(name, counted)| (name.as_str(), counted.writes())).collect::<Vec<_>>();
    assert_eq!(
        counted,
        [("database", Count::Exactly(4)), ("notes", Count::Exactly(4))],
        "counted behind the door"
    );
    assert_eq!(estate.phase(&lines), PhaseState::RolledBack);
    estate.no_violations();
}

#[test]
fn a_second_rollback_has_nothing_to_do_and_takes_nothing_away() {
    let estate = Estate::living();
    let lines = estate.lived();
    let mut lines = estate.restored(lines, None);
    estate.write_everywhere("later");
    let before = estate.all();
    for _ in 0..3 {
        let (ended, after) = estate.go_to(lines.clone(), None);
        assert!(matches!(ended, Ok(Ending::NothingToDo)), "{ended:?}");
        lines = after;
    }
    assert_eq!(estate.all(), before);
}

fn sweep(death: impl Fn(usize) -> Death, machine_stays_up: bool) {
    let make = || {
        let estate = Estate::living();
        let lines = estate.lived();
        last_words(&estate);
        (estate, lines)
    };
    let (calm, lines) = make();
    let first = lines.len();
    let last = calm.restored(lines, None).len();
    for at in first..=last {
        let (estate, lines) = make();
        let go = |lines, death, up| estate.go(lines, &Choices::default(), RunOptions::default(), death, up);
        let (_, lines) = go(lines, death(at), machine_stays_up);
        let (_, lines) = go(lines, Death::After(at + 4), true);
        let (ended, lines) = go(lines, Death::Never, true);
        let is_over = matches!(ended, Ok(Ending::NothingToDo));
        assert!(is_over || is_restored(&ended), "killed at record {at}: {ended:?}");
        assert_eq!(
            life(&lines).runs.last().unwrap().outcome,
            Some(Outcome::Restored),
            "killed at record {at}"
        );
        assert_eq!(estate.all(), calm.all(), "killed at record {at}");
        estate.no_violations();
    }
}

#[test]
fn killed_right_after_every_record() {
    sweep(Death::After, true);
}

#[test]
fn killed_before_every_record_with_what_was_noted() {
    sweep(Death::Before, true);
}

#[test]
fn killed_before_every_record_with_the_machine() {
    sweep(Death::Before, false);
}

/// A run whose recovery fails after so many writes, as often as it is asked.
fn stuck(after: usize, times: u32) -> (Estate, Lines) {
    let estate = Estate::living();
    let lines = estate.lived();
    estate.world.lock().unwrap().living.get_mut("database").unwrap().failing = Some((after, times));
    let (ended, lines) = estate.go_to(lines, None);
    assert_stuck(&ended, "database.recover");
    assert!(!estate.things()["api"].open, "nobody is let in before the writes stand");
    (estate, lines)
}

#[test]
fn a_recovery_that_fails_is_stuck_behind_shut_doors_and_goes_on_when_it_is_tried_again() {
    for after in 0..2 {
        let (estate, lines) = stuck(after, 2);
        let (ended, lines) = estate.go_to(estate.choose(lines, "database.recover", Choice::Retry), None);
        assert_stuck(&ended, "database.recover");
        let (ended, _) = estate.go_to(estate.choose(lines, "database.recover", Choice::Retry), None);
        assert!(is_restored(&ended), "{ended:?}");
        assert_eq!(estate.rows("database"), ["early", "one", "saved", "three", "two"]);
        estate.no_violations();
    }
}

#[test]
fn writes_whose_recovery_was_skipped_can_be_taken_over_later_and_twice_is_once() {
    for after in 0..3 {
        let (estate, lines) = stuck(after, 1);
        let lines = estate.choose(lines, "database.recover", Choice::Skip);
        let (ended, lines) = estate.go_to(lines, None);
        assert!(
            matches!(ended, Ok(Ending::Closed { outcome: Outcome::NotVerified, .. })),
            "after {after}: {ended:?}"
        );
        assert!(estate.things()["api"].open);
        estate.write("database", "later");
        let (done, lines) = estate.recover(lines, Death::Never);
        let done = done.unwrap();
        let database = done.iter().find(|one| one.component.as_str() == "database").unwrap();
        assert_eq!(database.recovered.applied, 3 - after as u64);
        assert_eq!(estate.rows("database"), ["early", "later", "one", "saved", "three", "two"]);
        let before = estate.all();
        let (again, _) = estate.recover(lines, Death::Never);
        assert!(again.unwrap().iter().all(|one| one.recovered.applied == 0));
        assert_eq!(estate.all(), before);
    }
}

#[test]
fn writes_that_a_given_up_run_had_set_aside_are_not_forgotten() {
    let (estate, lines) = stuck(0, 1);
    let given_up = async |book: &mut Book| abandon(&estate.assembled, book, &estate.tools).await.unwrap();
    let (left, lines) = in_a_process(estate.process(lines, Death::Never, true, given_up));
    assert_eq!(left.unwrap().shut.len(), 1, "the door stays shut before half of the data");
    let plan = estate.plan_to(&lines, None);
    assert!(
        plan.notes.iter().any(|note| note.contains("database") && note.contains("backout recover")),
        "{:?}",
        plan.notes
    );
    let lines = estate.restored(lines, None);
    let (done, lines) = estate.recover(lines, Death::Never);
    assert!(done.is_ok(), "{done:?}");
    assert_eq!(estate.rows("database"), ["early", "one", "saved", "three", "two"]);
    let notes = estate.plan_to(&lines, None).notes;
    assert!(!notes.iter().any(|note| note.contains("backout recover")), "{notes:?}");
}

#[test]
fn what_is_reviewed_waits_in_files_and_is_taken_over_later_also_by_a_process_that_was_killed() {
    let estate = Estate::living();
    let lines = estate.lived();
    let lines = estate.restored(lines, None);
    let files = |estate: &Estate| estate.all().1["notes"].files.values().cloned().collect::<Vec<_>>();
    assert_eq!(files(&estate), ["one", "two", "three"]);
    let waiting = |lines: &[String]| {
        let life = life(lines);
        life.recovered.iter().map(|(name, one)| (name.to_string(), one.waiting)).collect::<Vec<_>>()
    };
    assert_eq!(waiting(&lines), [("database".into(), 0), ("notes".into(), 3)]);
    // The driver is done with the first component, then with the second, and nobody writes it down.
    for killed in 0..2 {
        let death = Death::Before(lines.len() + killed);
        let (died, survivors) = estate.recover(lines.clone(), death);
        assert!(died.is_err());
        assert_eq!(survivors.len(), lines.len() + killed);
    }
    let (done, lines) = estate.recover(lines, Death::Never);
    assert!(done.unwrap().iter().all(|one| one.recovered.applied == 0 && one.recovered.already > 0));
    assert_eq!(waiting(&lines), [("database".into(), 0), ("notes".into(), 0)]);
    assert_eq!(estate.rows("notes"), ["early", "noted", "one", "three", "two"]);
}

#[test]
fn a_price_that_grew_past_what_was_agreed_to_holds_the_step_up_and_nothing_is_lost() {
    for (words, agreed, is_held) in [(0, 0, false), (1, 0, true), (2, 1, true), (1, 1, false)] {
        let estate = Estate::living();
        let lines = estate.lived();
        for number in 0..words {
            estate.write_last("database", &format!("x:{number}"));
        }
        let before = estate.all().1["database"].clone();
        let options = RunOptions { accept_loss: Some(agreed), ..RunOptions::default() };
        let (ended, lines) = estate.go(lines, &Choices::default(), options, Death::Never, true);
        if !is_held {
            assert!(is_restored(&ended), "{words} {agreed}: {ended:?}");
            continue;
        }
        assert_stuck(&ended, "database.revert");
        let run = life(&lines).runs.pop().unwrap();
        let StepState::Failed { cause, .. } = run.state(&step("database.revert")).clone() else {
            panic!("{run:?}")
        };
        assert!(cause.contains(&format!("{words} writes would be lost here")), "{cause}");
        let now = estate.all().1["database"].clone();
        assert_eq!(now.displaced, before.displaced);
        assert_eq!(now.rows.as_ref().unwrap().rows.len(), before.rows.unwrap().rows.len() + words);
    }
}

#[test]
fn a_loss_that_is_found_out_late_is_held_against_what_was_agreed_to_before_any_write_stands() {
    for (early, late, agreed, is_held) in [
        (0, 0, Some(0), false),
        (0, 1, Some(0), true),
        (0, 1, None, true),
        (0, 2, Some(2), false),
        (1, 2, Some(2), true),
        (1, 1, Some(2), false),
    ] {
        let estate = Estate::living();
        let lines = estate.lived();
        (0..early).for_each(|number| estate.write("database", &format!("x:{number}")));
        (0..late).for_each(|number| estate.write("database", &format!("late:{number}")));
        let agreed = agreed.or_else(|| bound(estate.plan_to(&lines, None).price.lost, None));
        let options = RunOptions { accept_loss: agreed, ..RunOptions::default() };
        let (ended, lines) = estate.go(lines, &Choices::default(), options, Death::Never, true);
        let told = format!("{early} {late} {agreed:?}");
        if !is_held {
            assert!(is_restored(&ended), "{told}: {ended:?}");
            assert_eq!(estate.rows("database"), ["early", "one", "saved", "three", "two"], "{told}");
            continue;
        }
        assert_stuck(&ended, "database.recover");
        assert!(!estate.things()["api"].open, "{told}");
        assert_eq!(estate.rows("database"), ["early", "saved"], "{told}: nothing was taken over");
        let run = life(&lines).runs.pop().unwrap();
        let StepState::Failed { cause, hints } = run.state(&step("database.recover")).clone() else {
            panic!("{run:?}")
        };
        assert!(cause.contains(&format!("{} of them have no place", early + late)), "{cause}");
        assert!(hints.iter().any(|hint| hint.contains("unmapped.jsonl")), "{hints:?}");
        // A person leaves it out, and takes over later what has a place.
        let lines = estate.choose(lines, "database.recover", Choice::Skip);
        let (_, lines) = estate.go_to(lines, None);
        let (done, _) = estate.recover(lines, Death::Never);
        done.unwrap();
        assert_eq!(estate.rows("database"), ["early", "one", "saved", "three", "two"], "{told}");
    }
}

#[test]
fn a_run_that_became_too_dear_is_stopped_and_everybody_is_let_in_again() {
    let estate = Estate::living();
    let lines = estate.lived();
    estate.write_last("database", "x:dear");
    let keep = ["notes", "settings"].map(component).into();
    let choices = Choices { keep, ..Choices::default() };
    let options = RunOptions { accept_loss: Some(0), ..RunOptions::default() };
    let (ended, lines) = estate.go(lines, &choices, options, Death::Never, true);
    assert_stuck(&ended, "database.revert");
    assert!(!estate.things()["api"].open);
    let work = async |book: &mut Book| rest(&estate.assembled, book, None, &estate.tools).await.unwrap();
    let (ending, lines) = in_a_process(estate.process(lines, Death::Never, true, work));
    assert!(matches!(ending, Ending::AtRest { stance: Stance::Reopen, .. }), "{ending:?}");
    assert!(estate.things()["api"].open);
    let work = async |book: &mut Book| abandon(&estate.assembled, book, &estate.tools).await.unwrap();
    let (_, lines) = in_a_process(estate.process(lines, Death::Never, true, work));
    let price = estate.plan_to(&lines, None).price;
    assert_eq!((price.lost, price.rescued), (Count::Exactly(1), Count::Exactly(3)), "a new plan says it");
}

#[test]
fn what_was_counted_before_a_revert_that_was_cut_off_stays_counted() {
    let estate = Estate::living();
    let lines = estate.lived();
    estate.world.lock().unwrap().living.get_mut("database").unwrap().cut_off = 1;
    let lines = estate.restored(lines, None);
    let run = life(&lines).runs.pop().unwrap();
    assert_eq!(run.attempts[&step("database.revert")], 2);
    assert_eq!(run.counted[&component("database")].writes(), Count::Exactly(3));
    assert_eq!(estate.rows("database"), ["early", "one", "saved", "three", "two"]);
}

#[test]
fn writes_whose_loss_was_accepted_come_back_only_when_they_are_asked_for_by_name() {
    let estate = Estate::living_with_loss();
    let lines = estate.lived();
    assert_eq!(estate.plan_to(&lines, None).price.lost, Count::Exactly(3));
    let lines = estate.restored(lines, None);
    let (done, lines) = estate.recover(lines, Death::Never);
    assert_eq!(done.unwrap().len(), 1);
    assert_eq!(estate.rows("notes"), ["early", "noted"]);
    let only = [component("notes")];
    let work = async |book: &mut Book| recover(&estate.assembled, &only, None, book, &estate.tools).await;
    let (done, _) = in_a_process(estate.process(lines, Death::Never, true, work));
    assert_eq!(done.unwrap()[0].recovered.applied, 3);
    assert_eq!(estate.rows("notes"), ["early", "noted", "one", "three", "two"]);
}
