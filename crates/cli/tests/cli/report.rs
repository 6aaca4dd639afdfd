//! The incident record: of every sort of run, from the journal alone, into whatever it is written.

use std::fs;
use std::time::{Duration, Instant};

use super::world::World;

fn rolled_back() -> World {
    let world = World::migrated();
    world.ok(&["rollback", "--yes", "--reason", "users see <b>errors</b>"]);
    world
}

#[test]
fn it_tells_what_there_is_before_any_run() {
    let world = World::small();
    assert!(world.ok(&["report"]).says("The journal is empty"));
    world.ok(&["capture"]);
    let seen = world.ok(&["report"]);
    assert!(seen.says("no rollback yet") && seen.says("checkpoint c1 sealed"), "{}", seen.text());
    assert_eq!(world.json(&["report"])[0]["run"], serde_json::Value::Null);
}

#[test]
fn nothing_is_written_where_there_is_no_migration() {
    let world = World::empty();
    let seen = world.run(&["report"]);
    assert_eq!(seen.exit, 2, "{}", seen.text());
    assert!(seen.says("BK0701"), "{}", seen.text());
}

#[test]
fn a_run_is_told_in_every_form() {
    let world = rolled_back();
    let markdown = world.ok(&["report"]).out;
    assert!(markdown.starts_with("# Rollback of small\n"), "{markdown}");
    assert!(markdown.contains("users see \\<b\\>errors"), "{markdown}");
    for step in ["site.revert", "current.revert", "site.verify", "current.verify"] {
        assert_eq!(markdown.matches(&format!("| `{step}` | ")).count(), 1, "{step}");
    }
    let html = world.ok(&["report", "r1", "--format", "html"]).out;
    assert!(html.starts_with("<!doctype html>") && html.contains("&#60;b&#62;errors"), "{html}");
    let json = &world.json(&["report", "r1"])[0];
    assert_eq!((json["version"].as_u64(), json["type"].as_str()), (Some(1), Some("report")));
    assert_eq!(json["run"]["standing"]["state"], "restored");
    let same: serde_json::Value =
        serde_json::from_str(&world.ok(&["report", "--format", "json"]).out).unwrap();
    assert_eq!((&same["type"], &same["chain"]), (&json["type"], &json["chain"]));
    let head = world.json(&["log", "--verify"])[0]["head"].clone();
    assert_eq!(json["chain"]["head"], head);
}

#[test]
fn a_run_that_is_not_over_says_so() {
    let world = World::migrated();
    let seen = world.run(&["rollback", "--yes", "--pause-before", "current.revert"]);
    assert_eq!(seen.exit, 8, "{}", seen.text());
    let seen = world.ok(&["report"]);
    assert!(seen.says("This run is not over"), "{}", seen.text());
    world.ok(&["abandon"]);
    assert!(world.ok(&["report"]).says("A person gave the run up"));
}

#[test]
fn it_needs_no_vault_no_estate_and_no_migration_file() {
    let world = rolled_back();
    let before = world.ok(&["report"]).out;
    for gone in [".backout/vault", "site"] {
        fs::remove_dir_all(world.path(gone)).unwrap();
    }
    fs::remove_file(world.path("backout.yaml")).unwrap();
    assert_eq!(world.ok(&["report"]).out, before);
}

#[test]
fn an_unknown_run_is_named_with_those_there_are() {
    let world = rolled_back();
    let seen = world.run(&["report", "r2"]);
    assert_eq!(seen.exit, 2, "{}", seen.text());
    assert!(seen.says("BK0705") && seen.says("r1"), "{}", seen.text());
    assert_eq!(world.run(&["report", "--json", "--format", "md"]).exit, 2);
}

#[test]
fn a_file_is_replaced_only_while_nobody_wrote_into_it() {
    let world = rolled_back();
    for name in ["record.md", "record.html", "record.json"] {
        world.ok(&["report", "--out", name]);
        let first = world.read(name);
        world.ok(&["report", "--out", name]);
        assert_eq!(world.read(name), first, "{name}");
    }
    assert!(world.read("record.html").starts_with("<!doctype html>"));
    assert!(world.read("record.json").starts_with("{\"version\":1,\"type\":\"report\""));
    let written = world.read("record.md").replacen("*To be written.*", "The index was missing.", 1);
    world.write("record.md", &written);
    for name in ["record.md", "backout.yaml", "site"] {
        let seen = world.run(&["report", "--out", name]);
        assert_eq!(seen.exit, 4, "{name}: {}", seen.text());
        assert!(seen.says("BK0707"), "{name}: {}", seen.text());
    }
    assert_eq!(world.read("record.md"), written);
}

#[test]
fn a_pipe_is_never_waited_for_and_a_link_never_followed() {
    let world = rolled_back();
    let made = std::process::Command::new("mkfifo").arg(world.path("pipe")).status().unwrap();
    assert!(made.success());
    world.link("nowhere", "link");
    let began = Instant::now();
    for name in ["pipe", "link"] {
        let seen = world.run(&["report", "--out", name]);
        assert_eq!(seen.exit, 4, "{name}: {}", seen.text());
    }
    assert!(began.elapsed() < Duration::from_secs(20));
    assert!(!world.path("nowhere").exists());
}

#[test]
fn what_comes_before_a_broken_record_is_told() {
    let world = rolled_back();
    let journal = rusqlite::Connection::open(world.path(".backout/journal.db")).unwrap();
    let last: i64 = journal.query_row("SELECT max(sequence) FROM record", [], |row| row.get(0)).unwrap();
    let edit = "UPDATE record SET line = replace(line, 'ada', 'eve') WHERE line LIKE '%run-opened%'";
    journal.execute_batch(edit).unwrap();
    drop(journal);
    let seen = world.run(&["report"]);
    assert_eq!(seen.exit, 1, "{}", seen.text());
    assert!(seen.says("could not be followed to its end"), "{}", seen.text());
    let chain = world.json(&["report"])[0]["chain"].clone();
    assert_eq!(chain["whole"], false);
    assert!(chain["records"].as_i64().unwrap() < last, "{chain}");
}
