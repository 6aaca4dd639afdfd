use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::config::Format;
use crate::format::tests::{chosen, comes_back_whole, one_leads_to_the_other};
use crate::format::{edit as edit_text, find as find_text};

fn raw(text: &str, key: &str) -> Option<String> {
    let chosen = chosen(Format::Toml, &[key]);
    find_text(&chosen, text.as_bytes()).unwrap().get(key).map(|held| held.raw.reveal().to_owned())
}

/// The saved value of a key, put into another text.
fn put(saved: &str, key: &str, live: &str) -> Result<String, String> {
    let chosen = chosen(Format::Toml, &[key]);
    let held = find_text(&chosen, saved.as_bytes()).unwrap();
    let edited = edit_text(&chosen, live.as_bytes(), &held).map_err(|unfit| unfit.what)?;
    Ok(String::from_utf8(edited).unwrap())
}

#[test]
fn values_are_found_as_they_are_written() {
    for (text, key, expected) in [
        ("a = 1\n", "a", Some("1")),
        ("a=0x_1F # c\n".replace("_", "").as_str(), "a", Some("0x1F")),
        ("a = 1_000 # c\n", "a", Some("1_000")),
        ("a = +1.5e3\r\n", "a", Some("+1.5e3")),
        ("a = 'x # y' # z\n", "a", Some("'x # y'")),
        ("a = \"é\\n\"\n", "a", Some("\"é\\n\"")),
        ("a = '''\nx\n[b]\n'''\nb = 1\n", "a", Some("'''\nx\n[b]\n'''")),
        ("a = 1979-05-27 07:32:00.5-07:00\n", "a", Some("1979-05-27 07:32:00.5-07:00")),
        ("a = 07:32:00\n", "a", Some("07:32:00")),
        ("a = inf\n", "a", Some("inf")),
        ("a = [ 1, # one\n 2 ]\n", "a", Some("[ 1, # one\n 2 ]")),
        ("s.a = 1\n", "s.a", Some("1")),
        ("s . \"a.b\" = 1\n", "s.\"a.b\"", Some("1")),
        ("[s]\na = 1\n", "s.a", Some("1")),
        ("[ s . t ] # c\n  u.a = 1\n", "s.t.u.a", Some("1")),
        ("[s]\nt = { a = 1, u.b = 2 }\n", "s.t.a", Some("1")),
        ("[s]\nt = { a = 1, u.b = 2 }\n", "s.t.u.b", Some("2")),
        ("[s]\nt = { a = 1, u = { b = [2] } }\n", "s.t.u.b", Some("[2]")),
        ("[s]\nt = { a = 1 }\n", "s.t", Some("{ a = 1 }")),
        ("x = 1\n\n[s] # c\na = 1\n# d\nb = 2 # e\n\n[t]\n", "s", Some("[s] # c\na = 1\n# d\nb = 2 # e")),
        ("[s.t]\na = 1\n\n[s.u]\n[[s.v]]\nb = 1\n[x]\n", "s", Some("[s.t]\na = 1\n\n[s.u]\n[[s.v]]\nb = 1")),
        (
            "[[p]]\na = 1\n[[p]]\na = 2\n[p.sub]\nb = 1\n",
            "p",
            Some("[[p]]\na = 1\n[[p]]\na = 2\n[p.sub]\nb = 1"),
        ),
        ("\u{feff}a = 1\n", "a", Some("1")),
        ("[t]\na = 1\n", "a", None),
        ("[s]\n", "s.a", None),
        ("", "a.b", None),
    ] {
        assert_eq!(raw(text, key).as_deref(), expected, "{text:?} {key}");
    }
}

