//! When long work has to end before it is done.

use std::time::{Duration, Instant};

use backout_contract::{Context, DriverError, ErrorKind, Stop, StopLevel};

/// Asked between two pieces of long work: whether there is still time, and nobody wants us to return at once.
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

    /// What is left of the time.
    pub(crate) fn left(&self) -> Duration {
        self.deadline.saturating_sub(self.began.elapsed())
    }

    /// Fails when the work has to end here, at a border where nothing of it can be seen from outside.
    pub(crate) fn check(&self, work: &str) -> Result<(), DriverError> {
        if self.stop.level() >= StopLevel::Abandon {
            return Err(
                DriverError::new(ErrorKind::Other, format!("{work}: stopped on the way")).nothing_happened()
            );
        }
        if self.left().is_zero() {
            return Err(DriverError::new(ErrorKind::TimedOut, format!("{work} in time")).nothing_happened());
        }
        Ok(())
    }

    /// Waits for work of the server's, at most until the work has to end.
    pub(crate) async fn within<T>(
        &self,
        work: &str,
        done: impl Future<Output = Result<T, DriverError>>,
    ) -> Result<T, DriverError> {
        tokio::select! {
            result = done => result,
            () = tokio::time::sleep(self.left()) => Err(DriverError::new(ErrorKind::TimedOut, format!("{work} in time"))),
            () = self.stop.reached(StopLevel::Abandon) => {
                Err(DriverError::new(ErrorKind::Other, format!("{work}: stopped on the way")))
            }
        }
    }
}
