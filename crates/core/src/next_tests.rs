//! Every row of the table of `next`, on a small plan: `api` stands on `db`, `link` stands alone.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::*;
use crate::digest::Digest;
use crate::journal::{Actor, Chain, Choice, Event};
use crate::life::Life;
use crate::name::{CheckpointId, MigrationName, RunId};
use crate::plan::{Choices, Count, FORMAT, Price};

fn id(text: &str) -> StepId {
    StepId::new(text).unwrap()
}

fn step(text: &str, action: Action, after: &[&str]) -> Step {
    let (component, group) = text.split_once('.').unwrap();
    Step {
        id: id(text),
        component: ComponentName::new(component).unwrap(),
        group: group.parse().unwrap(),
        action,
        title: text.into(),
        after: after.iter().map(|text| id(text)).collect(),
        because: Vec::new(),
        before: None,
        to: None,
    }
}

fn revert() -> Action {
    Action::Revert { effect: serde_json::Value::Null }
}

fn plan() -> Plan {
    let steps = vec![
        step("api.quiesce", Action::Quiesce, &[]),
        step("link.revert", revert(), &["api.quiesce"]),
        step("db.revert", revert(), &["api.quiesce"]),
        step("db.prove", Action::Prove, &["db.revert"]),
        step("api.reopen", Action::Reopen, &["db.prove", "link.revert"]),
        step("db.verify", Action::Verify, &["db.prove"]),
        step("link.verify", Action::Verify, &["link.revert"]),
        step("api.verify", Action::Verify, &["api.reopen", "db.verify"]),
    ];
    Plan {
        format: FORMAT,
        migration: MigrationName::new("todo").unwrap(),
        file: Digest::from_raw([0; 32]),
        checkpoint: CheckpointId::new("c1").unwrap(),
        seal: Digest::from_raw([0; 32]),
        choices: Choices::default(),
        made: Timestamp::UNIX_EPOCH,
        price: Price {
            writes: Count::Exactly(0),
            rescued: Count::Exactly(0),
            waiting: Count::Exactly(0),
            lost: Count::Exactly(0),
            kept_aside: 0,
            data_components: 0,
            steps: 8,
            person_steps: 0,
            duration: None,
            closed: None,
        },
        components: Vec::new(),
        steps,
        questions: Vec::new(),
        notes: Vec::new(),
    }
}

fn by() -> Actor {
    Actor { user: "ada".into(), host: "db1".into() }
}

/// A run in which these events happened.
fn after(events: Vec<Event>) -> RunLife {
    after_in(&plan(), events)
}

fn after_in(plan: &Plan, events: Vec<Event>) -> RunLife {
    let mut chain = Chain::default();
    let mut life = Life::default();
    let opening = [
        Event::MigrationOpened { migration: MigrationName::new("todo").unwrap(), nonce: "n".into() },
        Event::RunOpened {
            run: RunId::new("r1").unwrap(),
            plan: Digest::from_raw([0; 32]),
            shape: Digest::from_raw([0; 32]),
            checkpoint: CheckpointId::new("c1").unwrap(),
            steps: plan.steps.iter().map(|step| step.id.clone()).collect(),
            pause_before: None,
            reason: None,
            choices: None,
            price: None,
            most_lost: None,
            by: by(),
            version: "test".into(),
        },
    ];
    for event in opening.into_iter().chain(events) {
        let (record, _) = chain.append(event, None, 1, Timestamp::UNIX_EPOCH).unwrap();
        life.apply(&record).unwrap();
    }
    life.runs.pop().unwrap()
}

fn intended(text: &str) -> Event {
    Event::StepIntended { step: id(text), attempt: 1, before: None }
}

fn applied(text: &str) -> Event {
    Event::StepApplied { step: id(text), evidence: String::new(), after: None, confirmed: true, millis: 1 }
}

fn done(steps: &[&str]) -> Vec<Event> {
    steps.iter().flat_map(|text| [intended(text), applied(text)]).collect()
}

fn judged(text: &str, verdict: Verdict) -> Vec<Event> {
    let component = ComponentName::new(text.split_once('.').unwrap().0).unwrap();
    let looked = Vec::new();
    vec![
        intended(text),
        Event::ComponentVerified { component, step: Some(id(text)), verdict, looked, seen: None, millis: 1 },
    ]
}

