//! How far long work with a dump has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How far it has come. Whoever holds a clone can read it at any time, from any thread.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    done: AtomicU64,
    of: AtomicU64,
    milliseconds: AtomicU64,
}

impl Progress {
    pub(super) fn expect(&self, bytes: u64) {
        self.0.of.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn set(&self, bytes: u64, since: Duration) {
        self.0.done.store(bytes, Ordering::Relaxed);
        self.0.milliseconds.store(u64::try_from(since.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Bytes written so far, and how many are expected, as far as the size of the tables tells.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        (self.0.done.load(Ordering::Relaxed), self.0.of.load(Ordering::Relaxed))
    }

    /// How long the rest takes if it goes on like this; none where nobody can tell yet.
    pub(crate) fn left(&self) -> Option<Duration> {
        let (done, of) = self.bytes();
        let rest = of.checked_sub(done)?;
        let spent = u128::from(self.0.milliseconds.load(Ordering::Relaxed));
        let left = (spent * u128::from(rest)).checked_div(u128::from(done))?;
        Some(Duration::from_millis(u64::try_from(left).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_takes_as_long_as_what_was_done() {
        let progress = Progress::default();
        assert_eq!(progress.left(), None);
        progress.expect(400);
        assert_eq!(progress.left(), None);
        progress.set(100, Duration::from_secs(2));
        assert_eq!((progress.bytes(), progress.left()), ((100, 400), Some(Duration::from_secs(6))));
        progress.set(500, Duration::from_secs(9));
        assert_eq!(progress.left(), None, "the expectation was wrong");
    }
}
