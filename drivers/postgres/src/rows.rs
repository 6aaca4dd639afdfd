//! How many rows a table has, and a digest of what is in them, whatever their order.

use serde::{Deserialize, Serialize};

/// The rows of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rows {
    /// How many.
    pub(crate) count: u64,
    /// A digest of all of them, whatever their order; `-` of none.
    pub(crate) digest: String,
}
