//! Time, handed in, so that a simulated world can turn it.

use jiff::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now, by the wall.
    fn now(&self) -> Timestamp;

    /// Milliseconds since some fixed moment, never going back; for durations.
    fn monotonic_millis(&self) -> u64;
}
