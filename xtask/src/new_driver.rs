//! Starts a driver: renders the template, lists it, and says what comes next. The driver compiles and fails the
//! conformance suite honestly.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::repository::Repository;
use crate::sync;

const TEMPLATE: &str = "xtask/template-driver/";

pub fn run(repository: &Repository, name: &str) -> Result<bool> {
    check_name(name)?;
    let folder = repository.root.join("drivers").join(name);
    if folder.exists() {
        bail!("drivers/{name} is there already");
    }
    let rendered = render(repository, name);
    if rendered.is_empty() {
        bail!("find the template under {TEMPLATE}");
    }
    for (path, text) in &rendered {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("make {}", parent.display()))?;
        }
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    }
    sync::run(&Repository::read()?)?;
    // A long name may break lines elsewhere.
    let package = format!("backout-driver-{name}");
    Command::new(env!("CARGO"))
        .args(["fmt", "--package", &package])
        .current_dir(&repository.root)
        .status()
        .context("run cargo fmt")?;
    println!(
        "drivers/{name} is there. Next:\n\
         1. read docs/driver-guide.md; fill the files under drivers/{name}/src and its README.md\n\
         2. cargo test -p {package}   (fails until the driver does what it promises)"
    );
    Ok(true)
}

/// The files of the new crate, by path inside it.
fn render(repository: &Repository, name: &str) -> Vec<(String, String)> {
    let noun = noun(name);
    repository
        .files
        .iter()
        .filter_map(|file| {
            let path = file.path.strip_prefix(TEMPLATE)?;
            let fill = |text: &str| text.replace("{{name}}", name).replace("{{Name}}", &noun);
            // A manifest under its real name would be taken for a crate of this workspace.
            Some((fill(path.strip_suffix(".template").unwrap_or(path)), fill(&file.text)))
        })
        .collect()
}

/// A folder, a crate and a type are called after it.
fn check_name(name: &str) -> Result<()> {
    let begins_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    let goes_on_well = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if begins_well && goes_on_well {
        return Ok(());
    }
    bail!("call a driver after its system, in small letters and digits (`mongodb`), not `{name}`")
}

/// `mongodb` as a type: `Mongodb`.
fn noun(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::{check_name, render};
    use crate::repository::Repository;

    #[test]
    fn fills_paths_and_texts() {
        let repository = Repository::of(&[
            ("xtask/template-driver/Cargo.toml.template", "name = \"backout-driver-{{name}}\"\n"),
            ("xtask/template-driver/src/{{name}}.rs", "pub struct {{Name}};\n"),
            ("xtask/src/main.rs", ""),
        ]);
        let rendered = render(&repository, "dns");
        let expected =
            [("Cargo.toml", "name = \"backout-driver-dns\"\n"), ("src/dns.rs", "pub struct Dns;\n")];
        assert_eq!(rendered, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
    }

    #[test]
    fn a_name_is_small_letters_and_digits() {
        for name in ["mongodb", "s3", "dns"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "3s", "Mongo", "a-b", "a_b", "../x", "a/b", "é"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
