//! The component's own keys in the migration file.

use std::path::Path;

use backout_core::migration::{Claim, shown};
use backout_kit::place;
use schemars::JsonSchema;
use serde::Deserialize;

/// Keys of a `{{name}}.{{kind}}`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct {{Kind}}Config {
    /// Where it is, relative to the migration file. (A text that may hold `${env:NAME}` is a
    /// `backout_core::migration::Reference`, and one that is a secret a `SecretReference`.)
    pub path: String,
}

impl {{Kind}}Config {
    pub(super) fn target(&self) -> String {
        shown(&self.path)
    }

    pub(super) fn claims(&self, root: &Path) -> Vec<Claim> {
        let path = place::absolute(root, Path::new(&self.path));
        vec![Claim { space: "file".to_owned(), path: place::pieces(&path), parts: None }]
    }

    pub(super) fn check(&self) -> Result<(), Vec<String>> {
        if self.path.is_empty() { Err(vec!["`path` is empty".to_owned()]) } else { Ok(()) }
    }
}
