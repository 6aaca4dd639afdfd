//! Chores of the repository: `cargo xtask`, then one of the words below.
//!
//! | word | what it does |
//! |---|---|
//! | `test [--only STAGE,..]` | everything that must hold, installing what is missing |
//! | `tidy` | the rules of the house that the compiler cannot see |
//! | `sync` | writes the list of drivers and probes |
//! | `chart FILE FOLDER` | pictures of what `benches/compare.sh` measured |
//! | `new-driver SYSTEM.KIND` | a driver that compiles and fails the conformance suite honestly |

mod chart;
mod new_driver;
mod repository;
mod sync;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::repository::Repository;

const USAGE: &str = "\
usage: cargo xtask test [--only STAGE,..]   run everything that must hold
       cargo xtask tidy                     hold the tree against the rules of the house
       cargo xtask sync                     write the list of drivers and probes
       cargo xtask chart FILE FOLDER        draw what benches/compare.sh measured
       cargo xtask new-driver SYSTEM.KIND   start a driver";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match chore(&words) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn chore(words: &[String]) -> Result<ExitCode> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["test"] => test::run(&Repository::root()?, &[])?,
        ["test", "--only", stages] => {
            test::run(&Repository::root()?, &stages.split(',').collect::<Vec<_>>())?
        }
        ["tidy"] => tidy::run(&Repository::read()?)?,
        ["sync"] => sync::run(&Repository::read()?)?,
        ["chart", file, folder] => chart::run(file, folder)?,
        ["new-driver", name] => new_driver::run(&Repository::read()?, name)?,
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            true
        }
        _ => bail!("no such chore\n{USAGE}"),
    };
    Ok(if done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
