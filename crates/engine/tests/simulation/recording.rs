//! Recorders come before the capture, are proven at cutover, and go again.

use backout_core::diagnostic::Diagnostic;
use backout_core::life::Life;
use backout_core::plan::{Choices, Count};
use backout_core::writes::Occasion;
use backout_engine::{Book, Ending, EngineError, RunOptions, arm, disarm};

use crate::estate::{Estate, in_a_process};
use crate::journal::Death;
use crate::living_estate::{Lines, assert_stuck, component, is_restored, life, refusals};

fn occasion(life: &Life, name: &str) -> Option<Occasion> {
    life.recorders.get(&component(name)).map(|(occasion, _)| *occasion)
}

fn disarmed(estate: &Estate, lines: Lines) -> (Result<usize, EngineError>, Lines) {
    let work =
        async |book: &mut Book| disarm(&estate.assembled, book, &estate.tools).await.map(|names| names.len());
    in_a_process(estate.process(lines, Death::Never, true, work))
}

#[test]
fn a_capture_of_what_is_to_be_merged_wants_a_recorder_first() {
    let estate = Estate::living();
    let lines = estate.armed();
    assert_eq!(occasion(&life(&lines), "database"), Some(Occasion::Arm));
    let (gone, lines) = disarmed(&estate, lines);
    assert_eq!(gone.unwrap(), 2);
    assert!(!life(&lines).armed && life(&lines).recorders.is_empty());
    let (captured, after) = estate.captured(lines.clone());
    let refused = refusals(&captured);
    assert_eq!(refused.len(), 1, "what is reviewed need not be recorded: {refused:?}");
    assert!(refused[0].starts_with("BK0222 `database`"), "{refused:?}");
    assert_eq!(after, lines);
    let (again, _) = disarmed(&estate, lines);
    assert_eq!(again.unwrap(), 0, "twice is nothing");
}

#[test]
fn a_recorder_that_does_not_see_everything_is_none() {
    let estate = Estate::living();
    let (_, lines) = disarmed(&estate, estate.armed());
    estate.world.lock().unwrap().living.get_mut("database").unwrap().cannot_record = true;
    let work = async |book: &mut Book| arm(&estate.assembled, book, &estate.tools).await.map(|_| ());
    let (armed, lines) = in_a_process(estate.process(lines, Death::Never, true, work));
    assert_eq!(refusals(&armed), ["BK0221 writes to rows of `database` are not recorded"]);
    let (captured, _) = estate.captured(lines);
    assert_eq!(refusals(&captured).len(), 1);
}

#[test]
fn a_cutover_whose_writes_are_not_all_recorded_is_refused_and_says_what_was_placed() {
    let estate = Estate::living();
    let (captured, lines) = estate.captured(estate.armed());
    captured.unwrap();
    estate.migrate();
    estate.world.lock().unwrap().living.get_mut("database").unwrap().cannot_record = true;
    let (cut_over, lines) = estate.cut_over(lines);
    assert_eq!(refusals(&cut_over), ["BK0221 writes to rows of `database` are not recorded"]);
    assert!(life(&lines).cutovers.is_empty());
    assert_eq!(
        occasion(&life(&lines), "notes"),
        Some(Occasion::Cutover),
        "what was placed is in the journal"
    );
    estate.world.lock().unwrap().living.get_mut("database").unwrap().cannot_record = false;
    let (cut_over, lines) = estate.cut_over(lines);
    cut_over.unwrap();
    assert_eq!(occasion(&life(&lines), "database"), Some(Occasion::Cutover));
}

#[test]
fn a_recorder_that_the_migration_took_away_makes_the_price_vague_and_is_there_again() {
    let estate = Estate::living();
    let (captured, lines) = estate.captured(estate.armed());
    captured.unwrap();
    estate.world.lock().unwrap().rows("database").recording = false;
    estate.write("database", "unseen");
    estate.migrate();
    let (cut_over, lines) = estate.cut_over(lines);
    cut_over.unwrap();
    estate.write("database", "seen");
    let plan = estate.plan_to(&lines, None);
    assert_eq!(plan.price.writes, Count::AtLeast(1));
    assert_eq!(plan.price.lost, Count::AtLeast(0));
    let options = RunOptions { accept_loss: Some(1000), ..RunOptions::default() };
    let (ended, lines) = estate.go(lines, &Choices::default(), options, Death::Never, true);
    assert!(refusals(&ended)[0].starts_with("BK0308"), "nobody can say that it is within a bound");
    let lines = estate.restored(lines, None);
    assert_eq!(estate.rows("database"), ["saved", "seen"]);
    assert!(life(&lines).open_run().is_none());
}

/// What was recorded cannot be counted, from now on.
fn cannot_count(estate: &Estate) {
    estate.world.lock().unwrap().living.get_mut("database").unwrap().cannot_count = true;
}

#[test]
fn a_count_that_fails_holds_the_way_back_up_only_where_a_number_was_agreed_to() {
    let estate = Estate::living();
    let lines = estate.lived();
    cannot_count(&estate);
    let plan = estate.plan_to(&lines, None);
    assert_eq!(plan.price.lost, Count::AtLeast(0), "it is no promise");
    estate.restored(lines, None);
    assert_eq!(
        estate.rows("database"),
        ["early", "one", "saved", "three", "two"],
        "and what is there is taken over"
    );

    let estate = Estate::living();
    let lines = estate.lived();
    let options = RunOptions {
        accept_loss: Some(0),
        pause_before: Some(crate::living_estate::step("api.quiesce")),
        ..RunOptions::default()
    };
    let (paused, lines) = estate.go(lines, &Choices::default(), options, Death::Never, true);
    assert!(matches!(paused, Ok(Ending::AtRest { .. })), "{paused:?}");
    cannot_count(&estate);
    let (ended, _) = estate.go_to(lines, None);
    assert_stuck(&ended, "database.revert");
    assert!(!is_restored(&ended));
}

#[test]
fn diagnostics_name_the_next_command() {
    let estate = Estate::living();
    let (_, lines) = disarmed(&estate, estate.armed());
    let (captured, _) = estate.captured(lines);
    let Err(EngineError::Refused(refusal)) = captured else { panic!("{captured:?}") };
    let hints = |one: &Diagnostic| one.hints.join(" ");
    assert!(refusal.diagnostics.iter().all(|one| hints(one).contains("backout arm")), "{refusal:?}");
}
