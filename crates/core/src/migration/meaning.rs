//! The digest of what a migration file means: comments, quotes, blanks and the order of fields do not matter,
//! everything else does, the order of components and phases included.

use serde_json::{Value, json};

use super::file::MigrationFile;
use super::print::file_tree;
use crate::digest::Digest;

impl MigrationFile {
    /// What the file says, as a canonical value.
    pub fn meaning(&self) -> Value {
        let tree = file_tree(self);
        let fields = tree.entries().iter().map(|(key, value)| {
            let value = match key.value.as_str() {
                "components" | "phases" => {
                    value.entries().iter().map(|(k, v)| json!([k.value, v.meaning()])).collect()
                }
                _ => value.meaning(),
            };
            (key.value.clone(), value)
        });
        Value::Object(fields.collect())
    }

    /// The digest to which plans and checkpoints are bound.
    pub fn digest(&self) -> Digest {
        Digest::of_value("backout migration file", &self.meaning())
    }
}
