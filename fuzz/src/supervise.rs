//! Starts the worker of a target and, where it died, keeps the input that it died of.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use backout_core::digest::Digest;

use crate::Effort;
use crate::targets::Target;

/// Runs one target in a process of its own; true when it held.
///
/// # Errors
/// The worker cannot be started, or what it died of not be kept.
pub fn run(target: &Target, effort: Effort) -> Result<bool> {
    let folder = findings_folder()?;
    let current = folder.join(format!("{}.current-{}", target.name, std::process::id()));
    let program = std::env::current_exe().context("find this program")?;
    let status = Command::new(program)
        .args(["work", target.name])
        .arg(&current)
        .args([effort.time.as_secs().to_string(), effort.seed.to_string()])
        .status()
        .context("start the worker")?;
    if status.success() {
        fs::remove_file(&current).context("remove the worker's last input")?;
        return Ok(true);
    }
    let input = fs::read(&current).context("read the input that the worker died of")?;
    let kept = folder.join(format!("{}-{}", target.name, Digest::of_bytes("fuzz", &input).short()));
    fs::rename(&current, &kept).with_context(|| format!("keep {}", kept.display()))?;
    println!("{}: DIED ({status}), seed {}, of {}", target.name, effort.seed, kept.display());
    println!("    again: cargo run -p backout-fuzz -- replay {} {}", target.name, kept.display());
    println!("    mended: move it to fuzz/corpus/{}/ under a name that says what it is", target.name);
    Ok(false)
}

/// Beside what cargo builds.
fn findings_folder() -> Result<PathBuf> {
    let program = std::env::current_exe().context("find this program")?;
    let target = program.parent().and_then(|profile| profile.parent()).context("find the target folder")?;
    let folder = target.join("fuzz");
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    Ok(folder)
}
