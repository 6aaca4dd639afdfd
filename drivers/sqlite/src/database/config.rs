//! The component's keys in the migration file.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use backout_core::migration::{Claim, DurationText, Reference, Size};
use backout_kit::place;
use schemars::JsonSchema;
use serde::Deserialize;

use super::recover::Merge;

/// What SQLite puts beside a database file, by the ending of its name.
pub(super) const SIDECARS: [&str; 3] = ["-journal", "-wal", "-shm"];

const USUAL_BUSY: Duration = Duration::from_secs(5);
const LONGEST_BUSY: Duration = Duration::from_secs(3600);
/// What the recorder may hold, in bytes, unless a person says otherwise.
const USUAL_CAP: i64 = 256 << 20;

/// The keys of a `sqlite.database`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The database file, relative to the migration file.
    pub path: Reference,
    /// How long to wait for others to let go of the database; 5s unless given.
    #[serde(default)]
    pub busy: Option<DurationText>,
    /// How what users write is recorded.
    #[serde(default)]
    pub recorder: RecorderConfig,
    /// How what users wrote is taken over where the migration changed a table.
    #[serde(default)]
    pub merge: Merge,
}

/// How what users write is recorded.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecorderConfig {
    /// How much it may hold within the database; 256MiB unless given. Beyond, writes are counted and not kept.
    #[serde(default)]
    pub cap: Option<Size>,
    /// How the migration's own writes are told from those of users.
    #[serde(default)]
    pub migration: Told,
    /// Tables whose writes need not be recorded, such as an index for searching that follows from another table. They
    /// are not counted and not taken over.
    #[serde(default)]
    pub except: BTreeSet<String>,
}

/// How the migration's own writes are told from those of users.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// It says so itself, by a mark within its transactions.
    #[default]
    Marked,
    /// Nobody else writes from `arm` until the cutover is marked: all that is written in between is its own.
    Window,
}

impl Config {
    /// How long to wait for others.
    pub(super) fn patience(&self) -> Duration {
        self.busy.map_or(USUAL_BUSY, |busy| busy.0).min(LONGEST_BUSY)
    }

    /// How many bytes of writes the recorder may hold.
    pub(super) fn cap(&self) -> i64 {
        self.recorder.cap.map_or(USUAL_CAP, |cap| i64::try_from(cap.bytes).unwrap_or(i64::MAX))
    }

    /// Whether the migration has the database to itself between `arm` and cutover.
    pub(super) fn migration_has_a_window(&self) -> bool {
        self.recorder.migration == Told::Window
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
        if self.recorder.cap.is_some_and(|cap| cap.bytes == 0) {
            mistakes.push("`recorder.cap` leaves no room for any write".to_owned());
        }
        mistakes.extend(self.merge.mistakes());
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
