//! References become values from a map instead of the environment of the process.

use std::collections::BTreeMap;
use std::path::PathBuf;

use backout_contract::{DriverError, ErrorKind, Resolver};
use backout_core::migration::{Part, Reference};
use backout_core::secret::Secret;

/// Resolves `${env:NAME}` from a map and `${file:path}` from below a folder.
#[derive(Debug, Clone)]
pub struct MapResolver {
    environment: BTreeMap<String, String>,
    root: PathBuf,
}

impl MapResolver {
    /// From an environment and the folder of the migration file.
    pub fn new(environment: BTreeMap<String, String>, root: impl Into<PathBuf>) -> Self {
        Self { environment, root: root.into() }
    }
}

impl Resolver for MapResolver {
    fn resolve(&self, reference: &Reference) -> Result<Secret, DriverError> {
        let mut text = String::new();
        for part in reference.parts() {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Environment(name) => text.push_str(self.environment.get(name).ok_or_else(|| {
                    DriverError::new(ErrorKind::Config, format!("resolve the variable {name}"))
                        .nothing_happened()
                })?),
                Part::File(path) => {
                    let content = std::fs::read_to_string(self.root.join(path)).map_err(|source| {
                        DriverError::io(format!("resolve the file {path}"), source).nothing_happened()
                    })?;
                    text.push_str(content.trim_end_matches('\n'));
                }
            }
        }
        Ok(Secret::new(text))
    }
}
