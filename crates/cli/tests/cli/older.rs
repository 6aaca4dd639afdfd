//! State folders that previous versions left behind: shown as it showed them, gone on with, and brought up to date
//! by the first command that writes.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::world::World;

/// Told in words, or by the clock, and free to change from version to version.
const FREE: &[&str] = &["next", "holder", "detail", "ways"];

fn stories() -> Vec<PathBuf> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/tests/store/golden");
    let within = |folder: PathBuf| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut stories: Vec<PathBuf> =
        within(golden).flat_map(within).filter(|story| story.join("status.json").exists()).collect();
    stories.sort();
    assert!(stories.len() >= 30, "{}", stories.len());
    stories
}

fn world(story: &Path) -> World {
    use std::os::unix::fs::PermissionsExt;
    let world = World::empty();
    for (file, place) in [
        ("backout.yaml", "backout.yaml"),
        ("journal.db", ".backout/journal.db"),
        ("journal.db-wal", ".backout/journal.db-wal"),
    ] {
        if let Ok(bytes) = fs::read(story.join(file)) {
            world.write(place, bytes);
        }
    }
    fs::set_permissions(world.path(".backout"), fs::Permissions::from_mode(0o700)).unwrap();
    world
}

/// Everything that was told then and is not free is told now. More may be told.
fn assert_tells(path: &str, then: &Value, now: &Value) {
    match (then, now) {
        (Value::Object(then), Value::Object(now)) => {
            for (key, then) in then.iter().filter(|(key, _)| !FREE.contains(&key.as_str())) {
                assert_tells(&format!("{path}/{key}"), then, now.get(key).unwrap_or(&Value::Null));
            }
        }
        (Value::Array(then), Value::Array(now)) => {
            assert_eq!(then.len(), now.len(), "{path}: {now:?}");
            for (at, (then, now)) in then.iter().zip(now).enumerate() {
                assert_tells(&format!("{path}/{at}"), then, now);
            }
        }
        // What ends a migration takes its recorders along by now.
        (Value::Bool(true), Value::Bool(false)) if path.ends_with("/armed") && is_over(path) => {}
        (then, now) => assert_eq!(now, then, "{path}"),
    }
}

fn is_over(path: &str) -> bool {
    path.starts_with("committed/") || path.starts_with("demo-closed/")
}

#[test]
fn status_log_and_runs_of_an_older_state_folder_read_as_before() {
    for story in stories() {
        let name = story.file_name().unwrap().to_str().unwrap();
        let world = world(&story);
        let then: Value = serde_json::from_slice(&fs::read(story.join("status.json")).unwrap()).unwrap();
        let now = world.json(&["status"]);
        assert_tells(name, &then, now.last().unwrap());
        let verified = world.run(&["log", "--verify"]);
        assert_eq!(verified.exit, 0, "{name}: {}", verified.text());
        let records = fs::read_to_string(story.join("records.jsonl")).unwrap().lines().count();
        assert_eq!(world.json(&["log"]).len(), records, "{name}");
        world.ok(&["runs"]);
    }
}