fn failed(text: &str) -> Vec<Event> {
    vec![
        intended(text),
        Event::StepFailed { step: id(text), cause: "no".into(), hints: Vec::new(), never_begun: false },
    ]
}

fn chose(text: &str, choice: Choice) -> Event {
    Event::OperatorChose { step: id(text), choice, reason: "because".into(), by: by() }
}

fn stop(stance: Option<Stance>) -> Event {
    Event::StopRequested { stance, by: by() }
}

fn start(text: &str) -> Command {
    Command::Start { step: id(text), attempt: 1 }
}

fn ask(run: &RunLife, in_flight: &[&str]) -> Vec<Command> {
    next(&plan(), run, &in_flight.iter().map(|text| id(text)).collect(), Limits { steps: 8, per_kind: 8 })
}

fn all_but_looks() -> Vec<Event> {
    done(&["api.quiesce", "link.revert", "db.revert", "db.prove", "api.reopen"])
}

#[test]
fn row_1_nothing_follows_a_run_that_is_closed_or_at_rest() {
    let run = after(vec![Event::RunClosed { outcome: Outcome::Abandoned }]);
    assert_eq!(ask(&run, &[]), []);
    let run = after(vec![stop(None), Event::RunStopped { stance: Stance::StayClosed }]);
    assert_eq!(ask(&run, &[]), []);
}

#[test]
fn row_2_doubt_is_looked_at_first_also_while_stopping() {
    let doubt =
        vec![intended("api.quiesce"), Event::StepInDoubt { step: id("api.quiesce"), cause: "x".into() }];
    assert_eq!(ask(&after(doubt.clone()), &[]), [Command::Resolve(id("api.quiesce"))]);
    let stopping = doubt.into_iter().chain([stop(None)]).collect();
    assert_eq!(ask(&after(stopping), &[]), [Command::Resolve(id("api.quiesce"))]);
}

#[test]
fn row_3_a_stop_waits_for_what_is_in_flight() {
    let run = after([done(&["api.quiesce"]), vec![intended("db.revert"), stop(None)]].concat());
    assert_eq!(ask(&run, &["db.revert"]), []);
}

#[test]
fn row_4_a_stop_opens_doors_on_untouched_ground_as_they_were() {
    let run = after([done(&["api.quiesce"]), vec![stop(None)]].concat());
    assert_eq!(ask(&run, &[]), [Command::Reopen(ComponentName::new("api").unwrap())]);
}

#[test]
fn row_4_a_stop_opens_doors_on_ground_that_is_put_back_by_their_own_steps() {
    let mut plan = plan();
    let restart = step("api.reopen", Action::Restart, &["db.prove", "link.revert"]);
    plan.steps.insert(4, Step { id: id("api.reopen.1"), ..restart });
    plan.steps[5].after.push(id("api.reopen.1"));
    let limits = Limits { steps: 8, per_kind: 8 };
    let ask = |events| next(&plan, &after_in(&plan, events), &BTreeSet::new(), limits);
    let back = [done(&["api.quiesce", "link.revert", "db.revert", "db.prove"]), vec![stop(None)]].concat();
    assert_eq!(ask(back.clone()), [start("api.reopen.1")], "it read what stood there before");
    let again = [back.clone(), done(&["api.reopen.1"])].concat();
    assert_eq!(ask(again.clone()), [start("api.reopen")]);
    assert_eq!(ask([again, done(&["api.reopen"])].concat()), [Command::Rest(Stance::Reopen)]);
    let failing = [back, failed("api.reopen.1")].concat();
    assert_eq!(ask(failing), [Command::Rest(Stance::Reopen)], "it is not tried again, nor opened without");
}

