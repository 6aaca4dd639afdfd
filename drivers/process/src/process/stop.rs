//! Stopping the program and all that it started.

use std::fs;
use std::io;
use std::slice;
use std::time::Duration;

use backout_contract::{Context, DriverError, Effect, ErrorKind, StopLevel};
use backout_kit::processes::{ProcessIdentity, is_alive};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};
use tokio::time::{Instant, sleep};

use super::supervised::Supervised;

/// How often processes that are ending are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How long the kernel may take to carry out a SIGKILL.
const KILL_TAKES: Duration = Duration::from_secs(10);

/// A family that still grows after so many rounds is not ended but fought.
const MOST_ROUNDS: usize = 10;

/// How processes came to their end, from the gentlest to the hardest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    NobodyThere,
    Ended,
    Killed,
}

impl Supervised {
    /// Ends the program and its family: asks it first, then those that it left, and kills who does not listen.
    pub(super) async fn stop(&self, context: &Context) -> Result<Effect, DriverError> {
        let Some(main) = self.find()? else {
            return Ok(match self.stop_others(context, Instant::now() + self.config.stop.within.0).await? {
                Outcome::NobodyThere => Effect::AlreadyThere,
                _ => Effect::Applied { evidence: "what it had left behind was ended".to_owned() },
            });
        };
        let limit = Instant::now() + self.config.stop.within.0;
        let ended = self
            .ask_then_kill(context, slice::from_ref(&main), self.config.stop.signal.signal(), limit)
            .await?;
        let others = self.stop_others(context, limit).await?;
        if self.is_named(&main) {
            // A stale pid file is understood; not being able to remove it is no reason to stop here.
            let _ = fs::remove_file(&self.pid_file);
        }
        let within = self.config.stop.within;
        Ok(Effect::Applied {
            evidence: match (ended, others) {
                (Outcome::Killed, _) => format!("process {} had to be killed after {within}", main.pid),
                (_, Outcome::Killed) => {
                    format!("children of process {} had to be killed after {within}", main.pid)
                }
                _ => format!("process {} ended when asked", main.pid),
            },
        })
    }

    /// Ends those that the program left, round by round, for each may start others before it ends.
    async fn stop_others(&self, context: &Context, limit: Instant) -> Result<Outcome, DriverError> {
        let mut outcome = Outcome::NobodyThere;
        for _ in 0..MOST_ROUNDS {
            if self.find()?.is_some() {
                let hint = "hold whatever supervises it (systemd, a container, a person), then try again";
                return Err(self.not_ended("it runs again: somebody else starts it").hint(hint));
            }
            let others = self.others()?;
            if others.is_empty() {
                return Ok(outcome);
            }
            outcome = outcome.max(self.ask_then_kill(context, &others, Signal::TERM, limit).await?);
        }
        Err(self.not_ended("what it left behind keeps starting others"))
    }

    async fn ask_then_kill(
        &self,
        context: &Context,
        processes: &[ProcessIdentity],
        signal: Signal,
        limit: Instant,
    ) -> Result<Outcome, DriverError> {
        self.send_all(processes, signal)?;
        if self.gone(context, processes, limit).await? {
            return Ok(Outcome::Ended);
        }
        self.send_all(processes, Signal::KILL)?;
        if self.gone(context, processes, Instant::now() + KILL_TAKES).await? {
            return Ok(Outcome::Killed);
        }
        Err(self.not_ended("it outlived SIGKILL"))
    }

    fn send_all(&self, processes: &[ProcessIdentity], signal: Signal) -> Result<(), DriverError> {
        processes.iter().try_for_each(|process| self.send(process, signal))
    }

    /// Sends a signal to this process and to no later one of the same number; fine when it is gone.
    pub(super) fn send(&self, process: &ProcessIdentity, signal: Signal) -> Result<(), DriverError> {
        let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
        let hold = pidfd_open(pid, PidfdFlags::empty());
        if !is_alive(process) {
            return Ok(());
        }
        let sent = match hold {
            Ok(hold) => pidfd_send_signal(hold, signal),
            Err(_) => kill_process(pid, signal),
        };
        match sent {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => {
                Err(DriverError::io(format!("signal process {pid} of {}", self.name()), error.into()))
            }
        }
    }

    async fn gone(
        &self,
        context: &Context,
        processes: &[ProcessIdentity],
        limit: Instant,
    ) -> Result<bool, DriverError> {
        while processes.iter().any(is_alive) {
            if context.stop.level() >= StopLevel::Abandon {
                return Err(self.not_ended("the run stops"));
            }
            if Instant::now() >= limit {
                return Ok(false);
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(true)
    }

    fn not_ended(&self, why: &'static str) -> DriverError {
        DriverError::new(ErrorKind::Other, format!("stop {}", self.name())).caused_by(io::Error::other(why))
    }
}