#[test]
fn what_cannot_be_put_back_is_refused_without_being_shown() {
    let deep = format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    let dotted = format!("{}a = 1", "a.".repeat(100_000));
    let header = format!("[{}a]", "a.".repeat(100_000));
    for (text, key, line, what) in [
        ("[[p]]\na = 'hunter2'\n", "p.a", Some(1), "`p` on the way to p.a is a list of tables"),
        ("\n[[p]]\n[[p.q]]\na = 1\n", "p.q", Some(2), "list of tables"),
        ("a = 'hunter2'\n", "a.b", Some(1), "is no table"),
        ("a = [{ b = 1 }]\n", "a.b", Some(1), "is no table"),
        ("[s]\nt = { a = 1 }\n", "s.t.a.b", Some(2), "is no table"),
        ("s.a = 1\ns.b = 2\n", "s", Some(1), "in parts, as `s.a`"),
        ("x = { s.a = 1 }\n", "x.s", Some(1), "in parts"),
        ("[s.a]\n[x]\n[s.b]\n", "s", Some(2), "does not stand in one place"),
        ("a = 1\n\na = 'hunter2'\n", "a", Some(3), "twice"),
        ("[s]\na = 1\n[s]\n", "s.a", Some(3), "twice"),
        ("a = hunter2\n", "a", Some(1), "no TOML"),
        ("a = \"hunter2\n", "a", Some(1), "no TOML"),
        ("a: hunter2\n", "a", Some(1), "no TOML"),
        (deep.as_str(), "a", Some(1), "no TOML"),
        (dotted.as_str(), "a", Some(1), "no TOML"),
        (header.as_str(), "a", Some(1), "no TOML"),
    ] {
        let unfit = find_text(&chosen(Format::Toml, &[key]), text.as_bytes()).unwrap_err();
        assert!(unfit.line == line && unfit.what.contains(what), "{unfit:?} for {key}");
        assert!(!unfit.what.contains("hunter2"), "{unfit:?}");
    }
    assert!(find_text(&chosen(Format::Toml, &["a"]), b"a = '\xff'\n").is_err());
}

#[test]
fn values_take_the_place_of_others_and_the_rest_stays() {
    for (saved, key, live, back) in [
        (
            "a = 'x'\n",
            "a",
            "# c\r\na  =\t2 # why\r\n\r\n[t]\r\nb = [1,\t2]  ",
            Some("# c\r\na  =\t'x' # why\r\n\r\n[t]\r\nb = [1,\t2]  "),
        ),
        ("a = 1", "a", "\u{feff}a = '''\nx'''\n", Some("\u{feff}a = 1\n")),
        ("s.a = 1\n", "s.a", "[s]\na = 2 # why\n", Some("[s]\na = 1 # why\n")),
        ("[s]\na = 1\n", "s.a", "s = { x = 1, a = 2 }\n", Some("s = { x = 1, a = 1 }\n")),
        ("[s]\na = 1\n", "s", "x = 1\n[s] # c\nb = 2\n\n# t\n[t]\n", Some("x = 1\n[s]\na = 1\n\n# t\n[t]\n")),
        ("x = 1\n[s]\na = 1\n", "s", "s = { a = 2 } # why\nx = 1\n[t]\n", Some("x = 1\n[s]\na = 1\n[t]\n")),
        ("s = { a = 2 } # why\n", "s", "x = 1\n[s]\na = 1\n", Some("s = { a = 2 } # why\nx = 1\n")),
        (
            "[[p]]\na = 1\n[[p]]\na = 2\n",
            "p",
            "[[p]]\na = 3\n# end\n",
            Some("[[p]]\na = 1\n[[p]]\na = 2\n# end\n"),
        ),
    ] {
        assert_eq!(put(saved, key, live).ok().as_deref(), back, "{saved:?} into {live:?}");
    }
}

