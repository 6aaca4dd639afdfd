//! Writing files so that a reader sees the old content or the new, never half of it.

use anyhow::{Context, Result};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Reads a text file.
pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
}

/// Puts `content` at `path` by a rename; a file that was there lends its mode, a new one gets 0o644.
pub fn put(path: &Path, content: &str) -> Result<()> {
    let mode = fs::metadata(path).map_or(0o644, |old| old.permissions().mode());
    put_with_mode(path, content, mode)
}

/// Puts a file with an explicit mode, such as 0o600 for one that holds secrets.
pub fn put_with_mode(path: &Path, content: &str, mode: u32) -> Result<()> {
    let beside = beside(path);
    let write = || {
        remove_if_there(fs::remove_file(&beside))?;
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(content.as_bytes())?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        fs::rename(&beside, path)
    };
    write().with_context(|| format!("write {}", path.display()))
}

/// Makes `link` a symbolic link to `target`, whether or not there was one.
pub fn point(link: &Path, target: &Path) -> Result<()> {
    let beside = beside(link);
    let relink = || {
        remove_if_there(fs::remove_file(&beside))?;
        symlink(target, &beside)?;
        fs::rename(&beside, link)
    };
    relink().with_context(|| format!("point {} at {}", link.display(), target.display()))
}

/// Builds a folder beside `path` and puts it there, in place of what was there.
pub fn put_folder(path: &Path, build: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let fresh = beside(path);
    remove_if_there(fs::remove_dir_all(&fresh)).with_context(|| format!("clear {}", fresh.display()))?;
    make_folder(&fresh)?;
    build(&fresh)?;
    let swap = || {
        remove_if_there(fs::remove_dir_all(path))?;
        fs::rename(&fresh, path)
    };
    swap().with_context(|| format!("put the folder {}", path.display()))
}

/// Makes a folder and those above it.
pub fn make_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("make the folder {}", path.display()))
}

fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.new"))
}

fn remove_if_there(outcome: std::io::Result<()>) -> std::io::Result<()> {
    match outcome {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
