//! Driver for SQLite databases.

mod database;
mod fault;
mod pace;

pub use database::{Config, Database, Files, State};
