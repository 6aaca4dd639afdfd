//! What readers see: whole stories in every form.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

// The stories are those of core's own tests, which name core's modules as `crate::`.
use backout_core::{digest, journal, name, observation, plan, report, writes};

#[allow(dead_code, reason = "core's tests need more of it")]
#[path = "../../core/src/report/tests/story.rs"]
mod story;

mod report_tests {
    mod compared;
    mod golden;
    mod hostile;
    mod snapshots;
    mod stories;
    mod well_formed;
}
