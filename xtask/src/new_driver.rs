//! Starts a driver: renders the template, lists it, and says what comes next. The driver compiles and fails the
//! conformance suite honestly.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::repository::Repository;
use crate::sync;

/// Words of Rust that people might take for a kind.
const KEYWORDS: [&str; 36] = [
    "abstract", "as", "async", "await", "become", "box", "const", "crate", "do", "dyn", "enum", "extern",
    "final", "fn", "gen", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "override", "priv",
    "pub", "ref", "static", "struct", "trait", "try", "type", "use", "virtual", "where", "yield",
];

const TEMPLATE: &str = "xtask/template-driver/";

/// The kind of a driver of which only the system was said.
const KIND: &str = "thing";

/// `name` is a system, or a system and what it puts back: `mongodb`, `mongodb.collection`.
pub fn run(repository: &Repository, name: &str) -> Result<bool> {
    let (name, kind) = name.split_once('.').unwrap_or((name, KIND));
    check_name(name)?;
    check_kind(kind)?;
    let folder = repository.root.join("drivers").join(name);
    if folder.exists() {
        bail!(
            "drivers/{name} is there already; a second kind is a second module beside the first, as docs/driver-guide.md says"
        );
    }
    let rendered = render(repository, name, kind);
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
        "drivers/{name} is there, with the kind {name}.{kind}. Next:\n\
         1. read docs/driver-guide.md; fill the files under drivers/{name}/src and its README.md\n\
         2. cargo test -p {package}   (fails until the driver does what it promises; begin with\n   \
         drivers/{name}/src/{kind}/capture.rs, on which nearly every case stands)"
    );
    Ok(true)
}

/// The files of the new crate, by path inside it.
fn render(repository: &Repository, name: &str, kind: &str) -> Vec<(String, String)> {
    let words = [
        ("{{name}}", name.to_owned()),
        ("{{Name}}", noun(name)),
        ("{{kind}}", kind.to_owned()),
        ("{{Kind}}", noun(kind)),
    ];
    repository
        .files
        .iter()
        .filter_map(|file| {
            let path = file.path.strip_prefix(TEMPLATE)?;
            let fill = |text: &str| {
                words.iter().fold(text.to_owned(), |text, (mark, word)| text.replace(mark, word))
            };
            // A manifest under its real name would be taken for a crate of this workspace.
            Some((fill(path.strip_suffix(".template").unwrap_or(path)), fill(&file.text)))
        })
        .collect()
}

/// A folder, a crate and a type are called after it.
fn check_name(name: &str) -> Result<()> {
    if is_plain(name) {
        return Ok(());
    }
    bail!(
        "call a driver after its system, in small letters and digits (`mongodb`, or with what it puts back \
         `mongodb.collection`), not `{name}`"
    )
}

/// A module and a type are called after it.
fn check_kind(kind: &str) -> Result<()> {
    if !is_plain(kind) {
        bail!(
            "call a kind after what it puts back, in small letters and digits (`collection`), not `{kind}`"
        );
    }
    if KEYWORDS.contains(&kind) {
        bail!("`{kind}` is a word of Rust, and no module can be called so; choose another");
    }
    Ok(())
}

fn is_plain(word: &str) -> bool {
    word.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// `mongodb` as a type: `Mongodb`.
fn noun(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::{check_kind, check_name, render};
    use crate::repository::Repository;

    #[test]
    fn fills_paths_and_texts() {
        let repository = Repository::of(&[
            ("xtask/template-driver/Cargo.toml.template", "name = \"backout-driver-{{name}}\"\n"),
            ("xtask/template-driver/src/{{kind}}.rs", "pub struct {{Name}}{{Kind}};\n"),
            ("xtask/src/main.rs", ""),
        ]);
        let rendered = render(&repository, "dns", "zone");
        let expected =
            [("Cargo.toml", "name = \"backout-driver-dns\"\n"), ("src/zone.rs", "pub struct DnsZone;\n")];
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

    #[test]
    fn a_kind_can_be_a_module() {
        for kind in ["thing", "zone", "v2"] {
            assert!(check_kind(kind).is_ok(), "{kind}");
        }
        for kind in ["", "2", "Zone", "a.b", "type", "loop"] {
            assert!(check_kind(kind).is_err(), "{kind}");
        }
    }
}
