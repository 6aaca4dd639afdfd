//! `strace` lists the calls of a child that change something, and kills it before a chosen one.
//!
//! It counts calls by thread and by name. The test harness writes a line or two on the main thread before a test
//! begins, so the threads that do the work first write some texts to nowhere: a `write` of a higher count belongs to
//! the work.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// How many harmless writes come first.
const LIFT: usize = 6;

/// What they write.
const NOTHING: &str = "backout-lift";

/// A call before which a kill can strike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Point {
    /// The name of the call.
    pub(crate) name: String,
    /// The how many-th call with this name on its thread, from 1.
    pub(crate) count: usize,
    /// The call as `strace` prints it, cut.
    pub(crate) shown: String,
}

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

/// A command to which the program and its arguments are added, with the calls written to a log.
pub(crate) fn tracing(log: &Path) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-s", "64", "-o"]).arg(log).args(["-e", &format!("trace={CALLS}"), "--"]);
    command
}

/// A command to which the program and its arguments are added, killed before a call.
pub(crate) fn killing(point: &Point) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={}", point.name), "-e"]);
    command.args([&format!("inject={}:signal=SIGKILL:when={}", point.name, point.count), "--"]);
    command
}

/// Makes the harmless writes, on the thread that awaits and on the one that takes blocking work.
pub(crate) async fn lift_counters() {
    let lift = || {
        for _ in 0..LIFT {
            let _ = std::fs::OpenOptions::new()
                .write(true)
                .open("/dev/null")
                .and_then(|mut nowhere| nowhere.write_all(NOTHING.as_bytes()));
        }
    };
    lift();
    let _ = tokio::task::spawn_blocking(lift).await;
}

/// The calls before which a kill can strike the work, in the order of the log.
pub(crate) fn points(log: &str) -> Vec<Point> {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut points: Vec<(&str, Point)> = Vec::new();
    for line in log.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let Some((name, _)) = call.trim_start().split_once('(') else { continue };
        if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
            continue;
        }
        let count = counts.entry((thread, name)).or_default();
        *count += 1;
        if call.contains(NOTHING) {
            // What a thread did up to here was not the work.
            points.retain(|(of, _)| *of != thread);
        } else {
            let shown = call.trim_start().chars().take(100).collect();
            points.push((thread, Point { name: name.to_owned(), count: *count, shown }));
        }
    }
    let mut known = BTreeSet::new();
    points
        .into_iter()
        .map(|(_, point)| point)
        .filter(|point| {
            (point.name != "write" || point.count > LIFT) && known.insert((point.name.clone(), point.count))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_counted_by_thread_and_name_behind_the_lift() {
        let lift = |thread: u32| format!("{thread} write(3, \"backout-lift\", 12) = 12\n").repeat(LIFT);
        let log = format!(
            "10 write(1, \"running\", 7) = 7\n{}{}\
             11 write(5, \"a\", 1 <unfinished ...>\n\
             10 fsync(9) = 0\n\
             11 <... write resumed>) = 1\n\
             11 renameat2(AT_FDCWD, \"a\", AT_FDCWD, \"b\", 0) = 0\n\
             11 fsync(4) = 0\n\
             11 fsync(4) = 0\n\
             12 write(6, \"wake\", 4) = 4\n\
             11 +++ exited with 0 +++\n",
            lift(10),
            lift(11)
        );
        let points = points(&log);
        let found: Vec<(&str, usize)> =
            points.iter().map(|point| (point.name.as_str(), point.count)).collect();
        assert_eq!(found, [("write", LIFT + 1), ("fsync", 1), ("renameat2", 1), ("fsync", 2)]);
    }
}
