//! No arrow goes up, none sideways: which of our crates may see which.
//!
//! ```text
//! floor 4   cli                                  (demo stands alone and is started by cli)
//! floor 3   drivers (the generated list)
//! floor 2   engine   store   vault   drivers/*   probes/*
//! floor 1   contract   kit   api   report
//! floor 0   core
//! ```

use crate::repository::{Package, Repository};
use crate::tidy::Finding;

/// What a crate may see, in the product and in its tests.
struct Row {
    crates: &'static str,
    sees: &'static [&'static str],
    in_tests: &'static [&'static str],
}

const TABLE: &[Row] = &[
    row("crates/core", &[], &[]),
    row("crates/contract", &["crates/core"], &[]),
    row("crates/kit", &[], &[]),
    row("crates/api", &["crates/core"], &[]),
    row("crates/report", &["crates/core"], &[]),
    row("crates/engine", SHARED, &[]),
    row("crates/store", SHARED, &[]),
    row("crates/vault", SHARED, &[]),
    row("drivers/*", SHARED, &["crates/conformance", "crates/fixtures"]),
    row("probes/*", SHARED, &["crates/conformance"]),
    row("crates/drivers", &["crates/contract", "drivers/*", "probes/*"], &[]),
    row(
        "crates/cli",
        &[
            "crates/api",
            "crates/contract",
            "crates/core",
            "crates/demo",
            "crates/drivers",
            "crates/engine",
            "crates/kit",
            "crates/report",
            "crates/store",
            "crates/vault",
        ],
        &["crates/fixtures"],
    ),
    row("crates/demo", &[], &["crates/fixtures"]),
    row("crates/conformance", SHARED, &[]),
    row("crates/fixtures", &[], &[]),
    row("fuzz", &["crates/core"], &[]),
    row("xtask", &[], &[]),
];

const SHARED: &[&str] = &["crates/contract", "crates/core", "crates/kit"];

const fn row(crates: &'static str, sees: &'static [&'static str], in_tests: &'static [&'static str]) -> Row {
    Row { crates, sees, in_tests }
}

pub fn check(repository: &Repository) -> Vec<Finding> {
    repository.packages.iter().flat_map(of_package).collect()
}

fn of_package(package: &Package) -> Vec<Finding> {
    let place = format!("{}/Cargo.toml", package.folder);
    let Some(row) = TABLE.iter().find(|row| matches(row.crates, &package.folder)) else {
        return vec![Finding::new(place, "has no floor: add it to the table in xtask/src/tidy/edges.rs")];
    };
    let mut findings: Vec<Finding> = package
        .dependencies
        .iter()
        .filter(|seen| {
            let in_tests = row.in_tests.iter().filter(|_| seen.for_tests);
            !row.sees.iter().chain(in_tests).any(|pattern| matches(pattern, &seen.folder))
        })
        .map(|seen| Finding::new(&place, format!("{} must not see {}", package.folder, seen.folder)))
        .collect();
    if let Some(name) = expected_name(&package.folder)
        && name != package.name
    {
        findings.push(Finding::new(&place, format!("the package must be called {name}")));
    }
    findings
}

/// The generated list finds crates by folder, so the names follow from them.
fn expected_name(folder: &str) -> Option<String> {
    let (shelf, name) = folder.split_once('/')?;
    match shelf {
        "drivers" => Some(format!("backout-driver-{name}")),
        "probes" => Some(format!("backout-probe-{name}")),
        _ => None,
    }
}

fn matches(pattern: &str, folder: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(shelf) => folder.starts_with(shelf),
        None => pattern == folder,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::of_package;
    use crate::repository::{Dependency, Package};

    #[rstest]
    #[case::down("crates/engine", "crates/core", false, true)]
    #[case::up("crates/core", "crates/contract", false, false)]
    #[case::sideways("crates/engine", "crates/store", false, false)]
    #[case::driver_to_driver("drivers/file", "drivers/sqlite", false, false)]
    #[case::kit_knows_nothing("crates/kit", "crates/core", false, false)]
    #[case::suite_in_tests("drivers/file", "crates/conformance", true, true)]
    #[case::suite_in_the_product("drivers/file", "crates/conformance", false, false)]
    #[case::list_sees_drivers("crates/drivers", "drivers/file", false, true)]
    #[case::engine_sees_no_driver("crates/engine", "drivers/file", false, false)]
    #[case::cli_sees_no_driver("crates/cli", "drivers/file", true, false)]
    #[case::a_crate_without_a_floor("crates/new", "crates/core", false, false)]
    fn each_edge(#[case] from: &str, #[case] to: &str, #[case] for_tests: bool, #[case] allowed: bool) {
        let package = Package {
            name: super::expected_name(from).unwrap_or_default(),
            folder: from.into(),
            dependencies: vec![Dependency { folder: to.into(), for_tests }],
            ..Package::default()
        };
        assert_eq!(of_package(&package).is_empty(), allowed);
    }

    #[test]
    fn a_driver_is_called_after_its_folder() {
        let package =
            Package { name: "backout-file".into(), folder: "drivers/file".into(), ..Package::default() };
        assert_eq!(crate::tidy::places(&of_package(&package)), ["drivers/file/Cargo.toml"]);
    }
}
