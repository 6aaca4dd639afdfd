//! Runs cargo and shows its own closing lines; all it said is kept in a log, and what tells is shown when it failed.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::stage::Outcome;

/// What of a runner's output is shown while it runs: how each binary, and the whole, came out.
const SHOWN: &[&str] = &[
    "Finished",
    "Running",
    "Doc-tests",
    "test result:",
    "bans ",
    "licenses ",
    "sources ",
    "advisories ",
    "fuzzed ",
];

/// How many tests run side by side, where somebody says it.
const TEST_THREADS: &str = "RUST_TEST_THREADS";

/// Runs cargo with the arguments, under the stage's name.
pub fn cargo(root: &Path, stage: &str, arguments: &[&str]) -> Result<Outcome> {
    let folder = target_folder(root).join("xtask-test");
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let log = folder.join(format!("{stage}.log"));

    // One pipe for both, so that lines keep their order.
    let (reader, writer) = std::io::pipe().context("open a pipe")?;
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(root).stdin(Stdio::null());
    command.stdout(writer.try_clone()?).stderr(writer);
    if std::env::var_os("CI").is_some() {
        // Nobody edits and builds again there.
        command.env("CARGO_INCREMENTAL", "0");
    }
    if std::env::var_os(TEST_THREADS).is_none() {
        command.env(TEST_THREADS, test_threads(std::thread::available_parallelism().ok()).to_string());
    }
    let mut child = command.spawn().context("run cargo")?;
    // It holds the writing ends of the pipe, and the pipe ends when the last is closed.
    drop(command);

    let mut kept = File::create(&log).with_context(|| format!("write {}", log.display()))?;
    for line in BufReader::new(reader).split(b'\n') {
        let line = line.context("read what cargo says")?;
        kept.write_all(&line)?;
        kept.write_all(b"\n")?;
        let text = String::from_utf8_lossy(&line);
        if is_shown(&text) {
            println!("{text}");
        }
    }
    if child.wait().context("wait for cargo")?.success() {
        return Ok(Outcome::Held);
    }
    println!("{}", telling(&String::from_utf8_lossy(&fs::read(&log)?)));
    Ok(Outcome::Failed(format!("`cargo {}`; all of it is in {}", arguments.join(" "), log.display())))
}

/// How many tests of a binary run side by side: many wait for servers and for programs that start and end, so that one for
/// each processor leaves processors idle.
fn test_threads(processors: Option<NonZero<usize>>) -> usize {
    2 * processors.map_or(1, NonZero::get)
}

/// Where cargo builds.
pub fn target_folder(root: &Path) -> PathBuf {
    let chosen = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| OsString::from("target"));
    root.join(chosen)
}

/// What of a failed stage's output tells why: the binaries that failed, and all that belongs to none, but for the
/// lines about each crate that was built.
fn telling(output: &str) -> String {
    let mut parts: Vec<Vec<&str>> = vec![Vec::new()];
    for line in
        output.lines().filter(|line| !line.starts_with("   Compiling ") && !line.starts_with("    Checking "))
    {
        let begins = ["Running ", "Doc-tests ", "error: "]
            .iter()
            .any(|opening| line.trim_start().starts_with(opening));
        match parts.last_mut() {
            Some(part) if !begins => part.push(line),
            _ => parts.push(vec![line]),
        }
    }
    parts.retain(|part| !part.iter().any(|line| line.starts_with("test result: ok.")));
    parts.concat().join("\n")
}

fn is_shown(line: &str) -> bool {
    let line = line.trim_start();
    SHOWN.iter().any(|opening| line.starts_with(opening))
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use super::{is_shown, telling, test_threads};

    #[test]
    fn more_tests_run_than_there_are_processors() {
        assert_eq!((test_threads(NonZero::new(2)), test_threads(None)), (4, 2));
    }

    #[test]
    fn a_failure_is_told_without_what_went_well() {
        let output = "   Compiling a v1\nwarning: odd\n     Running tests/a.rs (a-1)\ntest x ... ok\n\
                      test result: ok. 1 passed\n     Running tests/b.rs (b-1)\ntest y ... FAILED\nwhy\n\
                      test result: FAILED. 0 passed\n   Doc-tests a\ntest result: ok. 0 passed\n\
                      error: 1 target failed:\n    `-p b`\n";
        assert_eq!(
            telling(output),
            "warning: odd\n     Running tests/b.rs (b-1)\ntest y ... FAILED\nwhy\n\
             test result: FAILED. 0 passed\nerror: 1 target failed:\n    `-p b`"
        );
    }

    #[test]
    fn an_error_of_the_compiler_is_told_whole() {
        let output = "   Compiling a v1\nerror: no\n  --> src/lib.rs:1:1\n\nerror: could not compile `a`";
        assert_eq!(telling(output), "error: no\n  --> src/lib.rs:1:1\n\nerror: could not compile `a`");
    }

    #[test]
    fn closing_lines_are_shown_and_the_rest_is_not() {
        for line in [
            "test result: ok. 3 passed; 0 failed",
            "     Running unittests src/lib.rs (target/debug/deps/a-1)",
            "    Finished `test` profile [unoptimized] target(s) in 1.00s",
            "bans ok, licenses ok, sources ok",
        ] {
            assert!(is_shown(line), "{line}");
        }
        for line in ["   Compiling serde v1", "test order::a ... ok", "running 3 tests", ""] {
            assert!(!is_shown(line), "{line}");
        }
    }
}
