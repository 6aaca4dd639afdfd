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

/// The estate of the demo, stopped when the test ends, however it ends.
struct Estate(World);

impl Estate {
    fn broken() -> Self {
        let estate = Self(World::empty());
        estate.0.ok(&["demo", "--dir", "estate", "--stage", "broken"]);
        estate
    }

    fn run(&self, arguments: &[&str]) -> super::world::Seen {
        self.0.run(&[&["-C", "estate"], arguments].concat())
    }

    fn json(&self) -> serde_json::Value {
        self.0.json(&["-C", "estate", "report"]).remove(0)
    }
}

impl Drop for Estate {
    fn drop(&mut self) {
        self.0.run(&["demo", "--dir", "estate", "--down"]);
    }
}

#[test]
fn the_demo_is_told_from_a_shut_door_to_an_open_one() {
    let estate = Estate::broken();
    let paused = estate.run(&[
        "rollback",
        "--yes",
        "--reason",
        "no task can be deleted",
        "--pause-before",
        "api.reopen",
    ]);
    assert_eq!(paused.exit, 8, "{}", paused.text());
    let shut = estate.json();
    assert_eq!(shut["run"]["standing"]["state"], "at-rest");
    assert_eq!(shut["run"]["closed"]["doors"][0]["still_shut"], true);
    assert!(shut["follow_ups"].as_array().unwrap().iter().any(|one| one["about"] == "door"), "{shut}");
    let resumed = estate.run(&["resume"]);
    assert_eq!(resumed.exit, 0, "{}", resumed.text());
    let open = estate.json();
    let run = &open["run"];
    assert_eq!(run["standing"]["state"], "restored");
    assert_eq!(run["decision"]["reason"], "no task can be deleted");
    let door = &run["closed"]["doors"][0];
    assert_eq!((&door["component"], &door["still_shut"]), (&"api".into(), &false.into()));
    assert!(run["closed"]["millis"].as_u64().unwrap() > 0);
    assert_eq!(run["timeline"]["pauses"][0]["kind"], "at-rest");
    let paid = &run["cost"]["paid"];
    assert_eq!(paid["writes"], run["cost"]["stated"]["writes"], "nobody wrote in between");
    assert!(paid["saved"]["exactly"].as_u64().unwrap() > 0, "{paid}");
    assert_eq!((&paid["lost"]["exactly"], &paid["pending"]["exactly"]), (&0.into(), &0.into()));
    let html = estate.run(&["report", "--format", "html"]).out;
    assert!(html.contains("api door") && html.contains("at rest") && html.ends_with("</html>\n"), "{html}");
}

#[test]
fn a_stuck_run_names_the_step_that_needs_a_person() {
    let world = World::empty();
    world.script("bin/state", "cat state");
    world.script("bin/put", "echo no room >&2; exit 1");
    world.write(
        "backout.yaml",
        "migration: small\ncomponents:\n  state:\n    kind: command\n    capture: [bin/state]\n    \
         revert: [bin/put]\n    passive: true\n",
    );
    world.write("state", "one\n");
    world.ok(&["capture"]);
    world.write("state", "two\n");
    world.ok(&["cutover"]);
    assert_eq!(world.run(&["rollback", "--yes"]).exit, 5);
    let seen = world.ok(&["report"]);
    assert!(seen.says("**Stuck.** This run is not over: it is stuck at state.revert"), "{}", seen.text());
    assert!(seen.says("- [ ] Say what becomes of state.revert"), "{}", seen.text());
    world.ok(&["step", "state.revert", "skip", "--reason", "put back by hand"]);
    assert_eq!(world.run(&["resume"]).exit, 6);
    let seen = world.ok(&["report"]);
    assert!(seen.says("**Not verified.**") && seen.says("left out: put back by hand"), "{}", seen.text());
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
    let unknown = world.run(&["report", "r1"]);
    assert_eq!(unknown.exit, 2, "{}", unknown.text());
    assert!(unknown.says("record"), "{}", unknown.text());
    let chain = world.json(&["report"])[0]["chain"].clone();
    assert_eq!(chain["whole"], false);
    assert!(chain["records"].as_i64().unwrap() < last, "{chain}");
}
