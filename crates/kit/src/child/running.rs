//! A child from its start to its reaping.
//!
//! It is reaped last: as long as it is not, its number, which is also its group's, belongs to nobody else, and
//! signals to the group cannot hit a stranger.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, pending};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::ChildRequest;
use super::pipes::Pipes;
use crate::bounded_output::BoundedOutput;
use crate::processes::{ProcessIdentity, Watch, group_lives, identity_of};

/// How long the kernel may take to carry out a SIGKILL.
const KILL_TAKES: Duration = Duration::from_secs(10);

/// How often a group that is being ended is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How a child came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this exit code.
    Exited(i32),
    /// By this signal, which was not ours.
    Signalled(i32),
    /// We ended it and its group at the deadline.
    TimedOut,
    /// We ended it and its group because we were asked to.
    Stopped,
    /// It, or another of its group, outlived SIGKILL and may still run, or somebody else took its exit status.
    Unknown,
}

/// As a person would say it, after the name of the program.
impl fmt::Display for Ending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(formatter, "exited with {code}"),
            Self::Signalled(signal) => write!(formatter, "was ended by signal {signal}"),
            Self::TimedOut => formatter.write_str("did not end in time and was ended"),
            Self::Stopped => formatter.write_str("was ended because the run stops"),
            Self::Unknown => formatter.write_str("ended in a way that nobody saw, or still runs"),
        }
    }
}

/// What is known of a child after its end.
#[derive(Debug, Clone)]
pub struct ChildReport {
    /// How it ended.
    pub ending: Ending,
    /// What it printed.
    pub output: BoundedOutput,
    /// What it printed as errors.
    pub errors: BoundedOutput,
    /// Somebody the child started lives on and holds an output open, which may therefore be incomplete.
    pub left_running: bool,
}

/// A started child. Dropping it kills its group.
pub struct RunningChild {
    /// `None` once it is reaped.
    process: Option<Child>,
    group: Pid,
    watch: Watch,
    pipes: Pipes,
    deadline: Option<Instant>,
    grace: Duration,
    linger: Duration,
}

impl RunningChild {
    pub(super) fn new(process: Child, pipes: Pipes, request: &ChildRequest) -> Self {
        let leader = Pid::from_child(&process);
        Self {
            process: Some(process),
            group: leader,
            watch: Watch::on(leader),
            pipes,
            deadline: request.deadline.and_then(|deadline| Instant::now().checked_add(deadline)),
            grace: request.grace,
            linger: request.linger,
        }
    }

    /// Who it is, for a journal.
    pub fn identity(&self) -> io::Result<ProcessIdentity> {
        identity_of(self.process.as_ref().map_or(0, Child::id))
    }

    /// Waits for the end. When `stop` becomes ready or the deadline comes first, the whole group gets SIGTERM,
    /// its grace, and SIGKILL, and is gone on return. Descendants that left the group are not touched; they carry
    /// the token. A child that ends by itself leaves its group running: it may have started a service.
    ///
    /// The output is complete as far as the child itself wrote it; what descendants write is awaited for the
    /// linger only.
    pub async fn finish(mut self, stop: impl Future<Output = ()>) -> ChildReport {
        let cut_short = tokio::select! {
            biased;
            () = self.watch.ended() => None,
            () = stop => Some(Ending::Stopped),
            () = reached(self.deadline) => Some(Ending::TimedOut),
            never = pump_on(&mut self.pipes) => match never {},
        };
        // The runtime may hear of a deadline before it hears of an end that came earlier.
        let cut_short = cut_short.filter(|_| !self.watch.has_ended());
        let is_gone = cut_short.is_none() || self.end_group().await;
        let _ = timeout(self.linger, self.pipes.pump()).await;
        let status = if is_gone { self.reap() } else { None };
        let ending = match (status, cut_short) {
            (None, _) => Ending::Unknown,
            (Some(_), Some(cut_short)) => cut_short,
            (Some(status), None) => match (status.code(), status.signal()) {
                (Some(code), _) => Ending::Exited(code),
                (None, Some(signal)) => Ending::Signalled(signal),
                (None, None) => Ending::Unknown,
            },
        };
        let left_running = self.pipes.output.is_open() || self.pipes.errors.is_open();
        let taken = |stream: &mut BoundedOutput| std::mem::replace(stream, BoundedOutput::keeping(0));
        ChildReport {
            ending,
            output: taken(&mut self.pipes.output.kept),
            errors: taken(&mut self.pipes.errors.kept),
            left_running,
        }
    }

    /// Whether the group is gone; output is served meanwhile, for who is blocked in a write cannot clean up.
    async fn end_group(&mut self) -> bool {
        let group = self.group;
        for (signal, patience) in [(Signal::TERM, self.grace), (Signal::KILL, KILL_TAKES)] {
            // Nobody left to signal is what we want; nobody we may signal shows in the wait.
            let _ = kill_process_group(group, signal);
            let gone = async {
                self.watch.ended().await;
                while group_lives(group) {
                    sleep(LOOK_EVERY).await;
                }
            };
            let is_gone = tokio::select! {
                biased;
                result = timeout(patience, gone) => result.is_ok(),
                never = pump_on(&mut self.pipes) => match never {},
            };
            if is_gone {
                return true;
            }
        }
        false
    }

    /// Only after its end was seen, so that it does not block.
    fn reap(&mut self) -> Option<ExitStatus> {
        self.process.take().and_then(|mut process| process.wait().ok())
    }
}

impl Drop for RunningChild {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let _ = kill_process_group(self.group, Signal::KILL);
        // Reaping may take a moment, and whoever drops us must not wait.
        let _ = std::thread::Builder::new().spawn(move || process.wait());
    }
}

async fn reached(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

async fn pump_on(pipes: &mut Pipes) -> Infallible {
    pipes.pump().await;
    pending().await
}
