use crate::config::Format;
use crate::format::tests::{chosen, comes_back_whole};
use crate::format::{edit as edit_text, find as find_text};
use proptest::prelude::*;

fn raw(text: &str, key: &str) -> Option<String> {
    let chosen = chosen(Format::Env, &[key]);
    find_text(&chosen, text.as_bytes()).unwrap().get(key).map(|held| held.raw.reveal().to_owned())
}

#[test]
fn values_are_found_as_they_are_written() {
    for (text, expected) in [
        ("A=1\n", Some("1")),
        ("A=1", Some("1")),
        ("  export   A = 1 \r\n", Some("1")),
        ("A=\n", Some("")),
        ("A=", Some("")),
        ("A= # nothing\n", Some("")),
        ("A=x # comment\n", Some("x")),
        ("A=x#y\n", Some("x#y")),
        ("A=#x\n", Some("#x")),
        ("A=x y  \n", Some("x y")),
        ("A=\"x # y\" # comment\n", Some("\"x # y\"")),
        ("A='x\\'\n", Some("'x\\'")),
        ("A=\"x \\\" y\"\n", Some("\"x \\\" y\"")),
        ("A=\"line\nB=inside\nend\"\nC=2\n", Some("\"line\nB=inside\nend\"")),
        ("A='it'\\''s'\n", Some("'it'\\''s'")),
        ("A=`x`\n", Some("`x`")),
        ("\u{feff}A=1\n", Some("1")),
        ("# A=1\n", None),
        ("A\n", None),
        ("export A\n", None),
        ("AB=1\n", None),
        ("exportA=1\n", None),
        ("9=1\n=2\nB=\"\nA=1\n\"\n", None),
        ("B=\"not closed\nA=1\n", Some("1")),
        ("A=é\n", Some("é")),
    ] {
        assert_eq!(raw(text, "A").as_deref(), expected, "{text:?}");
    }
}

#[test]
fn what_readers_differ_on_is_refused() {
    let rows: [(&[u8], usize, &str); 4] = [
        (b"A=1\n# x\nB=2\nexport A=3\n", 4, "twice, in lines 1 and 4"),
        (b"\nA=\"x\nB=2\n", 2, "not closed"),
        (b"A='x\nB='y'\n", 1, "not closed"),
        (b"B=1\nA=\xff\n", 2, "not UTF-8"),
    ];
    for (text, line, what) in rows {
        let unfit = find_text(&chosen(Format::Env, &["A"]), text).unwrap_err();
        assert_eq!(unfit.line, Some(line), "{unfit:?}");
        assert!(unfit.what.contains(what), "{unfit:?}");
        // What nobody named is nobody's business.
        assert!(find_text(&chosen(Format::Env, &["Z"]), text).is_ok());
    }
    for text in [&b"A=1\0\n"[..], b"\xff\xfeA\0=\0"] {
        assert!(find_text(&chosen(Format::Env, &["A"]), text).is_err());
    }
}

#[test]
fn other_bytes_stay() {
    let live = b"\xef\xbb\xbf# caf\xe9\r\nA=new # why\r\n\r\nother = \"x\"\r\nNEW=1\r\nlast='y'";
    let chosen = chosen(Format::Env, &["A", "NEW"]);
    let saved = find_text(&chosen, b"A='old'\n").unwrap();
    let back = edit_text(&chosen, live, &saved).unwrap();
    assert_eq!(back, b"\xef\xbb\xbf# caf\xe9\r\nA='old' # why\r\n\r\nother = \"x\"\r\nlast='y'");
}

#[test]
fn a_lost_line_finds_its_place() {
    for (saved, live, back) in [
        ("X=1\nA=2\nY=3\n", "X=1\nY=3\n", "X=1\nA=2\nY=3\n"),
        ("X=1\n# of A\nA=2\nY=3\n", "X=1\n# of A\nY=3\n", "X=1\n# of A\nA=2\nY=3\n"),
        ("X=1\n# of A\nA=2\nY=3\n", "X=1\nY=3\n", "X=1\nA=2\nY=3\n"),
        ("# head\nA=2\nY=3\n", "# head\nY=3\n", "# head\nA=2\nY=3\n"),
        ("X=1\nA=2\nY=3\n", "Y=3\n", "Y=3\nA=2\n"),
        ("X=1\nA=2\nY=3\n", "Y=3", "Y=3\nA=2"),
        ("X=1\nA=2", "X=1", "X=1\nA=2"),
        ("X=1\nA=2", "X=1\n", "X=1\nA=2"),
        ("X=1\nA=2\nY=3\n", "X=1\r\nY=3\r\n", "X=1\r\nA=2\nY=3\r\n"),
        ("A=2\n", "", "A=2\n"),
        ("A=2 # why\n", "\u{feff}", "\u{feff}A=2 # why\n"),
        ("export A='x\ny'\n", "B=1\n", "export A='x\ny'\nB=1\n"),
    ] {
        let chosen = chosen(Format::Env, &["A"]);
        let held = find_text(&chosen, saved.as_bytes()).unwrap();
        let edited = edit_text(&chosen, live.as_bytes(), &held).unwrap();
        assert_eq!(String::from_utf8(edited).unwrap(), back, "{saved:?} into {live:?}");
    }
}

#[test]
fn whatever_is_lost_comes_back_byte_for_byte() {
    for text in [
        "A=1\nB=2\nC=3\n",
        "A=1\nB=2\nC=3",
        "A=1\r\nB=2\r\nC=3\r\n",
        "# head\n\nA=1\n# b\n# b\nB='2\n2'\n\nX=0\nC=3 # c\n# tail",
        "\u{feff}  export A = \"1\"\nX=\"\nB=9\n\"\nB=2\nC=3\nY=1",
        "C=\nB=\nA=\n",
    ] {
        comes_back_whole(Format::Env, &["A", "B", "C"], text);
    }
}

proptest! {
    #[test]
    fn any_text_is_read_and_edited_without_touching_the_rest(text in "([ABX=\"'`#\\\\ \\r\\n]|export ){0,40}") {
        let chosen = chosen(Format::Env, &["A"]);
        if let Ok(held) = find_text(&chosen, text.as_bytes()) {
            let same = edit_text(&chosen, text.as_bytes(), &held).unwrap();
            prop_assert_eq!(same, text.as_bytes());
        }
        let saved = find_text(&chosen, b"A='saved'\n").unwrap();
        if let Ok(edited) = edit_text(&chosen, text.as_bytes(), &saved) {
            let held = find_text(&chosen, &edited).unwrap();
            prop_assert_eq!(held["A"].raw.reveal(), "'saved'");
        }
    }
}
