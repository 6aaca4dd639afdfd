//! Installs what the stages need and the machine lacks.

use std::fs;
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
/// Tests start servers of it, and look for it where Debian puts it, each major version in a folder of its own.
const POSTGRESQL: &[&str] = &["postgresql", "postgresql-contrib"];
const POSTGRESQL_FOLDER: &str = "/usr/lib/postgresql";
/// Where it is instead, if this says so.
const POSTGRESQL_VARIABLE: &str = "BACKOUT_PG_BIN";

/// Stands in front of such a server in tests. For root only, so that it is not sought in `PATH`.
const PGBOUNCER: (&str, &str) = ("pgbouncer", "/usr/sbin/pgbouncer");

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
            install_packages(root, &[program])?;
        }
    }
    if std::env::var_os(POSTGRESQL_VARIABLE).is_none() && !holds_server(Path::new(POSTGRESQL_FOLDER)) {
        install_packages(root, POSTGRESQL)?;
    }
    if !Path::new(PGBOUNCER.1).is_file() {
        install_packages(root, &[PGBOUNCER.0])?;
    }
    if !answers(root, env!("CARGO"), &["deny", "--version"]) {
        run(root, env!("CARGO"), CARGO_DENY)?;
    }
    Ok(Outcome::Held)
}

fn install_packages(root: &Path, names: &[&str]) -> Result<()> {
    let answer = Command::new("id").arg("--user").output().context("ask for the user's id")?;
    if answer.stdout.trim_ascii() != b"0" {
        let names = names.join(" ");
        bail!("{names} is missing; install it (on Debian: sudo apt-get install {names}) and run this again");
    }
    run(root, "apt-get", &["update", "--quiet"])?;
    run(root, "apt-get", &[&["install", "--quiet", "--yes", "--no-install-recommends"], names].concat())
}

/// Whether the server of any version is in a folder of versions.
fn holds_server(folder: &Path) -> bool {
    let versions = fs::read_dir(folder).into_iter().flatten().flatten();
    versions.into_iter().any(|version| version.path().join("bin/postgres").is_file())
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::holds_server;

    #[test]
    fn client_programs_alone_are_no_server() {
        let folder = std::env::temp_dir().join(format!("xtask-install-{}", std::process::id()));
        fs::create_dir_all(folder.join("15/bin")).unwrap();
        fs::write(folder.join("15/bin/psql"), "").unwrap();
        assert!(!holds_server(&folder) && !holds_server(&folder.join("nowhere")));
        fs::write(folder.join("15/bin/postgres"), "").unwrap();
        assert!(holds_server(&folder));
        fs::remove_dir_all(folder).unwrap();
    }
}
