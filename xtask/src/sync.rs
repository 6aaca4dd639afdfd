//! Writes the list of drivers and probes: the dependencies of `crates/drivers` and its one function.
//!
//! Nothing registers itself at link time (a linker drops what nobody refers to, in silence); the list is explicit,
//! sorted, one entry a line, and `tidy` holds it against the folders. What belongs in it is read from the sources:
//! a line `impl Driver for NAME` or `impl Sides for NAME` under `drivers/*/src`, or `impl Probe for NAME` under
//! `probes/*/src`. The crate exports that name at its root.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::repository::Repository;

const MANIFEST: &str = "crates/drivers/Cargo.toml";
const LIST: &str = "crates/drivers/src/lib.rs";
const BEGIN: &str = "# Written by `cargo xtask sync`: every crate under drivers/ and probes/.\n";
const END: &str = "# End of what is written.\n";

/// A driver or probe crate with the types that it offers.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    package: String,
    folder: String,
    drivers: Vec<String>,
    probes: Vec<String>,
    sides: Vec<String>,
}

/// Writes what is not up to date.
pub fn run(repository: &Repository) -> Result<bool> {
    if !repository.text(MANIFEST).is_some_and(|manifest| manifest.contains(BEGIN) && manifest.contains(END)) {
        bail!("find the marks around the written lines in {MANIFEST}");
    }
    let outdated = outdated(repository);
    for (path, text) in &outdated {
        fs::write(repository.root.join(path), text).with_context(|| format!("write {path}"))?;
        println!("wrote {path}");
    }
    let entries = entries(repository);
    let (drivers, probes) = (count(&entries, |entry| &entry.drivers), count(&entries, |entry| &entry.probes));
    println!("sync: {drivers} kinds and {probes} probes in {} crates", entries.len());
    Ok(true)
}

/// The files that do not say what is there, with what they should say.
pub fn outdated(repository: &Repository) -> Vec<(&'static str, String)> {
    let entries = entries(repository);
    let manifest = repository.text(MANIFEST).unwrap_or_default();
    [(MANIFEST, write_manifest(manifest, &entries)), (LIST, write_list(&entries))]
        .into_iter()
        .filter(|(path, text)| repository.text(path) != Some(text.as_str()))
        .collect()
}

/// The crates that offer something, sorted by folder. A crate that offers nothing yet is not listed.
fn entries(repository: &Repository) -> Vec<Entry> {
    let on_shelf = |folder: &str| folder.starts_with("drivers/") || folder.starts_with("probes/");
    repository
        .packages
        .iter()
        .filter(|package| on_shelf(&package.folder))
        .map(|package| Entry {
            package: package.name.clone(),
            folder: package.folder.clone(),
            drivers: implementers(repository, &package.folder, "impl Driver for "),
            probes: implementers(repository, &package.folder, "impl Probe for "),
            sides: implementers(repository, &package.folder, "impl Sides for "),
        })
        .filter(|entry| !entry.drivers.is_empty() || !entry.probes.is_empty())
        .collect()
}

fn implementers(repository: &Repository, folder: &str, opening: &str) -> Vec<String> {
    let sources = format!("{folder}/src/");
    let mut names: Vec<String> = repository
        .rust()
        .filter(|file| file.path.starts_with(&sources))
        .flat_map(|file| file.product_lines())
        .filter_map(|(_, line)| line.strip_prefix(opening))
        .filter_map(|rest| rest.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next())
        .map(str::to_owned)
        .collect();
    names.sort();
    names
}

fn write_manifest(manifest: &str, entries: &[Entry]) -> String {
    let before = manifest.split_once(BEGIN).map_or(manifest, |(before, _)| before);
    let after = manifest.split_once(END).map_or("", |(_, after)| after);
    let mut lines: Vec<String> = entries
        .iter()
        .map(|entry| format!("{} = {{ path = \"../../{}\" }}\n", entry.package, entry.folder))
        .collect();
    lines.sort();
    format!("{before}{BEGIN}{}{END}{after}", lines.concat())
}