#[test]
fn row_5_a_stop_on_half_reverted_ground_stays_closed_even_when_asked_to_open() {
    for stance in [None, Some(Stance::StayClosed)] {
        let run = after([done(&["api.quiesce", "link.revert"]), vec![stop(stance)]].concat());
        assert_eq!(ask(&run, &[]), [Command::Rest(Stance::StayClosed)]);
    }
    let run = after([done(&["api.quiesce", "link.revert"]), vec![stop(Some(Stance::Reopen))]].concat());
    assert_eq!(ask(&run, &[]), [Command::Rest(Stance::Reopen)], "nothing may open, so it rests at once");
    assert_eq!(ground(&plan(), &run, &ComponentName::new("api").unwrap()), Ground::Between);
    let run = after([done(&["api.quiesce"]), failed("db.revert"), vec![stop(None)]].concat());
    assert_eq!(ask(&run, &[]), [Command::Rest(Stance::StayClosed)], "what failed may be half done");
    let too_dear =
        Event::StepFailed { step: id("db.revert"), cause: "no".into(), hints: Vec::new(), never_begun: true };
    let run = after([done(&["api.quiesce"]), vec![intended("db.revert"), too_dear, stop(None)]].concat());
    assert_eq!(
        ask(&run, &[]),
        [Command::Reopen(ComponentName::new("api").unwrap())],
        "what never began did nothing"
    );
}

#[test]
fn row_6_what_is_ready_starts_side_by_side_within_the_limit() {
    let run = after(Vec::new());
    assert_eq!(ask(&run, &[]), [start("api.quiesce")]);
    assert_eq!(ask(&run, &["api.quiesce"]), []);
    let run = after(done(&["api.quiesce"]));
    assert_eq!(ask(&run, &[]), [start("link.revert"), start("db.revert")]);
    assert_eq!(
        next(&plan(), &run, &BTreeSet::new(), Limits { steps: 1, per_kind: 8 }),
        [start("link.revert")]
    );
    let run = after(
        [done(&["api.quiesce"]), failed("db.revert"), vec![chose("db.revert", Choice::Retry)]].concat(),
    );
    assert!(ask(&run, &[]).contains(&Command::Start { step: id("db.revert"), attempt: 2 }));
}

#[test]
fn row_6_a_door_that_was_opened_again_holds_up_also_what_is_behind_steps_that_are_done() {
    let component = ComponentName::new("api").unwrap();
    let opened = [Event::ReopenIntended { component: component.clone() }, Event::Reopened { component }];
    let resumed = Event::RunResumed { by: by(), version: "test".into() };
    let events = [done(&["link.revert", "api.quiesce"]), vec![stop(None)], opened.to_vec(), vec![resumed]];
    let run = after(events.concat());
    assert_eq!(ask(&run, &[]), [Command::Start { step: id("api.quiesce"), attempt: 2 }]);
    assert_eq!(ask(&run, &["api.quiesce"]), [], "`link.verify` waits for the door too");
}

#[test]
fn row_6_one_kind_has_a_limit_of_its_own() {
    let run = after(done(&["api.quiesce"]));
    let limits = Limits { steps: 8, per_kind: 1 };
    assert_eq!(next(&plan(), &run, &BTreeSet::new(), limits), [start("link.revert")]);
    assert_eq!(next(&plan(), &run, &BTreeSet::from([id("link.revert")]), limits), []);
}

#[test]
fn row_6_a_person_is_asked() {
    let mut plan = plan();
    plan.steps[1].action = Action::Person { instructions: "call the provider".into() };
    let run = after(done(&["api.quiesce"]));
    let commands = next(&plan, &run, &BTreeSet::new(), Limits { steps: 8, per_kind: 8 });
    let question = Command::Ask { step: id("link.revert"), question: "call the provider".into() };
    assert_eq!(commands, [question, start("db.revert")]);
}

#[test]
fn row_7_a_pause_leaves_one_step_and_rests_when_the_others_are_done() {
    let mut run = after(done(&["api.quiesce"]));
    run.pause_before = Some(id("db.revert"));
    assert_eq!(ask(&run, &[]), [start("link.revert")]);
    let mut run =
        after([done(&["api.quiesce", "link.revert"]), judged("link.verify", Verdict::Restored)].concat());
    run.pause_before = Some(id("db.revert"));
    assert_eq!(ask(&run, &[]), [Command::Rest(Stance::StayClosed)]);
}

