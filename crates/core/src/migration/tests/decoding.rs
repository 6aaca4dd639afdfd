//! Own keys of drivers, decoded into types.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::{DurationText, Reference, SecretReference, Source, Spanned, Tree, decode, parse};
use super::read;
use crate::diagnostic::Diagnostic;
use crate::name::ComponentName;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    text: Option<String>,
    list: Option<Vec<String>>,
    byte: Option<u8>,
    signed: Option<i32>,
    number: Option<f64>,
    flag: Option<bool>,
    choice: Option<Choice>,
    any: Option<serde_json::Value>,
    map: Option<BTreeMap<String, u16>>,
    by_number: Option<BTreeMap<u16, String>>,
    name: Option<ComponentName>,
    placed: Option<Spanned<String>>,
    address: Option<Reference>,
    password: Option<SecretReference>,
    time: Option<DurationText>,
    pair: Option<(String, u8)>,
    health: Option<Health>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Choice {
    ByStopping,
    Signal(String),
    Command { run: Vec<String> },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Health {
    url: String,
}

fn decoded(lines: &str) -> Result<Config, Diagnostic> {
    let file = read(&format!("migration: m\ncomponents:\n  a:\n    kind: k\n    {lines}\n"));
    let component = &file.components[0];
    decode(&component.config, &file.source_of(component))
}

#[test]
fn text_stays_as_it_was_written() {
    for text in [
        "no",
        "yes",
        "on",
        "010",
        "0x1F",
        "1_000",
        "1e3",
        "1.50",
        "8080",
        "true",
        "2026-01-01",
        "a b",
        "null-ish",
    ] {
        assert_eq!(decoded(&format!("text: {text}")).unwrap().text.as_deref(), Some(text));
        assert_eq!(decoded(&format!("list: [{text}]")).unwrap().list, Some(vec![text.to_owned()]));
    }
    let huge = "123456789012345678901234567890";
    assert_eq!(decoded(&format!("text: {huge}")).unwrap().text.as_deref(), Some(huge));
    assert_eq!(decoded(&format!("any: {huge}")).unwrap().any, Some(huge.into()));
    assert_eq!(decoded("text: 'null'").unwrap().text.as_deref(), Some("null"));
    assert_eq!(decoded("text: $${env:X}").unwrap().text.as_deref(), Some("$${env:X}"));
    assert_eq!(decoded("text: |\n      a\n      b").unwrap().text.as_deref(), Some("a\nb\n"));
}

#[test]
fn every_type_can_be_read() {
    let config = decoded(
        "byte: 255\n    signed: -5\n    number: 1.50\n    flag: false\n    choice: by-stopping\n    \
         any: {a: [1, true, x, 1.5, -2, no]}\n    map: {no: 1}\n    by_number: {80: x}\n    name: b\n    \
         placed: here\n    address: a${env:B}\n    password: x\n    time: 5m\n    pair: [x, 1]\n    health: {url: u}",
    )
    .unwrap();
    assert_eq!(
        (config.byte, config.signed, config.number, config.flag),
        (Some(255), Some(-5), Some(1.5), Some(false))
    );
    assert_eq!(config.choice, Some(Choice::ByStopping));
    assert_eq!(config.any, Some(serde_json::json!({"a": [1, true, "x", 1.5, -2, "no"]})));
    assert_eq!(config.map, Some(BTreeMap::from([("no".into(), 1)])));
    assert_eq!(config.by_number, Some(BTreeMap::from([(80, "x".into())])));
    assert_eq!(config.name.unwrap().as_str(), "b");
    assert_eq!(config.placed.map(|placed| (placed.span.line, placed.span.column)), Some((14, 13)));
    assert_eq!(config.address.unwrap().references().count(), 1);
    assert_eq!(format!("{:?}", config.password.unwrap()), "SecretReference(\"***\")");
    assert_eq!(config.time.unwrap().to_string(), "5m");
    assert_eq!(config.pair, Some(("x".into(), 1)));
    assert_eq!(config.health.unwrap().url, "u");
    assert_eq!(decoded("choice: {signal: HUP}").unwrap().choice, Some(Choice::Signal("HUP".into())));
    let command = Choice::Command { run: vec!["a".into()] };
    assert_eq!(decoded("choice: {command: {run: [a]}}").unwrap().choice, Some(command));
}

#[test]
fn mistakes_have_their_place() {
    for (lines, code, line, column, summary, said) in [
        ("txet: a", "BK0111", 5, 5, "unknown field `txet` in component `a`", "did you mean `text`?"),
        ("neds: [b]", "BK0111", 5, 5, "unknown field `neds` in component `a`", "did you mean `needs`?"),
        ("text: [a]", "BK0113", 5, 11, "wrong `text` in component `a`", "expected text, found a list"),
        ("text: {a: b}", "BK0113", 5, 11, "wrong `text` in component `a`", "expected text, found a map"),
        ("list: [a, [b]]", "BK0113", 5, 15, "wrong `list` in component `a`", "expected text, found a list"),
        ("list: a", "BK0113", 5, 11, "wrong `list` in component `a`", "expected a list, found the text `a`"),
        (
            "byte: 256",
            "BK0113",
            5,
            11,
            "wrong `byte` in component `a`",
            "a whole number from 0 to 255, found the number `256`",
        ),
        ("byte: -1", "BK0113", 5, 11, "wrong `byte` in component `a`", "found the number `-1`"),
        (
            "byte: 1.5",
            "BK0113",
            5,
            11,
            "wrong `byte` in component `a`",
            "expected a whole number, found the number `1.5`",
        ),
        ("byte: '5'", "BK0113", 5, 11, "wrong `byte` in component `a`", "remove the quotes"),
        (
            "byte: ten",
            "BK0113",
            5,
            11,
            "wrong `byte` in component `a`",
            "expected a whole number, found the text `ten`",
        ),
        (
            "byte: 010",
            "BK0114",
            5,
            11,
            "ambiguous number in `byte` in component `a`",
            "octal or decimal? write `10` or `8`",
        ),
        ("byte: 0x1F", "BK0114", 5, 11, "ambiguous number in `byte` in component `a`", "write `31`"),
        ("signed: 1_000", "BK0114", 5, 13, "ambiguous number in `signed` in component `a`", "write `1000`"),
        ("number: 1e3", "BK0114", 5, 13, "ambiguous number in `number` in component `a`", "write `1000`"),
        (
            "signed: 99999999999999999999",
            "BK0113",
            5,
            13,
            "wrong `signed` in component `a`",
            "expected a whole number",
        ),
        ("flag: no", "BK0113", 5, 11, "wrong `flag` in component `a`", "write `false`, without quotes"),
        (
            "flag: 1",
            "BK0113",
            5,
            11,
            "wrong `flag` in component `a`",
            "expected `true` or `false`, found the number `1`",
        ),
        (
            "choice: by_stopping",
            "BK0113",
            5,
            13,
            "wrong `choice` in component `a`",
            "did you mean `by-stopping`?",
        ),
        ("choice: {singal: x}", "BK0113", 5, 14, "wrong `choice` in component `a`", "did you mean `signal`?"),
        ("choice: {command: {}}", "BK0112", 5, 14, "`command` in component `a` lacks `run`", "add `run: ..`"),
        ("map: {a: b}", "BK0113", 5, 14, "wrong `a` in component `a`", "expected a whole number"),
        ("name: a b", "BK0113", 5, 11, "wrong `name` in component `a`", "found U+0020"),
        ("placed: [a]", "BK0113", 5, 13, "wrong `placed` in component `a`", "expected text"),
        (
            "address: ${HOME}",
            "BK0116",
            5,
            14,
            "bad reference in `address` in component `a`",
            "did you mean `${env:HOME}`?",
        ),
        ("address: [a]", "BK0113", 5, 14, "wrong `address` in component `a`", "found a list"),
        ("text: ${env:A}", "BK0115", 5, 11, "a reference is not allowed in `text` in component `a`", "`$${`"),
        (
            "list: [a, \"x${file:b}\"]",
            "BK0115",
            5,
            15,
            "a reference is not allowed in `list` in component `a`",
            "`$${`",
        ),
        (
            "any: {a: \"${env:A}\"}",
            "BK0115",
            5,
            14,
            "a reference is not allowed in `a` in component `a`",
            "`$${`",
        ),
        ("time: 5", "BK0113", 5, 11, "wrong `time` in component `a`", "`5` has no unit"),
        ("pair: [x]", "BK0113", 5, 11, "wrong `pair` in component `a`", "found 1 items"),
        ("pair: [x, 1, 2]", "BK0113", 5, 11, "wrong `pair` in component `a`", "1 items too many"),
        ("health: {}", "BK0112", 5, 5, "`health` in component `a` lacks `url`", "add `url: ..`"),
        ("health: {ulr: x}", "BK0111", 5, 14, "unknown field `ulr` in component `a`", "did you mean `url`?"),
        (
            "health: u",
            "BK0113",
            5,
            13,
            "wrong `health` in component `a`",
            "expected a map of fields, found the text `u`",
        ),
    ] {
        let found = decoded(lines).unwrap_err();
        let place = found.place.as_ref().unwrap();
        assert_eq!((found.code.0, place.line, place.column), (code, line, column), "{lines} {found:#?}");
        assert_eq!(found.summary, summary, "{lines}");
        let all = format!("{:?} {:?} {:?}", found.cause, found.label, found.hints);
        assert!(all.contains(said), "{lines}: {all} lacks {said}");
    }
}

#[test]
fn a_missing_field_is_shown_at_the_name_of_its_component() {
    let file = read("migration: m\ncomponents:\n  web:\n    kind: k\n    owner: me\n");
    let component = &file.components[0];
    for source in [file.source_of(component), file.source.clone()] {
        let found = decode::<Health>(&component.config, &source).unwrap_err();
        let place = found.place.unwrap();
        assert_eq!((place.line, place.column, place.start, place.end), (3, 3, 27, 30));
    }
    let found = decode::<Health>(&component.config, &file.source_of(component)).unwrap_err();
    assert_eq!(found.summary, "component `web` lacks `url`");
}

#[test]
fn a_tree_of_a_program_can_be_decoded_too() {
    let tree = Tree::plain(5);
    assert_eq!(decode::<u8>(&tree, &Source::default()).unwrap(), 5);
}

#[test]
fn bytes_are_checked_before_they_are_text() {
    for (bytes, said) in [
        (&b"\xef\xbb\xbfmigration: m\n"[..], "byte order mark"),
        (b"\xff\xfem\0", "UTF-16"),
        (b"m\0i\0", "UTF-16"),
        (b"\0m\0i", "UTF-16"),
        (b"a: 1\nb\xc3\xa9: \xff\n", "not UTF-8"),
    ] {
        let found = Source::from_bytes("f", bytes).unwrap_err();
        assert_eq!(found.code.0, "BK0101");
        assert!(found.cause.unwrap().contains(said));
    }
    let place = Source::from_bytes("f", b"a: 1\nb\xc3\xa9: \xff\n").unwrap_err().place.unwrap();
    assert_eq!((place.line, place.column, place.start), (2, 5, 10));
    assert!(parse(&Source::from_bytes("f", super::WHOLE.as_bytes()).unwrap()).is_ok());
    assert!(parse(&Source::new("f", &super::WHOLE.replace('\n', "\r\n"))).is_ok());
}

#[test]
fn debug_of_a_file_shows_no_value() {
    let text = "migration: m\nvault: {key: hunter2}\ncomponents:\n  a: {kind: k, password: hunter2}\n";
    let shown = format!("{:?}", read(text));
    assert!(shown.contains("password") && !shown.contains("hunter2"), "{shown}");
}
