//! The suite that every driver passes, on a small real thing.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

use std::fs;
use std::path::Path;

use async_trait::async_trait;
use backout_conformance::{Change, World};
use backout_driver_{{name}}::{{Name}}{{Kind}};
use tempfile::TempDir;

/// A file, for a start. Make it the real thing: start the real system here where there is one.
struct {{Kind}}World {
    folder: TempDir,
}

impl {{Kind}}World {
    fn put(&self, content: &[u8]) {
        fs::write(self.folder.path().join("thing.txt"), content).unwrap();
    }
}

#[async_trait]
impl World for {{Kind}}World {
    type Driver = {{Name}}{{Kind}};

    async fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn config(&self) -> String {
        "path: thing.txt".to_owned()
    }

    async fn set_up(&self) {
        self.put(b"as it was");
    }

    async fn migrate(&self) {
        self.put(b"as the migration left it");
    }

    async fn drift(&self) {
        self.put(b"as somebody changed it afterwards");
    }

    async fn write(&self) -> Change {
        Change::Impossible("users write no data into it")
    }

    async fn remove(&self) -> Change {
        fs::remove_file(self.folder.path().join("thing.txt")).unwrap();
        Change::Made
    }

    async fn corrupt(&self) -> Change {
        self.put(b"no text: \xff\xfe");
        Change::Made
    }

    async fn become_hostile(&self) -> Change {
        Change::Impossible("its only name is fixed; let it bear HOSTILE_NAMES where it has names")
    }

    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
}

backout_conformance::conformance!({{Kind}}World);
