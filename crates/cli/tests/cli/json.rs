//! What programs read.

use super::world::World;

#[test]
fn every_document_has_a_version_and_a_type() {
    let world = World::migrated();
    for (arguments, kind) in [
        (&["status"][..], "status"),
        (&["list"], "migrations"),
        (&["runs"], "runs"),
        (&["plan"], "plan"),
        (&["check"], "check"),
        (&["verify"], "verdicts"),
        (&["checkpoint", "list"], "checkpoints"),
        (&["checkpoint", "show"], "checkpoint"),
        (&["checkpoint", "verify"], "checkpoint-health"),
        (&["log", "--verify"], "chain"),
        (&["drivers"], "drivers"),
        (&["explain", "BK0306"], "page"),
        (&["explain", "plan"], "page"),
        (&["resume"], "failure"),
    ] {
        let documents = world.json(arguments);
        assert_eq!(documents.len(), 1, "{arguments:?}: {documents:?}");
        assert_eq!(documents[0]["version"], 1, "{arguments:?}");
        assert_eq!(documents[0]["type"], kind, "{arguments:?}");
    }
    for record in world.json(&["log"]) {
        assert_eq!((&record["version"], &record["type"]), (&1.into(), &"record".into()));
    }
}

#[test]
fn a_failure_says_what_was_changed() {
    let world = World::migrated();
    let failure = &world.json(&["rollback"])[1];
    assert_eq!(failure["type"], "failure");
    assert_eq!(failure["exit"], 4);
    assert_eq!(failure["changed"], "nothing was changed");
    assert_eq!(failure["diagnostics"][0]["code"], "BK0702");
}

#[test]
fn a_run_prints_its_events_and_how_it_ended() {
    let world = World::migrated();
    let lines = world.json(&["rollback", "--yes"]);
    assert_eq!(lines[0]["type"], "plan");
    assert!(lines[0]["price"]["writes_exact"].is_boolean());
    let events: Vec<&str> = lines
        .iter()
        .filter(|line| line["type"] == "record")
        .map(|line| line["event"]["event"].as_str().unwrap())
        .collect();
    assert_eq!(events.first(), Some(&"run-opened"));
    assert_eq!(events.last(), Some(&"run-closed"));
    assert!(events.contains(&"step-applied"));
    let last = lines.last().unwrap();
    assert_eq!(
        (&last["type"], &last["outcome"], &last["exit"]),
        (&"outcome".into(), &"restored".into(), &0.into())
    );
    let status = &world.json(&["status"])[0];
    assert_eq!(status["state"], "rolled back");
    assert_eq!(status["journal"]["problem"], serde_json::Value::Null);
}
