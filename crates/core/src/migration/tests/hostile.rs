//! Files that mean harm: they are refused, and nothing grows beyond the size of the text.

use super::super::{DEEPEST, KindFacts, LARGEST, Source, lint, lint_with_kinds, parse};
use super::findings;

fn codes(text: &str) -> Vec<&'static str> {
    findings(text).iter().map(|found| found.code.0).collect()
}

#[test]
fn an_alias_bomb_is_refused_line_by_line() {
    let mut text = String::from("a: &a [x, x, x, x, x, x, x, x, x]\n");
    for (from, to) in ('a'..='y').zip('b'..='z') {
        let line = vec![format!("*{from}"); 9].join(", ");
        text.push_str(&format!("{to}: &{to} [{line}]\n"));
    }
    let found = findings(&text);
    assert_eq!(found.len(), 100);
    assert!(found.iter().all(|found| found.code.0 == "BK0104" || found.code.0 == "BK0111"), "{found:#?}");
    assert!(found.last().unwrap().hints.iter().any(|hint| hint.contains("more like these")));
}

#[test]
fn deep_nesting_is_refused() {
    let at = |depth: usize| format!("a: {}{}\n", "[".repeat(depth), "]".repeat(depth));
    assert!(!codes(&at(DEEPEST - 1)).contains(&"BK0102"));
    for text in [
        at(DEEPEST),
        at(100_000),
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
        "? ".repeat(100_000),
        (0..1000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect(),
    ] {
        assert_eq!(codes(&text), ["BK0102"], "{}", &text[..20]);
    }
}

#[test]
fn size_and_number_of_parts_are_bounded() {
    assert_eq!(codes(&"#".repeat(LARGEST + 1)), ["BK0102"]);
    let million: String = (0..1_000_000).map(|index| format!("key{index}: 1\n")).collect();
    assert_eq!(codes(&million), ["BK0102"]);
    assert_eq!(codes(&format!("a: [{}]\n", "1,".repeat(LARGEST / 2 - 4))), ["BK0102"]);
    let many: String = (0..100_000).map(|index| format!("k{index}: 1\n")).collect();
    assert_eq!(codes(&many).len(), 100);
}

#[test]
fn one_key_many_times_is_told_a_hundred_times() {
    let found = findings(&"a: 1\n".repeat(200_000));
    assert_eq!(found.len(), 100);
    assert_eq!(found[1].code.0, "BK0107");
    assert!(found[99].hints.iter().any(|hint| hint.contains("199902 more")), "{:?}", found[99]);
}

#[test]
fn endless_texts_and_broken_ends_are_read_once() {
    for text in [
        format!("a: \"{}", "x".repeat(1_000_000)),
        format!("a: '{}", "\n".repeat(1_000_000)),
        format!("a: |\n{}", " \n".repeat(1_000_000)),
        format!("{}: 1\n", "k".repeat(1_000_000)),
        format!("a: {}\n", "x ".repeat(1_000_000)),
        format!("a: {}\n", "${env:".repeat(500_000)),
        format!("a: [{}", "\"${\", ".repeat(100_000)),
        "\u{202e}".repeat(1_000_000),
        ":".repeat(1_000_000),
        "- - ? : ".repeat(8),
        "a:\n  - b\n - c\n".into(),
        "\u{feff}a: 1\n".into(),
        "a: \"\\ud800\"\n".into(),
        "a: \"\\xZZ\"\n".into(),
    ] {
        let found = findings(&text);
        assert!(!found.is_empty() && found.len() <= 100);
        for place in found.iter().filter_map(|found| found.place.as_ref()) {
            assert!(
                place.line >= 1 && place.column >= 1 && text.get(place.start..place.end).is_some(),
                "{place:?}"
            );
        }
    }
}

#[test]
fn ugly_names_are_named_and_never_printed() {
    for name in [
        "\"a\\u202eb\"",
        "\"a\\nb\"",
        "\"\\e[31mred\"",
        "\"a\\0\"",
        "'../../etc'",
        "'$(reboot)'",
        "' '",
        "-",
        "'--yes'",
        "~",
    ] {
        let text = format!("migration: m\ncomponents:\n  {name}: {{kind: k}}\n");
        let found = findings(&text);
        assert!(!found.is_empty(), "{name}");
        for found in found {
            let said = format!("{}{:?}{:?}{:?}", found.summary, found.cause, found.label, found.hints);
            assert!(!said.chars().any(|c| c.is_control() || super::super::hidden(c)), "{said:?}");
        }
    }
}

/// A large but sane file: a chain of groups, each component with a header and keys of its own.
fn large(components: usize) -> String {
    let mut text = String::from("migration: large\ncomponents:\n");
    for index in 0..components {
        text.push_str(&format!(
            "  component-{index}:\n    kind: config.values\n    file: app-{index}.env\n    keys: [A, B, C, D]\n    \
             owner: team-{}\n    timeout: 30s\n    verify:\n      - {{probe: http, url: http://localhost:{index}/}}\n",
            index % 7
        ));
        if index > 0 {
            text.push_str(&format!(
                "    needs: [component-{}]\n    reads: [component-{}]\n",
                index - 1,
                index / 2
            ));
        }
    }
    text
}

#[test]
fn ten_thousand_components_are_read_and_linted() {
    let source = Source::new("large.yaml", &large(10_000).replace("reads: [component-0]\n", "edge: false\n"));
    let file = parse(&source).unwrap();
    assert_eq!(file.components.len(), 10_000);
    assert_eq!(lint(&file), []);
    let facts = file.components.iter().enumerate().map(|(index, component)| {
        let claim =
            super::super::Claim { space: "file".into(), path: vec![format!("app-{index}.env")], parts: None };
        let facts = KindFacts { known: true, can_quiesce: true, claims: vec![claim], ..KindFacts::default() };
        (component.name.value.clone(), facts)
    });
    assert_eq!(lint_with_kinds(&file, &facts.collect()), []);
}

#[test]
fn ten_thousand_components_on_one_thing_or_in_one_circle_are_told_of() {
    let text = large(10_000).replacen("    kind", "    needs: [component-9999]\n    kind", 1);
    let file = parse(&Source::new("large.yaml", &text)).unwrap();
    assert!(lint(&file).iter().any(|found| found.code.0 == "BK0121"));
    let facts = file.components.iter().map(|component| {
        let claim = super::super::Claim { space: "file".into(), path: vec!["one".into()], parts: None };
        let facts = KindFacts { known: true, can_quiesce: true, claims: vec![claim], ..KindFacts::default() };
        (component.name.value.clone(), facts)
    });
    let found = lint_with_kinds(&file, &facts.collect());
    assert_eq!(found.len(), 100);
    assert!(found.iter().all(|found| found.code.0 == "BK0132"));
}
