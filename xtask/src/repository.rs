//! The repository as the chores see it: its text files, read once, and what cargo says of its crates.

mod file;
mod package;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

pub use file::File;
pub use package::Package;
#[cfg(test)]
pub use package::{Dependency, TestTarget};

/// Folders that hold no source of ours.
const SKIPPED: &[&str] = &["target", "node_modules"];

/// Hidden folders that do.
const SHOWN: &[&str] = &[".ci", ".cargo", ".config"];

/// Everything the checks look at. Tests make small ones in memory.
#[derive(Debug, Default)]
pub struct Repository {
    /// The folder of the workspace.
    pub root: PathBuf,
    /// Text files by path, sorted.
    pub files: Vec<File>,
    /// The crates of the workspace, sorted by folder.
    pub packages: Vec<Package>,
}

impl Repository {
    /// The folder of the workspace, from where this program was built.
    pub fn root() -> Result<PathBuf> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        Ok(here.parent().context("find the folder above xtask")?.to_path_buf())
    }

    /// Reads all text files and asks cargo for the crates.
    pub fn read() -> Result<Self> {
        let root = Self::root()?;
        let mut files = Vec::new();
        collect(&root, &root, &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
            .current_dir(&root)
            .output()
            .context("run cargo metadata")?;
        if !output.status.success() {
            bail!("cargo metadata failed\n{}", String::from_utf8_lossy(&output.stderr));
        }
        let packages = package::read(&root, &output.stdout)?;
        Ok(Self { root, files, packages })
    }

    /// The text of a file, if there is one.
    pub fn text(&self, path: &str) -> Option<&str> {
        let found = self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok()?;
        self.files.get(found).map(|file| file.text.as_str())
    }

    /// The Rust files.
    pub fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.ends_with(".rs"))
    }
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<File>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let entry = entry?;
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type()?;
        if kind.is_dir() {
            let hidden = name.starts_with('.') && !SHOWN.contains(&name.as_str());
            if !hidden && !SKIPPED.contains(&name.as_str()) {
                collect(root, &path, files)?;
            }
        } else if kind.is_file() {
            // What is not text has no lines to check.
            if let Ok(text) = String::from_utf8(fs::read(&path)?) {
                let path = path.strip_prefix(root)?.to_string_lossy().into_owned();
                files.push(File { path, text });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
impl Repository {
    /// A repository of the given files, in memory.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let mut files: Vec<File> =
            files.iter().map(|(path, text)| File { path: (*path).into(), text: (*text).into() }).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Self { files, ..Self::default() }
    }
}
