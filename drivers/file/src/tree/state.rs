//! What a tree is, as it is saved.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use backout_contract::DriverError;
use backout_core::digest::Digest;
use backout_kit::path_text;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::trouble::bad_data;

/// A directory with everything in it, or a single file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeState {
    /// By path, as text; a parent always comes before what is in it.
    pub entries: Vec<Entry>,
}

/// One thing in a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Path from the root of the tree, as path text; empty for the root itself.
    pub path: String,
    /// What it is.
    pub what: What,
    /// Permission bits, set-id and sticky bits included.
    pub mode: u32,
    /// User id of the owner.
    pub user: u32,
    /// Group id of the owner.
    pub group: u32,
    /// When its content was last changed: seconds since 1970 and nanoseconds.
    pub modified: (i64, u32),
}

/// What a thing in a tree is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum What {
    /// A directory.
    Directory,
    /// A regular file.
    File {
        /// Its size.
        bytes: u64,
        /// SHA-256 of its content.
        content: Digest,
    },
    /// A symbolic link.
    Link {
        /// What it names, as path text.
        target: String,
    },
}

impl TreeState {
    /// What must match exactly. Times of directories and links are left out: putting something back beside others
    /// changes the first, and nobody but us sets the second.
    pub fn shape(&self) -> Value {
        self.entries.iter().map(|entry| entry.told(true)).collect()
    }

    /// Tells this tree from another by everything but what is in its files, which is nobody's business where
    /// plans are read. Whoever changes a file changes its time.
    pub fn outline(&self) -> Digest {
        Digest::of_value(
            "backout/file-tree-outline",
            &self.entries.iter().map(|entry| entry.told(false)).collect(),
        )
    }

    /// Whether both are alike in everything that must match.
    pub fn same_shape(&self, other: &Self) -> bool {
        self.entries.len() == other.entries.len()
            && self.entries.iter().zip(&other.entries).all(|(one, other)| one.same_shape(other))
    }

    /// Bytes in its files.
    pub fn bytes(&self) -> u64 {
        self.entries.iter().map(Entry::bytes).sum()
    }

    /// Refuses what no capture has made, before any of its names is used: paths that lead out of the tree, that
    /// are not there as they should, or that are ours.
    pub(super) fn check(&self) -> Result<(), DriverError> {
        let Some(root) = self.entries.first() else {
            return Err(bad_data("read a saved tree without entries"));
        };
        let is_single = root.what != What::Directory;
        let wrong = |entry: &Entry| {
            let path = path_text::encode(std::ffi::OsStr::new(&entry.path));
            Err(bad_data(format!("use the saved path `{path}`")))
        };
        if !root.path.is_empty()
            || matches!(root.what, What::Link { .. })
            || (is_single && self.entries.len() > 1)
        {
            return wrong(root);
        }
        let mut folders: BTreeSet<&str> = BTreeSet::from([""]);
        let mut last = "";
        for entry in self.entries.iter().skip(1) {
            let parent = entry.path.rsplit_once('/').map_or("", |(parent, _)| parent);
            let fits = entry.path.as_str() > last
                && folders.contains(parent)
                && entry.path.split('/').all(is_plain_name)
                && entry.mode <= 0o7777
                && match &entry.what {
                    What::Link { target } => link_target(target).is_some(),
                    What::Directory | What::File { .. } => true,
                };
            if !fits {
                return wrong(entry);
            }
            if entry.what == What::Directory {
                folders.insert(&entry.path);
            }
            last = &entry.path;
        }
        Ok(())
    }
}

impl Entry {
    /// Its path in the file system, from the root of the tree.
    pub(super) fn place(&self) -> Result<PathBuf, DriverError> {
        path_text::decode(&self.path)
            .map(PathBuf::from)
            .map_err(|error| bad_data("read a saved path").caused_by(error))
    }

    pub(super) fn bytes(&self) -> u64 {
        match self.what {
            What::File { bytes, .. } => bytes,
            What::Directory | What::Link { .. } => 0,
        }
    }

    pub(super) fn same_shape(&self, other: &Self) -> bool {
        let times_count = matches!(self.what, What::File { .. });
        self.path == other.path
            && self.what == other.what
            && (self.mode, self.user, self.group) == (other.mode, other.user, other.group)
            && (!times_count || self.modified == other.modified)
    }

    fn told(&self, with_content: bool) -> Value {
        let what = match &self.what {
            What::Directory => json!("directory"),
            What::File { bytes, content } if with_content => json!([bytes, content, self.modified]),
            What::File { bytes, .. } => json!([bytes, self.modified]),
            What::Link { target } => json!({ "link": target }),
        };
        json!([self.path, what, self.mode, self.user, self.group])
    }
}

