//! Processes of this machine, as `/proc` shows them. A process number is reused; a number together with the
//! tick it started at and the boot it belongs to is not.

use std::fs;
use std::io;
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::Duration;

use serde::{Deserialize, Serialize};

mod end;
mod stat;
mod watch;

pub use end::{Departure, EndError, end, end_all_children_of};
pub(crate) use stat::group_lives;
pub(crate) use watch::Watch;

/// The variable that carries a token to every descendant of a child started with one.
pub const CHILD_OF: &str = "BACKOUT_CHILD_OF";

/// How often, and how many times, a process that is between two programs is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(1);
const MOST_LOOKS: usize = 50;

/// One process, never mistaken for a later one with the same number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// Process number, as seen from where it was taken.
    pub pid: u32,
    /// When it started, in clock ticks since boot.
    pub start_ticks: u64,
    /// The boot it belongs to.
    pub boot_id: String,
}

/// The identity of a process. A process that is gone is an error of kind `NotFound`.
pub fn identity_of(pid: u32) -> io::Result<ProcessIdentity> {
    Ok(ProcessIdentity { pid, start_ticks: stat::read(pid)?.start_ticks, boot_id: boot_id()?.to_owned() })
}

/// Whether a process still runs. A zombie has ended. When the system hides the process but admits that the
/// number is in use, or does not tell its boot, the answer is yes: only a proven end counts.
pub fn is_alive(identity: &ProcessIdentity) -> bool {
    liveness(identity) != Liveness::Ended
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Liveness {
    Alive,
    Ended,
    /// Somebody has the number, and we may not see who.
    Hidden,
}

fn liveness(identity: &ProcessIdentity) -> Liveness {
    if boot_id().is_ok_and(|boot| boot != identity.boot_id) {
        return Liveness::Ended;
    }
    match stat::read(identity.pid) {
        Ok(stat) if stat.start_ticks == identity.start_ticks && !stat.has_ended => Liveness::Alive,
        Ok(_) => Liveness::Ended,
        Err(_) if number_in_use(identity.pid) => Liveness::Hidden,
        Err(_) => Liveness::Ended,
    }
}

/// All processes that were started with this variable in their environment. Those that we may not read and
/// those that overwrote their environment since are not found. May block for some milliseconds.
pub fn find_by_environment(key: &str, value: &str) -> io::Result<Vec<ProcessIdentity>> {
    let wanted = format!("{key}={value}");
    let mut found = Vec::new();
    let mut undecided: Vec<u32> = stat::all_numbers()?.collect();
    for _ in 0..MOST_LOOKS {
        undecided.retain(|pid| {
            let identity = identity_of(*pid);
            // Searched after taking the identity, and the identity looked at again: in between the number may
            // have passed to another process.
            match (search(*pid, &wanted), identity) {
                (Search::Present, Ok(identity)) => {
                    found.extend(Some(identity).filter(|identity| liveness(identity) == Liveness::Alive));
                    false
                }
                (Search::Undecided, Ok(_)) => true,
                _ => false,
            }
        });
        if undecided.is_empty() {
            break;
        }
        sleep(LOOK_EVERY);
    }
    Ok(found)
}

enum Search {
    Present,
    Absent,
    /// The process passed from one program to another while we read, and we did not see the whole.
    Undecided,
}

fn search(pid: u32, wanted: &str) -> Search {
    let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else { return Search::Absent };
    if environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes()) {
        return Search::Present;
    }
    match stat::read(pid) {
        Ok(stat) if stat.has_ended || stat.is_of_kernel => Search::Absent,
        Ok(stat) if stat.environment_length != Some(environment.len() as u64) => Search::Undecided,
        _ => Search::Absent,
    }
}

fn number_in_use(pid: u32) -> bool {
    let asked = stat::pid_of(pid).map(rustix::process::test_kill_process);
    matches!(asked, Some(Ok(()) | Err(rustix::io::Errno::PERM)))
}

fn boot_id() -> io::Result<&'static str> {
    static BOOT_ID: OnceLock<String> = OnceLock::new();
    if let Some(known) = BOOT_ID.get() {
        return Ok(known);
    }
    let read = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    Ok(BOOT_ID.get_or_init(|| read.trim().to_owned()))
}

#[cfg(test)]
mod tests;
