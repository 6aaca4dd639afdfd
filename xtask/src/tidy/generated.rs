//! The list of drivers and probes says what is there.

use crate::repository::Repository;
use crate::sync;
use crate::tidy::Finding;

pub fn check(repository: &Repository) -> Vec<Finding> {
    sync::outdated(repository)
        .into_iter()
        .map(|(path, _)| Finding::new(path, "is not what is there; run `cargo xtask sync`"))
        .collect()
}
