//! Runs that do not go smoothly.

use backout_contract::Posted;
use backout_core::diagnostic::Diagnostic;
use backout_core::digest::FingerprintKey;
use backout_core::journal::{Actor, Choice, Event, Outcome, Request, Stance};
use backout_core::life::{Life, StepState};
use backout_core::name::{ComponentName, StepId};
use backout_core::observation::Verdict;
use backout_core::plan::{Choices, Plan};
use backout_engine::{Book, Ending, EngineError, PreviewInput, RunOptions, abandon, preview, release};

use crate::estate::{Estate, in_a_process};
use crate::journal::{Death, MemoryJournal};

fn life(lines: &[String]) -> Life {
    MemoryJournal::open(lines.to_vec(), Death::Never).1
}

fn step(text: &str) -> StepId {
    StepId::new(text).unwrap()
}

fn choose(lines: Vec<String>, id: &str, choice: Choice) -> Vec<String> {
    let (journal, life) = MemoryJournal::open(lines, Death::Never);
    let mut book = Book::new(journal.clone(), life);
    let by = Actor { user: "ada".into(), host: "here".into() };
    let event = Event::OperatorChose { step: step(id), choice, reason: "because".into(), by };
    in_a_process(async { book.append(vec![event]).await.unwrap() });
    journal.survivors(true)
}

fn go_back(estate: &Estate, lines: Vec<String>) -> (Result<Ending, EngineError>, Vec<String>) {
    in_a_process(estate.go_back(lines, Death::Never, true, RunOptions::default()))
}

fn is_restored(ending: &Result<Ending, EngineError>) -> bool {
    matches!(ending, Ok(Ending::Closed { outcome: Outcome::Restored, .. }))
}

#[test]
fn twice_is_nothing_to_do_also_when_users_go_on_writing() {
    let estate = Estate::new();
    let (_, lines) = go_back(&estate, in_a_process(estate.migrated()));
    estate.world.lock().unwrap().things.get_mut("database").unwrap().rows = 99;
    for _ in 0..3 {
        let (ending, _) = go_back(&estate, lines.clone());
        assert!(matches!(ending, Ok(Ending::NothingToDo)), "{ending:?}");
    }
    assert_eq!(estate.things()["database"].rows, 99, "later writes stay");
}

#[test]
fn a_reader_restarts_exactly_once_and_reads_what_was_put_back() {
    let estate = Estate::new();
    let (ending, _) = go_back(&estate, in_a_process(estate.migrated()));
    assert!(matches!(ending, Ok(Ending::Closed { outcome: Outcome::Restored, .. })), "{ending:?}");
    let world = estate.world.lock().unwrap();
    assert_eq!(world.effects.get("api.restart"), Some(&1));
    assert_eq!(world.things["api"].started_on["settings"], "old");
    assert_eq!(world.things["api"].started_on["link"], "old");
}

#[test]
fn a_revert_that_was_cut_off_is_gone_on_with_although_the_thing_looks_put_back() {
    let estate = Estate::new();
    let lines = in_a_process(estate.migrated());
    estate.world.lock().unwrap().cut_off.insert("database".into(), 1);
    let (ending, _) = go_back(&estate, lines);
    assert!(is_restored(&ending), "{ending:?}");
    assert!(!estate.things()["database"].is_cluttered, "nobody asked the driver again");
}

#[test]
fn a_lying_revert_ends_as_not_verified() {
    let estate = Estate::new();
    let lines = in_a_process(estate.migrated());
    estate.world.lock().unwrap().liars.insert("archive".into(), 1);
    let (ending, lines) = go_back(&estate, lines);
    assert!(matches!(ending, Ok(Ending::Closed { outcome: Outcome::NotVerified, .. })), "{ending:?}");
    let run = life(&lines).runs.pop().unwrap();
    let verdict = run.verdicts.iter().find(|(name, _)| name.as_str() == "archive").unwrap().1;
    assert!(matches!(verdict, Verdict::Differs { .. }), "{verdict:?}");
}

#[test]
fn a_revert_that_complains_after_it_did_its_work_is_recognised_as_done() {
    let estate = Estate::new();
    let lines = in_a_process(estate.migrated());
    estate.world.lock().unwrap().pessimists.insert("archive".into(), 1);
    let (ending, _) = go_back(&estate, lines);
    assert!(matches!(ending, Ok(Ending::Closed { outcome: Outcome::Restored, .. })), "{ending:?}");
    assert_eq!(estate.world.lock().unwrap().effects["archive.revert"], 1);
}

