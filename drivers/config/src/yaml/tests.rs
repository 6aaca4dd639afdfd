use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::config::Format;
use crate::format::tests::{chosen, comes_back_whole, one_leads_to_the_other};
use crate::format::{edit as edit_text, find as find_text};

fn raw(text: &str, key: &str) -> Option<String> {
    let chosen = chosen(Format::Yaml, &[key]);
    find_text(&chosen, text.as_bytes()).unwrap().get(key).map(|held| held.raw.reveal().to_owned())
}

/// The saved value of a key, put into another text.
fn put(saved: &str, key: &str, live: &str) -> Result<String, String> {
    let chosen = chosen(Format::Yaml, &[key]);
    let held = find_text(&chosen, saved.as_bytes()).unwrap();
    let edited = edit_text(&chosen, live.as_bytes(), &held).map_err(|unfit| unfit.what)?;
    Ok(String::from_utf8(edited).unwrap())
}

#[test]
fn values_are_found_as_they_are_written() {
    for (text, key, expected) in [
        ("a: 1\n", "a", Some("1")),
        ("a: 010 # c\n", "a", Some("010")),
        ("a: 'it''s' \n", "a", Some("'it''s'")),
        ("a:\t\"x\\n\"\r\n", "a", Some("\"x\\n\"")),
        ("a: x # y\n", "a", Some("x")),
        ("a: x#y\n", "a", Some("x#y")),
        ("a: http://x:1/\n", "a", Some("http://x:1/")),
        ("a:\nb: 1\n", "a", Some("")),
        ("a: # c\nb: 1\n", "a", Some("")),
        ("a: ~\n", "a", Some("~")),
        ("a: !!str 5\n", "a", Some("!!str 5")),
        ("a: !!null\n", "a", Some("!!null")),
        ("a: 2001-01-01\n", "a", Some("2001-01-01")),
        ("a: x\n  y\n  z # c\n", "a", Some("x\n  y\n  z")),
        ("a: |\n  x\n  y\n\nb: 1\n", "a", Some("|\n  x\n  y")),
        ("a: >- # c\n  x\n\n  y", "a", Some(">- # c\n  x\n\n  y")),
        ("a: |2\n   x\n", "a", Some("|2\n   x")),
        ("a: |\nb: 1\n", "a", Some("|")),
        ("a: [1, 2,\n  3]\n", "a", Some("[1, 2,\n  3]")),
        ("a: {b: 1}\n", "a.b", Some("1")),
        ("a: {b: {c: }, d: 1}\n", "a.b", Some("{c: }")),
        ("a: {\"b\":1}\n", "a.b", Some("1")),
        ("a:\n  b: 1\n  c: 2 # c\n", "a", Some("  b: 1\n  c: 2")),
        ("a: # c\n  # d\n  b: 1\n", "a", Some("  b: 1")),
        ("a:\n- 1\n- b: |\n    x\n# c\n", "a", Some("- 1\n- b: |\n    x")),
        ("a:\n  text\n", "a", Some("  text")),
        ("a: !t\n  b: 1\n", "a", Some("!t\n  b: 1")),
        ("a:\n  b:\n    c: 1\n", "a.b.c", Some("1")),
        ("a.b: 1\na:\n  b: 2\n", "\"a.b\"", Some("1")),
        ("'a b': 1\n", "a b", Some("1")),
        ("8080: x\n", "8080", Some("x")),
        ("? x\n: 1\na: 1\n", "a", Some("1")),
        ("%YAML 1.2\n--- # c\na: 1\n...\n", "a", Some("1")),
        ("\u{feff}a: é\n", "a", Some("é")),
        ("{a: 1, b: 2}\n", "b", Some("2")),
        ("x: &x 1\ny: *x\na: 1\n", "a", Some("1")),
        ("base: &b {a: 1}\nc:\n  <<: *b\n  d: 2\n", "c.d", Some("2")),
        ("b: 1\n", "a", None),
        ("b: 1\n", "a.c", None),
        ("a:\n", "a.c", None),
        ("a: {}\n", "a.c", None),
        ("", "a", None),
        ("# nothing\n", "a", None),
        ("---\n", "a", None),
    ] {
        assert_eq!(raw(text, key).as_deref(), expected, "{text:?} {key}");
    }
}

