//! Secrets are in the vault and nowhere else.

use std::fs;
use std::path::Path;

use super::world::World;

const OLD: &str = "hunter2-before-the-migration";
const NEW: &str = "correct-horse-after-the-migration";

#[test]
fn no_output_and_no_file_of_ours_shows_one() {
    let world = World::empty();
    world.write(
        "backout.yaml",
        "migration: small\n\
         components:\n  \
           settings:\n    kind: config.values\n    file: app.env\n    keys: [API_URL, DB_PASSWORD]\n",
    );
    world.write("app.env", format!("API_URL=https://old\nDB_PASSWORD={OLD}\n"));
    let mut said = String::new();
    let mut run = |arguments: &[&str]| {
        let seen = world.run(arguments);
        said.push_str(&seen.text());
        seen
    };
    run(&["check"]);
    assert_eq!(run(&["capture"]).exit, 0);
    world.write("app.env", format!("API_URL=https://new\nDB_PASSWORD={NEW}\n"));
    run(&["cutover"]);
    let plan = run(&["plan", "--out", "plan.json"]);
    assert!(plan.says("(sensitive, differs)") && plan.says("https://old"), "{}", plan.text());
    for arguments in [
        &["--json", "plan"][..],
        &["show", "plan.json"],
        &["rollback", "--yes"],
        &["verify"],
        &["--json", "log"],
        &["status"],
    ] {
        run(arguments);
    }
    said.push_str(&world.read("plan.json"));
    assert!(world.read("app.env").contains(OLD), "it went back");
    for secret in [OLD, NEW] {
        assert!(!said.contains(secret), "{said}");
        search(&world.path(".backout"), secret.as_bytes());
    }
}

/// No file below a folder holds these bytes.
fn search(folder: &Path, bytes: &[u8]) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path, bytes);
        } else if path.is_file() {
            let content = fs::read(&path).unwrap();
            assert!(!content.windows(bytes.len()).any(|window| window == bytes), "{}", path.display());
        }
    }
}

#[test]
fn a_reference_that_cannot_be_read_is_named_without_a_value() {
    let world = World::empty();
    world.script("bin/state", "echo 1");
    world.write(
        "backout.yaml",
        "migration: small\n\
         components:\n  \
           flags:\n    kind: command\n    capture: [bin/state]\n    revert: [bin/state]\n    passive: true\n    \
           environment: {TOKEN: \"${env:NEVER_SET_TOKEN}\"}\n",
    );
    let seen = world.run(&["capture"]);
    assert_eq!(seen.exit, 1, "{}", seen.text());
    assert!(seen.says("${env:NEVER_SET_TOKEN}") && seen.says("not set"), "{}", seen.text());
    assert!(world.ok(&["checkpoint", "list"]).says("incomplete"));
    assert_eq!(world.run(&["rollback", "--yes"]).exit, 4, "an incomplete checkpoint is none");
}
