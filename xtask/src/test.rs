//! The one test command: installs what is missing, then runs everything that must hold, one line a stage.
//!
//! All stages share one target folder, and both test stages select the whole workspace, so that cargo resolves
//! one set of features and builds every dependency once.

mod failpoints;
mod install;
mod runner;
mod stage;

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, bail};

use stage::{Outcome, STAGES, Stage};

/// Runs the stages of the given names, or all; true when all held.
pub fn run(root: &Path, only: &[&str]) -> Result<bool> {
    let stages = select(only)?;
    let begin = Instant::now();
    let mut failed = Vec::new();
    for stage in &stages {
        println!("── {}: {}", stage.name, stage.what);
        let begin = Instant::now();
        let outcome = (stage.run)(root).unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
        let seconds = begin.elapsed().as_secs_f64();
        match outcome {
            Outcome::Held => println!("ok      {} in {seconds:.1} s", stage.name),
            Outcome::NothingToDo(why) => println!("none    {} ({why})", stage.name),
            Outcome::Failed(why) => {
                println!("FAILED  {} in {seconds:.1} s: {why}", stage.name);
                failed.push(stage.name);
            }
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    if failed.is_empty() {
        println!("\nall {} stages held in {seconds:.0} s", stages.len());
    } else {
        println!(
            "\n{} of {} stages failed in {seconds:.0} s: {}",
            failed.len(),
            stages.len(),
            failed.join(", ")
        );
    }
    Ok(failed.is_empty())
}

fn select(only: &[&str]) -> Result<Vec<&'static Stage>> {
    if let Some(unknown) = only.iter().find(|name| STAGES.iter().all(|stage| stage.name != **name)) {
        let names: Vec<&str> = STAGES.iter().map(|stage| stage.name).collect();
        bail!("no stage is called `{unknown}`; there are {}", names.join(", "));
    }
    Ok(STAGES.iter().filter(|stage| only.is_empty() || only.contains(&stage.name)).collect())
}

#[cfg(test)]
mod tests {
    use super::{STAGES, select};

    fn names(only: &[&str]) -> Vec<&'static str> {
        select(only).unwrap().iter().map(|stage| stage.name).collect()
    }

    #[test]
    fn stages_run_in_their_order_whatever_was_asked() {
        assert_eq!(names(&["clippy", "fmt"]), ["fmt", "clippy"]);
        assert_eq!(names(&[]).len(), STAGES.len());
    }

    #[test]
    fn an_unknown_stage_is_refused() {
        assert!(select(&["fmt", "format"]).is_err());
    }
}
