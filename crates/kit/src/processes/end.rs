//! Ends processes, asking first.

use std::io::{self, ErrorKind};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::Signal;
use tokio::time::{Instant, timeout, timeout_at};

use super::{CHILD_OF, Liveness, ProcessIdentity, Watch, find_by_environment, liveness, stat};

/// How long the kernel may take to carry out a SIGKILL. A process that waits in the kernel for a dead disk
/// outlives it.
const KILL_TAKES: Duration = Duration::from_secs(10);

/// A family that still grows after so many rounds is not ended but fought.
const MOST_ROUNDS: usize = 10;

/// How a process came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// It had ended before we asked.
    AlreadyGone,
    /// It ended within the grace after SIGTERM.
    OnRequest,
    /// It took a SIGKILL.
    Killed,
}

/// A process that could not be ended, and may still run.
#[derive(Debug, thiserror::Error)]
#[error("end process {pid}")]
pub struct EndError {
    /// Its number.
    pub pid: u32,
    /// What the system said.
    pub source: io::Error,
}

/// Ends one process: SIGTERM, at most `grace`, SIGKILL, and waits until it is gone. Its children live on.
pub async fn end(identity: &ProcessIdentity, grace: Duration) -> Result<Departure, EndError> {
    let Some(target) = Target::find(identity)? else { return Ok(Departure::AlreadyGone) };
    target.signal(Signal::TERM)?;
    if timeout(grace, target.watch.ended()).await.is_ok() {
        return Ok(Departure::OnRequest);
    }
    target.signal(Signal::KILL)?;
    target.gone_by(Instant::now() + KILL_TAKES).await?;
    Ok(Departure::Killed)
}

/// Ends every process that carries the token, all at once, then looks again for those that were born meanwhile.
/// The calling process is spared. Returns those that were ended.
///
/// Whatever a child left running on purpose, a service for instance, carries its token too: start such a thing
/// without one.
pub async fn end_all_children_of(token: &str, grace: Duration) -> Result<Vec<ProcessIdentity>, EndError> {
    let own = std::process::id();
    let mut ended = Vec::new();
    for _ in 0..MOST_ROUNDS {
        let mut found =
            find_by_environment(CHILD_OF, token).map_err(|source| EndError { pid: own, source })?;
        found.retain(|identity| identity.pid != own);
        if found.is_empty() {
            return Ok(ended);
        }
        end_together(&found, grace).await?;
        ended.append(&mut found);
    }
    let pid = ended.last().map_or(own, |identity| identity.pid);
    Err(EndError { pid, source: io::Error::other("it keeps starting others") })
}

async fn end_together(family: &[ProcessIdentity], grace: Duration) -> Result<(), EndError> {
    // One that we may not signal must not keep the others running; it is reported when they are gone.
    let mut refused = None;
    let mut targets = Vec::with_capacity(family.len());
    for identity in family {
        match Target::find(identity) {
            Ok(target) => targets.extend(target),
            Err(error) => drop(refused.get_or_insert(error)),
        }
    }
    let mut signal_all = |targets: &[&Target<'_>], signal| {
        for target in targets {
            if let Err(error) = target.signal(signal) {
                refused.get_or_insert(error);
            }
        }
    };
    signal_all(&targets.iter().collect::<Vec<_>>(), Signal::TERM);
    let patience = Instant::now() + grace;
    let mut stubborn = Vec::new();
    for target in &targets {
        if timeout_at(patience, target.watch.ended()).await.is_err() {
            stubborn.push(target);
        }
    }
    signal_all(&stubborn, Signal::KILL);
    if let Some(error) = refused {
        return Err(error);
    }
    let limit = Instant::now() + KILL_TAKES;
    for target in stubborn {
        target.gone_by(limit).await?;
    }
    Ok(())
}

/// A process that was alive when we took hold of it.
struct Target<'a> {
    identity: &'a ProcessIdentity,
    watch: Watch,
}

impl<'a> Target<'a> {
    /// Takes hold first and compares then: a number cannot be reused while its first owner lives.
    fn find(identity: &'a ProcessIdentity) -> Result<Option<Self>, EndError> {
        let Some(pid) = stat::pid_of(identity.pid) else { return Ok(None) };
        let watch = Watch::on(pid);
        match liveness(identity) {
            Liveness::Alive => Ok(Some(Self { identity, watch })),
            Liveness::Ended => Ok(None),
            Liveness::Hidden => {
                let source = io::Error::new(ErrorKind::PermissionDenied, "the system does not show it to us");
                Err(EndError { pid: identity.pid, source })
            }
        }
    }

    fn signal(&self, signal: Signal) -> Result<(), EndError> {
        if !self.watch.is_exact() && liveness(self.identity) != Liveness::Alive {
            return Ok(());
        }
        match self.watch.signal(signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(EndError { pid: self.identity.pid, source: error.into() }),
        }
    }

    async fn gone_by(&self, limit: Instant) -> Result<(), EndError> {
        timeout_at(limit, self.watch.ended()).await.map_err(|_| {
            let source = io::Error::new(ErrorKind::TimedOut, "it outlived SIGKILL");
            EndError { pid: self.identity.pid, source }
        })
    }
}
