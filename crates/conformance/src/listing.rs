//! What stands below a folder, as texts that can be compared and shown.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use backout_core::digest::Digest;
use backout_kit::path_text::encode;
use backout_kit::reserved::is_reserved;

/// How much of a file is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Kind, mode, owner, content. What Backout keeps beside is left out.
    Content,
    /// Also when files (not folders) were modified. What Backout keeps beside is left out.
    ContentAndModified,
    /// Also every time but the time of the last reading, of folders too. What Backout keeps beside is told.
    Everything,
}

/// Everything below a folder, and the folder itself, by path; empty when the path leads nowhere.
#[allow(clippy::expect_used, reason = "test code: a world that cannot be listed is a failed test")]
pub fn list(root: &Path, detail: Detail) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    if root.symlink_metadata().is_ok() {
        add(&mut found, root, root, detail).expect("list the files of the world");
    }
    found
}

fn add(
    found: &mut BTreeMap<String, String>,
    root: &Path,
    path: &Path,
    detail: Detail,
) -> std::io::Result<()> {
    let metadata = path.symlink_metadata()?;
    let kind = metadata.file_type();
    let mut text = format!("mode {:o} owner {}:{}", metadata.mode(), metadata.uid(), metadata.gid());
    if kind.is_symlink() {
        text.push_str(&format!(" link to {}", encode(fs::read_link(path)?.as_os_str())));
    } else if kind.is_file() {
        let content = Digest::of_bytes("listing", &fs::read(path)?).short();
        text.push_str(&format!(" {} bytes {content}", metadata.len()));
    } else if kind.is_fifo() || kind.is_socket() {
        text.push_str(" no content");
    }
    if detail == Detail::Everything || (detail == Detail::ContentAndModified && !kind.is_dir()) {
        text.push_str(&format!(" modified {}.{:09}", metadata.mtime(), metadata.mtime_nsec()));
    }
    if detail == Detail::Everything {
        text.push_str(&format!(" changed {}.{:09}", metadata.ctime(), metadata.ctime_nsec()));
    }
    let name = path.strip_prefix(root).map_or(OsStr::new("?"), Path::as_os_str);
    found.insert(if name.is_empty() { ".".to_owned() } else { encode(name) }, text);
    if kind.is_dir() {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            if detail == Detail::Everything || !is_reserved(&entry.file_name()) {
                add(found, root, &entry.path(), detail)?;
            }
        }
    }
    Ok(())
}

/// What differs between two listings, a line each; none when they are equal.
pub fn difference(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Option<String> {
    const MOST: usize = 10;
    let names: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let lines: Vec<String> = names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| {
            let side = |listing: &BTreeMap<String, String>| {
                listing.get(name).map_or("nothing".to_owned(), |text| text.escape_debug().to_string())
            };
            format!("{}: {} → {}", name.escape_debug(), side(before), side(after))
        })
        .collect();
    let more = lines.len().saturating_sub(MOST);
    let mut text = lines.iter().take(MOST).cloned().collect::<Vec<_>>().join("\n    ");
    if more > 0 {
        text.push_str(&format!("\n    and {more} more"));
    }
    (!lines.is_empty()).then_some(text)
}
