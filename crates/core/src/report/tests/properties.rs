//! What holds of every prefix of every story.

use std::collections::BTreeSet;

use super::story::{Story, merged};
use crate::journal::{Choice, Outcome, Stance};
use crate::observation::Verdict;
use crate::report::{Report, Reporter};

fn stories() -> Vec<Story> {
    let steps = ["api.quiesce", "db.revert", "db.prove", "api.reopen", "api.verify", "db.verify"];
    let mut long = Story::running(&steps);
    long.does("api.quiesce", 30).intends("db.revert", 1).wait(70_000).process("bob").resumes();
    long.resolves("db.revert", None).stuck("db.revert").wait(400).chooses("db.revert", Choice::Retry);
    long.process("eve").resumes().intends("db.revert", 2).wait(20).applies("db.revert", 20);
    long.stops(Stance::Reopen).wait(28_800_000).process("ada").resumes();
    long.wait(-90_000).intends("api.quiesce", 2).wait(5).applies("api.quiesce", 5);
    long.asks("db.prove").wait(9_000).chooses("db.prove", Choice::Skip).does("api.reopen", 5);
    long.verifies("api.verify", Verdict::Unknown { why: "it is silent".into() });
    long.verifies("db.verify", Verdict::Differs { what: "a row".into() }).closes(Outcome::NotVerified);
    let mut abandoned = Story::running(&steps);
    abandoned.does("api.quiesce", 30).process("ada").closes(Outcome::Abandoned);
    vec![long, abandoned, merged(), Story::begun()]
}

fn holds(report: &Report) {
    let Some(run) = &report.run else { return };
    let steps: Vec<&str> = run.steps.iter().map(|account| account.step.as_str()).collect();
    let rows: Vec<&str> = run.timeline.rows.iter().map(|row| row.step.as_str()).collect();
    assert_eq!(steps, rows, "one row a step");
    assert_eq!(steps.iter().collect::<BTreeSet<_>>().len(), steps.len(), "each step once");
    assert_eq!(run.cost.paid.steps, steps.len());
    let axis = run.timeline.millis;
    for bar in run.timeline.rows.iter().flat_map(|row| &row.bars) {
        assert!(bar.from <= bar.to && bar.to <= axis, "{bar:?} of {axis}");
    }
    let mut reached = 0;
    for pause in &run.timeline.pauses {
        assert!(reached <= pause.from && pause.from <= pause.to && pause.to <= axis, "{pause:?}");
        reached = pause.to;
    }
    assert!(run.closed.millis <= run.closed.span_millis && run.closed.span_millis <= axis);
    assert!(run.timeline.working_millis() <= axis);
    assert_eq!(run.standing.over, run.ended.is_some());
    assert_eq!(run.standing.over, !run.standing.sentence.contains("not over"));
    assert!(run.steps.iter().all(|account| account.component.is_some() && account.group.is_some()));
}

#[test]
fn every_prefix_of_every_story_can_be_reported() {
    for story in stories() {
        for length in 0..=story.records.len() {
            let mut reporter = Reporter::new(None);
            for record in &story.records[..length] {
                reporter.take(record).unwrap();
            }
            holds(&reporter.report(crate::journal::genesis(), None).unwrap());
        }
    }
}

#[test]
fn steps_are_read_from_the_right() {
    use super::story::step;
    use crate::order::Group;
    for (id, component, group) in [
        ("api.quiesce", "api", Group::Quiesce),
        ("api.reopen.2", "api", Group::Reopen),
        ("a.revert.revert", "a.revert", Group::Revert),
        ("v1.2.revert.3", "v1.2", Group::Revert),
    ] {
        let found = (crate::report::component_of(&step(id)), crate::report::group_of(&step(id)));
        assert_eq!(found, (Some(super::story::component(component)), Some(group)), "{id}");
    }
    assert_eq!(crate::report::group_of(&step("nonsense")), None);
}
