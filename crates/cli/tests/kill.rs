//! The real binary, killed everywhere: at every failpoint, and at every system call that writes, syncs, renames,
//! opens or unlinks. Each time the run is taken up again, and the world has to be the one of a run that was never
//! killed, each effect having happened once.
//!
//! Needs the feature `failpoints`. `BACKOUT_KILL_EVERY=N` kills at each Nth system call, whatever a sweep usually does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

#[path = "kill/estate.rs"]
mod estate;
#[path = "kill/failpoints.rs"]
mod failpoints;
#[path = "kill/system_calls.rs"]
mod system_calls;
