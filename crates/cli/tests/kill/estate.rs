//! A small estate with one component of every kind, made once and copied for each kill.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use tempfile::TempDir;

const FILE: &str = r#"migration: kill
components:
  database:
    kind: sqlite.database
    path: data.db
    writes: merge
    merge:
      conflicts: recorded
      tables:
        tasks: {keys: "SELECT new, old FROM legacy"}
  settings:
    kind: config.values
    file: app.env
    keys: [API_URL, TOKEN]
  link:
    kind: file.link
    path: current
  pages:
    kind: file.tree
    path: pages
  thing:
    kind: command
    passive: true
    capture: [cat, thing.txt]
    revert: [sh, put-thing-back.sh]
  worker:
    kind: process
    command: [sleep, "1000"]
    pid_file: run/worker.pid
    needs: [database]
    reads: [settings, link]
"#;

/// Counts how often it did its work; the count comes after, so that a killed one never counts twice.
const PUT_BACK: &str = "cat > thing.new && mv thing.new thing.txt && echo done >> count.txt\n";

/// A place where estates are laid out, one after another, always at the same path: the markers name it.
pub struct Bench {
    _folder: TempDir,
    template: PathBuf,
    live: PathBuf,
}

/// A laid-out estate that was migrated and cut over.
pub struct Estate<'a> {
    bench: &'a Bench,
    worker: Option<Child>,
}

impl Bench {
    pub fn new() -> Self {
        // Being killed asks nothing of a disk, so memory will do.
        let folder = match Path::new("/dev/shm").is_dir() {
            true => tempfile::tempdir_in("/dev/shm").unwrap(),
            false => tempfile::tempdir().unwrap(),
        };
        let live = folder.path().join("live");
        let bench = Self { template: folder.path().join("template"), live: live.clone(), _folder: folder };
        fs::create_dir_all(live.join("run")).unwrap();
        fs::write(live.join("backout.yaml"), FILE).unwrap();
        fs::write(live.join("put-thing-back.sh"), PUT_BACK).unwrap();
        fs::write(live.join("count.txt"), "").unwrap();
        fs::write(live.join("thing.txt"), "old thing\n").unwrap();
        fs::write(live.join("app.env"), "# settings\nAPI_URL=http://old\nTOKEN=old-secret\nOTHER=1\n")
            .unwrap();
        symlink("releases/1", live.join("current")).unwrap();
        fs::create_dir_all(live.join("releases/1")).unwrap();
        fs::create_dir_all(live.join("pages/empty")).unwrap();
        fs::write(live.join("pages/index.html"), "old page\n").unwrap();
        sql(
            &live,
            "CREATE TABLE tasks(id INTEGER PRIMARY KEY, title TEXT); INSERT INTO tasks VALUES (1, 'old'), (9, 'gone')",
        );
        let mut worker = start_worker(&live);
        bench.must(&["arm"]);
        bench.must(&["capture"]);
        sql(&live, "INSERT INTO tasks VALUES (10, 'written before')");
        fs::write(live.join("thing.txt"), "new thing\n").unwrap();
        fs::write(live.join("app.env"), "# settings\nAPI_URL=http://new\nTOKEN=new-secret\nOTHER=1\n")
            .unwrap();
        fs::remove_file(live.join("current")).unwrap();
        symlink("releases/2", live.join("current")).unwrap();
        fs::write(live.join("pages/index.html"), "new page\n").unwrap();
        fs::write(live.join("pages/more.html"), "more\n").unwrap();
        sql(
            &live,
            "BEGIN; CREATE TABLE legacy(old INTEGER PRIMARY KEY, new TEXT);
             INSERT INTO legacy SELECT id, 'key-' || id FROM tasks;
             CREATE TABLE tasks2(id TEXT PRIMARY KEY, title TEXT);
             INSERT INTO tasks2 SELECT new, title FROM tasks JOIN legacy ON old = id;
             DROP TABLE tasks; ALTER TABLE tasks2 RENAME TO tasks; COMMIT",
        );
        bench.must(&["cutover", "--writers-stopped"]);
        sql(
            &live,
            "INSERT INTO tasks VALUES ('born', 'written after'); UPDATE tasks SET title = 'changed' WHERE id = 'key-1';
             DELETE FROM tasks WHERE id = 'key-9'",
        );
        worker.kill().unwrap();
        worker.wait().unwrap();
        fs::rename(&bench.live, &bench.template).unwrap();
        bench
    }

