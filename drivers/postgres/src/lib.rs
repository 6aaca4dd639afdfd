//! `postgres.database`, `postgres.tables`, `postgres.endpoint` and `postgres.replication`.

// A private module, used by nothing yet, is no mistake while its kinds are being built.
#![allow(dead_code, unused_imports)]

mod catalog;
mod database;
mod door;
mod dump;
mod endpoint;
mod examine;
mod look;
mod recorder;
mod recover;
mod replication;
mod rows;
mod server;
mod state;
mod swap;
mod tables;
#[cfg(test)]
mod testing;

pub use database::Database;
pub use endpoint::Endpoint;
pub use replication::Replication;
pub use tables::Tables;
