//! What must hold, in the order in which it is cheapest to learn that it does not.

use std::path::Path;

use anyhow::Result;

use super::{failpoints, install, runner};
use crate::repository::Repository;
use crate::tidy;

/// One thing that must hold.
pub struct Stage {
    /// How it is selected.
    pub name: &'static str,
    /// For people.
    pub what: &'static str,
    /// Looks whether it holds.
    pub run: fn(&Path) -> Result<Outcome>,
}

/// What a stage found.
pub enum Outcome {
    /// It holds.
    Held,
    /// There is nothing to look at, and why.
    NothingToDo(String),
    /// It does not hold, and why.
    Failed(String),
}

/// The feature that arms the failpoints.
const FAILPOINTS: &str = "backout/failpoints";

/// The harness that needs it.
const HARNESS: &str = "kill";

/// How long each target is fed.
const FUZZ_SECONDS: &str = "10";

/// Always the same inputs: what fails here fails again at home.
const FUZZ_SEED: &str = "1";

/// All of them.
pub const STAGES: &[Stage] = &[
    Stage { name: "tools", what: "install what the stages need", run: install::all },
    Stage { name: "fmt", what: "every file is formatted", run: fmt },
    Stage { name: "tidy", what: "the rules of the house hold", run: rules },
    Stage { name: "deny", what: "licences, bans and sources of what we stand on", run: deny },
    Stage { name: "clippy", what: "no warning, in the product and in its tests", run: clippy },
    Stage { name: "test", what: "every test of every crate", run: test },
    Stage { name: "kill", what: "the real binary, killed everywhere, resumes", run: kill },
    Stage { name: "release", what: "the release binary builds and holds no failpoints", run: release },
    Stage { name: "fuzz", what: "everything read from disk bears hostile input", run: fuzz },
];

fn fmt(root: &Path) -> Result<Outcome> {
    runner::cargo(root, "fmt", &["fmt", "--all", "--check"])
}

fn rules(_: &Path) -> Result<Outcome> {
    let held = tidy::run(&Repository::read()?)?;
    Ok(if held { Outcome::Held } else { Outcome::Failed("see above".into()) })
}

fn deny(root: &Path) -> Result<Outcome> {
    // Advisories need a database from the network, whose news must not fail an old commit.
    runner::cargo(
        root,
        "deny",
        &["deny", "--locked", "--log-level", "error", "check", "bans", "licenses", "sources"],
    )
}

fn clippy(root: &Path) -> Result<Outcome> {
    runner::cargo(
        root,
        "clippy",
        &["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"],
    )
}

fn test(root: &Path) -> Result<Outcome> {
    runner::cargo(root, "test", &["test", "--locked", "--workspace", "--no-fail-fast"])
}

fn kill(root: &Path) -> Result<Outcome> {
    let harness = Repository::read()?.packages.into_iter().flat_map(|package| package.tests);
    if !harness.into_iter().any(|test| test.name == HARNESS) {
        return Ok(Outcome::NothingToDo(format!("no test binary is called `{HARNESS}`")));
    }
    let arguments =
        ["test", "--locked", "--workspace", "--features", FAILPOINTS, "--test", HARNESS, "--no-fail-fast"];
    match runner::cargo(root, "kill", &arguments)? {
        Outcome::Held => failpoints::present(&runner::target_folder(root)),
        other => Ok(other),
    }
}

fn release(root: &Path) -> Result<Outcome> {
    match runner::cargo(root, "release", &["build", "--locked", "--release", "--package", "backout"])? {
        Outcome::Held => failpoints::absent(&runner::target_folder(root)),
        other => Ok(other),
    }
}

fn fuzz(root: &Path) -> Result<Outcome> {
    // Optimised, for ten times the inputs, and after the release, whose crates it finds built.
    runner::cargo(
        root,
        "fuzz",
        &["run", "--locked", "--release", "--package", "backout-fuzz", "--", "all", FUZZ_SECONDS, FUZZ_SEED],
    )
}
