//! To and fro where a recorder stays behind with what is displaced, so that each knows a stretch of the way only: what
//! runs sealed is chained.

use backout_core::life::PhaseState;
use backout_core::plan::{Choices, Count};
use backout_engine::{Ending, RunOptions};

use crate::estate::Estate;
use crate::journal::Death;
use crate::living_estate::{Lines, component, is_restored, life, refusals};
use crate::returning::{MIGRATED, assert_shapes, rolled_back, with};

/// On the new side again, with writes of users on every stretch.
fn forth_again() -> (Estate, Lines) {
    let estate = Estate::living_apart();
    let lines = estate.restored(rolled_back(&estate), Some("before-r1"));
    assert_eq!(estate.rows("database"), with(&MIGRATED, &["later"]));
    estate.write("database", "again");
    (estate, lines)
}

const BACK: [&str; 7] = ["again", "early", "later", "one", "saved", "three", "two"];

#[test]
fn what_was_written_on_every_stretch_is_priced_and_stands_once() {
    let (estate, lines) = forth_again();
    let price = estate.plan_to(&lines, None).price;
    // To the database: three before the first run, one between, one since; to the notes one less, which wait.
    assert_eq!(
        (price.writes, price.rescued, price.waiting, price.lost),
        (Count::Exactly(9), Count::Exactly(5), Count::Exactly(4), Count::Exactly(0))
    );
    let lines = estate.restored(lines, None);
    assert_eq!(estate.rows("database"), BACK);
    assert_shapes(&estate, "old");
    let (taken_over, lines) = estate.recover(lines, Death::Never);
    assert!(
        taken_over
            .unwrap()
            .iter()
            .all(|one| one.component.as_str() != "database" || one.recovered.applied == 0)
    );
    assert_eq!(estate.rows("notes"), with(&["early", "noted", "one", "two", "three", "later"], &[]));

    // And forth and back once more.
    let lines = estate.restored(lines, Some("before-r3"));
    assert_eq!(estate.rows("database"), with(&MIGRATED, &["again", "later"]));
    estate.write("database", "more");
    estate.restored(lines, None);
    assert_eq!(estate.rows("database"), with(&BACK, &["more"]));
    estate.no_violations();
}

#[test]
fn what_an_earlier_run_took_over_is_taken_over_again_after_a_second_try_of_the_migration() {
    let estate = Estate::living_apart();
    let lines = rolled_back(&estate);
    estate.migrate();
    let (cut_over, lines) = estate.cut_over(lines);
    cut_over.unwrap();
    estate.write("database", "more");
    let lines = estate.restored(lines, None);
    assert_eq!(estate.rows("database"), ["early", "later", "more", "one", "saved", "three", "two"]);
    let (_, lines) = estate.recover(lines, Death::Never);
    estate.restored(lines, Some("before-r2"));
    assert_shapes(&estate, "new");
}

#[test]
fn what_a_run_sealed_and_nobody_can_read_any_more_is_named_before_anything_changes() {
    let (estate, lines) = forth_again();
    let sealed = life(&lines).runs[1].sealed[&component("database")][0].blob;
    estate.lose(&sealed);
    let plan = estate.plan_to(&lines, None);
    assert_eq!(plan.price.lost, Count::AtLeast(0), "it is no promise");
    let before = estate.all();
    let (ended, _) = estate.go_to(lines, None);
    let refused = refusals(&ended);
    assert!(refused.iter().any(|one| one.contains("`database` is missing")), "{refused:?}");
    assert_eq!(estate.all(), before);
}

fn sweep(death: impl Fn(usize) -> Death, machine_stays_up: bool) {
    let make = || {
        let (estate, lines) = forth_again();
        estate.write_last("database", "last");
        (estate, lines)
    };
    let (calm, lines) = make();
    let first = lines.len();
    let last = calm.restored(lines, None).len();
    assert_eq!(calm.rows("database"), with(&BACK, &["last"]));
    for at in first..=last {
        let (estate, lines) = make();
        let go = |lines, death, up| estate.go(lines, &Choices::default(), RunOptions::default(), death, up);
        let (_, lines) = go(lines, death(at), machine_stays_up);
        let (_, lines) = go(lines, Death::After(at + 4), true);
        let (ended, lines) = go(lines, Death::Never, true);
        assert!(matches!(ended, Ok(Ending::NothingToDo)) || is_restored(&ended), "at {at}: {ended:?}");
        assert_eq!(estate.all(), calm.all(), "killed at record {at}");
        assert_eq!(estate.phase(&lines), PhaseState::RolledBack, "killed at record {at}");
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
