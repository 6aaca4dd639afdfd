//! The component's keys in the migration file.

use std::path::{Path, PathBuf};

use backout_contract::{Context, DriverError, ErrorKind};
use backout_core::migration::{Claim, Reference, check_path};
use backout_kit::path_text::encode;
use backout_kit::place;
use schemars::JsonSchema;
use serde::Deserialize;

use super::selector::Selector;
use crate::trouble::shown;

/// Keys of a `file.tree`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TreeConfig {
    /// The directory or the file, relative to the migration file.
    pub path: Reference,
    /// What to leave alone: names (`*.log`), or paths from the tree's own root (`cache/**`). Nothing by default.
    #[serde(default)]
    pub exclude: Vec<String>,
}

/// Mistakes that the types cannot catch.
pub(super) fn check(config: &TreeConfig) -> Result<(), Vec<String>> {
    let mut mistakes = path_mistakes(&config.path);
    mistakes.extend(Selector::read(&config.exclude).err());
    if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
}

/// What is wrong with a path as it is written.
pub(crate) fn path_mistakes(path: &Reference) -> Vec<String> {
    let Some(written) = path.as_literal() else { return Vec::new() };
    if written.contains('\0') {
        return vec!["a path has no NUL character".to_owned()];
    }
    if written.starts_with('/') {
        let nameless = place::pieces(&place::absolute(Path::new("/"), Path::new(written))).is_empty();
        return if nameless {
            vec!["the whole file system cannot be put back".to_owned()]
        } else {
            Vec::new()
        };
    }
    check_path(written, &[]).err().into_iter().collect()
}

/// The path that is meant, absolute and without `..`.
pub(crate) fn resolve(path: &Reference, context: &Context) -> Result<PathBuf, DriverError> {
    let written = match path.as_literal() {
        Some(literal) => literal.to_owned(),
        None => context.resolver.resolve(path)?.reveal().to_owned(),
    };
    let refuse = |what: String, hint: &str| {
        Err(DriverError::new(ErrorKind::Config, what).hint(hint.to_owned()).nothing_happened())
    };
    if written.is_empty() || written.contains('\0') {
        return refuse(format!("use {} as a path", path.as_written()), "it must resolve to a path");
    }
    let resolved = place::absolute(&context.root, Path::new(&written));
    if resolved.file_name().is_none() {
        return refuse("put back the whole file system".to_owned(), "name a directory in it");
    }
    let state = context.scratch.parent().filter(|folder| folder.file_name().is_some());
    let state = state.unwrap_or(&context.scratch);
    if state.starts_with(&resolved) || resolved.starts_with(state) {
        let hint = "Backout's own state is there; name what is to be put back beside it";
        return refuse(format!("put back {}", shown(&resolved)), hint);
    }
    Ok(resolved)
}

/// What a path lays claim to; a path that is only known later cannot be claimed.
pub(crate) fn claims(path: &Reference, root: &Path) -> Vec<Claim> {
    let Some(written) = path.as_literal() else { return Vec::new() };
    let path = place::pieces(&place::absolute(root, Path::new(written)));
    vec![Claim { space: "file".to_owned(), path, parts: None }]
}

/// The path for people.
pub(crate) fn target(path: &Reference) -> String {
    encode(std::ffi::OsStr::new(path.as_written()))
}