#[test]
fn what_cannot_be_put_back_is_refused_without_being_shown() {
    let deep = format!("a: {}{}", "[".repeat(100_000), "]".repeat(100_000));
    let stairs: String = (0..2000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let many = format!("a: [{}]", "1,".repeat(600_000));
    for (text, key, line, what) in [
        ("a: &x hunter2\n", "a", Some(1), "shared"),
        ("b: &x hunter2\n\na: *x\n", "a", Some(3), "shared"),
        ("a: *x\n", "a", Some(1), "shared"),
        ("a:\n  b: [1, &x hunter2]\n", "a", Some(2), "shared"),
        ("a: &x\n  b: hunter2\n", "a.b", Some(2), "shared"),
        ("x: &x {b: 1}\na: *x\n", "a.b", Some(2), "shared"),
        ("x: &x {b: 1}\na:\n  <<: *x\n", "a.b", Some(3), "may come from elsewhere"),
        ("x: &x {b: 1}\na:\n  <<: *x\n", "a", Some(3), "shared"),
        ("&x a: 1\n", "a", Some(1), "not written as"),
        ("!!str a: 1\n", "a", Some(1), "not written as"),
        ("? a\n: hunter2\n", "a", Some(1), "not written as"),
        ("{a\n : 1}\n", "a", Some(1), "not written as"),
        ("b: {a, c: 1}\n", "b.a", Some(1), "not written as"),
        ("a: 1\nb: 2\na: hunter2\n", "a", Some(3), "twice, in lines 1 and 3"),
        ("a: 1\n---\na: 2\n", "a", Some(2), "second document"),
        ("---\n---\na: 2\n", "a", Some(2), "second document"),
        ("a: |+\n  x\n\n", "a", Some(2), "empty lines at the end"),
        ("a:\n  b: >2+ # c\n    x\n", "a", Some(3), "empty lines at the end"),
        ("a: |\n  x\n     \n", "a", Some(2), "empty lines at the end"),
        ("a: hunter2\n", "a.b", Some(1), "is no map"),
        ("a: ~\n", "a.b", Some(1), "is no map"),
        ("a: [hunter2]\n", "a.b", Some(1), "is no map"),
        ("- hunter2\n", "a", Some(1), "no map"),
        ("hunter2\n", "a", Some(1), "no map"),
        ("a: hunter2: 1\n", "a", Some(1), "no YAML"),
        ("a: 1\n\thunter2: 1\n", "a", None, "no YAML"),
        ("a: \"hunter2\n", "a", None, "no YAML"),
        ("a: 1\n b: 2\n", "a", None, "no YAML"),
        (deep.as_str(), "a", Some(1), "no YAML"),
        (stairs.as_str(), "a", None, "no YAML"),
        (many.as_str(), "b", None, "more than"),
    ] {
        let unfit = find_text(&chosen(Format::Yaml, &[key]), text.as_bytes()).unwrap_err();
        assert!(line.is_none() || unfit.line == line, "{unfit:?}");
        assert!(unfit.what.contains(what) && !unfit.what.contains("hunter2"), "{unfit:?}");
    }
    assert!(find_text(&chosen(Format::Yaml, &["a"]), b"a: \xff\n").is_err());
    // What nobody named is nobody's business.
    let others = "b: &x 1\nb: *x\n? c\n: |+\n  x\n\nm:\n  <<: *y\na: 1\n";
    assert!(find_text(&chosen(Format::Yaml, &["a"]), others.as_bytes()).is_ok());
}

#[test]
fn a_bomb_costs_no_more_than_its_length() {
    let mut bomb = "a0: &a0 [x, x]\n".to_owned();
    for level in 1..200 {
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", format!("*a{}, ", level - 1).repeat(9)));
    }
    bomb.push_str("key: 1\n");
    assert_eq!(raw(&bomb, "key").as_deref(), Some("1"));
    assert_eq!(put("key: 2\n", "key", &bomb).unwrap(), bomb.replace("key: 1", "key: 2"));
}

#[test]
fn values_take_the_place_of_others_and_the_rest_stays() {
    for (saved, key, live, back) in [
        ("a: 'x'\n", "a", "# c\r\na:   2 # why\r\n\tb: 1", None),
        (
            "a: 'x'\n",
            "a",
            "# c\r\na:   2 # why\r\nb:\t[1,\t2]  \r\n\r\n",
            Some("# c\r\na:   'x' # why\r\nb:\t[1,\t2]  \r\n\r\n"),
        ),
        ("a: x", "a", "\u{feff}---\na: 2 # why\n...\n", Some("\u{feff}---\na: x # why\n...\n")),
        ("a: x", "a", "a: # why\nb: 1\n", Some("a: x # why\nb: 1\n")),
        ("a:\n", "a", "a: 2 # why\nb: 1\n", Some("a: # why\nb: 1\n")),
        ("a: [1]\n", "a", "a: |\n  x\n\n# c\nb: 1\n", Some("a: [1]\n\n# c\nb: 1\n")),
        ("a: |\n  x\n  y\n", "a", "a: 1\n\nb: 1\n", Some("a: |\n  x\n  y\n\nb: 1\n")),
        // The comment would become part of the text.
        ("a: |\n  x\n", "a", "a: 1 # why\n", None),
        ("a:\n  b: 1\n", "a", "a: 1 # why\nc: 1\n", Some("a: # why\n  b: 1\nc: 1\n")),
        ("a:\n  b: 1\n", "a", "a: # why\nc: 1\n", Some("a: # why\n  b: 1\nc: 1\n")),
        ("a: 1\n", "a", "a: # why\n  b: 1\n  # c\n  d: 1\nc: 1\n", Some("a: 1 # why\nc: 1\n")),
        ("a: 1\n", "a", "a:\n  b: 1 # why\nc: 1\n", Some("a: 1\n # why\nc: 1\n")),
        ("a: 1\n", "a", "a:\n- 1\n- 2", Some("a: 1")),
        ("a:\n", "a", "a:\n- 1\nb: 1\n", Some("a:\nb: 1\n")),
        ("a:\n  - 1\n", "a", "a:\n- 2\n- 3 # c\nb: 1\n", Some("a:\n  - 1 # c\nb: 1\n")),
        ("s:\n    a:\n        b: 1\n", "s.a", "s:\n  a:\n    b: 2\n", Some("s:\n  a:\n        b: 1\n")),
        ("s:\n a:\n  b: 1\n", "s.a", "s:\n    a:\n        b: 2\n", None),
        ("s: {a: 1}\n", "s.a", "s:\n  a: 2\n", Some("s:\n  a: 1\n")),
        ("s:\n  a: x, y\n", "s.a", "s: {a: 2}\n", None),
        ("s:\n  a: x y\n", "s.a", "s: {a: 2, b: 1}\n", Some("s: {a: x y, b: 1}\n")),
        ("a: !!str 5\n", "a", "a: 5\n", Some("a: !!str 5\n")),
        ("a: x\n", "a", "x: &x 1\na: *x\n", None),
    ] {
        assert_eq!(put(saved, key, live).ok().as_deref(), back, "{saved:?} into {live:?}");
    }
}

#[test]
fn a_lost_member_finds_its_place() {
    for (saved, key, live, back) in [
        ("x: 1\na: 2\ny: 3\n", "a", "x: 1\ny: 3\n", "x: 1\na: 2\ny: 3\n"),
        ("x: 1\n# of a\na: 2 # why\ny: 3\n", "a", "x: 1\n# of a\ny: 3\n", "x: 1\n# of a\na: 2 # why\ny: 3\n"),
        ("# head\n---\na: 2\n", "a", "---\nx: 1\n", "---\na: 2\nx: 1\n"),
        ("x: 1\na: 2\n", "a", "y: 1", "y: 1\na: 2"),
        ("a: 2\n", "a", "", "a: 2\n"),
        ("a: 2\n", "a", "\u{feff}# c\n", "\u{feff}a: 2\n# c\n"),
        ("a: 2\n", "a", "---\n", "---\na: 2\n"),
        ("s:\n  a: 2\n", "s.a", "s:\n    x: 1\nt: 1\n", "s:\n    a: 2\n    x: 1\nt: 1\n"),
        (
            "s:\n  x: 1\n  a: 2\n",
            "s.a",
            "s:\n    x:\n      - 1\n\nt: 1\n",
            "s:\n    x:\n      - 1\n    a: 2\n\nt: 1\n",
        ),
        ("s:\n  a: 2\n", "s.a", "s:\nt: 1\n", "s:\n  a: 2\nt: 1\n"),
        ("s:\n  a: 2\n", "s.a", "s: {} # why\nt: 1\n", "s: # why\n  a: 2\nt: 1\n"),
        ("s:\n  a: 2\n", "s.a", "t: 1\n", "t: 1\ns:\n  a: 2\n"),
        ("s:\n    t:\n        a: 2\n", "s.t.a", "x: 1\n", "x: 1\ns:\n    t:\n        a: 2\n"),
        ("s: {t: {a: 2}}\n", "s.t.a", "x: 1\n", "x: 1\ns:\n  t:\n    a: 2\n"),
        ("s:\n  t:\n    a: 2\n", "s.t.a", "s: {x: 1}\n", "s: {x: 1, t: {a: 2}}\n"),
        ("s: { x: 1, a: 2, y: 3 }\n", "s.a", "s: { x: 1, y: 3 }\n", "s: { x: 1, a: 2, y: 3 }\n"),
        ("s: {a: 2}\n", "s.a", "s: {}\n", "s: {a: 2}\n"),
        ("'null':\n  a: 2\n", "null.a", "x: 1\n", "x: 1\n\"null\":\n  a: 2\n"),
        ("a: |\n  x\n", "a", "b: 1\n", "a: |\n  x\nb: 1\n"),
        ("a:\n  - 1\n", "a", "b: 1\r\nc: 1\r\n", "a:\n  - 1\nb: 1\r\nc: 1\r\n"),
    ] {
        assert_eq!(put(saved, key, live).as_deref(), Ok(back), "{saved:?} into {live:?}");
    }
}

#[test]
fn a_member_goes_with_its_lines_and_comments_around_stay() {
    for (text, key, without) in [
        ("# of a\na: 1 # why\n# of b\nb: 2\n", "a", "# of a\n# of b\nb: 2\n"),
        ("b: 2\na: |\n  x\n\n# end", "a", "b: 2\n\n# end"),
        ("b: 2\na: 1", "a", "b: 2"),
        ("a: 1\n", "a", ""),
        ("s: # why\n  a:\n    - 1\n    # c\n    - 2\nb: 2\n", "s.a", "s: {} # why\nb: 2\n"),
        ("s:\n  a: 1\n  b: 2\n", "s.a", "s:\n  b: 2\n"),
        ("s: {a: 1, b: 2}\n", "s.a", "s: {b: 2}\n"),
        ("s: { b: 2, a: 1 }\n", "s.a", "s: { b: 2 }\n"),
        ("s: {a: 1}\n", "s.a", "s: {}\n"),
        ("s: [1]\n? x\n: y\na: 1\n", "a", "s: [1]\n? x\n: y\n"),
    ] {
        let edited = edit_text(&chosen(Format::Yaml, &[key]), text.as_bytes(), &BTreeMap::new()).unwrap();
        assert_eq!(String::from_utf8(edited).unwrap(), without, "{text:?}");
    }
}

#[test]
fn whatever_is_lost_comes_back_byte_for_byte() {
    for text in [
        "a: 1\ns:\n  b: 2\n  x: 0\n  c: 3\nd: 4\n",
        "# head\n---\na: 1 # a\n\ns: # s\n  # of b\n  b: 'x'\n\n  c: # c\n    - 1\n    - 2\n  # end\nd: |\n  x\n\n# tail",
        "a: 1\r\ns:\r\n    c: \"x\r\n      y\"\r\n    b:\r\nd: [1,\r\n  2]",
        "\u{feff}d: >-\n  x\n\n  y\ns: { b: 2, c: {z: 1} }\na: !!str 1",
        "{a: 1, s: {b: 2, x: 0, c: 3}, d: 4}\n",
        "x: &x 1\nd:\n- *y\na: 1\ns:\n  <<: *x\n  b: 1\n  c: 2\n  z: 3\n"
            .replace("- *y", "- 1")
            .replace("  <<: *x\n", "")
            .as_str(),
    ] {
        comes_back_whole(Format::Yaml, &["a", "s.b", "s.c", "d"], text);
    }
}

/// One value as people write it.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9]{1,6}( [a-z]{1,3})?",
        "'[a-z #:]{0,6}'",
        "\"[a-z #:]{0,6}\"",
        Just(String::new()),
        Just("[1, {x: y}]".to_owned()),
        Just("|\n      x: 'y\n\n      # no comment".to_owned()),
        Just(">-\n      folded\n      text".to_owned()),
        Just("!!str 5".to_owned()),
        Just("plain\n      on two".to_owned()),
        Just("2001-12-14t21:59:43.10-05:00".to_owned()),
        Just("null".to_owned()),
    ]
}

