//! Installs what the stages need and the machine lacks.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::stage::Outcome;

/// Built without optimisation: it runs for a second, and optimising it takes minutes.
const CARGO_DENY: &[&str] = &["install", "--locked", "--debug", "cargo-deny@0.20.2"];

/// Looks for each tool, and installs what is missing.
pub fn all(root: &Path) -> Result<Outcome> {
    for component in ["rustfmt", "clippy"] {
        let word = component.trim_start_matches("rust");
        if !answers(root, env!("CARGO"), &[word, "--version"]) {
            run(root, "rustup", &["component", "add", component])?;
        }
    }
    if !answers(root, "strace", &["--version"]) {
        install_strace(root)?;
    }
    if !answers(root, env!("CARGO"), &["deny", "--version"]) {
        run(root, env!("CARGO"), CARGO_DENY)?;
    }
    Ok(Outcome::Held)
}

/// The kill harness injects faults into system calls with it.
fn install_strace(root: &Path) -> Result<()> {
    let answer = Command::new("id").arg("--user").output().context("ask for the user's id")?;
    if answer.stdout.trim_ascii() != b"0" {
        bail!("strace is missing; install it (on Debian: sudo apt-get install strace) and run this again");
    }
    run(root, "apt-get", &["update", "--quiet"])?;
    run(root, "apt-get", &["install", "--quiet", "--yes", "--no-install-recommends", "strace"])
}

fn answers(root: &Path, program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn run(root: &Path, program: &str, arguments: &[&str]) -> Result<()> {
    println!("{program} {}", arguments.join(" "));
    let status = Command::new(program)
        .args(arguments)
        .current_dir(root)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("run {program}"))?;
    if !status.success() {
        bail!("`{program} {}` ended with {status}", arguments.join(" "));
    }
    Ok(())
}