fn write_list(entries: &[Entry]) -> String {
    let calls: String = entries
        .iter()
        .flat_map(|entry| {
            let package = entry.package.replace('-', "_");
            let calls = |method: &str, names: &[String]| -> Vec<String> {
                names.iter().map(|name| format!("        .{method}::<{package}::{name}>()\n")).collect()
            };
            [
                calls("with_driver", &entry.drivers),
                calls("with_probe", &entry.probes),
                calls("with_sides", &entry.sides),
            ]
            .concat()
        })
        .collect();
    format!(
        "//! Every driver and probe of this program: the only place that names them all.\n\
         //!\n\
         //! Written by `cargo xtask sync` from what `drivers/` and `probes/` hold; do not edit.\n\
         \n\
         use backout_contract::Registry;\n\
         \n\
         /// All kinds and probes.\n\
         #[rustfmt::skip] // One a line, however few they are.\n\
         pub fn registry() -> Registry {{\n    Registry::default()\n{calls}}}\n"
    )
}

fn count(entries: &[Entry], of: impl Fn(&Entry) -> &Vec<String>) -> usize {
    entries.iter().map(|entry| of(entry).len()).sum()
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, MANIFEST, outdated};
    use crate::repository::{Package, Repository};

    fn package(name: &str, folder: &str) -> Package {
        Package { name: name.into(), folder: folder.into(), ..Package::default() }
    }

    fn repository(manifest: &str) -> Repository {
        let packages = vec![
            package("backout-driver-file", "drivers/file"),
            package("backout-driver-later", "drivers/later"),
            package("backout-probe-tcp", "probes/tcp"),
        ];
        let files = [
            (MANIFEST, manifest),
            ("drivers/file/src/tree.rs", "impl Driver for Tree {\nimpl Sides for Trees {\n"),
            (
                "drivers/file/src/link.rs",
                "impl Driver for Link {\n#[cfg(test)]\nmod tests {\nimpl Driver for No {\n",
            ),
            ("drivers/later/src/lib.rs", "//! impl Driver for Nobody\n"),
            ("probes/tcp/src/lib.rs", "impl Probe for Tcp {\n"),
        ];
        Repository { packages, ..Repository::of(&files) }
    }

    #[test]
    fn lists_what_the_folders_offer_and_keeps_the_rest_of_the_manifest() {
        let old =
            format!("[dependencies]\nbackout-contract.workspace = true\n{BEGIN}gone = 1\n{END}# more\n");
        let written = outdated(&repository(&old));
        let [(_, manifest), (_, list)] = written.as_slice() else { panic!("two files: {written:?}") };
        assert_eq!(
            *manifest,
            format!(
                "[dependencies]\nbackout-contract.workspace = true\n{BEGIN}\
                 backout-driver-file = {{ path = \"../../drivers/file\" }}\n\
                 backout-probe-tcp = {{ path = \"../../probes/tcp\" }}\n{END}# more\n"
            )
        );
        let calls: Vec<&str> = list.lines().filter(|line| line.contains("::<")).map(str::trim).collect();
        assert_eq!(
            calls,
            [
                ".with_driver::<backout_driver_file::Link>()",
                ".with_driver::<backout_driver_file::Tree>()",
                ".with_sides::<backout_driver_file::Trees>()",
                ".with_probe::<backout_probe_tcp::Tcp>()",
            ]
        );
    }

    #[test]
    fn what_was_written_is_up_to_date() {
        let first = outdated(&repository(&format!("{BEGIN}{END}")));
        let files: Vec<(&str, &str)> = first.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let mut again = repository("");
        again.files.retain(|file| file.path != MANIFEST);
        again.files.extend(Repository::of(&files).files);
        again.files.sort_by(|a, b| a.path.cmp(&b.path));
        assert_eq!(outdated(&again), []);
    }
}