fn other_lines() -> impl Strategy<Value = String> {
    prop_oneof![Just(""), Just("\n"), Just("  # comment: 'x\n"), Just("# c\n\n\n"), Just("   \n")]
        .prop_map(str::to_owned)
}

/// Documents with members, comments and empty lines; `<a>`, `<b>` and `<c>` stand for the values of `s.a`, `t.b` and
/// `c`.
fn documents() -> impl Strategy<Value = String> {
    (prop::collection::vec(other_lines(), 8), value(), value()).prop_map(|(between, one, two)| {
        let [g0, g1, g2, g3, g4, g5, g6, g7] = &between[..] else { unreachable!() };
        let one = one.replace("\n      ", "\n          ");
        format!(
            "{g0}s:\n{g1}    o: {one}\n{g2}    a:<a>\n{g3}    p: 1 # p\n{g4}t:\n{g5}    b:<b>\n{g6}list:\n  - {two}\n{g7}c:<c>\n"
        )
    })
}

fn filled(document: &str, values: &[String; 3], end: &str, is_open: bool) -> String {
    let mut text = document.to_owned();
    for (place, value) in ["<a>", "<b>", "<c>"].iter().zip(values) {
        text = text.replace(place, format!(" {value}").trim_end());
    }
    let text = if is_open { text.trim_end().to_owned() } else { text };
    text.replace('\n', end)
}

