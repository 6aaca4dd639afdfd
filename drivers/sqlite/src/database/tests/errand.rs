//! What tests have another process do: a real one, with locks of its own, that can be killed.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use backout_contract::Depth;
use backout_core::writes::Occasion;

use super::world::{Plan, World, open};

const ERRAND: &str = "BACKOUT_TEST_ERRAND";
const ROOT: &str = "BACKOUT_TEST_ROOT";

/// A process on an errand. It ends when it is dropped.
pub(super) struct Other {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// How a process is started.
pub(super) struct Manner {
    pub(super) program: PathBuf,
    pub(super) environment: Vec<(&'static str, String)>,
    pub(super) user: Option<u32>,
}

impl Default for Manner {
    fn default() -> Self {
        Self { program: std::env::current_exe().unwrap(), environment: Vec::new(), user: None }
    }
}

impl Other {
    /// Sends a process on its way and returns once it says that it is ready.
    pub(super) fn on(errand: &str, world: &World) -> Self {
        let mut other = Self::sent(errand, &world.root, Manner::default());
        assert_eq!(other.line(), "ready", "{errand}");
        other
    }

    pub(super) fn sent(errand: &str, root: &Path, manner: Manner) -> Self {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(manner.program);
        command
            .args([
                "--exact",
                "database::tests::errand::errand",
                "--ignored",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(ERRAND, errand)
            .env(ROOT, root)
            .envs(manner.environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        if let Some(user) = manner.user {
            command.uid(user).gid(user);
        }
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output }
    }

    /// The next line that the errand says.
    pub(super) fn line(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            if self.output.read_line(&mut line).unwrap() == 0 {
                return "gone".to_owned();
            }
            // The test harness talks too, and not always on lines of its own.
            if let Some((_, said)) = line.trim_end().split_once("> ") {
                return said.to_owned();
            }
        }
    }

    /// Asks it to end, and returns the last line that it says and whether it ended well.
    pub(super) fn end(mut self) -> (String, bool) {
        drop(self.input.take());
        let last = self.line();
        std::io::copy(&mut self.output, &mut std::io::sink()).unwrap();
        (last, self.child.wait().unwrap().success())
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn say(text: &str) {
    println!("> {text}");
    std::io::stdout().flush().unwrap();
}

fn wait_for_the_end() {
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
#[ignore = "other tests run it, in a process of its own"]
fn errand() {
    let world = World::at(Path::new(&std::env::var_os(ROOT).unwrap()));
    match std::env::var(ERRAND).unwrap().as_str() {
        "write" => write(&world),
        "sit" => {
            let connection = world.open();
            let _: i64 =
                connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
            say("ready");
            wait_for_the_end();
        }
        "read long" => read_long(&world),
        "lock" => {
            let connection = world.open();
            connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
            say("ready");
            wait_for_the_end();
        }
        "begin a transaction" => {
            let connection = world.open();
            connection.execute_batch("BEGIN IMMEDIATE; INSERT INTO anything VALUES ('not yet')").unwrap();
            say("ready");
            wait_for_the_end();
        }
        "die within a transaction" => {
            let connection = world.open();
            // So little memory that pages are written before the commit.
            connection
                .execute_batch(
                    "PRAGMA cache_size = 1; BEGIN;
                     UPDATE anything SET value = 'spoilt';
                     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
                     INSERT INTO anything SELECT 'spoilt ' || i FROM n",
                )
                .unwrap();
            say("ready");
            std::process::abort();
        }
        "die after a commit" => {
            world.open().execute_batch("PRAGMA wal_autocheckpoint = 0").unwrap();
            let connection = world.open();
            connection.execute_batch("INSERT INTO anything VALUES ('committed')").unwrap();
            say("ready");
            std::process::abort();
        }
        "revert" => {
            let plan: Plan =
                serde_json::from_slice(&std::fs::read(world.root.join("plan.json")).unwrap()).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            say(&format!("{:?}", runtime.block_on(world.revert(&plan))));
        }
        "arm" | "cut over" => {
            let is_arming = std::env::var(ERRAND).unwrap() == "arm";
            let occasion = if is_arming { Occasion::Arm } else { Occasion::Cutover };
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            say(&format!("{:?}", runtime.block_on(world.arm(occasion))));
        }
        "recover" => {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            say(&format!("{:?}", runtime.block_on(world.merge())));
        }
        "look" => {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            match runtime.block_on(world.capture(Depth::Look)) {
                Ok(captured) => say(&serde_json::to_string(&captured.state).unwrap()),
                Err(error) => say(&error.chain()),
            }
        }
        other => panic!("no such errand: {other}"),
    }
}

/// Writes row after row, whatever happens to the database, and tells at last how it went.
fn write(world: &World) {
    static END: AtomicBool = AtomicBool::new(false);
    std::thread::spawn(|| {
        wait_for_the_end();
        END.store(true, Ordering::SeqCst);
    });
    let connection = open(&world.path());
    let (mut written, mut refused) = (0u32, 0u32);
    while !END.load(Ordering::SeqCst) {
        match connection.execute("INSERT INTO log (line) VALUES (hex(randomblob(20)))", []) {
            Ok(_) => written += 1,
            Err(error) => {
                let text = error.to_string();
                assert!(
                    !text.contains("malformed")
                        && !text.contains("corrupt")
                        && !text.contains("not a database"),
                    "{text}"
                );
                refused += 1;
            }
        }
        if written == 20 && refused == 0 {
            say("ready");
        }
        // Users pause too; without it, a journal leaves others hardly a gap.
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
    let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    say(&format!("{written} {} {sound} {version}", refused > 0));
}

/// Reads within one transaction until it is asked to end, and tells what it saw at first and at last.
fn read_long(world: &World) {
    let connection = world.open();
    let version = || -> i64 { connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap() };
    let count =
        || -> i64 { connection.query_row("SELECT count(*) FROM anything", [], |row| row.get(0)).unwrap() };
    connection.execute_batch("BEGIN").unwrap();
    let first = (version(), count());
    say("ready");
    wait_for_the_end();
    let last = (version(), count());
    connection.execute_batch("COMMIT").unwrap();
    say(&format!("{first:?} {last:?} {}", version()));
}
