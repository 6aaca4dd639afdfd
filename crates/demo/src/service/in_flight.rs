//! Counting what is being answered, so that one can wait until nothing is.

use super::application::Application;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Counts as in flight until it is dropped.
///
/// Work on the database holds one of its own: when a client hangs up, its request is dropped, but the work that
/// it started is not.
pub struct InFlight(Arc<Application>);

impl InFlight {
    pub fn enter(application: &Arc<Application>) -> Self {
        application.in_flight.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(application))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}
