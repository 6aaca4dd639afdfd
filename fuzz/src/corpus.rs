//! The examples that inputs are made from: `corpus/TARGET/`, one file each.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// Every example of one target, in the order of their names.
#[derive(Debug)]
pub struct Corpus {
    entries: Vec<(PathBuf, Vec<u8>)>,
}

impl Corpus {
    /// Reads them.
    ///
    /// # Errors
    /// The folder cannot be read, or is empty.
    pub fn read(target: &str) -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        let mut paths = Vec::new();
        for entry in fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))? {
            paths.push(entry?.path());
        }
        paths.sort();
        ensure!(!paths.is_empty(), "{} has no example", folder.display());
        let mut entries = Vec::with_capacity(paths.len());
        for path in paths {
            let text = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
            entries.push((path, text));
        }
        Ok(Self { entries })
    }

    /// A corpus of these, for tests.
    #[cfg(test)]
    pub fn of(texts: &[&str]) -> Self {
        Self { entries: texts.iter().map(|text| (PathBuf::new(), text.as_bytes().to_vec())).collect() }
    }

    /// Each example with its file.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (&Path, &[u8])> {
        self.entries.iter().map(|(path, text)| (path.as_path(), text.as_slice()))
    }

    /// One example, counted around.
    pub fn example(&self, at: usize) -> &[u8] {
        let at = at.checked_rem(self.entries.len()).unwrap_or(0);
        self.entries.get(at).map_or(&[], |(_, text)| text.as_slice())
    }
}
