//! What is captured.

use std::collections::{BTreeMap, BTreeSet};

use backout_core::digest::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The named publications, subscriptions and slots that exist.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ReplicationState {
    /// By name.
    pub(super) publications: BTreeMap<String, Publication>,
    /// By name.
    pub(super) subscriptions: BTreeMap<String, Subscription>,
    /// By name.
    pub(super) slots: BTreeMap<String, Slot>,
    /// What stands aside and can be taken back, as `subscription copy`. No part of the shape.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) aside: BTreeSet<String>,
}

/// A publication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Publication {
    pub(super) owner: String,
    pub(super) all_tables: bool,
    /// What it publishes, by the words of `publish`.
    pub(super) publish: Vec<String>,
    pub(super) via_root: bool,
    /// What becomes of generated columns, where the server has a choice (18).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) generated: Option<String>,
    /// Its tables as SQL writes them, with columns and rows.
    pub(super) tables: BTreeMap<String, PublishedTable>,
    /// Whole schemas.
    pub(super) schemas: BTreeSet<String>,
}

/// A table of a publication.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PublishedTable {
    /// All of them unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) columns: Option<Vec<String>>,
    /// Which rows, as an expression; all of them unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rows: Option<String>,
}

/// A subscription. Its connection holds a password: this type is never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Subscription {
    pub(super) owner: String,
    pub(super) enabled: bool,
    /// How it connects; none where we may not read it.
    pub(super) connection: Option<String>,
    /// None where it was detached.
    pub(super) slot: Option<String>,
    pub(super) publications: BTreeSet<String>,
    /// Options that can be set, as SQL writes them (`binary` → `false`).
    pub(super) options: BTreeMap<String, String>,
    /// Options that are chosen when it is made, and for good.
    pub(super) fixed: BTreeMap<String, String>,
}

/// A replication slot. Where it stands in the log is left out: it moves by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Slot {
    /// None for a physical one.
    pub(super) plugin: Option<String>,
    /// The database whose changes it gives.
    pub(super) database: Option<String>,
    pub(super) temporary: bool,
    pub(super) two_phase: bool,
    pub(super) failover: bool,
}

impl ReplicationState {
    /// None where nothing of all that is named exists.
    pub(super) fn or_none(self) -> Option<Self> {
        let is_empty = self.publications.is_empty() && self.subscriptions.is_empty() && self.slots.is_empty();
        (!is_empty).then_some(self)
    }

    /// What must match exactly.
    pub(super) fn shape(&self) -> Value {
        json!({ "publications": self.publications, "subscriptions": self.subscriptions, "slots": self.slots })
    }

    /// A digest of publications and subscriptions that gives no secret away to whoever guesses: connections are left
    /// out.
    pub(super) fn telltale(&self) -> String {
        let mut bare = self.subscriptions.clone();
        for one in bare.values_mut() {
            one.connection = None;
        }
        Digest::of_value("replication", &json!([self.publications, bare])).to_string()
    }

    /// Whether publications and subscriptions are the same.
    pub(super) fn same_objects(&self, other: &Self) -> bool {
        self.publications == other.publications && self.subscriptions == other.subscriptions
    }
}