#[test]
fn a_failed_step_is_stuck_while_the_rest_goes_on_and_can_be_retried() {
    let estate = Estate::new();
    let lines = in_a_process(estate.migrated());
    estate.world.lock().unwrap().failing.insert("database".into(), 1);
    let (ending, lines) = go_back(&estate, lines);
    assert!(
        matches!(&ending, Ok(Ending::Stuck { steps, .. }) if steps == &[step("database.revert")]),
        "{ending:?}"
    );
    let things = estate.things();
    assert_eq!(things["archive"].shape.as_deref(), Some("old"), "what is independent went on");
    assert!(!things["api"].open, "what waits for the failed step stays shut");
    let (ending, _) = go_back(&estate, choose(lines, "database.revert", Choice::Retry));
    assert!(matches!(ending, Ok(Ending::Closed { outcome: Outcome::Restored, .. })), "{ending:?}");
}

#[test]
fn a_skipped_guard_blocks_what_it_guarded() {
    let estate = Estate::new();
    let lines = in_a_process(estate.migrated());
    let options = RunOptions { pause_before: Some(step("api.quiesce")), ..RunOptions::default() };
    let (ending, lines) = in_a_process(estate.go_back(lines, Death::Never, true, options));
    assert!(
        matches!(ending, Ok(Ending::AtRest { stance: Stance::StayClosed, paused: Some(_), .. })),
        "{ending:?}"
    );
    let (ending, lines) = go_back(&estate, choose(lines, "api.quiesce", Choice::Skip));
    assert!(
        matches!(&ending, Ok(Ending::Stuck { steps, .. }) if steps.contains(&step("database.revert"))),
        "{ending:?}"
    );
    assert_eq!(estate.things()["database"].shape.as_deref(), Some("new"), "nothing was done unguarded");
    let run = life(&lines).runs.pop().unwrap();
    assert_eq!(*run.state(&step("database.revert")), StepState::Waiting);
}

#[test]
fn a_stop_from_elsewhere_rests_at_a_border_and_the_run_goes_on_later() {
    let estate = Estate::new();
    let lines = in_a_process(estate.migrated());
    let posted = Posted {
        id: "1".into(),
        asks: Request::Stop { stance: None },
        by: Actor { user: "bob".into(), host: "there".into() },
    };
    estate.inbox.0.lock().unwrap().push(posted);
    let (ending, lines) = go_back(&estate, lines);
    assert!(matches!(ending, Ok(Ending::AtRest { paused: None, .. })), "{ending:?}");
    let (ending, _) = go_back(&estate, lines);
    assert!(matches!(ending, Ok(Ending::Closed { outcome: Outcome::Restored, .. })), "{ending:?}");
    assert_eq!(estate.world.lock().unwrap().violations, Vec::<String>::new());
}

/// A run that dies after so many records is stopped as soon as it is taken up, in the world as it is then.
#[test]
fn a_stop_anywhere_leaves_no_open_door_on_another_ground_and_the_run_goes_on_later() {
    let mut opened_on_whole_ground = 0;
    for records in 1.. {
        let estate = Estate::new();
        let lines = in_a_process(estate.migrated());
        let death = Death::After(lines.len() + records);
        let (ending, lines) = in_a_process(estate.go_back(lines, death, true, RunOptions::default()));
        if ending.is_ok() {
            break;
        }
        let posted = Posted {
            id: "1".into(),
            asks: Request::Stop { stance: Some(Stance::Reopen) },
            by: Actor { user: "bob".into(), host: "there".into() },
        };
        estate.inbox.0.lock().unwrap().push(posted);
        let (_, lines) = go_back(&estate, lines);
        let things = estate.things();
        if things["api"].open {
            let database = things["database"].shape.as_deref();
            let started_on = things["api"].started_on.get("settings").map(String::as_str);
            assert_eq!(database == Some("old"), started_on == Some("old"), "after {records} records");
            opened_on_whole_ground += 1;
        }
        let (ending, lines) = go_back(&estate, lines);
        assert!(matches!(ending, Ok(Ending::Closed { .. } | Ending::NothingToDo)), "{records}: {ending:?}");
        assert_eq!(life(&lines).runs.last().unwrap().outcome, Some(Outcome::Restored), "{records}");
        let world = estate.world.lock().unwrap();
        assert_eq!(world.violations, Vec::<String>::new(), "after {records} records");
        assert_eq!(world.things["api"].started_on["settings"], "old");
    }
    assert!(opened_on_whole_ground > 10, "only {opened_on_whole_ground} stops left a door open");
}

/// What a refused plan says, message by message.
fn refusals(ending: Result<Plan, EngineError>) -> Vec<String> {
    let Err(EngineError::Refused(refusal)) = ending else { panic!("not refused: {ending:?}") };
    let text = |one: &Diagnostic| format!("{}: {}", one.summary, one.cause.as_deref().unwrap_or_default());
    refusal.diagnostics.iter().map(text).collect()
}

#[test]
fn what_could_not_be_looked_at_for_want_of_room_is_not_taken_for_unreadable() {
    let estate = Estate::new();
    let lines = in_a_process(estate.migrated());
    estate.world.lock().unwrap().no_room_for.insert("database".into());
    let said = refusals(in_a_process(estate.plan(&life(&lines))));
    assert_eq!(said, ["`database` could not be looked at: copy a thing"]);
    let keep = Choices { keep: [ComponentName::new("database").unwrap()].into(), ..Choices::default() };
    let input = PreviewInput { choices: keep };
    in_a_process(preview(&estate.assembled, &life(&lines), input, &estate.tools)).unwrap();
}