/// What a saved link names; none for what no link can name.
pub(super) fn link_target(text: &str) -> Option<OsString> {
    path_text::decode(text).ok().filter(|target| !target.is_empty() && !target.as_bytes().contains(&0))
}

/// Whether a piece of a saved path is a name, written as a capture writes it.
fn is_plain_name(piece: &str) -> bool {
    path_text::decode(piece).is_ok_and(|name| {
        let bytes = name.as_bytes();
        !bytes.is_empty()
            && !matches!(bytes, b"." | b"..")
            && !bytes.iter().any(|byte| matches!(byte, b'/' | 0))
            && path_text::encode(&name) == piece
            && !backout_kit::reserved::is_reserved(&name)
    })
}

/// The text under which a path from the root of a tree is saved.
pub(super) fn path_of(place: &Path) -> String {
    path_text::encode(place.as_os_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, what: What) -> Entry {
        Entry { path: path.into(), what, mode: 0o755, user: 0, group: 0, modified: (1, 2) }
    }

    fn file() -> What {
        What::File { bytes: 0, content: Digest::from_raw([0; 32]) }
    }

    fn link(target: &str) -> What {
        What::Link { target: target.into() }
    }

    #[test]
    fn only_what_a_capture_makes_is_accepted() {
        let root = || entry("", What::Directory);
        for (entries, expected) in [
            (vec![root()], true),
            (vec![entry("", file())], true),
            (
                vec![
                    root(),
                    entry("a", What::Directory),
                    entry("a/b", file()),
                    entry("c", link("../../etc")),
                ],
                true,
            ),
            (vec![root(), entry("a\\x0ab", file())], true),
            (vec![], false),
            (vec![entry("", link("x"))], false),
            (vec![entry("a", file())], false),
            (vec![entry("", file()), entry("a", file())], false),
            (vec![root(), entry("..", What::Directory)], false),
            (vec![root(), entry("../x", file())], false),
            (vec![root(), entry("\\x2e\\x2e", What::Directory)], false),
            (vec![root(), entry("/etc/passwd", file())], false),
            (vec![root(), entry("a\\x2fb", file())], false),
            (vec![root(), entry("a\\x00", file())], false),
            (vec![root(), entry("a\nb", file())], false),
            (vec![root(), entry("a//b", file())], false),
            (vec![root(), entry("a/b", file())], false),
            (vec![root(), entry("a", link("/")), entry("a/b", file())], false),
            (vec![root(), entry("a", file()), entry("a", file())], false),
            (vec![root(), entry("b", file()), entry("a", file())], false),
            (vec![root(), entry("a", link(""))], false),
            (vec![root(), entry("a", link("x\\x00"))], false),
            (vec![root(), entry(".backout-marker-x", file())], false),
            (vec![root(), Entry { mode: 0o10755, ..entry("a", file()) }], false),
        ] {
            let row = format!("{entries:?}");
            assert_eq!(TreeState { entries }.check().is_ok(), expected, "{row}");
        }
    }

    #[test]
    fn what_counts_in_the_shape() {
        let tree = |change: &dyn Fn(&mut Vec<Entry>)| {
            let mut entries = vec![entry("", What::Directory), entry("f", file()), entry("l", link("f"))];
            change(&mut entries);
            TreeState { entries }
        };
        let saved = tree(&|_| {});
        type Edit = fn(&mut Vec<Entry>);
        let rows: [(&str, Edit, bool); 8] = [
            ("time of the directory", |entries| entries[0].modified.1 = 9, true),
            ("time of the link", |entries| entries[2].modified.1 = 9, true),
            ("time of the file", |entries| entries[1].modified.1 = 9, false),
            ("mode", |entries| entries[0].mode = 0o700, false),
            ("owner", |entries| entries[1].user = 9, false),
            ("group", |entries| entries[2].group = 9, false),
            ("target", |entries| entries[2].what = link("g"), false),
            ("one more", |entries| entries.push(entry("x", file())), false),
        ];
        for (what, change, expected) in rows {
            let live = tree(&change);
            assert_eq!(saved.same_shape(&live), expected, "{what}");
            assert_eq!(saved.shape() == live.shape(), expected, "{what}");
            assert_eq!(saved.outline() == live.outline(), expected, "{what}");
        }
        let rewritten =
            tree(&|entries| entries[1].what = What::File { bytes: 0, content: Digest::from_raw([7; 32]) });
        assert!(!saved.same_shape(&rewritten) && saved.shape() != rewritten.shape());
        assert_eq!(saved.outline(), rewritten.outline(), "an outline tells nothing of contents");
    }
}
