//! Installs what the stages need and the machine lacks.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::stage::Outcome;

/// Built without optimisation: it runs for a second, and optimising it takes minutes.
const CARGO_DENY: &[&str] = &["install", "--locked", "--debug", "cargo-deny@0.20.2"];

/// The kill harness injects faults into system calls with it. And how it is asked whether it is there.
const STRACE: (&str, &str) = ("strace", "--version");
/// Reads what the vault writes, so that somebody else says that it is right.
const RESTIC: (&str, &str) = ("restic", "version");

/// Looks for each tool, and installs what is missing.
pub fn all(root: &Path) -> Result<Outcome> {
    for component in ["rustfmt", "clippy"] {
        let word = component.trim_start_matches("rust");
        if !answers(root, env!("CARGO"), &[word, "--version"]) {
            run(root, "rustup", &["component", "add", component])?;
        }
    }
    for (program, asked) in [STRACE, RESTIC] {
        if !answers(root, program, &[asked]) {
            install_package(root, program)?;
        }
    }
    if !answers(root, env!("CARGO"), &["deny", "--version"]) {
        run(root, env!("CARGO"), CARGO_DENY)?;
    }
    Ok(Outcome::Held)
}

fn install_package(root: &Path, name: &str) -> Result<()> {
    let answer = Command::new("id").arg("--user").output().context("ask for the user's id")?;
    if answer.stdout.trim_ascii() != b"0" {
        bail!("{name} is missing; install it (on Debian: sudo apt-get install {name}) and run this again");
    }
    run(root, "apt-get", &["update", "--quiet"])?;
    run(root, "apt-get", &["install", "--quiet", "--yes", "--no-install-recommends", name])
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
