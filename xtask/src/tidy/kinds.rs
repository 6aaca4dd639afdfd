//! Nobody but a driver knows its kind: whoever matches on one takes the driver's work into his own hands.
//!
//! Kinds are read from the drivers (`const KIND: &'static str = "file.tree"`), and looked for as whole string
//! literals in what the product is built from. A kind of a single word (`process`) is also a word of every day, so
//! it counts only where something is compared with it.

use crate::repository::{File, Repository};
use crate::tidy::Finding;

/// Who may name kinds: the drivers, the list of them, the demo and `init` (they write a migration file) and these
/// chores.
const MAY_NAME: &[&str] = &[
    "drivers/",
    "probes/",
    "crates/drivers/",
    "crates/cli/src/commands/demo",
    "crates/cli/src/commands/init/",
    "xtask/",
];

pub fn check(repository: &Repository) -> Vec<Finding> {
    let kinds: Vec<&str> =
        repository.rust().filter(|file| file.path.starts_with("drivers/")).flat_map(kinds).collect();
    repository
        .rust()
        .filter(|file| !MAY_NAME.iter().any(|place| file.path.starts_with(place)))
        .flat_map(|file| named(file, &kinds))
        .collect()
}

fn kinds(file: &File) -> impl Iterator<Item = &str> {
    file.product_lines().filter_map(|(_, line)| {
        let value = line.trim().strip_prefix("const KIND: &'static str = \"")?;
        value.strip_suffix("\";")
    })
}

fn named(file: &File, kinds: &[&str]) -> Vec<Finding> {
    file.product_lines()
        .flat_map(|(number, line)| {
            let found = kinds.iter().filter(move |kind| is_named(line, kind));
            found.map(move |kind| {
                let message = format!("names the kind `{kind}`; ask the driver through the contract instead");
                Finding::at(&file.path, number, message)
            })
        })
        .collect()
}

fn is_named(line: &str, kind: &str) -> bool {
    let literal = format!("\"{kind}\"");
    if kind.contains('.') {
        return line.contains(&literal);
    }
    ["== ", "!= ", ".driver("].iter().any(|before| line.contains(&format!("{before}{literal}")))
        || [" =>", " |", " if "].iter().any(|after| line.contains(&format!("{literal}{after}")))
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
    fn a_kind_of_one_word_is_found_where_something_is_compared_with_it() {
        let driver = ("drivers/process/src/lib.rs", "    const KIND: &'static str = \"process\";\n");
        let text = "let w = \"process\";\nif k == \"process\" {}\nmatch k { \"process\" => 1 }\n";
        let repository = Repository::of(&[driver, ("crates/engine/src/a.rs", text)]);
        assert_eq!(places(&check(&repository)), ["crates/engine/src/a.rs:2", "crates/engine/src/a.rs:3"]);
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
