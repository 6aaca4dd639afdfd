//! A folder with a small estate, and the program run in it with nothing of the caller's environment.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long anything is waited for before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder of its own.
pub struct World {
    dir: TempDir,
}

/// How one call of the program ended.
pub struct Seen {
    pub exit: i32,
    pub out: String,
    pub err: String,
}

impl World {
    /// An empty folder.
    pub fn empty() -> Self {
        let dir = tempfile::Builder::new().prefix("estate").tempdir().unwrap();
        Self { dir }
    }

    /// A site, and the link that names the current release; nothing is captured.
    pub fn small() -> Self {
        let world = Self::empty();
        world.write(
            "backout.yaml",
            "migration: small\n\
             components:\n  \
               site:\n    kind: file.tree\n    path: site\n  \
               current:\n    kind: file.link\n    path: current\n    needs: [site]\n\
             phases:\n  data: [site]\n  application: [current]\n",
        );
        world.write("site/a.txt", "one\n");
        world.write("releases/1/x", "1\n");
        world.write("releases/2/x", "2\n");
        world.link("releases/1", "current");
        world
    }

    /// The small estate, captured, migrated and cut over.
    pub fn migrated() -> Self {
        let world = Self::small();
        world.ok(&["capture"]);
        world.migrate();
        world.ok(&["cutover"]);
        world
    }

    /// What the migration of the small estate does.
    pub fn migrate(&self) {
        self.write("site/a.txt", "twofold\n");
        self.write("site/b.txt", "new\n");
        self.link("releases/2", "current");
    }

    /// Whether the small estate is as it was before.
    pub fn is_back(&self) -> bool {
        self.read("site/a.txt") == "one\n"
            && !self.path("site/b.txt").exists()
            && fs::read_link(self.path("current")).unwrap() == Path::new("releases/1")
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A program of the estate's own.
    pub fn script(&self, name: &str, body: &str) {
        use std::os::unix::fs::PermissionsExt;
        self.write(name, format!("#!/bin/sh\n{body}\n"));
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn link(&self, to: &str, name: &str) {
        let path = self.path(name);
        let _ = fs::remove_file(&path);
        std::os::unix::fs::symlink(to, path).unwrap();
    }

    /// The program with these arguments, not started yet.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backout"));
        command
            .args(arguments)
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.dir.path())
            .env("USER", "ada")
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        command
    }

    /// Runs the program.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Seen {
        self.seen(self.command(arguments).output().unwrap())
    }

    /// Runs the program, which has to succeed.
    pub fn ok<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Seen {
        let seen = self.run(arguments);
        assert_eq!(seen.exit, 0, "{}", seen.text());
        seen
    }

    /// Runs the program with `--json` and gives the documents it wrote.
    pub fn json<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Vec<serde_json::Value> {
        let mut all: Vec<&OsStr> = vec![OsStr::new("--json")];
        all.extend(arguments.iter().map(AsRef::as_ref));
        let output = self.command(&all).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Starts the program in the background.
    pub fn start<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Waits for a program that was started.
    pub fn finish(&self, child: Child) -> Seen {
        self.seen(child.wait_with_output().unwrap())
    }

    /// The text with everything that differs from run to run replaced.
    fn seen(&self, output: Output) -> Seen {
        use std::os::unix::process::ExitStatusExt;
        let exit = output.status.code().unwrap_or_else(|| -output.status.signal().unwrap_or(0));
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).expect("the program writes UTF-8");
            let canonical = self.dir.path().canonicalize().unwrap();
            text.replace(&*canonical.to_string_lossy(), "DIR")
                .replace(&*self.dir.path().to_string_lossy(), "DIR")
        };
        Seen { exit, out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Seen {
    /// All of it, for a snapshot.
    pub fn text(&self) -> String {
        let mut text = format!("exit {}\n", self.exit);
        for (name, stream) in [("stdout", &self.out), ("stderr", &self.err)] {
            if !stream.is_empty() {
                text.push_str(&format!("--- {name}\n{stream}"));
            }
        }
        text
    }

    /// Whether either stream says this.
    pub fn says(&self, text: &str) -> bool {
        self.out.contains(text) || self.err.contains(text)
    }
}

/// Waits until something holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what} did not happen");
        std::thread::yield_now();
    }
}

/// Compares what a person sees with what was agreed; times, digests and machine names may differ.
macro_rules! assert_seen {
    ($name:literal, $seen:expr) => {{
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        for (pattern, with) in [
            (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "TIME"),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|…)?", "TIME"),
            (r"\b\d\d:\d\d:\d\d\b", "CLOCK"),
            (r"ada@[\w.-]+", "ada@HOST"),
            (r"\b[0-9a-f]{64}\b", "DIGEST"),
            (r"\b[0-9a-f]{12}\b", "DIGEST"),
            (r"about \d+(\.\d)? (ms|s|min)", "about DURATION"),
            (r"in \d+(\.\d)? (ms|s)", "in DURATION"),
            (r"\b\d+(\.\d)? (ms|s)  +", "DURATION  "),
            // As wide as the longest of them.
            (r"took +steps", "took  steps"),
            (r"process \d+", "process PID"),
        ] {
            settings.add_filter(pattern, with);
        }
        settings.bind(|| insta::assert_snapshot!($name, $seen.text()));
    }};
}
pub(crate) use assert_seen;
