//! Pauses and doubts on the axis.

use super::story::Story;
use crate::journal::{Choice, Outcome, Stance};
use crate::report::{BarKind, PauseKind, TryOutcome};

const STEPS: [&str; 3] = ["api.quiesce", "db.revert", "db.verify"];

fn pauses(story: &Story) -> Vec<(u64, u64, PauseKind, bool)> {
    let timeline = story.run_report().timeline;
    timeline.pauses.iter().map(|one| (one.from, one.to, one.kind, one.goes_on)).collect()
}

#[test]
fn a_dead_process_leaves_a_gap_and_a_doubt() {
    let mut story = Story::running(&STEPS);
    story.does("api.quiesce", 100).intends("db.revert", 1).wait(9_000).process("bob").resumes().wait(50);
    story.resolves("db.revert", Some(false)).intends("db.revert", 2).wait(500).applies("db.revert", 500);
    assert_eq!(pauses(&story), [(100, 9_100, PauseKind::NoProcess, false)]);
    let run = story.run_report();
    let row = &run.timeline.rows[1];
    let bars: Vec<(u64, u64, BarKind)> = row.bars.iter().map(|bar| (bar.from, bar.to, bar.kind)).collect();
    assert_eq!(
        bars,
        [(100, 100, BarKind::Work), (100, 9_150, BarKind::Doubt), (9_150, 9_650, BarKind::Work)]
    );
    let account = &run.steps[1];
    assert_eq!(account.attempts(), 2);
    assert!(
        matches!(account.tries[0].outcome, TryOutcome::InDoubt { .. }) && account.tries[0].ended.is_none()
    );
    assert_eq!(account.doubts[0].looks[0].happened, Some(false));
    assert_eq!(run.timeline.working_millis(), 650);
}

#[test]
fn stuck_at_rest_and_asked_are_pauses_of_their_own() {
    let mut stuck = Story::running(&STEPS);
    stuck.intends("db.revert", 1).wait(10).fails("db.revert").stuck("db.revert").wait(1_000);
    stuck.process("bob").chooses("db.revert", Choice::Retry);
    assert_eq!(pauses(&stuck), [(10, 1_010, PauseKind::Stuck, true)]);
    stuck.wait(1_000).process("bob").resumes();
    assert_eq!(pauses(&stuck), [(10, 2_010, PauseKind::Stuck, false)]);

    let mut rests = Story::running(&STEPS);
    rests
        .does("api.quiesce", 10)
        .stops(Stance::StayClosed)
        .wait(500)
        .process("ada")
        .closes(Outcome::Abandoned);
    assert_eq!(pauses(&rests), [(10, 510, PauseKind::AtRest, false)]);

    let mut asked = Story::running(&STEPS);
    asked.does("api.quiesce", 10).asks("db.revert");
    assert_eq!(pauses(&asked), [(10, 10, PauseKind::WaitsForPerson, true)]);
    asked.wait(300).process("ada").chooses("db.revert", Choice::Accept).wait(200).process("ada").resumes();
    assert_eq!(pauses(&asked), [(10, 510, PauseKind::WaitsForPerson, false)]);
}

#[test]
fn a_clock_that_goes_backwards_takes_nothing_off_the_axis() {
    let mut story = Story::running(&STEPS);
    story.wait(1_000).does("api.quiesce", 100).wait(-5_000).does("db.revert", 100);
    let run = story.run_report();
    assert!(run.clock_went_back);
    assert_eq!(run.millis, 1_100);
    assert!(run.timeline.rows[1].bars.iter().all(|bar| bar.from == 1_100 && bar.to == 1_100));
}

#[test]
fn what_is_under_way_reaches_to_the_last_record() {
    let mut story = Story::running(&STEPS);
    story.intends("db.revert", 1).wait(400).does("api.quiesce", 100);
    let bar = story.run_report().timeline.rows[1].bars[0];
    assert_eq!((bar.from, bar.to, bar.kind), (0, 500, BarKind::Work));
}
