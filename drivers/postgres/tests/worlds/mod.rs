//! Small real things of each kind.

pub mod replication;
mod servers;
