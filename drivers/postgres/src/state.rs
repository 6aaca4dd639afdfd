//! What a look at a database or a part of it knows.

mod diff;
mod identity;
mod price;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use diff::diff;
pub(crate) use identity::identity;
pub(crate) use price::price;

use crate::catalog::Schema;
use crate::rows::Rows;
use crate::server::Version;

/// A database, or a part of one, as captured. Its rows are in the vault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The objects. All of it must match exactly.
    pub(crate) schema: Schema,
    /// The rows of every table that holds some, by its name as SQL writes it (`"public"."tasks"`).
    pub(crate) rows: BTreeMap<String, Rows>,
    /// Every sequence by its name as SQL writes it: the value that the next call would give.
    pub(crate) sequences: BTreeMap<String, i64>,
    /// Large objects, where there are any.
    pub(crate) large_objects: Option<Rows>,
    /// Things that hold no rows of their own and are worth a word: why a table could not be read, unlogged tables.
    pub(crate) notes: Vec<String>,
    /// When it was looked at, in the server's own terms. Neither shape nor position.
    pub(crate) taken: Taken,
}

/// A moment in the life of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Taken {
    /// The server's version.
    pub(crate) version: Version,
    /// The cluster, as `pg_control_system()` numbers it; a clone has the same.
    pub(crate) system: String,
    /// The database's object number: changes with each restore, stays with a rename.
    pub(crate) database: u32,
    /// What was visible, as `pg_current_snapshot()` writes it (`xmin:xmax:xip,…`, 64-bit numbers): a transaction is in
    /// what was saved exactly when it is visible to this.
    pub(crate) snapshot: String,
    /// The end of the log then, as bytes.
    pub(crate) position: u64,
    /// The timeline then.
    pub(crate) timeline: u32,
    /// The restore point that was set, where the log is archived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) restore_point: Option<String>,
}

/// What must match exactly: the objects. Whatever people do with an application must not change it.
pub(crate) fn shape(state: &State) -> Value {
    json!({ "objects": state.schema })
}

/// How far living data has moved.
pub(crate) fn position(state: &State) -> Value {
    json!({
        "rows": state.rows,
        "sequences": state.sequences,
        "large_objects": state.large_objects,
    })
}

/// Same shape at the same position.
pub(crate) fn is_exactly(one: &State, other: &State) -> bool {
    one.schema == other.schema
        && one.rows == other.rows
        && one.sequences == other.sequences
        && one.large_objects == other.large_objects
}
