//! Small real settings files, and what people do to them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use backout_conformance::{Change, World};
use backout_driver_config::ConfigValues;
use tempfile::TempDir;

mod trees;

pub use trees::{IniWorld, TomlWorld, YamlWorld};

const SAVED: &str = "Tr0ub4dor-saved";
const MIGRATED: &str = "Tr0ub4dor-migrated";
const DRIFTED: &str = "Tr0ub4dor-drifted";

/// What all these files have in common.
pub struct Settings {
    folder: TempDir,
    hostile: AtomicBool,
}

impl Settings {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), hostile: AtomicBool::new(false) }
    }

    fn file(&self, name: &str) -> PathBuf {
        let odd = if self.hostile.load(Ordering::Relaxed) { "%s; $(touch PWNED) -rf" } else { "" };
        self.folder.path().join(format!("{odd}{name}"))
    }

    fn put(&self, name: &str, text: &str) {
        let path = self.file(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    }
}

/// A `.env` file.
pub struct EnvWorld(Settings);

impl EnvWorld {
    /// Where the file is.
    pub fn file(&self) -> PathBuf {
        self.0.file("app.env")
    }

    fn text(&self, url: &str, password: &str) -> String {
        let hostile = self.0.hostile.load(Ordering::Relaxed);
        let odd = if hostile { "$(touch PWNED) `touch PWNED`; touch PWNED" } else { "" };
        format!("# settings\r\nOTHER=1\r\nAPI_URL={url}{odd} # why\r\n{password}LAST=x")
    }
}

#[async_trait]
impl World for EnvWorld {
    type Driver = ConfigValues;

    async fn new() -> Self {
        Self(Settings::new())
    }

    fn root(&self) -> &Path {
        self.0.folder.path()
    }

    fn config(&self) -> String {
        let name = self.file();
        let name = name.file_name().unwrap().to_str().unwrap();
        format!("file: '{name}'\nkeys: [API_URL, DATABASE_PASSWORD, NEW]\nsecrets: [NEW]\n")
    }

    async fn set_up(&self) {
        self.0.put("app.env", &self.text("http://old", &format!("DATABASE_PASSWORD='{SAVED}'\r\n")));
    }

    async fn migrate(&self) {
        let text =
            self.text("http://new", &format!("NEW=\"{MIGRATED}\"\r\nDATABASE_PASSWORD={MIGRATED}\r\n"));
        self.0.put("app.env", &text);
    }

    async fn drift(&self) {
        self.0.put("app.env", &self.text("http://new", &format!("DATABASE_PASSWORD={DRIFTED}\r\n")));
    }

    async fn write(&self) -> Change {
        Change::Impossible("settings hold no data that users write")
    }

    async fn remove(&self) -> Change {
        fs::remove_file(self.file()).unwrap();
        Change::Made
    }

    async fn corrupt(&self) -> Change {
        let mut text = fs::read(self.file()).unwrap();
        text.extend_from_slice(b"\nAPI_URL=again\n");
        fs::write(self.file(), text).unwrap();
        Change::Made
    }

    async fn become_hostile(&self) -> Change {
        self.0.hostile.store(true, Ordering::Relaxed);
        Change::Made
    }

    fn secrets(&self) -> Vec<String> {
        [SAVED, MIGRATED, DRIFTED].map(str::to_owned).to_vec()
    }
}

/// A JSON file.
pub struct JsonWorld(Settings);

impl JsonWorld {
    /// Where the file is.
    pub fn file(&self) -> PathBuf {
        self.0.file("app.json")
    }

    fn put(&self, url: &str, rest: &str) {
        let text = format!(
            "{{\n  // for the front end\n  \"server\": {{\n    \"url\": \"{url}\",\n    \"port\": 8080\n  }},\n{rest}  \"other\": [1,\t2]\n}}\n"
        );
        self.0.put("app.json", &text);
    }
}

#[async_trait]
impl World for JsonWorld {
    type Driver = ConfigValues;

    async fn new() -> Self {
        Self(Settings::new())
    }

    fn root(&self) -> &Path {
        self.0.folder.path()
    }

    fn config(&self) -> String {
        let name = self.file();
        let name = name.file_name().unwrap().to_str().unwrap();
        format!(
            "file: '{name}'\nkeys: [server.url, '\"hosts.example\".login', flags]\nsecrets: ['\"hosts.example\".login']\n"
        )
    }

    fn environment(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    async fn set_up(&self) {
        self.put("http://old", &format!("  \"hosts.example\": {{ \"login\": \"{SAVED}\" }},\n"));
    }

    async fn migrate(&self) {
        let rest = format!(
            "  \"hosts.example\": {{ \"login\": \"{MIGRATED}\" }},\n  \"flags\": {{\"uuid\": true}},\n"
        );
        self.put("http://new", &rest);
    }

    async fn drift(&self) {
        self.put("http://new", &format!("  \"hosts.example\": {{ \"login\": \"{DRIFTED}\" }},\n"));
    }

    async fn write(&self) -> Change {
        Change::Impossible("settings hold no data that users write")
    }

    async fn remove(&self) -> Change {
        fs::remove_file(self.file()).unwrap();
        Change::Made
    }

    async fn corrupt(&self) -> Change {
        fs::write(self.file(), format!("{{\"server\": \"{MIGRATED}\" ")).unwrap();
        Change::Made
    }

    async fn become_hostile(&self) -> Change {
        self.0.hostile.store(true, Ordering::Relaxed);
        Change::Made
    }

    fn secrets(&self) -> Vec<String> {
        [SAVED, MIGRATED, DRIFTED].map(str::to_owned).to_vec()
    }
}
