//! Small real things of each kind.

pub mod database;
pub mod replication;
mod servers;
