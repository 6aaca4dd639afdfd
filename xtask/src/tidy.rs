//! The rules of the house that no compiler checks. One file a rule; each says in one line what is wrong and where.

mod core;
mod edges;
mod error_pages;
mod generated;
mod kinds;
mod leftovers;
mod lints;
mod modules;
mod pages;
mod size;
mod words;

use std::fmt;

use anyhow::Result;

use crate::repository::Repository;

/// One thing that is not as it must be.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// A path, with a line where there is one.
    place: String,
    /// What is wrong and what to do.
    message: String,
}

impl Finding {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }

    fn at(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self::new(format!("{path}:{line}"), message)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

type Check = fn(&Repository) -> Vec<Finding>;

const CHECKS: &[(&str, Check)] = &[
    ("edges", edges::check),
    ("core", core::check),
    ("size", size::check),
    ("kinds", kinds::check),
    ("error pages", error_pages::check),
    ("modules", modules::check),
    ("words", words::check),
    ("lints", lints::check),
    ("generated list", generated::check),
    ("pages", pages::check),
    ("leftovers", leftovers::check),
];

/// Prints every finding; true when there is none.
pub fn run(repository: &Repository) -> Result<bool> {
    let mut found = 0;
    for (name, check) in CHECKS {
        for finding in check(repository) {
            println!("{name}: {finding}");
            found += 1;
        }
    }
    let (rules, files) = (CHECKS.len(), repository.files.len());
    println!("tidy: {rules} rules, {files} files, {found} to mend");
    Ok(found == 0)
}

/// The places of findings, for tests.
#[cfg(test)]
fn places(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.place.as_str()).collect()
}
