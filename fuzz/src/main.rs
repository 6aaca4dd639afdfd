//! Feeds hostile input to everything that Backout reads from disk: mutated examples, endlessly different and yet the
//! same for the same seed. `README.md` says how to use it and why it looks like this.
//!
//! ```text
//! backout-fuzz all [SECONDS [SEED]]            replay the corpus, then run each target for so many seconds
//! backout-fuzz run TARGET [SECONDS [SEED]]     one target
//! backout-fuzz replay TARGET FILE..            inputs that were kept
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test fails by panicking"))]

mod corpus;
mod mutate;
mod random;
mod supervise;
mod targets;
mod tokens;
mod work;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use corpus::Corpus;
use targets::{TARGETS, Target};

/// How long each target runs, and from where its inputs are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Effort {
    time: Duration,
    seed: u64,
}

const USAGE: &str = "\
usage: backout-fuzz all [SECONDS [SEED]]
       backout-fuzz run TARGET [SECONDS [SEED]]
       backout-fuzz replay TARGET FILE..";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match chore(&words) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// True when everything held.
fn chore(words: &[String]) -> Result<bool> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["all", rest @ ..] => {
            let effort = effort(rest)?;
            let mut held = true;
            for target in TARGETS {
                held &= supervise::run(target, effort)?;
            }
            Ok(held)
        }
        ["run", name, rest @ ..] => supervise::run(target(name)?, effort(rest)?),
        ["replay", name, files @ ..] => {
            let target = target(name)?;
            for file in files {
                let input = std::fs::read(file).with_context(|| format!("read {file}"))?;
                println!("{file}");
                (target.check)(&input);
            }
            Ok(true)
        }
        // The process that is started for each target, so that nothing an input does can end this one.
        ["work", name, current, rest @ ..] => {
            let target = target(name)?;
            work::run(target, &Corpus::read(target.name)?, effort(rest)?, &PathBuf::from(current))?;
            Ok(true)
        }
        _ => bail!("no such chore\n{USAGE}"),
    }
}

fn target(name: &str) -> Result<&'static Target> {
    let names = || TARGETS.iter().map(|target| target.name).collect::<Vec<_>>().join(", ");
    TARGETS
        .iter()
        .find(|target| target.name == name)
        .with_context(|| format!("no target is called `{name}`; there are {}", names()))
}

fn effort(words: &[&str]) -> Result<Effort> {
    let number = |text: &&str| text.parse::<u64>().with_context(|| format!("read the number `{text}`"));
    if words.len() > 2 {
        bail!("too many words\n{USAGE}");
    }
    let seconds = words.first().map_or(Ok(10), number)?;
    let seed = words.get(1).map_or(Ok(1), number)?;
    Ok(Effort { time: Duration::from_secs(seconds), seed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_of_the_corpus_is_borne() {
        for target in TARGETS {
            for (_, input) in Corpus::read(target.name).unwrap().entries() {
                (target.check)(input);
            }
        }
    }

    #[test]
    fn effort_has_defaults() {
        let of = |words: &[&str]| effort(words).map(|effort| (effort.time.as_secs(), effort.seed)).ok();
        assert_eq!(of(&[]), Some((10, 1)));
        assert_eq!(of(&["3", "7"]), Some((3, 7)));
        assert_eq!(of(&["three"]), None);
        assert_eq!(of(&["3", "7", "8"]), None);
    }
}
