//! What stands in a database, as data: every object with its definition, and the tables whose rows are moved.

mod schema;
mod scope;
mod table;

pub(crate) use schema::{Object, Schema};
pub(crate) use scope::Scope;
pub(crate) use table::{Column, Key, Table, TableKind};
