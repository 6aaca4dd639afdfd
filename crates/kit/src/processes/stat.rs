//! `/proc/<pid>/stat`, of which a few fields matter here.

use std::fs;
use std::io::{self, ErrorKind};

use rustix::process::Pid;

pub(super) struct Stat {
    /// Zombie or on its way out: it runs no more.
    pub(super) has_ended: bool,
    /// Number of its process group.
    pub(super) group: i32,
    /// When it started, in clock ticks since boot.
    pub(super) start_ticks: u64,
    /// Bytes of its environment. `None` for threads of the kernel, and for a moment in the midst of an exec.
    pub(super) environment_length: Option<u64>,
    /// A thread of the kernel, which never has an environment.
    pub(super) is_of_kernel: bool,
}

/// Flag of threads of the kernel.
const KERNEL_THREAD: u32 = 0x0020_0000;

/// A process that is gone is an error of kind `NotFound`.
pub(super) fn read(pid: u32) -> io::Result<Stat> {
    let line = fs::read(format!("/proc/{pid}/stat")).map_err(|error| {
        let gone = error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error());
        if gone { ErrorKind::NotFound.into() } else { error }
    })?;
    parse(&line).ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "the process status cannot be read"))
}

/// The second field is the program's name in parentheses, with whatever bytes its owner chose: the fields after
/// it begin behind the *last* parenthesis.
fn parse(line: &[u8]) -> Option<Stat> {
    let name_end = line.iter().rposition(|byte| *byte == b')')?;
    let mut fields = std::str::from_utf8(line.get(name_end + 1..)?).ok()?.split_ascii_whitespace();
    let state = fields.next()?;
    let group = fields.nth(1)?.parse().ok()?;
    let flags: u32 = fields.nth(3)?.parse().ok()?;
    let start_ticks = fields.nth(12)?.parse().ok()?;
    let environment_start: u64 = fields.nth(27)?.parse().ok()?;
    let environment_end: u64 = fields.next()?.parse().ok()?;
    Some(Stat {
        has_ended: matches!(state, "Z" | "X" | "x"),
        group,
        start_ticks,
        environment_length: environment_end.checked_sub(environment_start).filter(|_| environment_end != 0),
        is_of_kernel: flags & KERNEL_THREAD != 0,
    })
}

/// The numbers of all processes that we can see.
pub(super) fn all_numbers() -> io::Result<impl Iterator<Item = u32>> {
    Ok(fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()))
}

/// Whether a process of this group still runs. Costs a walk through `/proc`.
pub(crate) fn group_lives(group: Pid) -> bool {
    let group = group.as_raw_nonzero().get();
    let lives = |pid| read(pid).is_ok_and(|stat| stat.group == group && !stat.has_ended);
    all_numbers().is_ok_and(|mut numbers| numbers.any(lives))
}

/// The number as the system takes it; `None` for what can be no process.
pub(super) fn pid_of(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fields 4 to 52, recognisable where they matter.
    fn tail(flags: u32) -> String {
        tail_with(flags, "4096 4196")
    }

    fn tail_with(flags: u32, environment: &str) -> String {
        let (after_flags, after_start) = ("0 ".repeat(12), "1 ".repeat(27));
        format!(" 1 77 78 0 -1 {flags} {after_flags}123456 {after_start}{environment} 0")
    }

    #[test]
    fn hostile_program_names_do_not_shift_the_fields() {
        for name in [&b"sh"[..], b"a b", b") Z 1 1", b"((", b"x\ny", b"\xff\xfe) R"] {
            let line = [b"42 (", name, b") S", tail(KERNEL_THREAD | 1).as_bytes()].concat();
            let stat = parse(&line).unwrap();
            assert_eq!((stat.group, stat.start_ticks, stat.environment_length), (77, 123_456, Some(100)));
            assert!(stat.is_of_kernel && !stat.has_ended);
        }
    }

    #[test]
    fn each_state_is_ended_or_not() {
        for (state, has_ended) in
            [("R", false), ("S", false), ("D", false), ("T", false), ("Z", true), ("X", true)]
        {
            let stat = parse(format!("42 (sh) {state}{}", tail(1)).as_bytes()).unwrap();
            assert_eq!((stat.has_ended, stat.is_of_kernel), (has_ended, false), "{state}");
        }
    }

    #[test]
    fn an_empty_environment_differs_from_none_yet() {
        for (bounds, length) in
            [("4096 4096", Some(0)), ("4096 4097", Some(1)), ("0 0", None), ("4096 0", None)]
        {
            let stat = parse(format!("42 (sh) S{}", tail_with(1, bounds)).as_bytes()).unwrap();
            assert_eq!(stat.environment_length, length, "{bounds}");
        }
    }

    #[test]
    fn what_is_told_of_ourselves_is_true() {
        let environment = fs::read("/proc/self/environ").unwrap();
        let stat = read(std::process::id()).unwrap();
        assert_eq!(stat.environment_length, Some(environment.len() as u64));
        assert_eq!(stat.group, rustix::process::getpgrp().as_raw_nonzero().get());
        assert!(!stat.has_ended && !stat.is_of_kernel);
    }

    #[test]
    fn a_cut_line_is_no_status() {
        for line in [&b""[..], b"42 (sh", b"42 (sh) S 1 2", b"42 (sh) S 1 x 3"] {
            assert!(parse(line).is_none());
        }
    }

    #[test]
    fn numbers_that_are_no_process_are_refused() {
        assert!(pid_of(0).is_none(), "would mean our own group");
        assert!(pid_of(u32::MAX).is_none(), "would mean everybody");
    }
}
