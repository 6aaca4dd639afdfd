//! A small to-do application with a migration that goes wrong: the estate of the demo.
//!
//! It knows nothing of Backout: everything here is what a team would have before it meets the tool. An
//! [`Estate`] is a folder with a database, releases, settings, flags and a front end; [`service`] runs the
//! application from that folder; [`migration`] takes it from release 1.4.0 (integer keys) to 2.0.0 (UUIDs),
//! and 2.0.0 has a defect; [`traffic`] behaves like users, and [`checks`] says what is really there.

pub mod checks;
mod database;
mod digest;
mod envfile;
mod estate;
mod files;
mod http;
mod identifier;
pub mod migration;
pub mod people;
mod port;
mod server;
pub mod service;
pub mod traffic;

pub use database::{Database, Engine};
pub use estate::{Estate, Version};
pub use identifier::{IdType, Identifier};
pub use port::free_port;
