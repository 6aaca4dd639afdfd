//! The objects of a database with their definitions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Every object by kind and name (`table public.tasks`, `function public.f(integer)`, `extension citext`), so that two
/// databases can be compared object by object and part by part. Nothing in it depends on numbers that a server gives
/// (OIDs), on the order of creation, or on the rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Schema {
    /// Objects by kind and name.
    pub(crate) objects: BTreeMap<String, Object>,
}

/// One object, in parts that people name: `column id` → `bigint not null`, `owner` → `todo`, `constraint tasks_pkey` →
/// `PRIMARY KEY (id)`, `grants` → `app=arw/todo`, `definition` → the whole text where it has no parts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Object {
    /// Parts by name.
    pub(crate) parts: BTreeMap<String, String>,
}