proptest! {
    #[test]
    fn values_change_and_every_other_byte_stays(
        document in documents(),
        then in [value(), value(), value()],
        now in [value(), value(), value()],
        end in prop_oneof![Just("\n"), Just("\r\n")],
        is_open in any::<bool>(),
        lost in [0..8u32, 0..8u32],
    ) {
        let chosen = chosen(Format::Yaml, &["s.a", "t.b", "c"]);
        let [saved, live] = [&then, &now].map(|values| filled(&document, values, end, is_open));
        one_leads_to_the_other(&chosen, (&saved, 0), (&live, 0));
        one_leads_to_the_other(&chosen, (&saved, lost[0]), (&live, lost[1]));
    }

    #[test]
    fn any_text_is_read_and_edited_without_a_panic(text in "([ab:{}\\[\\],'\"#|>&*?! \\r\\n-]|a: |\n  ){0,30}") {
        for key in ["a", "a.b"] {
            let chosen = chosen(Format::Yaml, &[key]);
            if let Ok(held) = find_text(&chosen, text.as_bytes()) {
                let same = edit_text(&chosen, text.as_bytes(), &held).unwrap();
                prop_assert_eq!(same, text.as_bytes());
                // Refused or done, and done means that the value is gone.
                if let Ok(without) = edit_text(&chosen, text.as_bytes(), &BTreeMap::new()) {
                    prop_assert!(find_text(&chosen, &without).unwrap().is_empty());
                }
                let saved = find_text(&chosen, b"a:\n  b: saved # why\n").unwrap();
                if let Ok(edited) = edit_text(&chosen, text.as_bytes(), &saved) {
                    prop_assert_eq!(&find_text(&chosen, &edited).unwrap()[key].raw, &saved[key].raw);
                }
            }
        }
    }
}
