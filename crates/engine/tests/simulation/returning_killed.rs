//! The way back from the way back, killed at every record.

use backout_core::journal::Outcome;
use backout_core::life::PhaseState;
use backout_core::plan::Choices;
use backout_engine::{Book, Ending, RunOptions, abandon, before_rollback};

use crate::estate::{Estate, in_a_process};
use crate::journal::Death;
use crate::living_estate::{checkpoint, is_restored, life};
use crate::returning::{MIGRATED, assert_shapes, rolled_back, with};

fn sweep(death: impl Fn(usize) -> Death, machine_stays_up: bool) {
    let choices = Choices { to: Some(checkpoint("before-r1")), ..Choices::default() };
    let make = || {
        let estate = Estate::living();
        let lines = rolled_back(&estate);
        estate.write_last("database", "last");
        (estate, lines)
    };
    let (calm, lines) = make();
    let first = lines.len();
    let (ended, lines) = calm.go(lines, &choices, RunOptions::default(), Death::Never, true);
    assert!(is_restored(&ended), "{ended:?}");
    assert_eq!(calm.rows("database"), with(&MIGRATED, &["later", "last"]));
    for at in first..=lines.len() {
        let (estate, lines) = make();
        let go = |lines, death, up| estate.go(lines, &choices, RunOptions::default(), death, up);
        let (_, lines) = go(lines, death(at), machine_stays_up);
        let (_, lines) = go(lines, Death::After(at + 4), true);
        let (ended, lines) = go(lines, Death::Never, true);
        let is_over = matches!(ended, Ok(Ending::NothingToDo));
        assert!(is_over || is_restored(&ended), "killed at record {at}: {ended:?}");
        let life = life(&lines);
        assert_eq!(life.runs.len(), 2, "killed at record {at}");
        assert_eq!(life.runs[1].outcome, Some(Outcome::Restored), "killed at record {at}");
        assert_eq!(estate.all(), calm.all(), "killed at record {at}");
        assert_shapes(&estate, "new");
        assert_eq!(estate.phase(&lines), PhaseState::CutOver, "killed at record {at}");
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

#[test]
fn killed_on_the_third_way_too() {
    let make = || {
        let estate = Estate::living();
        let lines = estate.restored(rolled_back(&estate), Some("before-r1"));
        estate.write_everywhere("again");
        estate.write_last("database", "last");
        (estate, lines)
    };
    let (calm, lines) = make();
    let first = lines.len();
    let last = calm.restored(lines, None).len();
    assert_eq!(
        calm.rows("database"),
        with(&["again", "early", "last", "later", "one", "saved", "three", "two"], &[])
    );
    for at in (first..=last).step_by(2) {
        let (estate, lines) = make();
        let (_, lines) =
            estate.go(lines, &Choices::default(), RunOptions::default(), Death::Before(at), false);
        let (ended, lines) = estate.go_to(lines, None);
        assert!(matches!(ended, Ok(Ending::NothingToDo)) || is_restored(&ended), "at {at}: {ended:?}");
        assert_eq!(estate.all(), calm.all(), "killed at record {at}");
        assert_eq!(estate.phase(&lines), PhaseState::RolledBack, "killed at record {at}");
    }
}

/// A first run dies at any record and is given up; whatever it had begun goes back, and so does nothing else.
#[test]
fn what_was_begun_by_a_run_that_died_and_was_given_up_goes_back() {
    let mut returned = 0;
    for records in 1.. {
        let estate = Estate::living();
        let lines = estate.lived();
        let death = Death::After(lines.len() + records);
        let (ended, lines) = estate.go(lines, &Choices::default(), RunOptions::default(), death, true);
        if ended.is_ok() {
            break;
        }
        let work = async |book: &mut Book| abandon(&estate.assembled, book, &estate.tools).await.unwrap();
        let (_, lines) = in_a_process(estate.process(lines, Death::Never, true, work));
        if life(&lines).runs.last().is_some_and(|run| run.outcome == Some(Outcome::Restored)) {
            continue;
        }
        match before_rollback(&life(&lines)) {
            Ok(to) => {
                let (ended, _) = estate.go_to(lines, Some(to.as_str()));
                returned += usize::from(is_restored(&ended));
                let is_over = matches!(ended, Ok(Ending::NothingToDo));
                assert!(is_over || is_restored(&ended), "after {records} records: {ended:?}");
            }
            Err(_) => {
                assert_eq!(estate.world.lock().unwrap().effects.get("database.revert"), None, "{records}")
            }
        }
        assert_eq!(estate.rows("database"), MIGRATED, "after {records} records");
        let shapes = estate.shapes();
        let left = |(name, shape): (&String, &Option<String>)| {
            let expected = if ["archive", "api"].contains(&name.as_str()) { "same" } else { "new" };
            (shape.as_deref() != Some(expected)).then(|| format!("{name} {shape:?}"))
        };
        assert_eq!(shapes.iter().filter_map(left).collect::<Vec<_>>(), Vec::<String>::new(), "{records}");
        estate.no_violations();
    }
    assert!(returned > 10, "only {returned} deaths had anything to go back from");
}
