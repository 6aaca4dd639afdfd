//! What a look brings back, canonical: equal things have equal states.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The thing as it is saved. A field that holds a secret is a `backout_core::secret::Secret`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct {{Kind}}State {
    /// All of it.
    pub content: String,
}

impl {{Kind}}State {
    /// What must match exactly. Living data does not belong here: it belongs to `Driver::position`.
    pub(super) fn shape(&self) -> Value {
        json!(self.content)
    }
}
