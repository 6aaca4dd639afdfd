//! The component's keys in the migration file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use backout_contract::{Context, DriverError, ErrorKind};
use backout_core::migration::{Claim, Reference, check_path};
use backout_kit::place;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::key::Key;

/// Keys of a `config.values`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValuesConfig {
    /// The settings file, relative to the migration file.
    pub file: Reference,
    /// How it is written; by default told from its name.
    #[serde(default)]
    pub format: Option<Format>,
    /// The values that are put back: variables of a `.env` file, paths into a JSON, YAML or TOML file (`server.url`,
    /// `hosts."a.example".port`), or section and name in an INI file (`server.url`; just `url` before the first
    /// section). Everything else is left alone.
    pub keys: Vec<String>,
    /// Those that are never shown. Names that look secret (`…PASSWORD`, `…TOKEN`, `…SECRET`, `…KEY`), and values
    /// that hold a password in an address, are hidden anyway.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// Those that may be shown though their names look secret.
    #[serde(default)]
    pub plain: Vec<String>,
}

/// How a settings file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Lines of `NAME=value`.
    Env,
    /// JSON; comments and trailing commas are taken.
    Json,
    /// YAML, one document.
    Yaml,
    /// TOML.
    Toml,
    /// Lines of `name = value` or `name: value` in `[sections]`.
    Ini,
}

/// A configuration that was checked.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    pub(crate) format: Format,
    pub(crate) keys: Vec<Key>,
    pub(crate) secrets: BTreeSet<String>,
    pub(crate) plain: BTreeSet<String>,
}

impl Chosen {
    /// Reads what is written.
    ///
    /// # Errors
    /// One sentence for each mistake.
    pub(crate) fn read(config: &ValuesConfig) -> Result<Self, Vec<String>> {
        let mut mistakes = path_mistakes(&config.file);
        let format = format_of(config);
        if config.keys.is_empty() {
            mistakes.push(
                "`keys` is empty, and an empty choice means nothing: name the values to put back".to_owned(),
            );
        }
        let Some(format) = format else {
            mistakes.push(
                "the name of the file does not tell how it is written: say `format: env`, `json`, `yaml`, `toml` \
                 or `ini`"
                    .to_owned(),
            );
            return Err(mistakes);
        };
        let parse = |text: &String| match format {
            Format::Env => Key::variable(text),
            Format::Json | Format::Yaml | Format::Toml => Key::path(text),
            Format::Ini => Key::entry(text),
        };
        let mut keys: Vec<Key> = Vec::new();
        for text in &config.keys {
            match parse(text) {
                Err(mistake) => mistakes.push(mistake),
                Ok(key) => {
                    if let Some(other) = keys.iter().find(|other| other.holds(&key) || key.holds(other)) {
                        mistakes.push(format!("`{}` and `{}` name the same value", other.text, key.text));
                    }
                    keys.push(key);
                }
            }
        }
        for (field, names) in [("secrets", &config.secrets), ("plain", &config.plain)] {
            for name in names.iter().filter(|name| !config.keys.contains(name)) {
                mistakes.push(format!("`{}` in `{field}` is none of the `keys`", name.escape_debug()));
            }
        }
        let secrets: BTreeSet<String> = config.secrets.iter().cloned().collect();
        let plain: BTreeSet<String> = config.plain.iter().cloned().collect();
        mistakes
            .extend(secrets.intersection(&plain).map(|name| format!("`{name}` is both secret and plain")));
        if mistakes.is_empty() { Ok(Self { format, keys, secrets, plain }) } else { Err(mistakes) }
    }
}

fn format_of(config: &ValuesConfig) -> Option<Format> {
    let written = config.file.as_written();
    let name = written.rsplit('/').next().unwrap_or(written);
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    config.format.or_else(|| {
        if ends(&[".json", ".jsonc"]) {
            Some(Format::Json)
        } else if ends(&[".yaml", ".yml"]) {
            Some(Format::Yaml)
        } else if ends(&[".toml"]) {
            Some(Format::Toml)
        } else if ends(&[".ini"]) {
            Some(Format::Ini)
        } else if name.ends_with(".env") || name == ".env" || name.starts_with(".env.") {
            Some(Format::Env)
        } else {
            None
        }
    })
}

