//! The database that the rollback displaced, looked at without touching it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use backout_demo::Estate;
use backout_demo::checks::{self, Counts};
use backout_kit::reserved::is_reserved;

use crate::view::story::Story;

/// Claims that one displaced database is kept and holds what users had written.
///
/// # Errors
/// The folder or the database cannot be read.
pub fn compare(written: Counts, estate: &Estate, story: &mut Story) -> Result<()> {
    let kept = displaced(estate)?;
    let [kept] = kept.as_slice() else {
        story.claim(false, &format!("one database is set aside, not {}", kept.len()));
        return Ok(());
    };
    // SQLite may write to what it opens, so it is given a copy.
    let copy = estate.run_folder().join("looked-at.db");
    fs::copy(kept, &copy).context("copy the database that was set aside")?;
    let counts = checks::counts(&copy);
    fs::remove_file(&copy).context("remove the copy")?;
    let tasks = counts?.tasks;
    let shown = kept.strip_prefix(estate.root()).unwrap_or(kept).display();
    story.claim(tasks == written.tasks, &format!("{tasks} tasks in {shown}"));
    Ok(())
}

fn displaced(estate: &Estate) -> Result<Vec<PathBuf>> {
    let database = estate.database();
    let (Some(folder), Some(name)) = (database.parent(), database.file_name()) else { return Ok(Vec::new()) };
    let ending = format!("-{}", name.to_string_lossy());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("look into {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        let is_displaced = name.to_string_lossy().contains("-displaced-");
        if is_reserved(name) && is_displaced && name.to_string_lossy().ends_with(&ending) {
            found.push(path);
        }
    }
    Ok(found)
}
