//! What a partial selection draws in, and when it is refused.

use super::*;

const CHAIN: &str = "
    dns switched open needs web
    web in-place needs pool
    pool in-place needs db
    db in-place
    worker in-place needs db~";

fn chosen(text: &str, differing: &str, asked: &str, excluded: &str) -> String {
    match closure(&estate(text), &names(differing), &names(asked), &names(excluded)) {
        Ok(selection) => {
            assert!(selection.joined.keys().all(|name| selection.members.contains(name)));
            let member = |name: &ComponentName| match selection.joined.get(name) {
                None => name.to_string(),
                Some(Chosen::ConsumerOf(provider)) => format!("{name}<{provider}"),
                Some(Chosen::Asked) => panic!("{name} was asked for"),
            };
            let ahead = selection.ahead.iter().map(|(first, second)| format!("! {first} ahead of {second}"));
            selection.members.iter().map(member).chain(ahead).collect::<Vec<_>>().join(" ")
        }
        Err(left) => left.to_string(),
    }
}

#[test]
fn what_joins() {
    let rows = [
        // differing, asked, excluded, selection
        ("db web dns worker", "db web dns worker", "", "db dns web worker"),
        ("", "", "", ""),
        ("web", "", "", ""),
        // A consumer joins, also through one that does not differ; one that works with both sides does not.
        ("db web dns worker", "db", "", "db dns<web web<db"),
        ("db pool web worker", "db", "", "db pool<db web<pool"),
        ("db worker", "worker", "", "worker"),
        ("db dns", "db", "", "db dns<db"),
        // What was asked for and does not differ has nothing to put back, and draws nothing in.
        ("web dns", "db", "", ""),
        ("web dns", "db dns", "", "dns ! dns ahead of web"),
        ("db pool web", "pool", "", "pool web<pool ! pool ahead of db"),
        // Excluded.
        ("db web dns worker", "db web dns", "worker", "db dns web"),
        ("db web dns worker", "web dns worker", "db", "dns web worker"),
        (
            "db web dns",
            "db dns",
            "web",
            "the selection leaves out `web` (it depends on `db`, which goes back)",
        ),
        (
            "db web dns",
            "db",
            "web dns",
            "the selection leaves out `dns` (it depends on `web`, which goes back) and `web` (it depends on `db`, \
             which goes back)",
        ),
        ("db web", "web", "web", "the selection leaves out `web` (it was asked for)"),
        ("db", "db", "web", "db"),
        ("db ghost", "ghost db", "phantom", "db"),
    ];
    for (differing, asked, excluded, expected) in rows {
        assert_eq!(chosen(CHAIN, differing, asked, excluded), expected, "{differing}; {asked}; {excluded}");
    }
}

#[test]
fn every_kind_of_dependency_joins() {
    for kind in ["needs", "reads", "inside"] {
        assert_eq!(chosen(&format!("c in-place {kind} d\nd switched"), "c d", "d", ""), "c<d d");
        assert_eq!(chosen(&format!("c in-place {kind} d~\nd switched"), "c d", "d", ""), "d");
    }
}

#[test]
fn a_circle_ends() {
    assert_eq!(chosen("a in-place needs b\nb in-place needs c\nc in-place needs a b", "b", "b", ""), "b");
    assert_eq!(chosen("a in-place needs b\nb in-place needs a", "a b", "a", ""), "a b<a");
}

#[test]
fn refusals_say_what_to_do() {
    let left = |asked: &str| {
        closure(&estate(CHAIN), &names("db web"), &names(asked), &names("web")).unwrap_err().cure()
    };
    assert_eq!(
        left("db"),
        "let `web` go back too, or declare `compatible: both` on the dependency if it works with both sides"
    );
    assert_eq!(left("web"), "ask for `web` or exclude it, not both");
}

#[test]
fn the_selection_is_what_takes_part() {
    let components = estate(CHAIN);
    let selection = closure(&components, &names("db web worker"), &names("db"), &names("")).unwrap();
    assert_eq!(selection.members, names("db web"));
    let part = taking_part(&components, &selection.members);
    assert_eq!(part.get("worker"), Some(&Why::Uses(name("db"))));
    assert_eq!(part.get("pool"), Some(&Why::Uses(name("db"))));
}
