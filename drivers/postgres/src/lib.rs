//! `postgres.database`, `postgres.tables`, `postgres.endpoint` and `postgres.replication`.

mod catalog;
mod compare;
mod database;
mod door;
mod dump;
mod endpoint;
mod examine;
mod look;
mod our_side;
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

pub use compare::PostgresSides;
pub use database::Database;
pub use endpoint::Endpoint;
pub use replication::Replication;
pub use tables::Tables;
