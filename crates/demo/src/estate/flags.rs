//! `flags.json`: features that are off until somebody switches them on, and settings of the front end.

use crate::files;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::path::Path;

const DEFAULT: &str = r##"{
  "uuid_ids": false,
  "new_dashboard": false,
  "bulk_edit": false,
  "offline_mode": false,
  "page_size": 50,
  "languages": ["de", "en", "ja"],
  "theme": {
    "accent": "#2f6f4f",
    "dark": true
  },
  "support": "hilfe@todo.example – wir sind da"
}
"##;

/// The flags that the service itself obeys.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct Flags {
    /// Use UUIDs, if the release can.
    pub uuid_ids: bool,
}

impl Flags {
    /// Reads the flags; one that is missing is off.
    pub fn read(path: &Path) -> Result<Self> {
        serde_json::from_str(&files::read(path)?).with_context(|| format!("understand {}", path.display()))
    }
}

/// Writes the flags as delivered: everything off.
pub fn create(path: &Path) -> Result<()> {
    files::put(path, DEFAULT)
}

/// Switches one flag on, as a person in an editor would: nothing else in the file moves.
pub fn switch_on(path: &Path, flag: &str) -> Result<()> {
    let text = files::read(path)?;
    let (off, on) = (format!("\"{flag}\": false"), format!("\"{flag}\": true"));
    anyhow::ensure!(text.contains(&off) || text.contains(&on), "find the flag {flag} in {}", path.display());
    files::put(path, &text.replacen(&off, &on, 1))
}
