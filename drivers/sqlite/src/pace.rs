//! When long work has to end before it is done.

use std::time::{Duration, Instant};

use backout_contract::{Context, DriverError, ErrorKind, Stop, StopLevel};

/// Asked between two rows or pages: whether there is still time, and nobody wants us to return at once.
#[derive(Clone)]
pub(crate) struct Pace {
    stop: Stop,
    began: Instant,
    deadline: Duration,
}

impl Pace {
    /// The pace of a call.
    pub(crate) fn of(context: &Context) -> Self {
        Self { stop: context.stop.clone(), began: Instant::now(), deadline: context.deadline }
    }

    /// Fails when the work has to end here, at a border where nothing of it can be seen from outside.
    pub(crate) fn check(&self, work: &str) -> Result<(), DriverError> {
        if self.stop.level() >= StopLevel::Abandon {
            return Err(
                DriverError::new(ErrorKind::Other, format!("{work}: stopped on the way")).nothing_happened()
            );
        }
        if self.began.elapsed() > self.deadline {
            return Err(DriverError::new(ErrorKind::TimedOut, format!("{work} in time")).nothing_happened());
        }
        Ok(())
    }
}

/// Runs work that waits for disks and locks where it does not hold up others.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DriverError> + Send + 'static,
) -> Result<T, DriverError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(ended) => Err(DriverError::new(ErrorKind::Other, "work on a database").caused_by(ended)),
    }
}
