//! The demo as a stranger meets it: told to its end, stopped on the way, left running, several at once.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A folder for an estate; whatever still runs in it is stopped when the test ends, however it ends.
struct Place {
    _home: TempDir,
    folder: PathBuf,
}

impl Place {
    fn new() -> Self {
        let home = TempDir::new().unwrap();
        let folder = home.path().canonicalize().unwrap().join("an estate");
        Self { _home: home, folder }
    }

    fn demo(&self, more: &[&str]) -> Output {
        let dir = self.folder.to_str().unwrap();
        run(Path::new("/"), &[&["demo", "--dir", dir], more].concat())
    }

    fn run(&self, arguments: &[&str]) -> Output {
        run(&self.folder, arguments)
    }

    fn setting(&self, key: &str) -> String {
        let text = fs::read_to_string(self.folder.join("app.env")).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap();
        value.trim_matches('"').to_owned()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !running_in(&self.folder).is_empty() {
            self.demo(&["--down"]);
        }
    }
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_backout"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.env_remove("CLICOLOR_FORCE");
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    format!("{}\n{}", text(&output.stdout), text(&output.stderr))
}

/// What it printed, after seeing that it ended well.
fn good(output: &Output) -> String {
    let text = text(output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    text
}

/// The numbers of processes whose folder is this one or below it.
fn running_in(folder: &Path) -> Vec<u32> {
    let numbers =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let lives_in =
        |number: &u32| fs::read_link(format!("/proc/{number}/cwd")).is_ok_and(|at| at.starts_with(folder));
    numbers.filter(lives_in).collect()
}

fn names_in(folder: &Path) -> Vec<String> {
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    fs::read_dir(folder).unwrap().map(|entry| name(entry.unwrap())).collect()
}

#[test]
fn a_tale_told_to_its_end_holds_and_leaves_nothing_running() {
    let place = Place::new();
    let told = good(&place.demo(&[]));
    for said in [
        "1. A to-do application, release 1.4.0",
        "$ backout check",
        "$ backout capture",
        "$ backout cutover --writers-stopped -- backout demo-migrate --dir .",
        "$ backout demo-migrate --dir . --backfill",
        "by the migration itself",
        "service   restarted, release 2.0.0 answers",
        "% of 180 requests failed",
        "$ backout plan",
        "(sensitive, differs)",
        "$ backout rollback --yes",
        "1 row changed on both sides",
        "nothing to take over",
        "$ backout verify",
        "✓ rows: 12 users, 2",
        "✓ what users own and see is, line by line, what they had",
        "✓ relations: 360 tags on tasks, 24 tasks that recur",
        "✓ 12 of 12 users log in, by the password hashes of before",
        "✓ 0 % of 180 requests failed",
        "$ backout status",
        "$ backout report --format html --out report.html",
        "Everything held.",
    ] {
        assert!(told.contains(said), "{said:?} is missing in:\n{told}");
    }
    assert!(!told.contains('\u{1b}'), "colours belong on terminals:\n{told}");
    for secret in [place.setting("SESSION_SECRET").as_str(), "correct-horse"] {
        assert!(!told.contains(secret), "a secret was told:\n{told}");
    }
    let record = fs::read_to_string(place.folder.join("report.html")).unwrap();
    assert!(record.contains("<html") && record.contains("a third of all requests fail"), "{record}");
    assert_eq!(running_in(&place.folder), [0; 0]);
    assert_eq!(place.setting("API_URL"), format!("http://127.0.0.1:{}/api/v1", place.setting("PORT")));
}

#[test]
fn without_a_place_of_its_own_the_tale_leaves_nothing_at_all() {
    let temporary = TempDir::new().unwrap();
    let output = command(Path::new("/"), &["demo"]).env("TMPDIR", temporary.path()).output().unwrap();
    good(&output);
    assert_eq!(names_in(temporary.path()), [""; 0]);
    assert_eq!(running_in(temporary.path()), [0; 0]);
}

#[test]
fn an_estate_left_migrated_is_taken_back_by_hand() {
    let place = Place::new();
    let told = good(&place.demo(&["--stage", "migrated"]));
    assert!(told.contains("backout demo --down --dir ."), "{told}");
    assert_eq!(running_in(&place.folder).len(), 1, "the service outlives the tale");
    let secret = place.setting("SESSION_SECRET");

    let plan = good(&place.run(&["plan"]));
    let rollback = good(&place.run(&["rollback", "--yes"]));
    let verify = good(&place.run(&["verify"]));
    let again = good(&place.run(&["rollback", "--yes"]));
    assert!(again.to_lowercase().contains("nothing to do"), "{again}");
    let traffic = good(&place.run(&["demo-traffic", "--dir", "."]));
    assert!(traffic.starts_with("0 % of 180 requests failed"), "{traffic}");
    let status = good(&place.run(&["status"]));

    assert_ne!(place.setting("SESSION_SECRET"), secret, "the old one is back");
    for said in [&told, &plan, &rollback, &verify, &status] {
        assert!(
            !said.contains(&secret) && !said.contains(&place.setting("SESSION_SECRET")),
            "a secret in:\n{said}"
        );
    }
    assert_eq!(running_in(&place.folder).len(), 1, "one service, not two");
    let down = good(&place.demo(&["--down"]));
    assert!(down.contains("stopped process"), "{down}");
    assert_eq!(running_in(&place.folder), [0; 0]);
    let down = good(&place.demo(&["--down"]));
    assert!(down.contains("nothing was running"), "{down}");
    assert!(place.folder.join("backout.yaml").is_file(), "the rest stays");
}

#[test]
fn estates_live_side_by_side() {
    let (one, two) = (Place::new(), Place::new());
    good(&one.demo(&["--stage", "captured"]));
    good(&two.demo(&["--stage", "captured"]));
    assert_ne!(one.setting("PORT"), two.setting("PORT"));
    let migrate =
        ["cutover", "--writers-stopped", "--", env!("CARGO_BIN_EXE_backout"), "demo-migrate", "--dir", "."];
    good(&one.run(&migrate));
    good(&one.run(&["rollback", "--yes"]));
    good(&one.demo(&["--down"]));
    assert_eq!(running_in(&one.folder), [0; 0]);
    assert_eq!(running_in(&two.folder).len(), 1, "somebody else's service was left alone");
    assert!(good(&two.run(&["demo-traffic", "--dir", "."])).starts_with("0 %"));
    good(&two.demo(&["--down"]));
}

#[test]
fn an_estate_can_be_moved_while_it_runs_and_a_copy_of_it_is_refused() {
    let mut place = Place::new();
    good(&place.demo(&["--stage", "migrated"]));
    let copy = place.folder.with_file_name("copy");
    let copied = Command::new("cp").arg("-a").arg(&place.folder).arg(&copy).status().unwrap();
    assert!(copied.success());
    let refused = run(&copy, &["rollback", "--yes"]);
    assert_eq!(refused.status.code(), Some(4), "{}", text(&refused));
    fs::remove_dir_all(&copy).unwrap();

    let moved = place.folder.with_file_name("moved");
    fs::rename(&place.folder, &moved).unwrap();
    place.folder = moved;
    good(&place.run(&["rollback", "--yes"]));
    good(&place.run(&["verify"]));
    assert_eq!(running_in(&place.folder).len(), 1);
    assert!(good(&place.run(&["demo-traffic", "--dir", "."])).starts_with("0 %"));
    good(&place.demo(&["--down"]));
    assert_eq!(running_in(&place.folder), [0; 0]);
}

#[test]
fn an_interrupted_tale_puts_everything_away() {
    let temporary = TempDir::new().unwrap();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut demo = command(Path::new("/"), &["demo"])
            .env("TMPDIR", temporary.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(demo.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("$ backout check") {
            line.clear();
            assert_ne!(told.read_line(&mut line).unwrap(), 0, "the tale never came to its first command");
        }
        kill_process(Pid::from_child(&demo), signal).unwrap();
        let mut rest = String::new();
        told.read_to_string(&mut rest).unwrap();
        assert_eq!(demo.wait().unwrap().code(), Some(code), "{rest}");
        assert!(!rest.contains("Everything held"), "{rest}");
        assert_eq!(names_in(temporary.path()), [""; 0]);
        assert_eq!(running_in(temporary.path()), [0; 0]);
    }
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let place = Place::new();
    fs::create_dir(&place.folder).unwrap();
    fs::write(place.folder.join("letter.txt"), "dear").unwrap();
    let output = place.demo(&[]);
    assert_ne!(output.status.code(), Some(0));
    assert!(text(&output).contains("not empty"), "{}", text(&output));
    assert_eq!(names_in(&place.folder), ["letter.txt"]);
    let output = place.demo(&["--down"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert_eq!(place.folder.file_name(), Some(OsStr::new("an estate")));
}