#[test]
fn row_8_a_failed_step_makes_the_run_stuck_once_when_nothing_else_can_go_on() {
    let events = [done(&["api.quiesce"]), failed("db.revert")].concat();
    assert_eq!(ask(&after(events.clone()), &[]), [start("link.revert")], "the rest goes on");
    let events = [events, done(&["link.revert"]), judged("link.verify", Verdict::Restored)].concat();
    let stuck = vec![id("db.revert")];
    assert_eq!(ask(&after(events.clone()), &[]), [Command::Stuck(stuck.clone())]);
    let told = [events, vec![Event::RunStuck { steps: stuck }]].concat();
    assert_eq!(ask(&after(told), &[]), []);
}

#[test]
fn row_8_a_skipped_guard_blocks_what_it_guarded_until_that_is_named_too() {
    let skipped = vec![chose("api.quiesce", Choice::Skip)];
    let blocked = vec![id("link.revert"), id("db.revert")];
    assert_eq!(ask(&after(skipped.clone()), &[]), [Command::Stuck(blocked)]);
    let named = [skipped, vec![chose("db.revert", Choice::Retry)]].concat();
    assert_eq!(ask(&after(named), &[]), [start("db.revert")]);
}

#[test]
fn a_skipped_step_that_guards_nothing_lets_through() {
    let events = [done(&["api.quiesce"]), vec![chose("link.revert", Choice::Skip)]].concat();
    let commands = ask(&after(events), &[]);
    assert!(commands.contains(&start("link.verify")), "{commands:?}");
}

#[test]
fn a_step_that_was_skipped_before_its_time_does_not_let_others_in_before_it() {
    let early = vec![chose("db.revert", Choice::Skip)];
    assert_eq!(ask(&after(early.clone()), &[]), [start("api.quiesce")], "`db.prove` waits for the door");
    let shut = [early, done(&["api.quiesce"])].concat();
    assert_eq!(ask(&after(shut), &[]), [start("link.revert"), start("db.prove")]);
    let failing = [vec![chose("db.revert", Choice::Skip)], failed("api.quiesce")].concat();
    assert_eq!(
        ask(&after(failing), &[]),
        [Command::Stuck(vec![id("api.quiesce")])],
        "and is not stuck itself"
    );
    let both = vec![chose("api.quiesce", Choice::Skip), chose("db.revert", Choice::Skip)];
    assert_eq!(ask(&after(both), &[]), [start("db.prove")], "what was guarded was skipped too");
}

#[test]
fn row_9_the_outcome_is_restored_only_if_every_verdict_says_so_and_nothing_was_skipped() {
    let looks = ["db.verify", "link.verify", "api.verify"];
    let ending = |verdicts: [Verdict; 3]| {
        let looks = looks.iter().zip(verdicts).flat_map(|(text, verdict)| judged(text, verdict));
        ask(&after(all_but_looks().into_iter().chain(looks).collect()), &[])
    };
    let unknown = Verdict::Unknown { why: "x".into() };
    let differs = Verdict::Differs { what: "x".into() };
    let restored = || Verdict::Restored;
    assert_eq!(ending([restored(), restored(), restored()]), [Command::Close(Outcome::Restored)]);
    assert_eq!(ending([restored(), unknown, restored()]), [Command::Close(Outcome::NotVerified)]);
    assert_eq!(ending([differs, restored(), restored()]), [Command::Close(Outcome::NotVerified)]);
    let mut skipped = all_but_looks();
    skipped.extend(judged("db.verify", Verdict::Restored));
    skipped.extend(judged("api.verify", Verdict::Restored));
    skipped.push(chose("link.verify", Choice::Skip));
    assert_eq!(ask(&after(skipped), &[]), [Command::Close(Outcome::NotVerified)]);
}

#[test]
fn the_safe_stance_follows_the_ground() {
    let stance = |events| safe_stance(&plan(), &after(events));
    assert_eq!(stance(Vec::new()), Stance::Reopen, "no door is shut");
    assert_eq!(stance(done(&["api.quiesce"])), Stance::Reopen);
    assert_eq!(stance(done(&["api.quiesce", "db.revert"])), Stance::StayClosed);
    assert_eq!(stance(done(&["api.quiesce", "link.revert", "db.revert"])), Stance::StayClosed, "not proven");
    assert_eq!(stance(done(&["api.quiesce", "link.revert", "db.revert", "db.prove"])), Stance::Reopen);
}
