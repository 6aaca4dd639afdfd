//! Which part of a database a component is.

use crate::server::TableName;

/// Which part of a database a component is. Objects of ours (schemas, publications and slots whose name begins
/// with `_backout`) are never part of it, nor are those of the system and of extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All of it.
    Database,
    /// Some of its tables and whole schemas, with what belongs to them.
    Part {
        /// Whole schemas.
        schemas: Vec<String>,
        /// Tables.
        tables: Vec<TableName>,
    },
}
