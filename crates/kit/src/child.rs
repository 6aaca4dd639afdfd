//! Runs a program of somebody else's: never through a shell, with a chosen environment, in a process group of
//! its own, within a deadline, with bounded output.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::File;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use crate::processes::ProcessIdentity;

mod environment;
mod pipes;
mod program;
mod running;
mod service;
mod start;

pub use environment::PASSED_BY_DEFAULT;
pub use running::{ChildReport, Ending, RunningChild};
pub use start::StartError;

/// A program to run, and how.
#[derive(Clone)]
pub struct ChildRequest {
    /// A path, or a bare name that is looked up in the child's own `PATH`. A relative path counts from the
    /// working directory of the child.
    pub program: OsString,
    /// Arguments, each reaching the program as it is.
    pub arguments: Vec<OsString>,
    /// Names of variables that the child gets from our environment; `LC_*` stands for all that begin so.
    pub passed: Vec<String>,
    /// Further variables of the child; they win over passed ones. May be secret.
    pub variables: Vec<(OsString, OsString)>,
    /// Put into [`CHILD_OF`](crate::processes::CHILD_OF), by which all descendants are found after a crash.
    pub token: Option<String>,
    /// Where the child starts; our own working directory otherwise.
    pub working_directory: Option<PathBuf>,
    /// What the child reads, all of it even when we are killed; nothing otherwise. May be secret; it never
    /// touches a disk, and can be opened as `/dev/stdin` too.
    pub input: Option<Vec<u8>>,
    /// The longest that the child may run.
    pub deadline: Option<Duration>,
    /// How long its group may take to end after SIGTERM, before SIGKILL.
    pub grace: Duration,
    /// How long output is awaited that descendants may still write after the child itself has ended.
    pub linger: Duration,
    /// How many bytes of the beginning, and how many of the end, are kept of each output.
    pub keep_bytes: usize,
}

impl ChildRequest {
    /// The program with its arguments, the variables of [`PASSED_BY_DEFAULT`], no input, no deadline, 5 s of
    /// grace, 250 ms of linger, and 32 KiB kept of either end of an output.
    pub fn new<A: AsRef<OsStr>>(program: impl AsRef<OsStr>, arguments: impl IntoIterator<Item = A>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            arguments: arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect(),
            passed: PASSED_BY_DEFAULT.map(str::to_owned).to_vec(),
            variables: Vec::new(),
            token: None,
            working_directory: None,
            input: None,
            deadline: None,
            grace: Duration::from_secs(5),
            linger: Duration::from_millis(250),
            keep_bytes: 32 * 1024,
        }
    }

    /// The file that would be executed. Starts nothing.
    pub fn find(&self) -> Result<PathBuf, StartError> {
        start::prepare(self).map(|(program, _)| program)
    }

    /// Starts the program as a service that outlives us: it reads nothing and appends what it prints to `log`.
    /// Input, deadline and the bounds of outputs do not apply; ask for it without a token, by which it would be
    /// ended after a crash.
    pub fn start_service(&self, log: Option<&File>) -> Result<ProcessIdentity, StartError> {
        service::start(self, log)
    }

    /// Starts the program. Call it inside a tokio runtime.
    pub fn start(&self) -> Result<RunningChild, StartError> {
        start::start(self)
    }

    /// Runs the program to its end; see [`RunningChild::finish`].
    pub async fn run(&self, stop: impl Future<Output = ()>) -> Result<ChildReport, StartError> {
        Ok(self.start()?.finish(stop).await)
    }
}

/// Arguments are counted and values left out: they may be secret.
impl fmt::Debug for ChildRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.variables.iter().map(|(name, _)| name).collect();
        formatter
            .debug_struct("ChildRequest")
            .field("program", &self.program)
            .field("arguments", &self.arguments.len())
            .field("variables", &names)
            .field("working_directory", &self.working_directory)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
