//! A crate of the workspace, as `cargo metadata` tells it.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// A crate of ours.
#[derive(Debug, Clone, Default)]
pub struct Package {
    /// `backout-core`.
    pub name: String,
    /// `crates/core`.
    pub folder: String,
    /// Only those on other crates of ours.
    pub dependencies: Vec<Dependency>,
    /// Crates of others that the product stands on, by name.
    pub stands_on: Vec<String>,
    /// Its integration-test binaries.
    pub tests: Vec<TestTarget>,
}

/// One crate of ours seen by another.
#[derive(Debug, Clone)]
pub struct Dependency {
    /// `crates/core`.
    pub folder: String,
    /// Seen by tests alone.
    pub for_tests: bool,
}

/// One integration-test binary.
#[derive(Debug, Clone)]
pub struct TestTarget {
    /// `conformance`.
    pub name: String,
    /// `drivers/file/tests/conformance.rs`.
    pub path: String,
    /// Built only with features that must be asked for.
    pub on_demand: bool,
}

/// Reads the answer of `cargo metadata --no-deps`.
pub fn read(root: &Path, json: &[u8]) -> Result<Vec<Package>> {
    let metadata: Value = serde_json::from_slice(json).context("read cargo's metadata")?;
    let mut packages = list(&metadata, "packages")
        .iter()
        .map(|package| {
            let folder =
                Path::new(text(package, "manifest_path")?).parent().context("find a package's folder")?;
            Ok(Package {
                name: text(package, "name")?.into(),
                folder: relative(root, folder)?,
                dependencies: dependencies(root, package)?,
                stands_on: stands_on(package)?,
                tests: tests(root, package)?,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    packages.sort_by(|a, b| a.folder.cmp(&b.folder));
    Ok(packages)
}

fn dependencies(root: &Path, package: &Value) -> Result<Vec<Dependency>> {
    let ours = list(package, "dependencies").iter().filter_map(|dependency| {
        let path = dependency.get("path")?.as_str()?;
        Some((Path::new(path), is_for_tests(dependency)))
    });
    ours.map(|(path, for_tests)| Ok(Dependency { folder: relative(root, path)?, for_tests })).collect()
}

fn stands_on(package: &Value) -> Result<Vec<String>> {
    list(package, "dependencies")
        .iter()
        .filter(|dependency| dependency.get("path").is_none() && !is_for_tests(dependency))
        .map(|dependency| Ok(text(dependency, "name")?.to_owned()))
        .collect()
}

fn is_for_tests(dependency: &Value) -> bool {
    dependency.get("kind").and_then(Value::as_str) == Some("dev")
}

fn tests(root: &Path, package: &Value) -> Result<Vec<TestTarget>> {
    list(package, "targets")
        .iter()
        .filter(|target| list(target, "kind").iter().any(|kind| kind == "test"))
        .map(|target| {
            Ok(TestTarget {
                name: text(target, "name")?.into(),
                path: relative(root, Path::new(text(target, "src_path")?))?,
                on_demand: !list(target, "required-features").is_empty(),
            })
        })
        .collect()
}

fn relative(root: &Path, path: &Path) -> Result<String> {
    let path =
        path.strip_prefix(root).with_context(|| format!("find {} in the workspace", path.display()))?;
    Ok(path.to_string_lossy().into_owned())
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value.get(key).and_then(Value::as_str).with_context(|| format!("read {key} in cargo's metadata"))
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::read;

    #[test]
    fn reads_folders_our_dependencies_and_test_binaries() {
        let json = br#"{"packages": [{
            "name": "backout-driver-file",
            "manifest_path": "/r/drivers/file/Cargo.toml",
            "dependencies": [
                {"name": "serde", "kind": null},
                {"name": "proptest", "kind": "dev"},
                {"name": "backout-core", "kind": null, "path": "/r/crates/core"},
                {"name": "backout-conformance", "kind": "dev", "path": "/r/crates/conformance"}
            ],
            "targets": [
                {"kind": ["lib"], "name": "backout_driver_file", "src_path": "/r/drivers/file/src/lib.rs"},
                {"kind": ["test"], "name": "kill", "src_path": "/r/drivers/file/tests/kill.rs",
                 "required-features": ["failpoints"]}
            ]
        }]}"#;
        let packages = read(Path::new("/r"), json).unwrap();
        let [package] = packages.as_slice() else { panic!("one package: {packages:?}") };
        assert_eq!(package.folder, "drivers/file");
        let seen: Vec<_> = package.dependencies.iter().map(|d| (d.folder.as_str(), d.for_tests)).collect();
        assert_eq!(seen, [("crates/core", false), ("crates/conformance", true)]);
        assert_eq!(package.stands_on, ["serde"]);
        let [test] = package.tests.as_slice() else { panic!("one test: {:?}", package.tests) };
        assert_eq!((test.path.as_str(), test.on_demand), ("drivers/file/tests/kill.rs", true));
    }
}
