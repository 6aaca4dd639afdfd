//! No file is forgotten: every Rust file is a root of its crate or named by a `mod` of its parent. And one
//! integration-test binary a crate, since linking each is what makes tests slow.

use crate::repository::{Package, Repository};
use crate::tidy::Finding;

pub fn check(repository: &Repository) -> Vec<Finding> {
    repository.packages.iter().flat_map(|package| of_package(repository, package)).collect()
}

fn of_package(repository: &Repository, package: &Package) -> Vec<Finding> {
    let always = package.tests.iter().filter(|test| !test.on_demand);
    let more = always.skip(1).map(|test| {
        let message = format!("a second test binary, {}; make it a module of the first", test.name);
        Finding::new(&test.path, message)
    });
    more.chain(forgotten(repository, package)).collect()
}

fn forgotten(repository: &Repository, package: &Package) -> Vec<Finding> {
    let shelves = [format!("{}/src/", package.folder), format!("{}/tests/", package.folder)];
    let files = repository.rust().filter(|file| shelves.iter().any(|shelf| file.path.starts_with(shelf)));
    files
        .filter(|file| !is_root(package, &file.path) && !is_declared(repository, package, &file.path))
        .map(|file| Finding::new(&file.path, "no `mod` names this file, so it is not compiled"))
        .collect()
}

fn is_root(package: &Package, path: &str) -> bool {
    let inside = path.strip_prefix(&package.folder).unwrap_or(path);
    matches!(inside, "/src/lib.rs" | "/src/main.rs")
        || inside.starts_with("/src/bin/")
        || package.tests.iter().any(|test| test.path == path)
}

fn is_declared(repository: &Repository, package: &Package, path: &str) -> bool {
    let Some((folder, file)) = path.rsplit_once('/') else { return false };
    let (folder, name) = match (file, folder.rsplit_once('/')) {
        ("mod.rs", Some((above, name))) => (above, name),
        _ => (folder, file.trim_end_matches(".rs")),
    };
    let mut parents: Vec<String> =
        ["mod.rs", "lib.rs", "main.rs"].iter().map(|parent| format!("{folder}/{parent}")).collect();
    parents.push(format!("{folder}.rs"));
    let roots = package.tests.iter().map(|test| test.path.as_str());
    parents.extend(roots.filter(|root| holds(repository, root, folder)).map(str::to_owned));
    parents.iter().filter_map(|parent| repository.text(parent)).any(|text| declares(text, name))
        || is_named_by_path(repository, path)
}

/// Whether the modules of a folder belong to this test root: it stands beside them, or above them with the folder
/// as a module of its own (`mod store { .. }`).
fn holds(repository: &Repository, root: &str, folder: &str) -> bool {
    let beside = root.rsplit_once('/').map_or("", |(beside, _)| beside);
    if beside == folder {
        return true;
    }
    let inline = folder.strip_prefix(beside).and_then(|rest| rest.strip_prefix('/'));
    inline.is_some_and(|name| {
        let opening = format!("mod {name} {{");
        repository.text(root).is_some_and(|text| text.lines().any(|line| line == opening))
    })
}

/// Whether somebody says `#[path = ".."]` and means this file.
fn is_named_by_path(repository: &Repository, path: &str) -> bool {
    let mut attributes = repository.rust().flat_map(|file| {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let lines = file.text.lines().filter_map(|line| line.trim().strip_prefix("#[path = \""));
        lines.filter_map(|rest| rest.strip_suffix("\"]")).map(move |target| format!("{folder}/{target}"))
    });
    attributes.any(|target| target == path)
}

fn declares(text: &str, name: &str) -> bool {
    let declaration = format!("mod {name};");
    text.lines().any(|line| {
        line.trim_end().strip_suffix(&declaration).is_some_and(|before| {
            matches!(before.trim(), "" | "pub")
                || before.trim().starts_with("pub(")
                || before.trim().ends_with(']')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::repository::{Package, Repository, TestTarget};
    use crate::tidy::places;

    fn repository(files: &[(&str, &str)], tests: &[(&str, bool)]) -> Repository {
        let target = |(name, on_demand): &(&str, bool)| TestTarget {
            name: (*name).into(),
            path: format!("crates/a/tests/{name}.rs"),
            on_demand: *on_demand,
        };
        let package = Package {
            name: "backout-a".into(),
            folder: "crates/a".into(),
            tests: tests.iter().map(target).collect(),
            ..Package::default()
        };
        Repository { packages: vec![package], ..Repository::of(files) }
    }

    #[test]
    fn every_way_to_name_a_module_counts() {
        let files = [
            ("crates/a/src/lib.rs", "pub mod b;\npub(crate) mod d;\n#[path = \"odd_tests.rs\"]\nmod odd;\n"),
            ("crates/a/src/b.rs", "#[cfg(test)]\nmod tests;\n"),
            ("crates/a/src/b/tests.rs", ""),
            ("crates/a/src/d/mod.rs", "mod e;\n"),
            ("crates/a/src/d/e.rs", ""),
            ("crates/a/src/odd_tests.rs", ""),
            (
                "crates/a/tests/all.rs",
                "mod f;\nmod g;\nmod h {\n    mod i;\n}\n#[path = \"j/k.rs\"]\nmod k;\n",
            ),
            ("crates/a/tests/f.rs", ""),
            ("crates/a/tests/g/mod.rs", ""),
            ("crates/a/tests/h/i.rs", ""),
            ("crates/a/tests/j/k.rs", ""),
        ];
        assert_eq!(check(&repository(&files, &[("all", false)])), []);
    }

    #[test]
    fn a_forgotten_file_is_found() {
        let files = [
            ("crates/a/src/lib.rs", "//! mod b; in words\nmod bb;\n"),
            ("crates/a/src/b.rs", ""),
            ("crates/a/src/bb.rs", ""),
            ("crates/a/tests/all.rs", "mod f;\n"),
            ("crates/a/tests/f.rs", ""),
            ("crates/a/tests/f/g.rs", ""),
        ];
        let found = check(&repository(&files, &[("all", false)]));
        assert_eq!(places(&found), ["crates/a/src/b.rs", "crates/a/tests/f/g.rs"]);
    }

    #[test]
    fn a_second_test_binary_is_found_unless_it_is_built_on_demand() {
        let found = check(&repository(&[], &[("all", false), ("kill", true), ("more", false)]));
        assert_eq!(places(&found), ["crates/a/tests/more.rs"]);
    }
}
