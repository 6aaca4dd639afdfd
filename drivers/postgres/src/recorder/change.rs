//! One recorded change of one row, the same whichever recorder saw it.

use std::sync::Arc;

use crate::server::TableName;

/// A table as it was when the change was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Relation {
    /// Its name then.
    pub(crate) table: TableName,
    /// Its columns then, in order, with their types as SQL writes them.
    pub(crate) columns: Vec<(String, String)>,
}

/// A value as PostgreSQL prints it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Value {
    /// NULL.
    Null,
    /// A long value that the change did not touch and the log does not repeat: it is what it was before.
    Untouched,
    /// The text form of its type.
    Text(Box<str>),
}

/// A row: a value for each column of the relation; none where the recorder did not see it.
pub(crate) type Image = Vec<Option<Value>>;

/// What happened to the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It was born.
    Inserted {
        /// As it was born.
        after: Image,
    },
    /// It was changed.
    Changed {
        /// As it was found; at least its key columns, all of them under a full replica identity and with triggers.
        before: Image,
        /// As it was left.
        after: Image,
    },
    /// It was deleted.
    Deleted {
        /// As it was found, as above.
        before: Image,
    },
    /// All rows of the table were taken away at once.
    Truncated,
}

#[allow(dead_code, reason = "what a test compares, and a reader in trouble wants to know")]
/// One change, in the order in which transactions were committed.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// The transaction, as a 64-bit number: what [`Taken::snapshot`](crate::state::Taken) speaks of.
    pub(crate) transaction: u64,
    /// Its place among all changes of the recorder: grows in the order of commits, never used twice.
    pub(crate) number: u64,
    /// Whether the migration made it, by whichever way it says so.
    pub(crate) by_migration: bool,
    /// Whether it was made after the cutover was marked.
    pub(crate) since_cutover: bool,
    /// The table.
    pub(crate) relation: Arc<Relation>,
    /// What happened.
    pub(crate) kind: Kind,
}
