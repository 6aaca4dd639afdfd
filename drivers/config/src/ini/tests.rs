use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::config::Format;
use crate::format::tests::{chosen, comes_back_whole, one_leads_to_the_other};
use crate::format::{edit as edit_text, find as find_text};

fn raw(text: &str, key: &str) -> Option<String> {
    let chosen = chosen(Format::Ini, &[key]);
    find_text(&chosen, text.as_bytes()).unwrap().get(key).map(|held| held.raw.reveal().to_owned())
}

/// The saved value of a key, put into another text.
fn put(saved: &str, key: &str, live: &str) -> String {
    let chosen = chosen(Format::Ini, &[key]);
    let held = find_text(&chosen, saved.as_bytes()).unwrap();
    String::from_utf8(edit_text(&chosen, live.as_bytes(), &held).unwrap()).unwrap()
}

#[test]
fn values_are_found_as_they_are_written() {
    for (text, key, expected) in [
        ("a=1\n", "a", Some("1")),
        ("a = 1", "a", Some("1")),
        ("  a\t:\t1 \t\r\n", "a", Some("1")),
        ("a: http://x:1/?b=c\n", "a", Some("http://x:1/?b=c")),
        ("a=\n", "a", Some("")),
        ("a = ; c\n", "a", Some("; c")),
        ("a = x ; c\n", "a", Some("x ; c")),
        ("a = \"x # y\" # z\n", "a", Some("\"x # y\" # z")),
        ("a b = 1\n", "a b", Some("1")),
        ("; a = 1\n# a = 2\n  ; a = 3\n", "a", None),
        ("[s]\na = 1\n", "s.a", Some("1")),
        ("[ s ] ; c\n\ta = 1\n\tb = 2\n", "s.a", Some("1")),
        ("[s.t]\na = 1\n", "\"s.t\".a", Some("1")),
        ("[remote \"x\"]\nurl = 1\n", "\"remote \\\"x\\\"\".url", Some("1")),
        ("[s]\na = 1\n", "a", None),
        ("a = 1\n[s]\n", "s.a", None),
        ("[t]\nb\n[s]\na.b = 1\n", "s.\"a.b\"", Some("1")),
        ("\u{feff}[s]\na = é\n", "s.a", Some("é")),
        ("[s]\na = 1\n\n  # c\nb = 2\n", "s.a", Some("1")),
        ("", "s.a", None),
    ] {
        assert_eq!(raw(text, key).as_deref(), expected, "{text:?} {key}");
    }
}

#[test]
fn what_readers_differ_on_is_refused() {
    let rows: [(&[u8], &str, Option<usize>, &str); 14] = [
        (b"[s]\na = 1\n# x\na = hunter2\n", "s.a", Some(4), "twice, in lines 2 and 4"),
        (b"[s]\na = 1\nA = hunter2\n", "s.a", Some(3), "twice"),
        (b"[s]\nA = hunter2\n", "s.a", Some(2), "capital letters"),
        (b"[S]\na = hunter2\n", "s.a", Some(1), "capital letters"),
        (b"[s]\n[t]\n[s]\na = 1\n", "s.a", Some(3), "begins twice, in lines 1 and 3"),
        (b"[s]\na = 1\n  hunter2\n", "s.a", Some(2), "go on in the next line"),
        (b"[s]\na = 1\n\n  b = hunter2\n", "s.a", Some(2), "go on in the next line"),
        (b"[s]\na = hunter2 \\\nb = 1\n", "s.a", Some(2), "go on in the next line"),
        (b"[s]\nb = hunter2\n  a = 1\n", "s.a", Some(3), "one more line of the value before"),
        (b"[s]\nb = hunter2\\\na = 1\n", "s.a", Some(3), "one more line of the value before"),
        (b"[s]\na\n", "s.a", Some(2), "has no `=`"),
        (b"[s]\na = \xff\n", "s.a", Some(2), "not UTF-8"),
        (b"a = 1\0\n", "a", None, "NUL"),
        (b"\xff\xfea\0=\0", "a", None, "UTF-16"),
    ];
    for (text, key, line, what) in rows {
        let unfit = find_text(&chosen(Format::Ini, &[key]), text).unwrap_err();
        assert!(unfit.line == line && unfit.what.contains(what), "{unfit:?}");
        assert!(!unfit.what.contains("hunter2"), "{unfit:?}");
    }
    // What nobody named is nobody's business.
    let others = b"b = 1\nb = 2\nflag\n[x]\nc = 1\n  more\n[x]\nd = \xff\n[s]\na = 1\n";
    assert!(find_text(&chosen(Format::Ini, &["s.a"]), others).is_ok());
}

#[test]
fn values_take_the_place_of_others_and_the_rest_stays() {
    let live = b"\xef\xbb\xbf; caf\xe9\r\n[s]  \r\na\t:  new \t\r\n\r\nother = \"x\"\r\n[t]\r\na=y";
    let saved = find_text(&chosen(Format::Ini, &["s.a"]), b"[s]\na='old' ; why\n").unwrap();
    let back = edit_text(&chosen(Format::Ini, &["s.a"]), live, &saved).unwrap();
    assert_eq!(
        back,
        b"\xef\xbb\xbf; caf\xe9\r\n[s]  \r\na\t:  'old' ; why \t\r\n\r\nother = \"x\"\r\n[t]\r\na=y"
    );
    for (saved, live, back) in [
        ("a=x\n", "a=\n", "a=x\n"),
        ("a = x\n", "a = \n", "a = x\n"),
        ("a = x\n", "a =\n", "a = x\n"),
        ("a: x\n", "a:\n", "a: x\n"),
        ("a =\n", "a = x\n", "a = \n"),
        ("a = x = y\n", "a=1\n", "a=x = y\n"),
    ] {
        assert_eq!(put(saved, "a", live), back, "{saved:?} into {live:?}");
    }
}

