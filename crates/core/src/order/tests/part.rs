//! What takes part, what restarts, and what nobody can guard.

use std::collections::BTreeMap;

use super::*;

/// One line for each component: `NAME REASON [BECAUSE OF]`.
fn shown(parts: BTreeMap<ComponentName, Why>) -> String {
    let line = |(name, why): (ComponentName, Why)| match why {
        Why::Differs => format!("{name} differs"),
        Why::Uses(root) => format!("{name} uses {root}"),
        Why::Writes(root) => format!("{name} writes {root}"),
        Why::Reads(root) => format!("{name} reads {root}"),
    };
    parts.into_iter().map(line).collect::<Vec<_>>().join("|")
}

#[test]
fn who_takes_part() {
    let rows = [
        // estate, what differs, who takes part
        ("a in-place needs b\nb in-place", "", ""),
        ("a in-place needs b\nb in-place", "a", "a differs"),
        ("a in-place needs b\nb in-place", "b", "a uses b|b differs"),
        ("a in-place needs b\nb in-place", "a b", "a differs|b differs"),
        ("a in-place inside b\nb in-place", "b", "a uses b|b differs"),
        // Directly or not, also through what has no difference; the nearest one is named.
        ("a in-place needs m\nm switched open needs b\nb in-place", "b", "a uses b|b differs|m uses b"),
        ("a in-place needs m\nm in-place needs b\nb in-place", "b m", "a uses m|b differs|m differs"),
        // The old side of what is switched lives on: whoever uses it is left alone.
        ("a in-place needs b\nb switched", "b", "b differs"),
        ("a in-place needs b\nb switched merge", "b", "b differs"),
        // Unless its new side cannot be closed but by closing who writes to it.
        (
            "z in-place needs a\na in-place needs b\nb switched open merge",
            "b",
            "a writes b|b differs|z writes b",
        ),
        // A reader takes its value again; whoever only uses the reader is left alone.
        ("z in-place needs a\na in-place reads b\nb switched open", "b", "a reads b|b differs"),
        ("a in-place reads b\nb in-place", "b", "a reads b|b differs"),
        // A restart is a step, and so is being closed: their readers take their values again too.
        ("z in-place reads a\na in-place reads b\nb switched open", "b", "a reads b|b differs|z reads a"),
        ("z in-place reads a\na in-place needs b\nb in-place", "b", "a uses b|b differs|z reads a"),
        // Once each, with the strongest reason.
        ("a in-place needs b reads b\nb in-place", "b", "a uses b|b differs"),
        ("a in-place reads b c\nb switched\nc switched", "b c", "a reads b|b differs|c differs"),
        // Names that are not in the file.
        ("a in-place", "ghost", ""),
        // A circle ends.
        ("a in-place needs b reads b\nb in-place needs a reads a", "a", "a differs|b uses a"),
    ];
    for (text, differing, expected) in rows {
        assert_eq!(shown(taking_part(&estate(text), &names(differing))), expected, "{differing} in\n{text}");
    }
}

#[test]
fn who_restarts() {
    let rows = [
        // estate, who has steps, readers with what they read
        ("a in-place reads b\nb switched", "", ""),
        ("a in-place reads b\nb switched", "a", ""),
        ("a in-place reads b\nb switched", "b", "a: b"),
        ("a in-place reads b\nb switched", "a b", "a: b"),
        ("a in-place reads b c\nb switched\nc switched", "b c", "a: b, c"),
        ("a in-place reads b b\nb switched", "b", "a: b"),
        ("a in-place needs b inside b\nb switched", "b", ""),
        ("z in-place reads a b\na in-place reads b\nb switched", "b", "a: b|z: a, b"),
        ("a in-place reads a\nb switched", "a", "a: a"),
    ];
    for (text, stepping, expected) in rows {
        let found = restarts(&estate(text), &names(stepping)).into_iter().map(|(reader, causes)| {
            let causes: Vec<&str> = causes.iter().map(ComponentName::as_str).collect();
            format!("{reader}: {}", causes.join(", "))
        });
        assert_eq!(found.collect::<Vec<_>>().join("|"), expected, "{stepping} in\n{text}");
    }
}

#[test]
fn a_reverted_setting_restarts_its_reader_once() {
    let components =
        estate("api in-place needs db reads link settings\nlink switched\nsettings switched\ndb in-place");
    let part = taking_part(&components, &names("link settings"));
    assert_eq!(part.get("api"), Some(&Why::Reads(name("link"))));
    let stepping = part.into_keys().collect();
    let found = restarts(&components, &stepping);
    assert_eq!(found, BTreeMap::from([(name("api"), names("link settings"))]));
}

#[test]
fn what_nobody_can_guard() {
    let rewritten = Unguarded::UsedWhileRewritten { consumer: name("c"), provider: name("d") };
    let written = Unguarded::WrittenWhileRecovered { consumer: name("c"), provider: name("d") };
    let rows = [
        ("c in-place open needs d\nd in-place", Some(rewritten.clone())),
        ("c switched open needs d inside d\nd in-place", Some(rewritten)),
        ("c in-place open accepted needs d\nd in-place", None),
        ("c in-place needs d\nd in-place", None),
        ("c in-place open reads d\nd in-place", None),
        ("c in-place open needs d\nd switched open", None),
        ("c switched open needs d\nd switched open merge", Some(written.clone())),
        ("c switched open accepted needs d\nd switched open merge", Some(written)),
        ("c switched needs d\nd switched open merge", None),
        ("c switched open needs d\nd switched merge", None),
    ];
    for (text, expected) in rows {
        assert_eq!(unguarded(&estate(text)), expected.into_iter().collect(), "{text}");
    }
}
