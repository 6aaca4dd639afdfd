//! What stands in a database, as data: every object with its definition, and the tables whose rows are moved.

mod canonical;
mod classes;
mod ours;
mod read;
mod schema;
mod scope;
mod table;
mod tables;
#[cfg(test)]
mod tests;

pub(crate) use classes::OF_USERS;
pub(crate) use read::{contains, schema};
pub(crate) use schema::{Object, Schema};
pub(crate) use scope::Scope;
pub(crate) use table::{Column, Key, Table, TableKind};
pub(crate) use tables::tables;
