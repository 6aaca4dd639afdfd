//! Waits for the end of a process that need not be our child.

use std::future::pending;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::sleep;

use super::stat;

/// How often a process is looked at where the kernel cannot tell us of its end.
const POLL_EVERY: Duration = Duration::from_millis(5);

/// A hold on one process. Needs a tokio runtime with input and output enabled.
pub(crate) struct Watch {
    pid: Pid,
    /// Stays with the process whatever becomes of its number. Kernels before 5.3 and some sandboxes have none.
    descriptor: Option<AsyncFd<OwnedFd>>,
    /// Tells the process from a later one with its number where there is no descriptor.
    start_ticks: Option<u64>,
}

impl Watch {
    /// Never fails: a process that is gone already is one whose end has come.
    pub(crate) fn on(pid: Pid) -> Self {
        match pidfd_open(pid, PidfdFlags::empty()).ok().and_then(register) {
            Some(descriptor) => Self { pid, descriptor: Some(descriptor), start_ticks: None },
            None => Self::without_descriptor(pid),
        }
    }

    fn without_descriptor(pid: Pid) -> Self {
        let start_ticks = look(pid).ok().map(|stat| stat.start_ticks);
        Self { pid, descriptor: None, start_ticks }
    }

    /// Whether the watched process itself gets the signals, and not whoever has its number.
    pub(super) fn is_exact(&self) -> bool {
        self.descriptor.is_some()
    }

    /// Waits until the process has ended, reaped or not. May be dropped and called again.
    pub(crate) async fn ended(&self) {
        match &self.descriptor {
            Some(descriptor) => match descriptor.readable().await {
                Ok(_) => {}
                // The runtime is shutting down, and drops us.
                Err(_) => pending().await,
            },
            None => {
                while !self.has_ended() {
                    sleep(POLL_EVERY).await;
                }
            }
        }
    }

    /// Whether the process has ended by now. With a descriptor, of use only until it is reaped.
    pub(crate) fn has_ended(&self) -> bool {
        look(self.pid).map_or(true, |stat| {
            stat.has_ended || self.start_ticks.is_some_and(|start_ticks| start_ticks != stat.start_ticks)
        })
    }

    pub(super) fn signal(&self, signal: Signal) -> rustix::io::Result<()> {
        match &self.descriptor {
            Some(descriptor) => pidfd_send_signal(descriptor, signal),
            None => kill_process(self.pid, signal),
        }
    }
}

fn look(pid: Pid) -> std::io::Result<stat::Stat> {
    stat::read(pid.as_raw_nonzero().get().unsigned_abs())
}

#[allow(
    deprecated,
    reason = "the newer constructor is unsafe, for types whose descriptor may change; an OwnedFd's cannot"
)]
fn register(descriptor: OwnedFd) -> Option<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(descriptor, Interest::READABLE).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[tokio::test]
    async fn both_ways_of_watching_see_the_end() {
        for watch_on in [Watch::on, Watch::without_descriptor] {
            let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
            let watch = watch_on(Pid::from_child(&child));
            assert!(!watch.has_ended());
            watch.signal(Signal::TERM).unwrap();
            watch.ended().await;
            assert!(watch.has_ended(), "also while it is a zombie");
            child.wait().unwrap();
            watch.ended().await;
            assert!(Watch::on(watch.pid).has_ended());
        }
    }

    #[test]
    fn the_kernel_tells_ends_here() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _entered = runtime.enter();
        assert!(Watch::on(rustix::process::getpid()).is_exact());
    }

    #[test]
    fn a_later_owner_of_the_number_means_an_end() {
        let mut watch = Watch::without_descriptor(rustix::process::getpid());
        assert!(!watch.has_ended());
        watch.start_ticks = watch.start_ticks.map(|start_ticks| start_ticks - 1);
        assert!(watch.has_ended());
    }
}
