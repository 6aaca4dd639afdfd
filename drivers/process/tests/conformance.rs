//! The kind `process` on real programs: this test program itself, started again, and small shell scripts.

#![allow(clippy::unwrap_used, reason = "test code")]

#[path = "process/world.rs"]
mod world;

#[path = "process/program.rs"]
mod program;

#[path = "process/config.rs"]
mod config;
#[path = "process/doors.rs"]
mod doors;
#[path = "process/duties.rs"]
mod duties;
#[path = "process/starting.rs"]
mod starting;
#[path = "process/stopping.rs"]
mod stopping;
#[path = "process/strangers.rs"]
mod strangers;
