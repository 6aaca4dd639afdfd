//! How many rows a table has, and a digest of what is in them, whatever their order.

mod formula;
mod large_objects;
mod read;
mod sequences;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub(crate) use formula::{By, Seeds, Value, types};
pub(crate) use large_objects::large_objects;
pub(crate) use read::{Reading, unreadable as why_unreadable};
pub(crate) use sequences::sequences;

/// The rows of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rows {
    /// How many.
    pub(crate) count: u64,
    /// A digest of all of them, whatever their order; `-` of none.
    pub(crate) digest: String,
}

/// How the digest of a table begins that could not be read.
const UNREADABLE: &str = "unreadable: ";

impl Rows {
    /// Of something that could not be read.
    pub(crate) fn unreadable(why: &str) -> Self {
        Self { count: 0, digest: format!("{UNREADABLE}{why}") }
    }

    /// Whether it could not be read.
    pub(crate) fn is_unreadable(&self) -> bool {
        self.digest.starts_with(UNREADABLE)
    }
}
