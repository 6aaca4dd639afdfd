//! Plans for a small estate: `api` needs `db` (data, in place) and reads `settings`; `edge` needs `api`.

use super::*;
use crate::capability::{Capabilities, Quiescence};
use crate::delta::Shown;
use crate::diagnostic::Diagnostic;
use crate::observation::Fingerprint;
use crate::order::{Dependency, DependencyKind, Mode, Ordered};

fn name(text: &str) -> ComponentName {
    ComponentName::new(text).unwrap()
}

fn seen(shape: u8, position: u8) -> Seen {
    Seen::Present {
        fingerprint: Fingerprint {
            shape: Digest::from_raw([shape; 32]),
            position: Some(Digest::from_raw([position; 32])),
        },
    }
}

fn facts(text: &str, mode: Mode, dependencies: &[(&str, DependencyKind)]) -> ComponentFacts {
    let door = text == "api";
    let mut delta = Delta::default();
    delta.push("x", Shown::text("new"), Shown::text("old"));
    ComponentFacts {
        ordered: Ordered {
            name: name(text),
            mode,
            can_quiesce: true,
            live_accepted: false,
            merges: false,
            edge: false,
            dependencies: dependencies
                .iter()
                .map(|(on, kind)| Dependency { on: name(on), kind: *kind, compatible_both: false })
                .collect(),
            extra: Vec::new(),
        },
        kind: KindName::new("sim.thing").unwrap(),
        target: text.into(),
        capabilities: Some(Capabilities {
            mode,
            quiescence: if door { Quiescence::Door { opening_restarts: false } } else { Quiescence::Passive },
            holds_data: text == "db",
            records_writes: false,
            marker: true,
            keeps_displaced: false,
            stages: false,
            compare_and_set: true,
            sees_exactly: true,
        }),
        instructions: None,
        then: Vec::new(),
        saved: seen(1, 1),
        landed: Some(if door { seen(1, 1) } else { seen(2, 1) }),
        live: Some(if door { seen(1, 1) } else { seen(2, 1) }),
        put_back: false,
        delta,
        drafts: Ok(vec![Draft { title: "put it back".into(), effect: Value::Null, leaves: None }]),
        reversibility: Reversibility::Fully,
        price: (text == "db").then(|| DataPrice::compared(Count::Exactly(7), Vec::new(), true)),
        recovery: None,
        state: None,
        data: Vec::new(),
    }
}

fn input() -> PlanInput {
    use DependencyKind::{Needs, Reads};
    PlanInput {
        migration: MigrationName::new("todo").unwrap(),
        file: Digest::from_raw([0; 32]),
        checkpoint: CheckpointId::new("c1").unwrap(),
        seal: Digest::from_raw([0; 32]),
        choices: Choices::default(),
        now: Timestamp::UNIX_EPOCH,
        components: vec![
            facts("db", Mode::InPlace, &[]),
            facts("settings", Mode::Switched, &[]),
            facts("api", Mode::InPlace, &[("db", Needs), ("settings", Reads)]),
            facts("edge", Mode::Switched, &[("api", Needs)]),
        ],
        timings: Timings::default(),
    }
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.id.as_str()).collect()
}

fn set_live(input: &mut PlanInput, component: &str, live: Seen) {
    input.components.iter_mut().find(|facts| facts.ordered.name == name(component)).unwrap().live =
        Some(live);
}

fn codes(result: Result<Plan, Vec<Diagnostic>>) -> Vec<&'static str> {
    result.unwrap_err().iter().map(|diagnostic| diagnostic.code.0).collect()
}

fn before(plan: &Plan, first: &str, second: &str) -> bool {
    let place = |id: &str| ids(plan).iter().position(|one| *one == id).unwrap();
    place(first) < place(second)
}

#[test]
fn the_steps_hang_on_their_milestones() {
    let plan = build(input()).unwrap();
    let mut all = ids(&plan);
    all.sort_unstable();
    let expected = [
        "api.quiesce",
        "api.reopen",
        "api.reopen.2",
        "api.verify",
        "db.prove",
        "db.revert",
        "db.verify",
        "edge.revert",
        "edge.verify",
        "settings.revert",
        "settings.verify",
    ];
    assert_eq!(all, expected);
    for (first, second) in [
        ("api.quiesce", "db.revert"),
        ("db.revert", "db.prove"),
        ("db.prove", "api.reopen"),
        ("settings.revert", "api.reopen"),
        ("api.reopen", "api.reopen.2"),
        ("api.reopen.2", "edge.revert"),
        ("db.verify", "api.verify"),
    ] {
        assert!(before(&plan, first, second), "{first} before {second}");
    }
    assert_eq!(plan.step(&StepId::new("api.reopen").unwrap()).unwrap().action, Action::Restart);
}