#[test]
fn a_lost_line_finds_its_place() {
    for (saved, key, live, back) in [
        ("x=1\n; of a\na=2\ny=3\n", "a", "x=1\n; of a\ny=3\n", "x=1\n; of a\na=2\ny=3\n"),
        ("x=1\na=2\n", "a", "[t]\n", "a=2\n[t]\n"),
        ("a=2\n", "a", "", "a=2\n"),
        ("[s]\na=2\n", "s.a", "[s] ; c\nb=1\n[t]\n", "[s] ; c\na=2\nb=1\n[t]\n"),
        ("[s]\nb=1\na=2\n", "s.a", "[s]\nc=1\n\n; of t\n[t]\n", "[s]\nc=1\na=2\n\n; of t\n[t]\n"),
        ("[s]\na=2\n", "s.a", "[t]\r\nx=1\r\n", "[t]\r\nx=1\r\n[s]\r\na=2\n"),
        ("[s.t]\na=2", "\"s.t\".a", "[t]\nx=1", "[t]\nx=1\n[s.t]\na=2"),
        ("[s]\n\ta = 2\n", "s.a", "[s]\n", "[s]\n\ta = 2\n"),
    ] {
        assert_eq!(put(saved, key, live), back, "{saved:?} into {live:?}");
    }
}

#[test]
fn whatever_is_lost_comes_back_byte_for_byte() {
    for text in [
        "a=1\nd=4\n[s]\nb=2\nx=0\nc=3\n",
        "; head\r\n\r\nd : \"4\"\r\na = 1\r\n[s]\r\n; of c\r\n\r\nc=\r\nb = x ; y\r\n[t]\r\na=1",
        "\u{feff}a=1\nd=2\n\n[x]\na=1\n[ s ] # s\n    c = 1\n    # b\n    b = 2\n# end",
    ] {
        comes_back_whole(Format::Ini, &["a", "s.b", "s.c", "d"], text);
    }
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9]([a-z =:;#\"'\\[]{0,8}[a-z0-9\"'])?",
        "\"[a-z ;#=]{0,6}\"",
        "http://[a-z]{1,5}:[0-9]{2}/"
    ]
}

/// Documents with sections, comments and empty lines; `<a>`, `<b>` and `<c>` stand for the values of `a`, `s.b` and
/// `s.c`.
fn documents() -> impl Strategy<Value = String> {
    let other = prop_oneof![Just(""), Just("\n"), Just("; a = [x\n"), Just("  # b: \n\n\n"), Just("\t \n")];
    let sign = prop_oneof![Just("="), Just(" = "), Just(": "), Just("\t:")];
    (prop::collection::vec(other, 7), prop::collection::vec(sign, 5), value(), value()).prop_map(
        |(between, signs, one, two)| {
            let [g0, g1, g2, g3, g4, g5, g6] = between[..] else { unreachable!() };
            let [s0, s1, s2, s3, s4] = signs[..] else { unreachable!() };
            format!(
                "{g0}x{s0}{one}\n{g1}a{s1}<a>  \n{g2}[y]\n{g3}a{s2}{two}\n{g4}[ s ]; s\n{g5}b{s3}<b>\t\n{g6}c{s4}<c>\n[z]\nflag\n"
            )
        },
    )
}

fn filled(document: &str, values: &[String; 3], end: &str, is_open: bool) -> String {
    let mut text = document.to_owned();
    for (place, value) in ["<a>", "<b>", "<c>"].iter().zip(values) {
        text = text.replace(place, value);
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
        let chosen = chosen(Format::Ini, &["a", "s.b", "s.c"]);
        let [saved, live] = [&then, &now].map(|values| filled(&document, values, end, is_open));
        one_leads_to_the_other(&chosen, (&saved, 0), (&live, 0));
        one_leads_to_the_other(&chosen, (&saved, lost[0]), (&live, lost[1]));
    }

    #[test]
    fn any_text_is_read_and_edited_without_a_panic(text in "([abA=:\\[\\];#\\\\ \t\\r\\n]|a=1\n|\\[a\\]\n){0,20}") {
        for key in ["a", "a.b"] {
            let chosen = chosen(Format::Ini, &[key]);
            if let Ok(held) = find_text(&chosen, text.as_bytes()) {
                let same = edit_text(&chosen, text.as_bytes(), &held).unwrap();
                prop_assert_eq!(same, text.as_bytes());
                if let Ok(without) = edit_text(&chosen, text.as_bytes(), &BTreeMap::new()) {
                    prop_assert!(find_text(&chosen, &without).unwrap().is_empty());
                }
                let saved = find_text(&chosen, b"a = saved\n[a]\nb: saved\n").unwrap();
                if let Ok(edited) = edit_text(&chosen, text.as_bytes(), &saved) {
                    prop_assert_eq!(&find_text(&chosen, &edited).unwrap()[key].raw, &saved[key].raw);
                }
            }
        }
    }
}
