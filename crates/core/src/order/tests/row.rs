//! Every row of the table, by the edges between the two components that it names.

use super::*;

/// What holds for any dependency: rules 1 and 4.
const ALWAYS: &str = "1 c.Q d.Q|4 d.P c.O|4 d.O c.O|4 d.V c.V";

fn between(order: &Order) -> Vec<String> {
    let mut found: Vec<String> = order
        .edges()
        .filter(|edge| edge.before.component != edge.after.component)
        .map(|edge| {
            let rule = serde_json::to_value(edge.rule).unwrap();
            format!("{} {} {}", rule.as_str().unwrap(), letters(&edge.before), letters(&edge.after))
        })
        .collect();
    found.sort();
    found
}

fn sorted(text: &str) -> Vec<String> {
    let mut found: Vec<String> = text.split('|').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    found.sort();
    found
}

#[test]
fn groups_follow_each_other() {
    let rows = [
        ("c in-place", "Q R W P O V"),
        ("c in-place merge", "Q R W P O V"),
        ("c switched", "Q R W P O V"),
        ("c switched merge", "Q W R P O V"),
    ];
    for (text, expected) in rows {
        let order = order(&estate(text)).unwrap();
        let groups: Vec<String> =
            order.sequence().map(|milestone| letters(milestone)[2..].to_owned()).collect();
        assert_eq!(groups.join(" "), expected, "{text}");
    }
}

#[test]
fn two_components() {
    let rows = [
        // C, D, edges besides those of rules 1 and 4
        ("c in-place", "d in-place", "needs", "3 c.Q d.R"),
        ("c in-place open", "d in-place", "needs", "3 c.Q d.R"),
        ("c in-place open accepted", "d in-place", "needs", "3 c.Q d.R"),
        ("c in-place", "d switched", "needs", "2 c.Q d.R"),
        ("c in-place open", "d switched", "needs", "2 c.R d.R"),
        ("c switched", "d in-place", "needs", "3 c.Q d.R|6 d.O c.R"),
        ("c switched open", "d in-place", "needs", "3 c.Q d.R|6 d.O c.R"),
        ("c switched", "d switched", "needs", "2 c.Q d.R"),
        ("c switched open", "d switched", "needs", "2 c.R d.R"),
        ("c in-place", "d in-place", "reads", "5 d.R c.R"),
        ("c in-place open", "d switched", "reads", "5 d.R c.R"),
        ("c switched", "d in-place", "reads", "5 d.R c.R"),
        ("c switched open", "d switched", "reads", "5 d.R c.R"),
        ("c in-place", "d in-place", "inside", "3 c.Q d.R|8 d.O c.R"),
        ("c switched", "d switched", "inside", "2 c.Q d.R|8 d.O c.R"),
        // The pair is asked for twice; the first rule is named.
        ("c switched", "d in-place", "inside", "3 c.Q d.R|6 d.O c.R"),
        ("c in-place", "d switched merge", "needs", "2 c.Q d.R|7 c.Q d.W|7 d.W c.R"),
        ("c switched open", "d switched merge", "needs", "2 c.R d.R|7 c.Q d.W|7 d.W c.R"),
        ("c switched", "d switched merge", "reads", "5 d.R c.R|7 c.Q d.W|7 d.W c.R"),
        ("c in-place", "d in-place merge", "needs", "3 c.Q d.R"),
        ("c switched merge", "d in-place", "needs", "3 c.Q d.R|6 d.O c.R"),
        ("c switched edge", "d in-place", "needs", "3 c.Q d.R|6 d.O c.R"),
        ("c switched edge", "d switched", "needs", "2 c.Q d.R"),
        ("c in-place edge", "d in-place", "needs", "3 c.Q d.R"),
    ];
    for (consumer, provider, kind, expected) in rows {
        let found = between(&order(&estate(&format!("{consumer} {kind} d\n{provider}"))).unwrap());
        assert_eq!(found, sorted(&format!("{ALWAYS}|{expected}")), "{consumer}, {kind}, {provider}");
    }
}

#[test]
fn both_kinds_of_dependency_on_one_component() {
    let found = between(&order(&estate("c in-place needs d reads d\nd switched")).unwrap());
    assert_eq!(found, sorted(&format!("{ALWAYS}|2 c.Q d.R|5 d.R c.R")));
}

#[test]
fn rule_seven_reaches_through_everything_that_stands_on_it() {
    let text = "a switched open needs b\nb in-place reads c\nc switched open needs d\nd switched merge";
    let order = order(&estate(text)).unwrap();
    let recovered = |edge: &Edge| edge.rule == Rule::R7 && edge.after.group == Group::Revert;
    let after: Vec<String> = order.edges().filter(recovered).map(|edge| edge.to_string()).collect();
    let expected = ["a", "b", "c"].map(|waiting| format!("d.recover before {waiting}.revert"));
    assert_eq!(after, expected);
    assert_eq!(relation(&order, "a.Q d.W"), Relation::Forced);
    // Four quiesces and the recovery: what is in between for the machine does not count.
    assert_eq!(order.rank(&milestone("c.R")), Some(5));
    assert_eq!(relation(&order, "d.W d.R"), Relation::Forced);
}

#[test]
fn an_edge_opens_last_of_all_that_stands_behind_it() {
    let rows = [
        // Behind a switched thing, something is rewritten: the old side does not stand before it is open again.
        ("e switched open edge needs m\nm switched needs d\nd in-place", "d.O e.R", Relation::Forced),
        ("e switched open needs m\nm switched needs d\nd in-place", "d.O e.R", Relation::Free),
        // Only switched things behind it: the old sides stand, and traffic leaves first.
        ("e switched open edge needs m\nm switched open needs d\nd switched", "e.R d.R", Relation::Forced),
        // What was only read at start holds back the opening, not the repointing.
        ("e switched edge needs m\nm switched reads d\nd in-place", "d.O e.R", Relation::Free),
        ("e switched edge needs m\nm switched reads d\nd in-place", "d.O e.O", Relation::Forced),
        ("e in-place edge needs m\nm switched needs d\nd in-place", "d.O e.O", Relation::Forced),
    ];
    for (text, pair, expected) in rows {
        assert_eq!(relation(&order(&estate(text)).unwrap(), pair), expected, "{pair} in\n{text}");
    }
    let order = order(&estate(rows[0].0)).unwrap();
    let waits = milestone("e.R");
    assert!(order.predecessors(&waits).any(|found| found == (&milestone("d.O"), Rule::EdgeLast)));
}

#[test]
fn a_person_adds_an_edge() {
    let order = order(&estate("a in-place before a.V b.Q\nb in-place")).unwrap();
    assert_eq!(between(&order), ["person a.V b.Q"]);
    assert_eq!(relation(&order, "a.Q b.V"), Relation::Forced);
}

#[test]
fn strangers_are_passed_over() {
    let order = order(&estate("a in-place needs ghost before ghost.V a.Q\na switched merge")).unwrap();
    assert_eq!(between(&order), Vec::<String>::new());
    assert_eq!(order.forced(&milestone("ghost.Q"), &milestone("a.Q")), Relation::Free);
    assert_eq!(order.rank(&milestone("ghost.Q")), None);
    assert_eq!(order.predecessors(&milestone("ghost.Q")).count(), 0);
}
