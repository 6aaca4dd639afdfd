//! Killed at every system call that changes a file, and at every open.
//!
//! The tracer counts calls for each thread by itself, so the traced process runs with few threads: one that
//! dispatches, one that blocks, one for the journal. For each count the first thread to get there is the one that is
//! killed, and the whole process with it.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use super::estate::{Bench, text};

/// How far apart the calls are at which it is killed, unless somebody says otherwise.
fn every(usually: usize) -> usize {
    std::env::var("BACKOUT_KILL_EVERY").ok().and_then(|text| text.parse().ok()).unwrap_or(usually)
}

fn sweep(calls: &str, usually: usize) {
    assert!(
        Command::new("strace").arg("-V").output().is_ok(),
        "strace is needed; `cargo xtask test` installs it"
    );
    let bench = Bench::new();
    let calm = bench.lay_out();
    let output = bench.command(&["rollback", "--yes"]).output().unwrap();
    assert!(output.status.success(), "undisturbed: {}", text(&output));
    let world = calm.world();
    drop(calm);
    let mut kills = 0;
    for when in (1..).step_by(every(usually)) {
        let estate = bench.lay_out();
        let inject = format!("inject={calls}:signal=KILL:when={when}");
        let tracer: Vec<String> =
            ["-f", "-qqq", "-o", "/dev/null", "-e", &format!("trace={calls}"), "-e", &inject]
                .iter()
                .map(ToString::to_string)
                .collect();
        let (status, printed) = estate.bench().traced(&tracer, &["rollback", "--yes"]);
        if status.success() {
            // Also a helper program may have been the one to die; then the run may still have ended well.
            assert_eq!(estate.world(), world, "nobody died at {calls} {when}");
            break;
        }
        assert!(status.signal() == Some(9), "{calls} {when}: {status:?}\n{printed}");
        kills += 1;
        let output = estate.finish();
        assert!(output.status.success(), "after a kill at {calls} {when}: {}", text(&output));
        assert_eq!(estate.world(), world, "after a kill at {calls} {when}");
        assert!(estate.count() <= 1, "after a kill at {calls} {when} the effect happened twice");
    }
    assert!(kills > 0, "{calls}: nothing was killed");
    println!("{calls}: {kills} kills");
}

#[test]
fn killed_at_every_sync() {
    sweep("fsync,fdatasync", 1);
}

#[test]
fn killed_at_every_write() {
    sweep("write,pwrite64", 1);
}

#[test]
fn killed_at_every_rename_and_unlink() {
    sweep("rename,renameat,renameat2,unlink,unlinkat", 1);
}

/// Most opens only read and stand between two changes that the other sweeps kill at anyway, and there are hundreds:
/// each ninth is taken unless `BACKOUT_KILL_EVERY=1` asks for all of them.
#[test]
fn killed_at_opens() {
    sweep("openat", 9);
}
