//! Small real things, and what people do to them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use backout_conformance::listing::{Detail, list};
use backout_conformance::{Change, HOSTILE_NAMES, World};
use backout_driver_file::{FileLink, FileTree};
use tempfile::TempDir;

/// A directory with a bit of everything; `logs` in it is left alone.
pub struct TreeWorld {
    folder: TempDir,
    hostile: AtomicBool,
}

impl TreeWorld {
    /// Where the tree is.
    pub fn site(&self) -> PathBuf {
        self.folder.path().join(self.name())
    }

    fn name(&self) -> &'static str {
        if self.hostile.load(Ordering::Relaxed) { "%s; $(touch PWNED) -rf" } else { "site" }
    }

    fn names(&self) -> Vec<&'static str> {
        let mut names = vec!["plain"];
        if self.hostile.load(Ordering::Relaxed) {
            names.extend(
                HOSTILE_NAMES.iter().filter(|name| !name.contains('/') && !matches!(**name, "." | "..")),
            );
        }
        names
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[async_trait]
impl World for TreeWorld {
    type Driver = FileTree;

    async fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), hostile: AtomicBool::new(false) }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn config(&self) -> String {
        format!("path: '{}'\nexclude: ['*.log']\n", self.name())
    }

    async fn set_up(&self) {
        let site = self.site();
        fs::create_dir_all(site.join("deep/empty")).unwrap();
        for (number, name) in self.names().into_iter().enumerate() {
            fs::write(site.join(name), format!("saved {number}")).unwrap();
        }
        fs::write(site.join("deep/large"), vec![7; 9 * 1024 * 1024]).unwrap();
        fs::write(site.join("deep/large again"), vec![7; 9 * 1024 * 1024]).unwrap();
        fs::write(site.join(OsStr::from_bytes(b"not \xff utf-8")), "").unwrap();
        fs::write(site.join("hidden"), "private").unwrap();
        fs::write(site.join("access.log"), "a line\n").unwrap();
        mode(&site.join("hidden"), 0o640);
        mode(&site.join("deep"), 0o2750);
        symlink("../nowhere", site.join("dangling")).unwrap();
        symlink("/etc/passwd", site.join("outward")).unwrap();
    }

    async fn migrate(&self) {
        let site = self.site();
        fs::write(site.join("plain"), "migrated").unwrap();
        fs::remove_file(site.join("hidden")).unwrap();
        fs::remove_dir(site.join("deep/empty")).unwrap();
        fs::write(site.join("deep/empty"), "a file now").unwrap();
        fs::remove_file(site.join("dangling")).unwrap();
        fs::create_dir(site.join("dangling")).unwrap();
        fs::write(site.join("dangling/new"), "new").unwrap();
    }

    async fn drift(&self) {
        fs::write(self.site().join("plain"), "drifted").unwrap();
    }

    async fn write(&self) -> Change {
        Change::Impossible("a tree holds no data that users write")
    }

    async fn remove(&self) -> Change {
        fs::remove_dir_all(self.site()).unwrap();
        Change::Made
    }

    async fn corrupt(&self) -> Change {
        let pipe = self.site().join("deep/pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, pipe, rustix::fs::Mode::RUSR).unwrap();
        Change::Made
    }

    async fn become_hostile(&self) -> Change {
        self.hostile.store(true, Ordering::Relaxed);
        Change::Made
    }

    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }

    async fn contents(&self) -> BTreeMap<String, String> {
        let mut contents = list(self.root(), Detail::ContentAndModified);
        contents.retain(|name, _| !name.ends_with(".log"));
        contents
    }
}

/// A single file, put back as a whole.
pub struct FileWorld(TempDir);

impl FileWorld {
    /// Where the file is.
    pub fn file(&self) -> PathBuf {
        self.0.path().join("served/key.pem")
    }
}

const SAVED: &str = "Tr0ub4dor-saved";
const MIGRATED: &str = "Tr0ub4dor-migrated";
const DRIFTED: &str = "Tr0ub4dor-drifted";

#[async_trait]
impl World for FileWorld {
    type Driver = FileTree;

    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("served")).unwrap();
        Self(folder)
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    fn config(&self) -> String {
        "path: served/key.pem\n".to_owned()
    }

    async fn set_up(&self) {
        fs::write(self.file(), SAVED).unwrap();
        mode(&self.file(), 0o600);
    }

    async fn migrate(&self) {
        fs::write(self.file(), MIGRATED).unwrap();
        mode(&self.file(), 0o644);
    }

    async fn drift(&self) {
        fs::write(self.file(), DRIFTED).unwrap();
    }

    async fn write(&self) -> Change {
        Change::Impossible("a tree holds no data that users write")
    }

    async fn remove(&self) -> Change {
        fs::remove_file(self.file()).unwrap();
        Change::Made
    }

    async fn corrupt(&self) -> Change {
        fs::remove_file(self.file()).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, self.file(), rustix::fs::Mode::RUSR).unwrap();
        Change::Made
    }

    async fn become_hostile(&self) -> Change {
        Change::Impossible("a single file has one name, and the tree's case has the hostile ones")
    }

    fn secrets(&self) -> Vec<String> {
        [SAVED, MIGRATED, DRIFTED].map(str::to_owned).to_vec()
    }
}

/// The link that names the current release.
pub struct LinkWorld {
    folder: TempDir,
    hostile: AtomicBool,
}

impl LinkWorld {
    /// Where the link is.
    pub fn link(&self) -> PathBuf {
        self.folder.path().join("current")
    }

    fn release(&self, number: u8) -> String {
        let odd = if self.hostile.load(Ordering::Relaxed) { HOSTILE_NAMES[0] } else { "" };
        format!("releases/{number}{odd}")
    }

    fn point(&self, number: u8) {
        let release = self.release(number);
        fs::create_dir_all(self.folder.path().join(&release)).unwrap();
        let _ = fs::remove_file(self.link());
        symlink(release, self.link()).unwrap();
    }
}

#[async_trait]
impl World for LinkWorld {
    type Driver = FileLink;

    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let world = Self { folder, hostile: AtomicBool::new(false) };
        for number in 1..=3 {
            fs::create_dir_all(world.folder.path().join(world.release(number))).unwrap();
        }
        world
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn config(&self) -> String {
        "path: current\n".to_owned()
    }

    async fn set_up(&self) {
        self.point(1);
    }

    async fn migrate(&self) {
        self.point(2);
    }

    async fn drift(&self) {
        self.point(3);
    }

    async fn write(&self) -> Change {
        Change::Impossible("a link holds no data")
    }

    async fn remove(&self) -> Change {
        fs::remove_file(self.link()).unwrap();
        Change::Made
    }

    async fn corrupt(&self) -> Change {
        fs::remove_file(self.link()).unwrap();
        fs::create_dir(self.link()).unwrap();
        fs::write(self.link().join("kept"), "somebody put a folder here").unwrap();
        Change::Made
    }

    async fn become_hostile(&self) -> Change {
        self.hostile.store(true, Ordering::Relaxed);
        for number in 1..=3 {
            fs::create_dir_all(self.folder.path().join(self.release(number))).unwrap();
        }
        Change::Made
    }

    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }

    async fn contents(&self) -> BTreeMap<String, String> {
        list(&self.link(), Detail::Content)
    }
}
