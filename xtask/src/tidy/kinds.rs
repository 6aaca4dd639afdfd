//! Nobody but a driver knows its kind: whoever matches on one takes the driver's work into his own hands.
//!
//! Kinds are read from the drivers (`const KIND: &'static str = "file.tree"`), and looked for as whole string
//! literals in what the product is built from.

use crate::repository::{File, Repository};
use crate::tidy::Finding;

/// Who may name kinds: the drivers, the list of them, the demo (it writes a migration file) and these chores.
const MAY_NAME: &[&str] =
    &["drivers/", "probes/", "crates/drivers/", "crates/cli/src/commands/demo", "xtask/"];

pub fn check(repository: &Repository) -> Vec<Finding> {
    let literals: Vec<String> = repository
        .rust()
        .filter(|file| file.path.starts_with("drivers/"))
        .flat_map(kinds)
        .map(|kind| format!("\"{kind}\""))
        .collect();
    repository
        .rust()
        .filter(|file| !MAY_NAME.iter().any(|place| file.path.starts_with(place)))
        .flat_map(|file| named(file, &literals))
        .collect()
}

fn kinds(file: &File) -> impl Iterator<Item = &str> {
    file.product_lines().filter_map(|(_, line)| {
        let value = line.trim().strip_prefix("const KIND: &'static str = \"")?;
        value.strip_suffix("\";")
    })
}

fn named(file: &File, literals: &[String]) -> Vec<Finding> {
    file.product_lines()
        .flat_map(|(number, line)| {
            let found = literals.iter().filter(move |literal| line.contains(literal.as_str()));
            found.map(move |literal| {
                let message =
                    format!("names the kind {literal}; ask the driver through the contract instead");
                Finding::at(&file.path, number, message)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::repository::Repository;
    use crate::tidy::places;

    const DRIVER: (&str, &str) = (
        "drivers/file/src/tree.rs",
        "impl Driver for Tree {\n    const KIND: &'static str = \"file.tree\";\n}\n",
    );

    #[test]
    fn a_kind_in_the_engine_is_found() {
        let text = "// \"file.tree\" in a comment is fine\nfn slow(k: &str) -> bool { k == \"file.tree\" }\n";
        let repository = Repository::of(&[DRIVER, ("crates/engine/src/a.rs", text)]);
        assert_eq!(places(&check(&repository)), ["crates/engine/src/a.rs:2"]);
    }

    #[test]
    fn drivers_tests_and_the_demo_may_name_kinds() {
        let text = "const K: &str = \"file.tree\";\n";
        let repository = Repository::of(&[
            DRIVER,
            ("crates/cli/src/commands/demo/file.rs", text),
            ("crates/cli/tests/all.rs", text),
            ("crates/engine/src/a/tests.rs", text),
        ]);
        assert_eq!(places(&check(&repository)), [""; 0]);
    }
}