#[test]
fn a_lost_entry_finds_its_place() {
    for (saved, key, live, back) in [
        (
            "x = 1\n# of a\na = 2 # why\ny = 3\n",
            "a",
            "x = 1\n# of a\ny = 3\n",
            Some("x = 1\n# of a\na = 2 # why\ny = 3\n"),
        ),
        ("x = 1\na = 2\n", "a", "[t]\n", Some("a = 2\n[t]\n")),
        ("a = 2\n", "a", "# c\n\n[t]", Some("a = 2\n# c\n\n[t]")),
        ("a = 2\n", "a", "", Some("a = 2\n")),
        ("[s]\na = 2\n", "s.a", "[s] # c\n  b = 1\n\n[t]\n", Some("[s] # c\na = 2\n  b = 1\n\n[t]\n")),
        (
            "[s]\nb = 1\na = 2\n",
            "s.a",
            "[s]\nc = 1\n\n# of t\n[t]\n",
            Some("[s]\nc = 1\na = 2\n\n# of t\n[t]\n"),
        ),
        ("[s]\na = 2\n", "s.a", "[t]\r\nx = 1\r\n", Some("[t]\r\nx = 1\r\n\r\n[s]\r\na = 2\n")),
        ("['a b'.s]\na = 2\n", "a b.s.a", "x = 1", Some("x = 1\n\n[\"a b\".s]\na = 2")),
        ("[s]\na = 2\n", "s.a", "s = { x = 1 }\n", Some("s = { a = 2, x = 1 }\n")),
        ("s = { a = 2, x = 1 }\n", "s.a", "[s]\nx = 1\n", Some("[s]\na = 2\nx = 1\n")),
        ("s = { x = 1, t.a = 2 }\n", "s.t.a", "s = { x = 1 }\n", Some("s = { x = 1, t.a = 2 }\n")),
        ("s.t.a = 2\n", "s.t.a", "x = 1\n[y]\n", Some("s.t.a = 2\nx = 1\n[y]\n")),
        ("a = '''\nx'''\nb = 1\n", "a", "b = 1\n", Some("a = '''\nx'''\nb = 1\n")),
        ("[x]\n\n[s]\na = 1\n\n[y]\n", "s", "[x]\n\n[y]\n", Some("[x]\n\n[s]\na = 1\n\n[y]\n")),
        ("[s]\na = 1", "s", "x = 1\n", Some("x = 1\n[s]\na = 1")),
        // A table that is written in parts cannot be opened again.
        ("[s]\na = 2\n", "s.a", "s.x = 1\n", None),
        ("[s]\na = 2\n", "s.a", "s = [1]\n", None),
    ] {
        assert_eq!(put(saved, key, live).ok().as_deref(), back, "{saved:?} into {live:?}");
    }
}

#[test]
fn an_entry_goes_with_its_lines_and_comments_around_stay() {
    for (text, key, without) in [
        ("# of a\na = 1 # why\n# of b\nb = 2\n", "a", "# of a\n# of b\nb = 2\n"),
        ("b = 2\na = [\n  1, # one\n]", "a", "b = 2"),
        ("[s]\na = 1\n[t]\n", "s.a", "[s]\n[t]\n"),
        ("[x]\n\n[s]\na = 1\n\n# of y\n[y]\n", "s", "[x]\n\n# of y\n[y]\n"),
        ("s = { a = 1, b = 2 }\n", "s.a", "s = { b = 2 }\n"),
        ("s = { b = 2, t.a = 1 } # c\n", "s.t.a", "s = { b = 2 } # c\n"),
        ("s = { a = 1 }\n", "s.a", "s = { }\n"),
    ] {
        let edited = edit_text(&chosen(Format::Toml, &[key]), text.as_bytes(), &BTreeMap::new()).unwrap();
        assert_eq!(String::from_utf8(edited).unwrap(), without, "{text:?}");
    }
}

