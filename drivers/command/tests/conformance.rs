//! The kind `command` on small shell scripts.

#![allow(clippy::unwrap_used, reason = "test code")]

#[path = "command/world.rs"]
mod world;

#[path = "command/bounds.rs"]
mod bounds;
#[path = "command/config.rs"]
mod config;
#[path = "command/doors.rs"]
mod doors;
#[path = "command/reverts.rs"]
mod reverts;

mod flags {
    backout_conformance::conformance!(crate::world::FlagsWorld<false>);
}

mod rows {
    backout_conformance::conformance!(crate::world::FlagsWorld<true>);
}
