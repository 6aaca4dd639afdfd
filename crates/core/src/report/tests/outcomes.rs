//! Each row of the table of standings, and who held the run.

use super::story::{Story, merged};
use crate::journal::{Choice, Event, Outcome, Stance};
use crate::observation::Verdict;
use crate::report::{Answer, Carried, State};

const STEPS: [&str; 3] = ["api.quiesce", "db.revert", "db.verify"];

#[test]
fn every_standing() {
    let failed = |story: &mut Story| {
        story.does("api.quiesce", 10).intends("db.revert", 1).fails("db.revert").stuck("db.revert");
    };
    type Tell = Box<dyn Fn(&mut Story)>;
    let rows: Vec<(Tell, State, &str)> = vec![
        (
            Box::new(|story| {
                story.does("api.quiesce", 10).does("db.revert", 10).verifies("db.verify", Verdict::Restored);
                story.closes(Outcome::Restored);
            }),
            State::Restored,
            "Everything that was to be put back is back, and was looked at: 1 component restored; the door of api is shut.",
        ),
        (
            Box::new(|story| {
                let verdict = Verdict::Differs { what: "a file".into() };
                story.does("db.revert", 10).verifies("db.verify", verdict);
                story.chooses("api.quiesce", Choice::Skip).closes(Outcome::NotVerified);
            }),
            State::NotVerified,
            "The run ended, and not all is known to be restored: 1 component differs, 1 step was left out.",
        ),
        (
            Box::new(|story| {
                story.does("db.revert", 10).process("ada").closes(Outcome::Abandoned);
            }),
            State::Abandoned,
            "A person gave the run up; 1 of 3 steps are done.",
        ),
        (
            Box::new(failed),
            State::Stuck,
            "This run is not over: it is stuck at db.revert and needs a person; 1 of 3 steps are done; the door of api is shut.",
        ),
        (
            Box::new(|story| {
                story.does("api.quiesce", 10).stops(Stance::Reopen);
            }),
            State::AtRest,
            "This run is not over: it came to rest at a safe border, and what stands on whole ground was opened; 0 of 3 steps are done.",
        ),
        (
            Box::new(move |story| {
                failed(story);
                story.wait(5_000).process("bob").chooses("db.revert", Choice::Retry);
            }),
            State::AtRest,
            "This run is not over: it needed a person, one chose since, and nobody took it up again; 1 of 3 steps are done; the door of api is shut.",
        ),
        (
            Box::new(|story| {
                story.asks("db.revert");
            }),
            State::WaitsForPerson,
            "This run is not over: it waits for a person at db.revert; 0 of 3 steps are done.",
        ),
        (
            Box::new(|story| {
                story.asks("db.revert").intends("api.quiesce", 1);
            }),
            State::Open,
            "This run is not over: 0 of 3 steps are done, and whether a process carries it on cannot be told from the journal.",
        ),
    ];
    for (tell, state, sentence) in rows {
        let mut story = Story::running(&STEPS);
        tell(&mut story);
        let run = story.run_report();
        assert_eq!((run.standing.state, run.standing.sentence.as_str()), (state, sentence));
        assert_eq!(run.standing.over, run.ended.is_some(), "{state:?}");
        assert_eq!(run.until, story.records.last().unwrap().at);
    }
}

#[test]
fn a_partial_run_says_so() {
    let mut story = Story::cut_over();
    story.open_with("r1", "c1", &["db.revert", "db.verify"], |event| {
        if let Event::RunOpened { choices: Some(choices), .. } = event {
            choices.only.push(super::story::component("db"));
            choices.keep.insert(super::story::component("api"));
        }
    });
    story.does("db.revert", 5).verifies("db.verify", Verdict::Restored).closes(Outcome::Restored);
    let run = story.run_report();
    assert!(run.standing.sentence.contains("only a part was to go back"), "{}", run.standing.sentence);
    let answers: Vec<&Answer> = run.answers.iter().map(|one| &one.answer).collect();
    assert!(matches!(answers.as_slice(), [Answer::Only { .. }, Answer::Keep { .. }]), "{answers:?}");
    assert_eq!(run.components.iter().map(|one| one.steps).collect::<Vec<_>>(), [0, 2]);
}

