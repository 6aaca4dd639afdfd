//! Files that a person should not have written: a code, a place, a cause and a next step for each.

use std::time::Instant;

use super::world::{World, assert_seen};

fn check(text: impl AsRef<[u8]>) -> super::world::Seen {
    let world = World::empty();
    world.write("backout.yaml", text);
    world.run(&["check", "--offline"])
}

const HEAD: &str = "migration: x\ncomponents:\n";

#[test]
fn all_mistakes_are_shown_at_once_with_their_lines() {
    let reading = "migration: x y\nextra: 1\ncomponents:\n  site:\n    kind: file.tree\n    writes: merg\n    needs: api\n";
    assert_seen!("check-reading", check(reading));
    let fitting = "migration: x\ncomponents:\n  site:\n    kind: file.tre\n    path: site\n  link:\n    \
                   kind: file.link\n    path: current\n    neds: [site]\n    needs: [sitee]\n";
    assert_seen!("check-fitting", check(fitting));
}

#[test]
fn each_mistake_has_its_code_and_place() {
    let component = |body: &str| format!("{HEAD}  a:\n    kind: file.tree\n    path: a\n{body}");
    let rows: Vec<(&str, String, &str)> = vec![
        ("an unknown key", component("    neds: [b]\n"), "BK0111"),
        ("a duplicate key", component("    path: b\n"), "BK0107"),
        ("a missing field", "migration: x\n".into(), "BK0112"),
        ("a wrong type", format!("{HEAD}  a: 3\n"), "BK0113"),
        ("an anchor", format!("{HEAD}  a: &x\n    kind: file.tree\n    path: a\n"), "BK0104"),
        ("a tab", "migration: x\ncomponents:\n\ta: 1\n".into(), "BK0109"),
        (
            "a hidden character",
            format!("{HEAD}  \"a\u{202e}b\":\n    kind: file.tree\n    path: a\n"),
            "BK0108",
        ),
        ("an unknown component", component("    needs: [b]\n"), "BK0119"),
        ("a circle of one", component("    needs: [a]\n"), "BK0120"),
        (
            "a circle",
            component("    needs: [b]\n  b:\n    kind: file.tree\n    path: b\n    needs: [a]\n"),
            "BK0121",
        ),
        ("an unknown kind", format!("{HEAD}  a:\n    kind: file.tre\n"), "BK0127"),
        ("two components on one thing", component("  b:\n    kind: file.tree\n    path: a\n"), "BK0132"),
        ("a path out of the folder", format!("{HEAD}  a:\n    kind: file.tree\n    path: ../a\n"), "BK0"),
        (
            "an absolute path without a root",
            format!("{HEAD}  a:\n    kind: file.tree\n    path: /etc\n"),
            "BK0133",
        ),
        ("no component", "migration: x\ncomponents: {}\n".into(), "BK0123"),
        ("a name that is none", format!("{HEAD}  \"a b\":\n    kind: file.tree\n    path: a\n"), "BK0117"),
        ("nonsense", "migration: [\n".into(), "BK0103"),
    ];
    for (what, text, code) in rows {
        let seen = check(&text);
        assert_eq!(seen.exit, 2, "{what}: {}", seen.text());
        assert!(seen.says(&format!("error[{code}")), "{what}, {code}: {}", seen.text());
        assert!(seen.says("--> backout.yaml:"), "{what} has no place: {}", seen.text());
        assert!(!seen.out.contains('\u{202e}'), "{what}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    for bytes in [&b"\xff\xfem\x00i\x00"[..], b"\xef\xbb\xbfmigration: x", b"migration: \xff", b""] {
        let seen = check(bytes);
        assert_eq!(seen.exit, 2, "{}", seen.text());
    }
}

#[test]
fn bombs_are_refused_within_bounds() {
    let aliases: String = (1..40).fold("a0: &a0 [x]\n".to_owned(), |text, level| {
        let before = level - 1;
        text + &format!("a{level}: &a{level} [*a{before}, *a{before}, *a{before}]\n")
    });
    let deep = format!("migration: x\ncomponents: {}{}", "[".repeat(100_000), "]".repeat(100_000));
    let large = format!("migration: x\n# {}\n", "x".repeat(64 << 20));
    for (what, text) in [("aliases", aliases), ("depth", deep), ("size", large)] {
        let began = Instant::now();
        let seen = check(&text);
        assert_eq!(seen.exit, 2, "{what}");
        assert!(began.elapsed().as_secs() < 20, "{what} takes too long");
        assert!(seen.out.len() + seen.err.len() < 100_000, "{what} says too much");
    }
}

#[test]
fn no_file_says_how_to_get_one() {
    assert_seen!("no-file", World::empty().run(&["status"]));
    let elsewhere = World::empty().run(&["-C", "nowhere", "plan"]);
    assert_eq!(elsewhere.exit, 2, "{}", elsewhere.text());
}

#[test]
fn a_broken_file_does_not_hide_the_state() {
    let world = World::migrated();
    world.write("backout.yaml", "migration: small\ncomponents: [\n");
    let status = world.run(&["status"]);
    assert_eq!(status.exit, 0, "{}", status.text());
    assert!(status.says("BK0103") && status.says("c1"), "{}", status.text());
    assert_eq!(world.run(&["log"]).exit, 0);
    assert_eq!(world.run(&["runs"]).exit, 0);
    assert_eq!(world.run(&["plan"]).exit, 2);
}

#[test]
fn check_offline_touches_nothing() {
    let world = World::small();
    world.write("site/secret", "x");
    let before = std::fs::metadata(world.path("site")).unwrap().accessed().unwrap();
    world.ok(&["check", "--offline"]);
    assert_eq!(std::fs::metadata(world.path("site")).unwrap().accessed().unwrap(), before);
    assert!(!world.path(".backout").exists());
}

#[test]
fn what_is_no_file_is_named_and_not_waited_for() {
    let world = World::empty();
    let made = std::process::Command::new("mkfifo").arg(world.path("backout.yaml")).status().unwrap();
    assert!(made.success());
    let seen = world.run(&["check", "--offline"]);
    assert_eq!(seen.exit, 2, "{}", seen.text());
    assert!(seen.says("it is not a file"), "{}", seen.text());
    let seen = world.run(&["--file", ".", "status"]);
    assert!(seen.exit == 2 && seen.says("it is not a file"), "{}", seen.text());
}