fn path_mistakes(path: &Reference) -> Vec<String> {
    let Some(written) = path.as_literal() else { return Vec::new() };
    if written.contains('\0') {
        return vec!["a path has no NUL character".to_owned()];
    }
    if written.starts_with('/') { Vec::new() } else { check_path(written, &[]).err().into_iter().collect() }
}

/// The file that is meant, absolute and without `..`.
pub(crate) fn resolve(config: &ValuesConfig, context: &Context) -> Result<PathBuf, DriverError> {
    let written = match config.file.as_literal() {
        Some(literal) => literal.to_owned(),
        None => context.resolver.resolve(&config.file)?.reveal().to_owned(),
    };
    let resolved = place::absolute(&context.root, Path::new(&written));
    if written.is_empty() || written.contains('\0') || resolved.file_name().is_none() {
        let what = format!("use {} as a file", config.file.as_written());
        return Err(DriverError::new(ErrorKind::Config, what)
            .hint("it must resolve to a path")
            .nothing_happened());
    }
    Ok(resolved)
}

/// What the component lays claim to: these values in this file.
pub(crate) fn claims(config: &ValuesConfig, root: &Path) -> Vec<Claim> {
    let Some(written) = config.file.as_literal() else { return Vec::new() };
    let path = place::pieces(&place::absolute(root, Path::new(written)));
    vec![Claim { space: "file".to_owned(), path, parts: Some(config.keys.iter().cloned().collect()) }]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(file: &str, keys: &[&str], secrets: &[&str], plain: &[&str]) -> ValuesConfig {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        ValuesConfig {
            file: Reference::parse(file).unwrap(),
            format: None,
            keys: owned(keys),
            secrets: owned(secrets),
            plain: owned(plain),
        }
    }

    #[test]
    fn mistakes_are_named() {
        type Names = &'static [&'static str];
        let rows: [(&str, Names, Names, Names, Option<&str>); 22] = [
            ("app.env", &["A"], &[], &[], None),
            (".env", &["A", "B"], &["A"], &["B"], None),
            (".env.production", &["A"], &[], &[], None),
            ("config/app.json", &["a.b", "a.c"], &[], &[], None),
            ("${env:DIR}/app.json", &["a"], &[], &[], None),
            ("app.yaml", &["a.b"], &[], &[], None),
            ("app.yml", &["a", "a.b"], &[], &[], Some("same value")),
            ("app.toml", &["a.\"b.c\""], &[], &[], None),
            ("app.ini", &["a", "s.a", "\"remote \\\"x\\\"\".url"], &[], &[], None),
            ("app.ini", &["a.b.c"], &[], &[], Some("section and a name")),
            ("app.ini", &["s.\"a=b\""], &[], &[], Some("no name in an INI file")),
            ("app.env", &[], &[], &[], Some("empty")),
            ("app.conf", &["A"], &[], &[], Some("format")),
            ("app.env", &["A B"], &[], &[], Some("no name")),
            ("app.env", &["A", "A"], &[], &[], Some("same value")),
            ("app.json", &["a", "a.b"], &[], &[], Some("same value")),
            ("app.json", &["a.b", "\"a\".b"], &[], &[], Some("same value")),
            ("app.env", &["A"], &["B"], &[], Some("none of the `keys`")),
            ("app.env", &["A"], &["A"], &["A"], Some("both")),
            ("../app.env", &["A"], &[], &[], Some("leads out")),
            ("", &["A"], &[], &[], Some("leads to the folder")),
            ("app.json", &["a..b"], &[], &[], Some("cannot be read")),
        ];
        for (file, keys, secrets, plain, expected) in rows {
            let said = Chosen::read(&config(file, keys, secrets, plain)).err().unwrap_or_default().join("; ");
            assert_eq!(said.is_empty(), expected.is_none(), "{file} {keys:?}: {said}");
            assert!(said.contains(expected.unwrap_or_default()), "{file} {keys:?}: {said}");
        }
    }
}