#[test]
fn whoever_held_it_is_told_in_order() {
    let mut story = Story::running(&STEPS);
    story.does("api.quiesce", 5).process("ada").resumes().process("bob").resumes();
    story.process("bob").closes(Outcome::Abandoned);
    let run = story.run_report();
    let held: Vec<(Carried, Option<&str>, u64)> = run
        .holders
        .iter()
        .map(|one| (one.how, one.by.as_ref().map(|by| by.user.as_str()), one.epoch))
        .collect();
    let expected = [
        (Carried::Opened, Some("ada"), 1),
        (Carried::Resumed, Some("ada"), 2),
        (Carried::TookOver, Some("bob"), 3),
        (Carried::GaveUp, None, 4),
    ];
    assert_eq!(held, expected);
    assert_eq!(run.answers.last().map(|one| &one.answer), Some(&Answer::Abandon));
}

#[test]
fn an_earlier_run_can_be_told_after_later_ones() {
    let mut story = merged();
    story.wait(1_000).open("r2", "c1", &["api.verify"]);
    story.verifies("api.verify", Verdict::Restored).closes(Outcome::Restored);
    let first = story.report_of(Some("r1"));
    let second = story.report();
    assert_eq!(first.run.as_ref().map(|run| run.id.as_str()), Some("r1"));
    assert_eq!(first.after.len(), 2, "{:?}", first.after);
    assert_eq!(second.run.as_ref().map(|run| run.id.as_str()), Some("r2"));
    assert_eq!(second.before.len(), first.before.len() + 2);
    assert!(second.after.is_empty());
}

#[test]
fn the_way_back_from_the_way_back_names_the_run() {
    let mut story = merged();
    let by = story.by();
    let checkpoint = crate::name::CheckpointId::new("before-r1").unwrap();
    let (file, before_run) =
        (crate::digest::Digest::from_raw([9; 32]), Some(crate::name::RunId::new("r1").unwrap()));
    story.tell(Event::CaptureOpened { checkpoint: checkpoint.clone(), file, before_run, by });
    story.tell(Event::CheckpointSealed { checkpoint, seal: crate::digest::Digest::from_raw([5; 32]) });
    story.open("r2", "before-r1", &["db.revert"]);
    let run = story.run_report();
    assert_eq!(run.decision.before_run.map(|run| run.to_string()), Some("r1".into()));
}

#[test]
fn what_an_older_version_did_not_journal_is_left_open() {
    let story = merged();
    let report = story.as_format_1();
    let run = report.run.unwrap();
    assert_eq!((run.decision.reason, run.decision.choices, run.cost.stated), (None, None, None));
    assert_eq!((run.cost.paid.lost, run.cost.paid.saved), (None, None));
    assert_eq!(run.standing.state, State::Restored);
    assert_eq!(report.chain.formats, Some((1, 1)));
    assert!(report.recorders.is_empty());
}

#[test]
fn without_a_run_it_tells_what_there_is() {
    let report = Story::cut_over().report();
    assert!(report.run.is_none() && report.follow_ups.is_empty());
    assert_eq!(report.recorders.len(), 1);
    assert_eq!(report.before.len(), 7, "{:?}", report.before);
    let unknown = crate::report::Reporter::new(Some(crate::name::RunId::new("r7").unwrap()));
    assert!(unknown.report(crate::journal::genesis(), None).is_err());
}

#[test]
fn what_cannot_have_happened_ends_the_report_before_it() {
    let story = merged();
    let mut reporter = crate::report::Reporter::new(None);
    let at = story.records.len() / 2;
    for record in &story.records[..at] {
        reporter.take(record).unwrap();
    }
    assert!(reporter.take(&story.records[0]).is_err());
    let report = reporter.report(crate::journal::genesis(), Some("record 9 was changed".into())).unwrap();
    assert_eq!(report.chain.records, at as u64);
    assert!(!report.chain.whole && !report.run.unwrap().standing.over);
    assert_eq!(report.follow_ups[0].about, crate::report::About::Journal);
}
