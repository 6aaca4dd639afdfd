//! The lint with what drivers say.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Claim, KindFacts, lint_probes, lint_with_kinds};
use super::read;
use crate::name::ComponentName;

fn claim(path: &str, parts: Option<&[&str]>) -> Claim {
    Claim {
        space: "file".into(),
        path: path.split('/').map(String::from).collect(),
        parts: parts.map(|parts| parts.iter().map(|part| part.to_string()).collect()),
    }
}

fn sane() -> KindFacts {
    KindFacts { known: true, can_quiesce: true, ..KindFacts::default() }
}

/// The codes and places found in components `a` (line 3) and `b` (line 6), each with a kind and one more field.
fn found(a: &str, b: &str, facts: [KindFacts; 2]) -> Vec<(&'static str, usize, usize, String)> {
    let file = read(&format!(
        "migration: m\ncomponents:\n  a:\n    kind: k\n    {a}\n  b:\n    kind: k\n    {b}\nroots: [/srv]\n"
    ));
    let names = ["a", "b"].map(|name| ComponentName::new(name).unwrap());
    lint_with_kinds(&file, &names.into_iter().zip(facts).collect())
        .into_iter()
        .map(|found| {
            let place = found.place.unwrap();
            (
                found.code.0,
                place.line,
                place.column,
                format!("{} | {:?} | {:?} | {:?}", found.summary, found.cause, found.label, found.hints),
            )
        })
        .collect()
}

fn places(found: &[(&'static str, usize, usize, String)]) -> Vec<(&'static str, usize, usize)> {
    found.iter().map(|(code, line, column, _)| (*code, *line, *column)).collect()
}

#[test]
fn unknown_kinds() {
    let unknown = KindFacts { suggestions: vec!["file.tree".into()], ..KindFacts::default() };
    let all = found("x: 1", "x: 1", [unknown, sane()]);
    assert_eq!(places(&all), [("BK0127", 4, 11)]);
    assert!(all[0].3.contains("did you mean `file.tree`?"));
    assert_eq!(found("x: 1", "kind2: manual", [sane(), sane()]), []);
}

#[test]
fn writes_are_declared_where_there_are_data_and_only_there() {
    let data = || KindFacts { holds_data: true, ..sane() };
    for (field, facts, expected) in [
        ("x: 1", data(), vec![("BK0128", 3, 3)]),
        ("writes: review", data(), vec![]),
        ("writes: accept-loss", data(), vec![]),
        ("writes: merge", data(), vec![("BK0129", 5, 13)]),
        ("writes: review", sane(), vec![("BK0130", 5, 13)]),
        ("x: 1", sane(), vec![]),
    ] {
        assert_eq!(places(&found(field, "x: 1", [facts, sane()])), expected, "{field}");
    }
    assert!(
        found("writes: merge", "x: 1", [data(), sane()])[0]
            .3
            .contains("`writes: review` keeps the displaced data")
    );
}

#[test]
fn nobody_uses_a_thing_while_it_is_rewritten() {
    let restless = || KindFacts { can_quiesce: false, ..sane() };
    let switched = || KindFacts { switched: true, ..sane() };
    for (field, a, b, expected) in [
        ("needs: [b]", restless(), sane(), vec![("BK0131", 5, 13)]),
        ("inside: b", restless(), sane(), vec![("BK0131", 5, 13)]),
        ("reads: [b]", restless(), sane(), vec![]),
        ("needs: [b]", restless(), switched(), vec![]),
        ("needs: [b]", sane(), sane(), vec![]),
        ("needs: [b]\n    live: accepted", restless(), sane(), vec![]),
        ("needs: [b]", restless(), KindFacts::default(), vec![("BK0127", 7, 11)]),
    ] {
        assert_eq!(places(&found(field, "x: 1", [a, b])), expected, "{field}");
    }
    let all = found("needs: [b]", "x: 1", [restless(), sane()]);
    assert!(all[0].3.contains("give `a` a maintenance mode"), "{}", all[0].3);
}

#[test]
fn two_components_on_one_thing() {
    let on = |path: &str, parts: Option<&[&str]>| KindFacts { claims: vec![claim(path, parts)], ..sane() };
    let all = found("x: 1", "x: 1", [on("srv/app", None), on("srv/app/current", None)]);
    assert_eq!(places(&all), [("BK0132", 6, 3)]);
    assert!(all[0].3.contains("`a` is at line 3, column 3"));
    assert_eq!(found("x: 1", "x: 1", [on("env", Some(&["A"])), on("env", Some(&["B"]))]), []);
    assert_eq!(found("x: 1", "inside: a", [on("srv", None), on("srv/x", None)]), []);
    assert_eq!(places(&found("x: 1", "inside: a", [on("srv", None), on("srv", None)])), [("BK0132", 6, 3)]);
}

#[test]
fn paths_stay_in_declared_roots() {
    let naming = |path: &str| KindFacts { paths: vec![path.into()], ..sane() };
    for (path, expected) in [
        ("app.env", vec![]),
        ("/srv/app", vec![]),
        ("../x", vec![("BK0133", 5, 11)]),
        ("/etc/passwd", vec![("BK0133", 5, 11)]),
        ("/srv/../etc", vec![("BK0133", 5, 11)]),
    ] {
        assert_eq!(
            places(&found(&format!("file: {path}"), "x: 1", [naming(path), sane()])),
            expected,
            "{path}"
        );
    }
    assert_eq!(places(&found("x: 1", "x: 1", [naming("/etc"), sane()])), [("BK0133", 3, 3)]);
    let with_sidecar = KindFacts { paths: vec!["/etc/x-wal".into(), "/etc/x".into()], ..sane() };
    let all = found("path: /etc/x", "x: 1", [with_sidecar.clone(), sane()]);
    assert_eq!(places(&all), [("BK0133", 5, 11)], "what lies beside what was written is not told of");
    assert_eq!(found("x: 1", "x: 1", [with_sidecar, sane()]).len(), 2, "nothing is kept back");
}

#[test]
fn unknown_probes() {
    let file = read(
        "migration: m\ncomponents:\n  a:\n    kind: k\n    verify:\n      - {probe: htpt}\n      - {probe: tcp}\n",
    );
    let known = BTreeSet::from(["http".to_owned(), "tcp".to_owned()]);
    let found = lint_probes(&file, &known);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].label.as_deref(), Some("did you mean `http`?"));
    assert_eq!(found[0].place.as_ref().map(|place| (place.line, place.column)), Some((6, 17)));
}

#[test]
fn what_a_person_does_is_judged_by_nobody() {
    let file = read("migration: m\ncomponents:\n  a: {kind: manual, instructions: x}\n");
    let facts = BTreeMap::from([(ComponentName::new("a").unwrap(), KindFacts::default())]);
    assert_eq!(lint_with_kinds(&file, &facts), []);
}
