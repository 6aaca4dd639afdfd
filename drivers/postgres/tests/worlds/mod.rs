//! Small real things of each kind.

pub mod database;
pub mod endpoint;
pub mod replication;
pub mod servers;
pub mod tables;
