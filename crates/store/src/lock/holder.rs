//! Who holds a lock, and what can be told about that process from here.

use std::{fmt, fs, io};

use backout_core::journal::Actor;
use backout_kit::processes::{self, ProcessIdentity};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The account and the machine.
    #[serde(flatten)]
    pub by: Actor,
    /// The process.
    #[serde(flatten)]
    pub process: ProcessIdentity,
    /// The namespace in which the process number means something.
    pub pid_namespace: String,
    /// Since when.
    pub since: Timestamp,
    /// What it was started to do, without secrets.
    pub command: String,
}

/// What can be told about a holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its process runs.
    Running,
    /// Its process has ended.
    Ended,
    /// Its machine, or one of the same name, was started again since.
    Restarted,
    /// It belongs to another container of this machine.
    Hidden,
    /// It belongs to another machine.
    Elsewhere,
}

impl Holder {
    /// This process.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn this_process(by: Actor, command: impl Into<String>, since: Timestamp) -> io::Result<Self> {
        let pid_namespace = fs::read_link("/proc/self/ns/pid")?.to_string_lossy().into_owned();
        let process = processes::identity_of(std::process::id())?;
        Ok(Self { by, process, pid_namespace, since, command: command.into() })
    }

    /// What `from` can tell about this holder.
    pub fn standing(&self, from: &Self) -> Standing {
        judge(self, from, || processes::is_alive(&self.process))
    }
}

fn judge(holder: &Holder, from: &Holder, is_alive: impl FnOnce() -> bool) -> Standing {
    let same_boot = holder.process.boot_id == from.process.boot_id;
    let same_host = holder.by.host == from.by.host;
    let same_numbers = holder.pid_namespace == from.pid_namespace;
    match (same_boot, same_host) {
        (true, _) if !same_numbers => Standing::Hidden,
        (true, _) if is_alive() => Standing::Running,
        (true, _) => Standing::Ended,
        (false, true) => Standing::Restarted,
        (false, false) => Standing::Elsewhere,
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { by, process, since, command, .. } = self;
        write!(f, "{by} (`{command}`, process {}, since {since:.0})", process.pid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_of_what_can_be_told() {
        let here = Holder {
            by: Actor { user: "ada".into(), host: "db1".into() },
            process: ProcessIdentity { pid: 7, start_ticks: 70, boot_id: "boot".into() },
            pid_namespace: "pid:[1]".into(),
            since: Timestamp::UNIX_EPOCH,
            command: "backout rollback".into(),
        };
        use Standing::{Elsewhere, Ended, Hidden, Restarted, Running};
        for (boot, host, numbers, alive, expected) in [
            ("boot", "db1", "pid:[1]", true, Running),
            ("boot", "db1", "pid:[1]", false, Ended),
            // The machine was given another name since.
            ("boot", "db2", "pid:[1]", true, Running),
            ("boot", "db2", "pid:[1]", false, Ended),
            ("boot", "db1", "pid:[2]", true, Hidden),
            ("boot", "db1", "pid:[2]", false, Hidden),
            ("boot", "db2", "pid:[2]", false, Hidden),
            ("older", "db1", "pid:[1]", true, Restarted),
            ("older", "db1", "pid:[2]", false, Restarted),
            ("older", "db2", "pid:[1]", true, Elsewhere),
            ("older", "db2", "pid:[1]", false, Elsewhere),
            ("older", "db2", "pid:[2]", false, Elsewhere),
        ] {
            let mut holder = here.clone();
            holder.process.boot_id = boot.into();
            holder.by.host = host.into();
            holder.pid_namespace = numbers.into();
            assert_eq!(judge(&holder, &here, || alive), expected, "{boot} {host} {numbers} {alive}");
        }
    }

    #[test]
    fn this_process_runs() {
        let by = Actor { user: "ada".into(), host: "db1".into() };
        let here = Holder::this_process(by, "backout plan", Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(here.standing(&here), Standing::Running);
        assert_eq!(
            here.to_string(),
            format!("ada@db1 (`backout plan`, process {}, since 1970-01-01T00:00:00Z)", std::process::id())
        );
    }
}
