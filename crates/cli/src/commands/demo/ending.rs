//! How the demo ends: the estate handed over for hands-on use, or stopped and put away.

use std::fs;

use anyhow::Result;
use backout_demo::Estate;

use super::Stage;
use super::folder::Folder;
use super::portrait::blocking;
use super::service::Service;
use super::shell::{Shell, quoted_path};
use crate::view::story::Story;

/// Says where the estate is that goes on running, and what to try.
///
/// # Errors
/// The settings of the estate cannot be read.
pub fn hand_over(folder: &Folder, shell: &Shell, stage: Stage, story: &Story) -> Result<()> {
    let address = Estate::open(&folder.path)?.base_url()?;
    story.say(&format!("The estate runs on by itself at {address}. For your own hands:"));
    story.pause();
    if let Some(missing) = shell.missing_in_path() {
        story.offer(&format!("export PATH={}:$PATH", quoted_path(missing)), "");
    }
    story.offer(&format!("cd {}", quoted_path(&folder.path)), "");
    let migrate = ["cutover", "--writers-stopped", "--", shell.name(), "demo-migrate", "--dir", "."];
    let offers: &[(&[&str], &str)] = match stage {
        Stage::Captured => &[
            (&["status"], "where we are, and what is legal next"),
            (&migrate, "the migration"),
            (&["plan"], "what going back would do, and cost"),
        ],
        Stage::Migrated | Stage::Broken => &[
            (&["plan"], "what going back would do, and cost"),
            (&["rollback"], "go back"),
            (&["rollback", "--to", "before-rollback"], "take that back"),
            (&["report"], "the record of it"),
            (&["status"], "where we are, and what is legal next"),
        ],
    };
    for (arguments, does) in offers {
        story.offer(&shell.line(arguments), does);
    }
    story.offer(
        &shell.line(&["demo", "--down", "--dir", "."]),
        "stop the estate, and drop what was made for it",
    );
    Ok(())
}

/// Stops the service. A folder that nobody asked for is removed, unless somebody may want to look at it.
///
/// # Errors
/// The service cannot be stopped, or the folder not removed.
pub async fn put_away(folder: &Folder, shell: &Shell, story: &Story) -> Result<()> {
    // Without settings there is no estate yet, and nothing was started.
    let estate = Estate::open(&folder.path).ok();
    let was_running = match &estate {
        Some(estate) => !Service::of(estate).stop().await?.is_empty(),
        None => false,
    };
    let stopped = if was_running { "The service is stopped" } else { "No service is running" };
    let path = folder.path.display();
    let is_on_server = estate.as_ref().is_some_and(Estate::is_on_server);
    if folder.is_temporary && story.holds() && !story.is_watched() {
        let dropped = match estate {
            Some(estate) => blocking(move || estate.drop_databases()).await?,
            None => Vec::new(),
        };
        let dropped: String =
            dropped.iter().map(|name| format!(", the database {name} is dropped")).collect();
        fs::remove_dir_all(&folder.path)?;
        story.say(&format!("{stopped}{dropped}, and {path} is removed; with --dir it would stay."));
        return Ok(());
    }
    let remove = format!("rm -r {}", quoted_path(&folder.path));
    let down =
        format!("{} && {remove}", shell.line(&["demo", "--down", "--dir", &folder.path.to_string_lossy()]));
    let remove = if is_on_server { down } else { remove };
    if (folder.is_temporary && story.holds()) || is_on_server {
        story.say(&format!("{stopped}; the rest stays for you to look at. To remove it:"));
        story.commands(&[&remove]);
    } else {
        story.say(&format!("{stopped}; everything else stays in {path}"));
    }
    Ok(())
}
