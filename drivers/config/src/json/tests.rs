use super::*;
use crate::config::Format;
use crate::format::tests::{chosen, comes_back_whole};
use crate::format::{edit as edit_text, find as find_text};

fn raw(text: &str, key: &str) -> Option<String> {
    let chosen = chosen(Format::Json, &[key]);
    find_text(&chosen, text.as_bytes()).unwrap().get(key).map(|held| held.raw.reveal().to_owned())
}

#[test]
fn values_are_found_as_they_are_written() {
    for (text, key, expected) in [
        (r#"{"a": 1.50e3}"#, "a", Some("1.50e3")),
        (r#"{"a": "é \" / A"}"#, "a", Some(r#""é \" / A""#)),
        (r#"{"a": {"b": [1, 2 ]}}"#, "a.b", Some("[1, 2 ]")),
        (r#"{"a": {"b": null}}"#, "a", Some(r#"{"b": null}"#)),
        (r#"{"a.b": 1, "a": {"b": 2}}"#, "\"a.b\"", Some("1")),
        (r#"{"a": 1}"#, "a", Some("1")),
        ("// head\n{\n  // of a\n  \"a\": true, // why\n}\n", "a", Some("true")),
        ("\u{feff}{\"a\": 1}", "a", Some("1")),
        (r#"{"b": 1}"#, "a", None),
        (r#"{"b": 1}"#, "a.c", None),
        (
            r#"{"b": [{"b": 1}, {"b": 1}], "a": 12345678901234567890123}"#,
            "a",
            Some("12345678901234567890123"),
        ),
    ] {
        assert_eq!(raw(text, key).as_deref(), expected, "{text}");
    }
}

#[test]
fn what_cannot_be_understood_is_refused_without_being_shown() {
    let deep = format!("{{\"a\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for (text, line) in [
        ("{\"hunter2\": 1,\n\"a\" 2}", Some(2)),
        ("{\"a\": 1\n", Some(1)),
        ("{\"a\": hunter2}", Some(1)),
        ("{'a': 1}", Some(1)),
        ("{a: 1}", Some(1)),
        ("{\"a\": 1 \"b\": 2}", Some(1)),
        ("{\"a\": 0x10}", Some(1)),
        ("[1]", Some(1)),
        ("", None),
        ("// only a comment", None),
        ("{\"a\": 1}\n{\"a\": 2}", Some(2)),
        ("{\"a\": 1,\n\n\"a\": 2}", Some(3)),
        (deep.as_str(), Some(1)),
    ] {
        let unfit = find_text(&chosen(Format::Json, &["a"]), text.as_bytes()).unwrap_err();
        assert_eq!(unfit.line, line, "{unfit:?}");
        assert!(!unfit.what.contains("hunter2"), "{unfit:?}");
    }
    let unfit = find_text(&chosen(Format::Json, &["a.b"]), b"{\n\"a\": \"hunter2\"}").unwrap_err();
    assert_eq!((unfit.line, unfit.what.as_str()), (Some(2), "`a` on the way to a.b is no object"));
    assert!(find_text(&chosen(Format::Json, &["a"]), b"{\"a\": \"\xff\"}").is_err());
    // What nobody named is nobody's business.
    assert!(find_text(&chosen(Format::Json, &["a"]), b"{\"b\": 1, \"b\": 2}").is_ok());
}

#[test]
fn other_bytes_stay() {
    let live = "\u{feff}{\r\n\t// caf\u{e9}\r\n\t\"a\" :  2 , // why\r\n\t\"new\": {\"x\":[1,\t2]},\r\n\t\"z\": 1e5,\r\n}";
    let chosen = chosen(Format::Json, &["a", "new"]);
    let saved = find_text(&chosen, br#"{"a":  "old"}"#).unwrap();
    let back = edit_text(&chosen, live.as_bytes(), &saved).unwrap();
    let expected = "\u{feff}{\r\n\t// caf\u{e9}\r\n\t\"a\" :  \"old\" , // why\r\n\t\"z\": 1e5,\r\n}";
    assert_eq!(String::from_utf8(back).unwrap(), expected);
}

#[test]
fn a_lost_member_finds_its_place() {
    for (saved, key, live, back) in [
        (r#"{"x": 1, "a": 2, "y": 3}"#, "a", r#"{"x": 1, "y": 3}"#, r#"{"x": 1, "a": 2, "y": 3}"#),
        (r#"{"x": 1, "a": 2, "y": 3}"#, "a", r#"{"y": 3}"#, r#"{"y": 3, "a": 2}"#),
        (r#"{"x": 1, "a": 2}"#, "a", "{}", r#"{ "a": 2}"#),
        ("{\n  \"a\": 2\n}", "a", "{}", "{\n  \"a\": 2\n}"),
        ("{\n  \"a\": 2\n}", "a", "{\n}", "{\n  \"a\": 2\n}"),
        (
            "{\n  \"x\": 1,\n  \"a\": 2\n}",
            "a",
            "{\n  \"x\": 1 // why\n}",
            "{\n  \"x\": 1, // why\n  \"a\": 2\n}",
        ),
        (
            "{\n  \"x\": 1,\n  \"a\": 2\n}",
            "a",
            "{\n  \"x\": 1, // why\n  \"y\": 1\n}",
            "{\n  \"x\": 1, // why\n  \"a\": 2,\n  \"y\": 1\n}",
        ),
        (
            "{\n  \"s\": {\n    \"a\": 2\n  }\n}",
            "s.a",
            "{\n  \"x\": 1\n}",
            "{\n  \"x\": 1,\n  \"s\": {\n    \"a\": 2\n  }\n}",
        ),
        (r#"{"s":{"t":{"a":2}}}"#, "s.t.a", r#"{"x":1}"#, r#"{"x":1,"s": {"t": {"a":2}}}"#),
    ] {
        let chosen = chosen(Format::Json, &[key]);
        let held = find_text(&chosen, saved.as_bytes()).unwrap();
        let edited = edit_text(&chosen, live.as_bytes(), &held).unwrap();
        assert_eq!(String::from_utf8(edited).unwrap(), back, "{saved} into {live}");
    }
}

#[test]
fn whatever_is_lost_comes_back_byte_for_byte() {
    for text in [
        r#"{"a": 1, "s": {"b": 2, "x": 0, "c": 3}, "d": 4}"#,
        r#"{"a":1,"s":{"b":2,"c":3},"d":4}"#,
        "{\n  \"a\": 1,\n  \"s\": {\n    \"b\": 2,\n    \"c\": 3\n  },\n  \"d\": 4\n}\n",
        "{\r\n\t\"d\": [\r\n\t\t4\r\n\t],\r\n\t\"s\": {\r\n\t\t\"c\": {\"y\": 3},\r\n\t\t\"b\": 2\r\n\t},\r\n\t\"a\": 1\r\n}",
        "{\n  \"a\": 1,\n\n  \"s\": {\n    \"b\": 2,\n    \"c\": 3\n  },\n  \"x\": 0,\n  \"d\": 4,\n}",
        "{ \"s\" : { \"b\" : 2, \"c\" : 3 }, \"a\" : 1, \"d\" : 4 }",
    ] {
        comes_back_whole(Format::Json, &["a", "s.b", "s.c", "d"], text);
    }
}

#[test]
fn comments_stay_when_a_member_goes() {
    for (text, without) in [
        ("{\n  // of a\n  \"a\": 1, // why\n  \"b\": 2\n}", "{\n  // of a\n  // why\n  \"b\": 2\n}"),
        ("{\"b\": 2, /* of a */ \"a\": 1}", "{\"b\": 2 /* of a */ }"),
        ("{\"a\": 1 /* why */, \"b\": 2}", "{ /* why */ \"b\": 2}"),
        ("{\n  \"b\": 2, // of b\n  \"a\": 1\n}", "{\n  \"b\": 2 // of b\n}"),
        ("{ // head\n  \"a\": 1\n}", "{ // head\n}"),
    ] {
        let chosen = chosen(Format::Json, &["a"]);
        let edited = edit_text(&chosen, text.as_bytes(), &BTreeMap::new()).unwrap();
        assert_eq!(String::from_utf8(edited).unwrap(), without, "{text}");
        // And the way back leads to something that says the same.
        let saved = find_text(&chosen, text.as_bytes()).unwrap();
        let back = edit_text(&chosen, without.as_bytes(), &saved).unwrap();
        assert!(find_text(&chosen, &back).unwrap()["a"].raw == saved["a"].raw);
    }
}
