//! The component's keys in the migration file.

use std::path::Path;
use std::time::Duration;

use backout_core::migration::{Claim, DurationText, Reference};
use backout_kit::place;
use schemars::JsonSchema;
use serde::Deserialize;

/// What SQLite puts beside a database file, by the ending of its name.
pub(super) const SIDECARS: [&str; 3] = ["-journal", "-wal", "-shm"];

const USUAL_BUSY: Duration = Duration::from_secs(5);
const LONGEST_BUSY: Duration = Duration::from_secs(3600);

/// The keys of a `sqlite.database`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The database file, relative to the migration file.
    pub path: Reference,
    /// How long to wait for others to let go of the database; 5s unless given.
    #[serde(default)]
    pub busy: Option<DurationText>,
}

impl Config {
    /// How long to wait for others.
    pub(super) fn patience(&self) -> Duration {
        self.busy.map_or(USUAL_BUSY, |busy| busy.0).min(LONGEST_BUSY)
    }

    /// The path for people, as it was written.
    pub(super) fn shown(&self) -> String {
        crate::fault::shown(Path::new(self.path.as_written()))
    }

    pub(super) fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        match self.path.as_literal() {
            Some("") => mistakes.push("`path` is empty; name the database file".to_owned()),
            Some(text) if text.starts_with(":memory:") => {
                mistakes.push("`path` names a database in memory, which nobody else can reach".to_owned());
            }
            Some(text) if text.starts_with("file:") || text.starts_with("sqlite:") => {
                mistakes.push("`path` is an address; write the plain path of the file".to_owned());
            }
            Some(text) if text.ends_with('/') => {
                mistakes.push("`path` names a folder, not a file".to_owned())
            }
            _ => {}
        }
        if self.busy.is_some_and(|busy| busy.0 > LONGEST_BUSY) {
            mistakes.push("`busy` is longer than an hour".to_owned());
        }
        mistakes
    }

    /// The file and what SQLite keeps beside it; nothing where the path is a reference, for it is not known yet.
    pub(super) fn claims(&self, root: &Path) -> Vec<Claim> {
        let Some(path) = self.path.as_literal() else { return Vec::new() };
        std::iter::once("")
            .chain(SIDECARS)
            .map(|ending| Claim {
                space: "file".into(),
                path: place::pieces(&place::absolute(root, Path::new(&format!("{path}{ending}")))),
                parts: None,
            })
            .collect()
    }
}