#[test]
fn another_key_is_named_once_and_not_every_state_that_it_does_not_fit() {
    let mut estate = Estate::new();
    let lines = in_a_process(estate.migrated());
    estate.tools.key = FingerprintKey::new([8; 32]);
    let said = refusals(in_a_process(estate.plan(&life(&lines))));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("sealed with another key"), "{said:?}");
}

#[test]
fn what_somebody_else_has_claimed_is_neither_resumed_nor_given_up_nor_released() {
    let estate = Estate::new();
    let lines = in_a_process(estate.migrated());
    let options = RunOptions { pause_before: Some(step("database.revert")), ..RunOptions::default() };
    let (_, paused) = in_a_process(estate.go_back(lines.clone(), Death::Never, true, options));
    for thing in estate.world.lock().unwrap().things.values_mut() {
        if let Some(marker) = &mut thing.marker {
            marker["nonce"] = "another".into();
        }
    }
    let before = estate.world.lock().unwrap().clone();
    let is_refused = |ending: &dyn std::fmt::Debug| format!("{ending:?}").contains("BK0401");
    let (ending, after) = go_back(&estate, paused.clone());
    assert!(ending.is_err() && is_refused(&ending), "{ending:?}");
    assert_eq!(after, paused, "nothing was recorded");
    let book = |lines: &[String]| {
        let (journal, life) = MemoryJournal::open(lines.to_vec(), Death::Never);
        Book::new(journal, life)
    };
    let given_up = in_a_process(abandon(&estate.assembled, &mut book(&paused), &estate.tools));
    assert!(given_up.is_err() && is_refused(&given_up), "{given_up:?}");
    let end = Event::Committed { by: estate.tools.actor.clone() };
    let released = in_a_process(release(&estate.assembled, end, &mut book(&lines), &estate.tools));
    assert!(released.is_err() && is_refused(&released), "{released:?}");
    assert_eq!(*estate.world.lock().unwrap(), before);
}

#[test]
fn drift_is_asked_and_never_guessed() {
    let estate = Estate::new();
    let lines = in_a_process(estate.migrated());
    estate.world.lock().unwrap().things.get_mut("settings").unwrap().shape = Some("somebody's".into());
    let (ending, lines) = go_back(&estate, lines);
    assert!(matches!(ending, Err(EngineError::Refused(_))), "{ending:?}");
    assert_eq!(life(&lines).runs.len(), 0, "nothing was opened");
    assert_eq!(estate.things()["settings"].shape.as_deref(), Some("somebody's"));
}

#[test]
fn a_plan_whose_shape_has_moved_is_stale_and_one_whose_data_grew_is_not() {
    let estate = Estate::new();
    let lines = in_a_process(estate.migrated());
    let shape = |estate: &Estate| in_a_process(estate.plan(&life(&lines))).map(|plan| plan.shape());
    let first = shape(&estate).unwrap();
    estate.world.lock().unwrap().things.get_mut("database").unwrap().rows = 5000;
    assert_eq!(shape(&estate).unwrap(), first);
    estate.world.lock().unwrap().things.get_mut("archive").unwrap().shape = Some("old".into());
    assert_ne!(shape(&estate).unwrap(), first);
}

#[test]
fn a_stuck_run_whose_process_has_ended_can_be_brought_to_rest_and_goes_on_later() {
    let estate = Estate::new();
    let lines = in_a_process(estate.migrated());
    estate.world.lock().unwrap().failing.insert("settings".into(), 1);
    let options = RunOptions { pause_before: Some(step("database.revert")), ..RunOptions::default() };
    let (ending, lines) = in_a_process(estate.go_back(lines, Death::Never, true, options));
    assert!(matches!(ending, Ok(Ending::AtRest { .. } | Ending::Stuck { .. })), "{ending:?}");
    let (journal, life) = MemoryJournal::open(lines, Death::Never);
    let mut book = Book::new(journal.clone(), life);
    let stance = Some(Stance::StayClosed);
    let ending = in_a_process(backout_engine::rest(&estate.assembled, &mut book, stance, &estate.tools));
    assert!(matches!(ending, Ok(Ending::AtRest { stance: Stance::StayClosed, .. })), "{ending:?}");
    assert!(!estate.things()["api"].open);
    let (ending, lines) = go_back(&estate, journal.survivors(true));
    assert!(matches!(&ending, Ok(Ending::Stuck { .. })), "{ending:?}");
    let (ending, _) = go_back(&estate, choose(lines, "settings.revert", Choice::Retry));
    assert!(matches!(ending, Ok(Ending::Closed { outcome: Outcome::Restored, .. })), "{ending:?}");
}