#[test]
fn every_step_comes_after_what_it_names_and_tells_why() {
    let plan = build(input()).unwrap();
    for (index, step) in plan.steps.iter().enumerate() {
        for after in &step.after {
            assert!(plan.steps[..index].iter().any(|one| one.id == *after), "{} after {after}", step.id);
        }
    }
    let revert = plan.step(&StepId::new("db.revert").unwrap()).unwrap();
    assert!(revert.because.iter().any(|because| because.after == "api.quiesce" && because.rule == Rule::R3));
}

#[test]
fn a_reader_restarts_once_although_it_did_not_differ_and_only_for_what_is_put_back() {
    let count = |input: PlanInput| {
        build(input).unwrap().steps.iter().filter(|step| step.action == Action::Restart).count()
    };
    assert_eq!(count(input()), 1);
    let mut only_edge = input();
    for component in ["db", "settings"] {
        set_live(&mut only_edge, component, seen(1, 1));
    }
    assert_eq!(count(only_edge), 0);
}

#[test]
fn without_differences_there_is_nothing_to_do() {
    let mut calm = input();
    for component in ["db", "settings", "edge"] {
        set_live(&mut calm, component, seen(1, 1));
    }
    let plan = build(calm).unwrap();
    assert!(plan.is_empty(), "{:?}", ids(&plan));
    assert!(plan.components.iter().all(|component| component.part.is_none()));
}

#[test]
fn drift_is_a_question_and_an_answer_settles_it() {
    let mut drifted = input();
    set_live(&mut drifted, "settings", seen(9, 1));
    let plan = build(drifted.clone()).unwrap();
    assert_eq!(plan.questions.len(), 1);
    assert_eq!(plan.questions[0].answers, ["--keep settings", "--overwrite settings"]);
    assert!(!ids(&plan).contains(&"settings.revert"), "nothing is decided for the person");
    drifted.choices.keep = BTreeSet::from([name("settings")]);
    let kept = build(drifted.clone()).unwrap();
    assert!(kept.questions.is_empty() && !ids(&kept).contains(&"settings.revert"));
    drifted.choices.keep.clear();
    drifted.choices.overwrite = BTreeSet::from([name("settings")]);
    let overwritten = build(drifted).unwrap();
    assert!(overwritten.questions.is_empty() && ids(&overwritten).contains(&"settings.revert"));
}

#[test]
fn a_selection_draws_in_its_consumers_and_says_so() {
    let mut partial = input();
    partial.choices.only = vec![name("db")];
    let plan = build(partial).unwrap();
    assert!(ids(&plan).contains(&"edge.revert"), "edge stands on api, which stands on db: {:?}", ids(&plan));
    assert!(!ids(&plan).contains(&"settings.revert"));
    assert!(plan.notes.iter().any(|note| note.contains("`edge` joins the selection")), "{:?}", plan.notes);
    assert!(plan.notes.iter().any(|note| note.contains("left as they are") && note.contains("settings")));
}

#[test]
fn choices_that_cannot_be_are_refused() {
    let with = |change: &dyn Fn(&mut Choices)| {
        let mut input = input();
        change(&mut input.choices);
        codes(build(input))
    };
    assert_eq!(with(&|choices| choices.only = vec![name("nobody")]), ["BK0304"]);
    assert_eq!(with(&|choices| choices.keep = BTreeSet::from([name("nobody")])), ["BK0304"]);
    let both = |choices: &mut Choices| {
        choices.keep = BTreeSet::from([name("db")]);
        choices.overwrite = BTreeSet::from([name("db")]);
    };
    assert_eq!(with(&both), ["BK0305"]);
    let left_out = |choices: &mut Choices| {
        choices.only = vec![name("db")];
        choices.keep = BTreeSet::from([name("edge")]);
    };
    assert_eq!(with(&left_out), ["BK0303"]);
}

