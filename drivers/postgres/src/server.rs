//! The way to a server: its address, connections, the programs of its version, and how its errors are told.

mod address;
mod fault;
mod link;
mod name;
mod pace;
mod pooler;
mod programs;
mod settings;
#[cfg(test)]
mod tests;
mod version;

pub(crate) use address::{Address, Tls};
pub(crate) use fault::{Fault, MAKE_ROOM, of_postgres};
pub(crate) use link::{Link, connect};
pub(crate) use name::{TableName, identifier, literal};
pub(crate) use pace::Pace;
pub(crate) use programs::{programs, variables};
pub(crate) use settings::options;
pub(crate) use version::Version;