    /// Lays out a fresh copy, with its worker running.
    pub fn lay_out(&self) -> Estate<'_> {
        if self.live.exists() {
            fs::remove_dir_all(&self.live).unwrap();
        }
        let copied = Command::new("cp").arg("-a").arg(&self.template).arg(&self.live).status().unwrap();
        assert!(copied.success());
        Estate { bench: self, worker: Some(start_worker(&self.live)) }
    }

    fn must(&self, words: &[&str]) {
        let output = self.command(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", text(&output));
    }

    /// The binary, about to be run in the estate.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backout"));
        self.prepare(&mut command, words);
        command
    }

    /// Runs the binary under a tracer that stands aside (`-D`): it goes on following the worker that the run
    /// starts, and nobody waits for it. What was printed goes to a file, for the tracer would hold a pipe open.
    pub fn traced(&self, tracer: &[String], words: &[&str]) -> (ExitStatus, String) {
        let printed = tempfile::NamedTempFile::new().unwrap();
        let mut command = Command::new("strace");
        command.arg("-D").args(tracer).arg(env!("CARGO_BIN_EXE_backout"));
        self.prepare(&mut command, words);
        let to_file = || Stdio::from(printed.as_file().try_clone().unwrap());
        command.env("BACKOUT_FEW_THREADS", "1");
        let status = command.stdout(to_file()).stderr(to_file()).status().unwrap();
        (status, fs::read_to_string(printed.path()).unwrap_or_default())
    }

    fn prepare(&self, command: &mut Command, words: &[&str]) {
        command.args(words).current_dir(&self.live).stdin(Stdio::null());
        command.env_remove("BACKOUT_FAILPOINT").env_remove("BACKOUT_FAILPOINT_TRACE");
    }
}

impl Estate<'_> {
    /// The bench it stands on.
    pub fn bench(&self) -> &Bench {
        self.bench
    }

    /// Takes the run up again until it is over, as a person would; gives what was printed last.
    pub fn finish(&self) -> Output {
        let mut output = self.bench.command(&["resume"]).output().unwrap();
        if output.status.code() == Some(4) {
            // Killed before the run was opened, or after it was closed.
            output = self.bench.command(&["rollback", "--yes"]).output().unwrap();
        }
        output
    }

    /// Everything that can be seen from outside, times and our own litter left out.
    pub fn world(&self) -> BTreeMap<String, String> {
        let mut seen = BTreeMap::new();
        list(&self.bench.live, &self.bench.live, &mut seen);
        seen.insert("data.db".into(), dump(&self.bench.live));
        seen.insert("workers".into(), self.workers().len().to_string());
        seen
    }

    /// How often the effect of the component without a compare-and-set of its own was counted.
    pub fn count(&self) -> usize {
        fs::read_to_string(self.bench.live.join("count.txt")).unwrap().lines().count()
    }

    /// Processes that run as this estate's worker.
    fn workers(&self) -> Vec<u32> {
        let home = fs::canonicalize(&self.bench.live).unwrap();
        fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|pid| {
                let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                let zombie = stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'));
                words.starts_with(b"sleep\0")
                    && !zombie
                    && fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == home)
            })
            .collect()
    }
}

impl Drop for Estate<'_> {
    fn drop(&mut self) {
        for pid in self.workers() {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
        if let Some(mut worker) = self.worker.take() {
            let _ = worker.kill();
            let _ = worker.wait();
        }
    }
}

fn start_worker(live: &Path) -> Child {
    let worker = Command::new("sleep")
        .arg("1000")
        .current_dir(live)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    fs::write(live.join("run/worker.pid"), format!("{}\n", worker.id())).unwrap();
    worker
}

fn sql(live: &Path, text: &str) {
    rusqlite::Connection::open(live.join("data.db")).unwrap().execute_batch(text).unwrap();
}

fn dump(live: &Path) -> String {
    let database = rusqlite::Connection::open(live.join("data.db")).unwrap();
    let check: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    let schema: String = database
        .query_row(
            "SELECT group_concat(sql, ';') FROM sqlite_schema WHERE name NOT LIKE '\\_backout%' ESCAPE '\\'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let rows: String = database
        .query_row(
            "SELECT group_concat(typeof(id) || ':' || id || ':' || title, ';') FROM (SELECT * FROM tasks ORDER BY id)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    format!("{check} {schema} {rows}")
}

fn list(root: &Path, folder: &Path, seen: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        let ours = name.starts_with(".backout") || name.starts_with("data.db") || name == "count.txt";
        if ours || path == root.join("run") {
            continue;
        }
        let meta = fs::symlink_metadata(&path).unwrap();
        let content = if meta.is_symlink() {
            format!("-> {}", fs::read_link(&path).unwrap().display())
        } else if meta.is_dir() {
            list(root, &path, seen);
            "a folder".into()
        } else {
            fs::read_to_string(&path).unwrap()
        };
        let key = path.strip_prefix(root).unwrap().display().to_string();
        seen.insert(key, format!("{:o} {content}", meta.mode()));
    }
}

/// What a process printed and how it ended.
pub fn text(output: &Output) -> String {
    format!(
        "{:?} (signal {:?})\n{}{}",
        output.status.code(),
        output.status.signal(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
