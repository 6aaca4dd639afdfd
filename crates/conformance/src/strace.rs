//! `strace` counts the calls of a child that change something, and kills it before a chosen one.
//!
//! It counts by thread. The test harness writes a line or two on the main thread before a test begins, so the
//! threads that do the work first make a number of harmless calls: a count beyond these belongs to the work.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

/// How many harmless calls come first.
const LIFT: usize = 6;

/// What the harmless calls are about.
const NOWHERE: &str = "/nonexistent/backout-lift";

/// Calls that change files, or ask others to change something. Those that a machine lacks are skipped.
const CALLS: &str = "?write,?pwrite64,?writev,?pwritev,?pwritev2,?rename,?renameat,?renameat2,?unlink,?unlinkat,\
?rmdir,?mkdir,?mkdirat,?link,?linkat,?symlink,?symlinkat,?fsync,?fdatasync,?sync_file_range,?truncate,?ftruncate,\
?fallocate,?chmod,?fchmod,?fchmodat,?chown,?fchown,?lchown,?fchownat,?utimensat,?setxattr,?lsetxattr,?fsetxattr,\
?copy_file_range,?sendfile,?splice,?kill,?tgkill,?pidfd_send_signal,?sendto,?sendmsg,?connect";

/// Whether it is there and may trace.
pub(crate) fn is_usable() -> bool {
    let quiet = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    quiet.is_ok_and(|status| status.success())
}

/// A command to which the program and its arguments are added.
pub(crate) fn tracing(log: &Path, kill_before: Option<usize>) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-s", "64", "-o"]).arg(log).args(["-e", &format!("trace={CALLS}")]);
    if let Some(call) = kill_before {
        command.args(["-e", &format!("inject={CALLS}:signal=SIGKILL:when={call}")]);
    }
    command.arg("--");
    command
}

/// Makes the harmless calls, on the thread that awaits and on the one that takes blocking work.
pub(crate) async fn lift_counters() {
    let lift = || (0..LIFT).for_each(|_| drop(std::fs::remove_dir(NOWHERE)));
    lift();
    let _ = tokio::task::spawn_blocking(lift).await;
}

/// The calls at which a kill can strike the work: the number for [`tracing`], and what the call is.
pub(crate) fn points(log: &str) -> Vec<(usize, String)> {
    let mut threads: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in log.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        if call.starts_with(|first: char| first.is_ascii_lowercase()) {
            threads.entry(thread).or_default().push(call);
        }
    }
    let busiest = threads.values().max_by_key(|calls| calls.len()).map_or(&[][..], Vec::as_slice);
    let works = |call: &&str| !call.contains(NOWHERE);
    let begins = busiest.iter().rposition(|call| !works(call)).map_or(0, |last| last + 1);
    let brief = |call: &&str| call.chars().take(100).collect::<String>();
    busiest.iter().enumerate().skip(begins).map(|(index, call)| (index + 1, brief(call))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_counted_by_thread_behind_the_lift() {
        let log = "\
10 write(1, \"running\", 7) = 7
10 rmdir(\"/nonexistent/backout-lift\") = -1 ENOENT
11 rmdir(\"/nonexistent/backout-lift\") = -1 ENOENT
11 write(5, \"a\", 1 <unfinished ...>
10 fsync(9) = 0
11 <... write resumed>) = 1
11 renameat2(AT_FDCWD, \"a\", AT_FDCWD, \"b\", 0) = 0
11 fsync(4) = 0
11 +++ exited with 0 +++
";
        let calls: Vec<usize> = points(log).iter().map(|(call, _)| *call).collect();
        assert_eq!(calls, [2, 3, 4]);
        assert!(points(log)[1].1.starts_with("renameat2("));
    }
}
