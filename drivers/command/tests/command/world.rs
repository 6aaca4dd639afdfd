//! A folder with a file of flags, and scripts that look after it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use async_trait::async_trait;
use backout_conformance::{Bench, Change, HOSTILE_NAMES, World};
use backout_contract::Door;
use backout_driver_command::Command;
use serde_json::{Value, json};
use tempfile::TempDir;

pub const SECRET: &str = "hunter2-of-the-flags";

const CAPTURE: &str = r#"
[ -e state ] || exit 3
if grep -q corrupt state; then echo "cannot read it with $TOKEN" >&2; exit 5; fi
cat state
"#;

const REVERT: &str = r#"
if [ "$BACKOUT_STATE" = absent ]; then exec rm -f state; fi
cat >state.new && mv state.new state
"#;

/// The scripts that the tests use; further ones are written by the tests themselves.
const SCRIPTS: [(&str, &str); 5] = [
    ("capture", CAPTURE),
    ("revert", REVERT),
    ("quiesce", r#": >"$DOOR/shut""#),
    ("reopen", r#"rm "$DOOR/shut"; mktemp "$DOOR/started-XXXXXXXX""#),
    ("closed", r#"[ -e "$DOOR/shut" ]"#),
];

pub struct FlagsWorld<const DATA: bool> {
    folder: TempDir,
    door: TempDir,
    hostile: Mutex<bool>,
    /// Further keys, as YAML lines.
    pub keys: String,
    /// Programs in place of the scripts, as YAML lists.
    pub programs: BTreeMap<&'static str, String>,
}

impl<const DATA: bool> FlagsWorld<DATA> {
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn read_file(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// A script in place of a program.
    pub fn script(&mut self, key: &'static str, script: &str) {
        let name = format!("own-{key}");
        self.write_script(&name, script);
        self.programs.insert(key, json!([format!("./{name}"), "argument"]).to_string());
    }

    fn write_script(&self, name: &str, script: &str) {
        let path = self.path(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn is_hostile(&self) -> bool {
        *self.hostile.lock().unwrap()
    }

    fn put(&self, mut state: Value) {
        if self.is_hostile() {
            HOSTILE_NAMES.iter().for_each(|name| state[*name] = json!(name));
        }
        if DATA {
            state["position"] = json!(self.position().unwrap_or(0));
        }
        fs::write(self.path("state"), format!("{state}\n")).unwrap();
    }

    fn position(&self) -> Option<u64> {
        serde_json::from_str::<Value>(&self.read_file("state")).ok()?.get("position")?.as_u64()
    }
}

/// As YAML reads it whatever is in it: nothing but ASCII.
fn quoted(text: &str) -> String {
    let escaped = |character: char| match character {
        ' '..='~' if !"\"\\".contains(character) => character.to_string(),
        _ => format!("\\U{:08x}", u32::from(character)),
    };
    format!("\"{}\"", text.chars().map(escaped).collect::<String>())
}

#[async_trait]
impl<const DATA: bool> World for FlagsWorld<DATA> {
    type Driver = Command;

    async fn new() -> Self {
        let (folder, door) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (keys, programs) = (String::new(), BTreeMap::new());
        let world = Self { folder, door, hostile: Mutex::default(), keys, programs };
        SCRIPTS.iter().for_each(|(name, script)| world.write_script(name, script));
        world
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn config(&self) -> String {
        let mut config = format!(
            "environment:\n  TOKEN: ${{env:TOKEN}}\n  DOOR: {}\ndata: {DATA}\n{}",
            quoted(self.door.path().to_str().unwrap()),
            self.keys
        );
        for (key, _) in SCRIPTS {
            let mut program = vec![quoted(&format!("./{key}"))];
            if self.is_hostile() {
                program = vec![quoted(&format!("./{key} {}", HOSTILE_NAMES[0]))];
                program.extend(HOSTILE_NAMES.map(quoted));
            }
            let program =
                self.programs.get(key).cloned().unwrap_or_else(|| format!("[{}]", program.join(", ")));
            config.push_str(&format!("{key}: {program}\n"));
        }
        for (key, program) in
            self.programs.iter().filter(|(key, _)| !SCRIPTS.iter().any(|(own, _)| own == *key))
        {
            config.push_str(&format!("{key}: {program}\n"));
        }
        config
    }

    fn environment(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("TOKEN".to_owned(), SECRET.to_owned())])
    }

    async fn set_up(&self) {
        self.put(json!({"new_editor": false, "limit": 10}));
    }

    async fn migrate(&self) {
        self.put(json!({"new_editor": true, "limit": 10, "added": [1, 2]}));
    }

    async fn drift(&self) {
        self.put(json!({"new_editor": true, "limit": 11}));
    }

    async fn write(&self) -> Change {
        let (Some(position), true) = (self.position(), DATA) else {
            return Change::Impossible("these flags hold no data");
        };
        let mut state: Value = serde_json::from_str(&self.read_file("state")).unwrap();
        state["position"] = json!(position + 1);
        fs::write(self.path("state"), format!("{state}\n")).unwrap();
        Change::Made
    }

    async fn remove(&self) -> Change {
        fs::remove_file(self.path("state")).unwrap();
        Change::Made
    }

    async fn corrupt(&self) -> Change {
        fs::write(self.path("state"), "corrupt").unwrap();
        Change::Made
    }

    async fn become_hostile(&self) -> Change {
        for (name, script) in SCRIPTS {
            self.write_script(&format!("{name} {}", HOSTILE_NAMES[0]), script);
        }
        *self.hostile.lock().unwrap() = true;
        Change::Made
    }

    fn secrets(&self) -> Vec<String> {
        vec![SECRET.to_owned()]
    }

    async fn door(&self) -> Option<Door> {
        Some(if self.door.path().join("shut").exists() { Door::Shut } else { Door::Open })
    }

    async fn started(&self) -> Option<String> {
        let names = fs::read_dir(self.door.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.filter(|name| name != "shut").collect();
        names.sort();
        Some(format!("{names:?}"))
    }
}

pub type FlagsBench = Bench<FlagsWorld<false>>;

pub async fn bench() -> FlagsBench {
    let bench = FlagsBench::new("").await;
    bench.world.set_up().await;
    bench
}
