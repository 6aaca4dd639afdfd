//! Holds a pass back, so that a side is not burdened more than somebody allowed.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::patient::Patient;
use super::{Comparing, End};

/// How often a burden is looked at while it is too high.
const LOOK: Duration = Duration::from_secs(1);

/// The pace of one side within a pass.
pub(super) struct Held<'a, 'c> {
    comparing: &'a Comparing<'c>,
    side: &'a Patient<'c>,
    began: Instant,
}

impl<'a, 'c> Held<'a, 'c> {
    pub(super) fn new(comparing: &'a Comparing<'c>, side: &'a Patient<'c>) -> Self {
        Self { comparing, side, began: Instant::now() }
    }

    /// Returns when the next piece may be read, after so many rows were. Waits in short steps, for somebody may want it to
    /// end.
    pub(super) async fn until_free(&self, rows: u64) -> Result<(), End> {
        let ceiling = &self.comparing.order.ceiling;
        if let Some(most) = ceiling.rows_per_second.filter(|most| *most > 0) {
            let earliest = Duration::from_secs_f64(rows as f64 / most as f64);
            while let Some(left) = earliest.checked_sub(self.began.elapsed()).filter(|left| !left.is_zero()) {
                self.comparing.go_on()?;
                sleep(left.min(LOOK)).await;
            }
        }
        if ceiling.lag.is_none() && ceiling.answer.is_none() {
            return self.comparing.go_on();
        }
        loop {
            self.comparing.go_on()?;
            let burden = self.side.ask(|| self.side.side.burden()).await.map_err(End::of)?;
            let lags = ceiling.lag.zip(burden.lag).filter(|(most, lag)| lag > most);
            let slow = ceiling.answer.filter(|most| burden.answer > *most);
            let why = match (lags, slow) {
                (Some((_, lag)), _) => format!("a replica lags {} s behind", lag.as_secs()),
                (None, Some(_)) => format!("answers take {} ms", burden.answer.as_millis()),
                (None, None) => return Ok(()),
            };
            self.comparing.tell(|listener| listener.waiting(&format!("{}: {why}", self.side.place())));
            sleep(LOOK).await;
        }
    }
}