#[test]
fn whatever_is_lost_comes_back_byte_for_byte() {
    for text in [
        "a = 1\nd = 4\n[s]\nb = 2\nx = 0\nc = 3\n",
        "# head\n\na = 1 # a\ns.b = '''\n2'''\n\ns.c = 3\nd = 4\n[x]\n",
        "\u{feff}d = [\r\n  4 # four\r\n]\r\na = { z = 1 }\r\n\r\n# of s\r\n  [ s ] # s\r\n  c = 3\r\n\r\n  # of b\r\n  b = 2\r\n# end",
        "s = { b = 2, x = 0, c = 3 }\nd = 07:32:00\na = \"x\"",
        "a = 1\n[s]\nc = 1\nb = 2\n\n[d]\nz = 1\n\n[y]\n",
        "[d]\nz = 1\n \t\r\n[s]\nc = 1\nb = 2\n\n\n[y]",
        "# a\n\n[d]\nz = 1",
        "a = 1\n\n[x]\ny = 1\n\n# of d\n[d]\nz = 1 # z\n\n[[d.e]]\n\n[s]\nc = 1\nb = 2\n",
    ] {
        comes_back_whole(Format::Toml, &["a", "s.b", "s.c", "d"], text);
    }
}

/// One value as people write it.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[1-9][0-9]{0,5}",
        "'[a-z #=\\[]{0,6}'",
        "\"[a-z #=\\]]{0,6}\"",
        Just("'''\nx = 1\n[s]\n# no comment'''".to_owned()),
        Just("[\n  1, # one\n  { x = 'y' },\n]".to_owned()),
        Just("{ x = 1, y.z = [] }".to_owned()),
        Just("1979-05-27T07:32:00Z".to_owned()),
        Just("true".to_owned()),
        Just("-inf".to_owned()),
    ]
}

fn other_lines() -> impl Strategy<Value = String> {
    prop_oneof![Just(""), Just("\n"), Just("  # comment = 'x\n"), Just("# [c]\n\n\n"), Just("\t \n")]
        .prop_map(str::to_owned)
}

/// Documents with sections, comments and empty lines; `<a>`, `<b>` and `<c>` stand for the values of `a`, `s.b` and
/// `s.t.c`.
fn documents() -> impl Strategy<Value = String> {
    (prop::collection::vec(other_lines(), 8), value(), value(), any::<bool>()).prop_map(
        |(between, one, two, is_inline)| {
            let [g0, g1, g2, g3, g4, g5, g6, g7] = &between[..] else { unreachable!() };
            let last = match is_inline {
                true => format!("t = {{ n = {one}, c = <c>, o.p = 1 }} # t\n{g7}"),
                false => format!("{g7}[s.t]\n  c = <c>\n"),
            };
            format!("{g0}x = {one}\n{g1}a = <a> # a\n{g2}[y]\n{g3}z.z = {two} \n{g4}[ s ]#s\n{g5}  b\t=<b>\t\n{g6}{last}")
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
        let chosen = chosen(Format::Toml, &["a", "s.b", "s.t.c"]);
        let [saved, live] = [&then, &now].map(|values| filled(&document, values, end, is_open));
        one_leads_to_the_other(&chosen, (&saved, 0), (&live, 0));
        one_leads_to_the_other(&chosen, (&saved, lost[0]), (&live, lost[1]));
    }

    #[test]
    fn any_text_is_read_and_edited_without_a_panic(
        text in "([ab={}\\[\\],.'\"#1 \\r\\n]|a = 1\n|\\[a\\]\n|a = \\{ b = 1 \\}\n){0,12}",
    ) {
        for key in ["a", "a.b"] {
            let chosen = chosen(Format::Toml, &[key]);
            if let Ok(held) = find_text(&chosen, text.as_bytes()) {
                let same = edit_text(&chosen, text.as_bytes(), &held).unwrap();
                prop_assert_eq!(same, text.as_bytes());
                if let Ok(without) = edit_text(&chosen, text.as_bytes(), &BTreeMap::new()) {
                    prop_assert!(find_text(&chosen, &without).unwrap().is_empty());
                }
                let saved = find_text(&chosen, b"[a]\nb = 'saved' # why\n").unwrap();
                if let Ok(edited) = edit_text(&chosen, text.as_bytes(), &saved) {
                    prop_assert_eq!(&find_text(&chosen, &edited).unwrap()[key].raw, &saved[key].raw);
                }
            }
        }
    }
}
