//! Bad files: the code, the place and what is said, row by row.

use super::{WHOLE, findings};
use crate::diagnostic::Diagnostic;

/// A component of one line that begins at line 5; what a row adds stands from there on.
const HEAD: &str = "migration: m\ncomponents:\n  a:\n    kind: k.a\n";

/// Everything that a diagnostic says, on one line.
fn said(found: &Diagnostic) -> String {
    let mut all = vec![found.summary.as_str()];
    all.extend(found.cause.as_deref());
    all.extend(found.label.as_deref());
    all.extend(found.hints.iter().map(String::as_str));
    all.join(" | ")
}

/// Each row: the text, then code, line, column, the text at the place and a part of what is said.
type Row<'a> = (&'a str, &'a [(&'a str, usize, usize, &'a str, &'a str)]);

fn hold(head: &str, rows: &[Row<'_>]) {
    for (text, expected) in rows {
        let text = format!("{head}{text}");
        let found = findings(&text);
        let places: Vec<_> = found
            .iter()
            .map(|d| d.place.as_ref().map(|p| (d.code.0, p.line, p.column, &text[p.start..p.end])).unwrap())
            .collect();
        let wanted: Vec<_> =
            expected.iter().map(|(code, line, column, at, _)| (*code, *line, *column, *at)).collect();
        assert_eq!(places, wanted, "{text}\n{found:#?}");
        for (found, (.., part)) in found.iter().zip(*expected) {
            assert!(said(found).contains(part), "{text}\n{}\nlacks {part}", said(found));
        }
    }
}

#[test]
fn a_whole_file_has_no_findings() {
    assert_eq!(findings(WHOLE), []);
}

#[test]
fn the_file_itself() {
    hold(
        "",
        &[
            ("", &[("BK0123", 1, 1, "", "`backout.yaml` is empty")]),
            ("# only a comment\n", &[("BK0123", 1, 1, "", "backout init")]),
            ("- a\n", &[("BK0113", 1, 1, "- a", "expected a map of fields, found a list")]),
            ("hello\n", &[("BK0113", 1, 1, "hello", "found the text `hello`")]),
            ("migration: m\n", &[("BK0112", 1, 1, "migration: m", "`backout.yaml` lacks `components`")]),
            (
                "components: {}\n",
                &[
                    ("BK0123", 1, 1, "components", "no component"),
                    ("BK0112", 1, 1, "components: {}", "lacks `migration`"),
                ],
            ),
            ("migration: m\ncomponents: [a]\n", &[("BK0113", 2, 13, "[a]", "expected a map of components")]),
            ("migration: m\ncomponents:\n  a:\n", &[("BK0113", 3, 4, "", "found nothing")]),
            ("migration: m\ncomponents:\n  a: {}\n", &[("BK0112", 3, 3, "a", "component `a` lacks `kind`")]),
            (
                "migraton: m\ncomponents:\n  a: {kind: x}\n",
                &[
                    ("BK0111", 1, 1, "migraton", "did you mean `migration`?"),
                    ("BK0112", 1, 1, "migraton: m", "lacks `migration`"),
                ],
            ),
            (
                "migration: 'a b'\ncomponents:\n  -rf: {kind: x}\n  é: {kind: x}\n",
                &[
                    ("BK0117", 1, 12, "'a b'", "found U+0020"),
                    ("BK0117", 3, 3, "-rf", "begins with a letter or a digit"),
                    ("BK0117", 4, 3, "é", "found U+00E9"),
                ],
            ),
            (
                "migration: [m]\ncomponents:\n  a: {kind: {}}\n",
                &[
                    ("BK0113", 1, 12, "[m]", "wrong `migration` | expected text, found a list"),
                    ("BK0113", 3, 13, "{}", "wrong `kind` in component `a` | expected text, found a map"),
                ],
            ),
            (
                "migration: m\nroots: [srv, /]\nvault: {key: hunter2}\ncomponents:\n  a: {kind: x}\n",
                &[
                    ("BK0133", 2, 9, "srv", "a root is an absolute path"),
                    ("BK0133", 2, 14, "/", "the whole file system"),
                    ("BK0135", 3, 14, "hunter2", "write `${env:NAME}`"),
                ],
            ),
            (
                "migration: m\nlimits: {parallel: 010}\ncomponents:\n  a: {kind: x}\n",
                &[("BK0114", 2, 20, "010", "octal or decimal? write `10` or `8`")],
            ),
            (
                "migration: m\nlimits: {parallel: 0}\ncomponents:\n  a: {kind: x}\n",
                &[("BK0113", 2, 20, "0", "a whole number from 1 on")],
            ),
            (
                "migration: m\nlimits: {present_space: 5}\ncomponents:\n  a: {kind: x}\n",
                &[("BK0113", 2, 25, "5", "`5` has no unit")],
            ),
        ],
    );
}

#[test]
fn yaml_that_hides_or_breaks() {
    hold(
        HEAD,
        &[
            ("    kind: k.b\n", &[("BK0107", 5, 5, "kind", "first written at line 4, column 5")]),
            (
                "    x: &a 1\n    y: *a\n",
                &[("BK0104", 5, 8, "&a", "anchor"), ("BK0104", 6, 8, "*a", "alias")],
            ),
            ("    <<: *b\n", &[("BK0104", 5, 5, "<<", "merge key"), ("BK0104", 5, 9, "*b", "alias")]),
            ("    x: !!str 1\n", &[("BK0105", 5, 8, "!!str", "tags are not supported")]),
            ("    ? [x]\n    : 1\n", &[("BK0110", 5, 7, "[x]", "no text")]),
            ("    : 1\n", &[("BK0110", 5, 5, "", "empty key")]),
            ("\tx: 1\n", &[("BK0109", 5, 1, "\t", "indent with blanks")]),
            ("    x:\n    \ty: 1\n", &[("BK0109", 6, 5, "\t", "indent with blanks")]),
            ("    x: [1\n", &[("BK0103", 5, 8, "[", "unclosed bracket")]),
            ("    x: {a: ${env:X}}\n", &[("BK0103", 5, 13, "{", "a reference wants quotes")]),
            ("    x: a: b\n", &[("BK0103", 5, 9, ":", "wants quotes")]),
            ("    x: a\u{202e}b\n", &[("BK0108", 5, 9, "\u{202e}", "U+202E")]),
            ("    x: é\u{2066}b\n", &[("BK0108", 5, 9, "\u{2066}", "U+2066")]),
            ("    \"x\\u202e\": b\n", &[("BK0108", 5, 5, "\"x\\u202e\"", "U+202E in a key")]),
            ("    x: a\u{1}b\n", &[("BK0108", 5, 9, "\u{1}", "U+0001")]),
            ("    x: a\u{0}b\n", &[("BK0108", 5, 9, "\u{0}", "U+0000")]),
            ("    x: a\rb\n", &[("BK0108", 5, 9, "\r", "U+000D")]),
            ("---\nb: 1\n", &[("BK0106", 5, 1, "---", "second document")]),
        ],
    );
    hold("", &[("%YAML 1.2\n---\na: 1\n", &[("BK0106", 1, 1, "%", "directive")])]);
}

#[test]
fn fields_of_a_component() {
    hold(
        HEAD,
        &[
            ("    edge: yes\n", &[("BK0113", 5, 11, "yes", "write `true`, without quotes")]),
            ("    edge: \"true\"\n", &[("BK0113", 5, 11, "\"true\"", "write `true`, without quotes")]),
            ("    live: ok\n", &[("BK0113", 5, 11, "ok", "expected `accepted`, found `ok`")]),
            ("    writes: mrege\n", &[("BK0113", 5, 13, "mrege", "did you mean `merge`?")]),
            (
                "    writes: [merge]\n",
                &[("BK0113", 5, 13, "[merge]", "expected `merge`, `review` or `accept-loss`, found a list")],
            ),
            ("    timeout: 30\n", &[("BK0113", 5, 14, "30", "write `30s`, `30m` or `30h`")]),
            (
                "    timeout: [30s]\n",
                &[("BK0113", 5, 14, "[30s]", "expected a duration such as `30s`, found a list")],
            ),
            ("    timeout:\n", &[("BK0113", 5, 12, "", "found nothing")]),
            (
                "    owner: ${env:X}\n",
                &[("BK0115", 5, 12, "${env:X}", "not allowed in `owner` in component `a`")],
            ),
            ("    then: [{run: []}]\n", &[("BK0123", 5, 12, "{run: []}", "`run` names no program")]),
            (
                "    then: [{run: [a, '${evn:X}']}]\n",
                &[("BK0116", 5, 22, "'${evn:X}'", "did you mean `${env:X}`?")],
            ),
            ("    then: [{rnu: [a]}]\n", &[("BK0111", 5, 13, "rnu", "did you mean `run`?")]),
            ("    then: [{}]\n", &[("BK0112", 5, 5, "then", "lacks `run`")]),
            ("    verify: [{url: x}]\n", &[("BK0112", 5, 14, "{url: x}", "lacks `probe`")]),
            ("    verify: [http]\n", &[("BK0113", 5, 14, "http", "{probe: http, url: ..}")]),
            ("    verify: [{probe: [x]}]\n", &[("BK0113", 5, 22, "[x]", "expected text")]),
            ("    keys: []\n", &[("BK0123", 5, 5, "keys", "matches nothing")]),
            ("    file:\n", &[("BK0123", 5, 5, "file", "has no value")]),
            ("  m:\n    kind: manual\n", &[("BK0112", 5, 3, "m", "component `m` lacks `instructions`")]),
            (
                "  m:\n    kind: manual\n    instructions: do\n    neds: [a]\n",
                &[("BK0111", 8, 5, "neds", "did you mean `needs`?")],
            ),
        ],
    );
}

#[test]
fn dependencies_and_edges() {
    hold(
        HEAD,
        &[
            ("    needs: b\n", &[("BK0113", 5, 12, "b", "expected a list such as `[b]`")]),
            ("    needs: [b]\n", &[("BK0119", 5, 13, "b", "components here: a")]),
            (
                "    reads: [A]\n",
                &[("BK0119", 5, 13, "A", "component `a` reads unknown component `A` | did you mean `a`?")],
            ),
            ("    inside: b\n", &[("BK0119", 5, 13, "b", "component `a` lives in unknown component `b`")]),
            ("    needs: [a]\n", &[("BK0120", 5, 13, "a", "component `a` needs itself")]),
            ("    inside: a\n", &[("BK0120", 5, 13, "a", "component `a` lives in itself")]),
            (
                "  b: {kind: x, needs: [a, a]}\n",
                &[("BK0122", 5, 27, "a", "first named at line 5, column 24")],
            ),
            ("  b: {kind: x, needs: [a], inside: a}\n", &[("BK0122", 5, 36, "a", "needs it anyway")]),
            ("    needs: [{on: b, compatible: bth}]\n", &[("BK0113", 5, 33, "bth", "did you mean `both`?")]),
            ("    needs: [{no: b}]\n", &[("BK0111", 5, 14, "no", "did you mean `on`?")]),
            ("    needs: [{compatible: both}]\n", &[("BK0112", 5, 5, "needs", "lacks `on`")]),
            ("    compatible: [b]\n", &[("BK0126", 5, 18, "b", "does not depend on")]),
            (
                "    needs: [b]\n  b: {kind: x, needs: [c]}\n  c: {kind: y, inside: a}\n",
                &[("BK0121", 5, 13, "b", "`a` needs `b`, `b` needs `c`, `c` lives in `a`")],
            ),
            ("    edge: true\n", &[("BK0125", 5, 5, "edge", "in front of nothing")]),
            (
                "    before: [b.reopen]\n",
                &[("BK0119", 5, 14, "b.reopen", "an extra edge of component `a` names")],
            ),
            ("    before: [a]\n", &[("BK0136", 5, 14, "a", "write `COMPONENT.GROUP`")]),
            ("    before: [a.reopn]\n", &[("BK0136", 5, 14, "a.reopn", "did you mean `reopen`?")]),
            ("    after: {rvert: [a.prove]}\n", &[("BK0136", 5, 13, "rvert", "did you mean `revert`?")]),
            ("    after: [a.revert]\n", &[("BK0120", 5, 13, "a.revert", "waits for itself")]),
        ],
    );
}

#[test]
fn phases_and_reserved_names() {
    hold(
        HEAD,
        &[
            ("phases: {}\n", &[("BK0123", 5, 1, "phases", "no phase")]),
            ("phases: [a]\n", &[("BK0113", 5, 9, "[a]", "expected a map such as")]),
            (
                "phases: {p: []}\n",
                &[
                    ("BK0124", 3, 3, "a", "component `a` is in no phase"),
                    ("BK0123", 5, 10, "p", "no component"),
                ],
            ),
            (
                "phases: {p: [a], q: [a]}\n",
                &[("BK0124", 5, 22, "a", "two phases, `p` and `q` | it is first named")],
            ),
            ("phases: {p: [a, a]}\n", &[("BK0122", 5, 17, "a", "listed twice")]),
            ("phases: {p: [a, b]}\n", &[("BK0119", 5, 17, "b", "phase `p` names unknown component `b`")]),
            (
                "  b: {kind: x}\nphases: {all: [a], q: [b]}\n",
                &[("BK0118", 6, 10, "all", "a phase cannot be named `all`")],
            ),
            ("phases: {all: [a]}\n", &[]),
            (
                "  all: {kind: x}\n  a.revert: {kind: x}\n  b.prove.2: {kind: y}\n  c.1: {kind: z}\n  revert: {kind: z}\n",
                &[
                    ("BK0118", 5, 3, "all", "something else"),
                    ("BK0118", 6, 3, "a.revert", "name of a step"),
                    ("BK0118", 7, 3, "b.prove.2", "name of a step"),
                ],
            ),
        ],
    );
}

#[test]
fn mistakes_are_told_together() {
    let text = format!("{HEAD}    edge: yes\n    timeout: 30\nphases: [a]\nstor: x\n");
    let codes: Vec<_> = findings(&text).iter().map(|found| found.code.0).collect();
    assert_eq!(codes, ["BK0113", "BK0113", "BK0113", "BK0111"]);
}
