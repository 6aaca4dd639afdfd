//! The test that pays for the journal: for every prefix of it, and for both "it happened" and "it did not" after
//! each intent, go on and compare the world with the one that was never killed.

use backout_core::journal::Outcome;
use backout_engine::{Ending, RunOptions};

use crate::estate::{Estate, in_a_process};
use crate::journal::Death;

/// Goes back without being killed; gives the number of records before and after.
fn uninterrupted() -> (Estate, usize, usize) {
    let estate = Estate::new();
    let lines = in_a_process(estate.migrated());
    let (ending, after) =
        in_a_process(estate.go_back(lines.clone(), Death::Never, true, RunOptions::default()));
    assert!(
        matches!(ending, Ok(Ending::Closed { outcome: Outcome::Restored, .. })),
        "an undisturbed run restores: {ending:?}"
    );
    (estate, lines.len(), after.len())
}

/// The reverts and quiesces: what must happen exactly once, however often the process dies.
fn once(estate: &Estate) -> Vec<(String, u32)> {
    let world = estate.world.lock().unwrap();
    world.effects.iter().filter(|(name, _)| name.ends_with(".revert")).map(|(n, c)| (n.clone(), *c)).collect()
}

fn sweep(death: impl Fn(usize) -> Death, machine_stays_up: bool) {
    let (calm, first, last) = uninterrupted();
    assert!(last > first + 20, "the run writes enough records to be worth killing: {first} to {last}");
    for at in first..=last {
        let estate = Estate::new();
        let lines = in_a_process(estate.migrated());
        let (_, survivors) =
            in_a_process(estate.go_back(lines, death(at), machine_stays_up, RunOptions::default()));
        let (ending, _) = in_a_process(estate.go_back(survivors, Death::Never, true, RunOptions::default()));
        assert!(
            matches!(ending, Ok(Ending::Closed { outcome: Outcome::Restored, .. } | Ending::NothingToDo)),
            "killed at record {at}: {ending:?}"
        );
        assert_eq!(estate.things(), calm.things(), "killed at record {at}");
        assert_eq!(once(&estate), once(&calm), "killed at record {at}");
        assert_eq!(estate.world.lock().unwrap().violations, Vec::<String>::new(), "killed at record {at}");
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
fn killed_twice() {
    let (calm, first, last) = uninterrupted();
    for at in (first..=last).step_by(3) {
        for again in 1..=6 {
            let estate = Estate::new();
            let lines = in_a_process(estate.migrated());
            let (_, lines) =
                in_a_process(estate.go_back(lines, Death::After(at), true, RunOptions::default()));
            let second = Death::Before(lines.len() + again);
            let (_, lines) = in_a_process(estate.go_back(lines, second, false, RunOptions::default()));
            let (ending, _) = in_a_process(estate.go_back(lines, Death::Never, true, RunOptions::default()));
            assert!(
                matches!(ending, Ok(Ending::Closed { outcome: Outcome::Restored, .. } | Ending::NothingToDo)),
                "killed at record {at} and {again} after: {ending:?}"
            );
            assert_eq!(estate.things(), calm.things(), "killed at record {at} and {again} after");
            assert_eq!(once(&estate), once(&calm), "killed at record {at} and {again} after");
        }
    }
}