#[test]
fn what_cannot_be_put_back_is_refused_by_name() {
    let mut one_way = input();
    one_way.components[0].drafts = Err("its old version is gone".into());
    let found = build(one_way).unwrap_err();
    assert_eq!(found[0].code.0, "BK0302");
    assert!(found[0].summary.contains("`db`"));
    assert!(found[0].hints.iter().any(|hint| hint.contains("--keep db")));
}

#[test]
fn a_person_is_asked_along_with_real_differences_and_never_alone() {
    let mut manual = facts("provider", Mode::Switched, &[]);
    manual.capabilities = None;
    manual.live = None;
    manual.landed = None;
    manual.saved = Seen::Absent;
    manual.instructions = Some("call the provider".into());
    let mut with_manual = input();
    with_manual.components.push(manual);
    let plan = build(with_manual.clone()).unwrap();
    assert!(ids(&plan).contains(&"provider.revert") && plan.price.person_steps == 1);
    for component in ["db", "settings", "edge"] {
        set_live(&mut with_manual, component, seen(1, 1));
    }
    assert!(build(with_manual).unwrap().is_empty());
}

#[test]
fn the_shape_ignores_price_time_and_data_and_nothing_else() {
    let shape = build(input()).unwrap().shape();
    let mut grown = input();
    set_live(&mut grown, "db", seen(2, 200));
    grown.now = Timestamp::from_second(99).unwrap();
    grown.components[0].price = Some(DataPrice::compared(Count::Exactly(5000), Vec::new(), true));
    assert_eq!(build(grown).unwrap().shape(), shape);
    let moved = |change: &dyn Fn(&mut PlanInput)| {
        let mut input = input();
        change(&mut input);
        build(input).unwrap().shape()
    };
    assert_ne!(moved(&|input| set_live(input, "db", seen(1, 1))), shape);
    assert_ne!(moved(&|input| input.file = Digest::from_raw([1; 32])), shape);
    assert_ne!(moved(&|input| input.seal = Digest::from_raw([1; 32])), shape);
    assert_ne!(moved(&|input| input.choices.keep = BTreeSet::from([name("settings")])), shape);
}

#[test]
fn the_price_adds_up() {
    let plan = build(input()).unwrap();
    assert_eq!(plan.price.writes, Count::Exactly(7));
    assert_eq!((plan.price.kept_aside, plan.price.data_components), (1, 1));
    assert_eq!(plan.price.duration, None, "no earlier run to judge by");
    let mut timed = input();
    timed.timings =
        plan.steps.iter().map(|step| (step.id.clone(), Estimate { millis: 10, samples: 2 })).collect();
    let timed = build(timed).unwrap();
    assert_eq!(timed.price.duration, Some(Estimate { millis: 110, samples: 2 }));
    assert_eq!(
        timed.price.closed,
        Some(Estimate { millis: 70, samples: 2 }),
        "all but the looks from outside"
    );
}

#[test]
fn a_plan_reads_back_as_it_was() {
    let plan = build(input()).unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    let again: Plan = serde_json::from_str(&text).unwrap();
    assert_eq!(again, plan);
    assert_eq!(again.shape(), plan.shape());
}

#[test]
fn what_is_put_beside_comes_before_every_door() {
    let mut input = input();
    for name in ["db", "settings"] {
        let facts = input.components.iter_mut().find(|facts| facts.ordered.name.as_str() == name).unwrap();
        facts.capabilities.as_mut().unwrap().stages = true;
    }
    // Nothing was there when it was saved, so nothing is put beside.
    input.components.iter_mut().find(|facts| facts.ordered.name.as_str() == "settings").unwrap().saved =
        Seen::Absent;
    let plan = build(input).unwrap();
    assert_eq!(ids(&plan).iter().filter(|id| id.ends_with(".stage")).collect::<Vec<_>>(), [&"db.stage"]);
    assert_eq!(ids(&plan)[0], "db.stage");
    for step in plan.steps.iter().skip(1) {
        assert!(!step.after.is_empty(), "{} would begin before what is put beside", step.id);
    }
    let quiesce = plan.step(&StepId::new("api.quiesce").unwrap()).unwrap();
    assert_eq!(quiesce.after, [StepId::new("db.stage").unwrap()]);
    assert_eq!(quiesce.because[0].rule, crate::order::Rule::Staged);
}

#[test]
fn without_something_to_put_beside_the_first_steps_wait_for_nothing() {
    let plan = build(input()).unwrap();
    assert!(plan.step(&StepId::new("api.quiesce").unwrap()).unwrap().after.is_empty());
}
