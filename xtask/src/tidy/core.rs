//! Core decides and touches nothing, so it stands on nothing that could: no runtime, no client, no randomness. What
//! the standard library offers is banned in `crates/core/clippy.toml`.

use crate::repository::Repository;
use crate::tidy::Finding;

const FOLDER: &str = "crates/core";

/// Types, text and digests; whoever adds to it says in the commit why it can neither act nor look.
const STANDS_ON: &[&str] =
    &["granit-parser", "jiff", "schemars", "serde", "serde_json", "sha2", "thiserror", "twox-hash"];

pub fn check(repository: &Repository) -> Vec<Finding> {
    let core = repository.packages.iter().filter(|package| package.folder == FOLDER);
    core.flat_map(|package| &package.stands_on)
        .filter(|name| !STANDS_ON.contains(&name.as_str()))
        .map(|name| {
            let message = format!("core must not stand on {name}, unless it can neither act nor look");
            Finding::new(format!("{FOLDER}/Cargo.toml"), message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::repository::{Package, Repository};

    #[test]
    fn core_with_a_runtime_is_found_and_others_may_have_one() {
        let package = |folder: &str, names: &[&str]| Package {
            folder: folder.into(),
            stands_on: names.iter().map(|name| (*name).into()).collect(),
            ..Package::default()
        };
        let of = |packages| check(&Repository { packages, ..Repository::default() }).len();
        assert_eq!(of(vec![package("crates/core", &["serde", "tokio"])]), 1);
        assert_eq!(of(vec![package("crates/core", &["serde"]), package("crates/kit", &["tokio"])]), 0);
    }
}
