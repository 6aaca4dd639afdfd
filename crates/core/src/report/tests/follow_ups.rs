//! Each row of the table of follow-ups.

use super::story::{Story, component, counted, merged, step};
use crate::journal::{Choice, Event, Look, Outcome};
use crate::observation::Verdict;
use crate::report::About::{self, *};
use crate::writes::Recovered;

const ALWAYS: [About; 4] = [Cause, Prevention, Monitoring, Communication];
const STEPS: [&str; 3] = ["api.quiesce", "db.revert", "db.verify"];

/// What is left to do beside what always is.
fn about(story: &Story) -> Vec<About> {
    let report = story.report();
    assert!(report.follow_ups.iter().all(|one| one.owner.is_none() && one.due.is_none()));
    let all: Vec<About> = report.follow_ups.iter().map(|one| one.about).collect();
    let over = report.run.is_some_and(|run| run.standing.over);
    assert!(ALWAYS.iter().all(|one| all.contains(one)), "{all:?}");
    assert_eq!(all.contains(&NextTry), over);
    all.into_iter().filter(|one| !ALWAYS.contains(one) && *one != NextTry).collect()
}

fn run(tell: impl FnOnce(&mut Story)) -> Vec<About> {
    let mut story = Story::running(&STEPS);
    tell(&mut story);
    // The recorder of these stories has a gap; its row is tested below.
    about(&story).into_iter().filter(|one| *one != Gap).collect()
}

#[test]
fn every_fact_has_its_follow_up() {
    let differs = Verdict::Differs { what: "a row".into() };
    let unknown = Verdict::Unknown { why: "no answer".into() };
    assert_eq!(
        run(|story| {
            story.intends("db.revert", 1).fails("db.revert").stuck("db.revert");
        }),
        [Answer]
    );
    assert_eq!(
        run(|story| {
            story.intends("db.revert", 1);
        }),
        [Resume]
    );
    let shut = run(|story| {
        story.does("api.quiesce", 1).verifies("db.verify", Verdict::Restored).closes(Outcome::Abandoned);
    });
    assert_eq!(shut, [Door, About::Verdict]);
    for verdict in [differs, unknown] {
        let judged = run(|story| {
            story.verifies("db.verify", verdict).closes(Outcome::NotVerified);
        });
        assert_eq!(judged, [About::Verdict, About::Verdict], "api was not judged either");
    }
    let skipped = run(|story| {
        story.chooses("api.quiesce", Choice::Skip);
    });
    assert_eq!(skipped, [Resume, Skipped]);
    let accepted = run(|story| {
        story.asks("db.revert").chooses("db.revert", Choice::Accept);
    });
    assert_eq!(accepted, [Resume, Accepted]);
    let unconfirmed = run(|story| {
        story.intends("db.revert", 1);
        let evidence = String::new();
        story.tell(Event::StepApplied {
            step: step("db.revert"),
            evidence,
            after: None,
            confirmed: false,
            millis: 1,
        });
    });
    assert_eq!(unconfirmed, [Resume, Unconfirmed]);
    let kept = run(|story| {
        story.keeps("db", true).keeps("api", false);
    });
    assert_eq!(kept, [Resume, Displaced]);
}

#[test]
fn what_became_of_writes_decides() {
    assert_eq!(about(&merged()), [Conflicts, Unmapped, Gap, Displaced]);
    let review = Recovered { waiting: 3, files: vec!["r.csv".into()], ..Recovered::default() };
    let recovering = |tell: &dyn Fn(&mut Story)| {
        let mut story = Story::running(&["db.revert", "db.recover"]);
        story.counts(counted(5, 0, &["notes"])).does("db.revert", 1);
        tell(&mut story);
        about(&story)
    };
    assert_eq!(recovering(&|_| {}), [Resume, Gap, Gap]);
    let given_up = recovering(&|story| {
        story.process("ada").closes(Outcome::Abandoned);
    });
    assert_eq!(given_up, [About::Verdict, Recover, Gap, Gap]);
    let reviewed = recovering(&|story| {
        story.intends("db.recover", 1).recovers(Some("db.recover"), review.clone()).applies("db.recover", 1);
    });
    assert_eq!(reviewed, [Resume, Review, Gap, Gap]);
    let mut lost = Story::running(&STEPS);
    lost.counts(counted(5, 0, &[])).does("db.revert", 1);
    assert_eq!(about(&lost), [Resume, Loss, Gap]);
}

#[test]
fn a_later_account_replaces_the_runs_and_a_close_lets_go() {
    let mut story = merged();
    story.wait(1_000).recovers(None, Recovered { applied: 1, ..Recovered::default() });
    assert_eq!(about(&story), [Gap, Displaced]);
    let by = story.by();
    story.tell(Event::Closed { by });
    assert_eq!(about(&story), [Gap]);
}

#[test]
fn a_partial_run_leaves_the_rest_to_be_said() {
    let mut story = Story::cut_over();
    story.open_with("r1", "c1", &["db.revert"], |event| {
        if let Event::RunOpened { choices: Some(choices), .. } = event {
            choices.only.push(component("db"));
        }
    });
    assert_eq!(about(&story), [Resume, Gap, Partial]);
}

#[test]
fn a_capture_that_missed_something_is_told_without_a_run() {
    let mut story = Story::begun();
    let by = story.by();
    let checkpoint = crate::name::CheckpointId::new("c1").unwrap();
    let file = crate::digest::Digest::from_raw([9; 32]);
    story.tell(Event::CaptureOpened { checkpoint: checkpoint.clone(), file, before_run: None, by });
    story.tell(
        serde_json::from_value(serde_json::json!({
            "event": "observation-failed", "look": Look::Saved, "component": "db", "cause": "no route",
            "checkpoint": checkpoint,
        }))
        .unwrap(),
    );
    let found: Vec<About> = story.report().follow_ups.iter().map(|one| one.about).collect();
    assert_eq!(found, [Capture]);
}
