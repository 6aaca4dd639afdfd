//! `backout init`: writes a commented migration file, to fill in or proposed from what is there.
//!
//! Each sort of source has a file that yields components as data ([`proposal`]); [`settle`] makes them fit each
//! other, [`names`] names them, [`print`] writes them down with their reasons.

mod codes;
mod compose;
mod compose_service;
mod env_lines;
mod folder;
mod from;
mod kinds;
mod look;
mod mention;
mod names;
mod print;
mod proposal;
mod release_folder;
mod settings;
mod settle;
mod source;
mod trouble;
mod values;
mod walk;
mod yaml;

use std::path::PathBuf;

use backout_core::diagnostic::Diagnostic;
use backout_core::name::MigrationName;
use backout_kit::atomic_put::{Attributes, put};
use clap::Args;

use crate::app::Context;
use crate::codes as common;
use crate::exit::Exit;
use crate::failure::{Failure, chain};
use crate::view::notice;
use crate::wiring::Place;

/// Arguments of `backout init`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Propose components from these: compose file, .env or other settings, SQLite file, release or other folder
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub from: Vec<PathBuf>,
}

const TEMPLATE: &str = include_str!("template.yaml");

/// Writes the file, where none is.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let place = context.place()?;
    refuse_another(&place)?;
    let folder = place.root.file_name().map(|name| name.to_string_lossy().into_owned());
    let migration = name_from(folder.as_deref().unwrap_or_default());
    let made = match arguments.from.is_empty() {
        true => None,
        false => Some(from::make(&place, &migration, &arguments.from)?),
    };
    let text = made.as_ref().map_or_else(|| TEMPLATE.replace("NAME", &migration), |made| made.text.clone());
    // Somebody may have written one during the look through large folders.
    refuse_another(&place)?;
    // People read and share a migration file, unlike everything else that is written here.
    put(&place.path, text.as_bytes(), Attributes { mode: Some(0o644), ..Attributes::default() }).map_err(
        |error| Diagnostic::error(common::MACHINE, format!("write {}", place.named)).because(chain(&error)),
    )?;
    notice::done(context.output, format!("wrote {}", place.named));
    match made {
        None => notice::say(context.output, "next: fill in the components, then: backout check"),
        Some(made) => {
            notice::say(context.output, made.told());
            notice::say(
                context.output,
                "next: read it and correct what it could not know, then: backout check",
            );
        }
    }
    Ok(Exit::Done)
}
fn refuse_another(place: &Place) -> Result<(), Failure> {
    if place.path.symlink_metadata().is_err() {
        return Ok(());
    }
    Err(Diagnostic::error(common::FILE_THERE, format!("write {}", place.named))
        .because("it is there already, and is never overwritten")
        .hint("see what it says: backout check")
        .into())
}

/// A migration's name made of a folder's.
fn name_from(folder: &str) -> String {
    let kept: String = folder
        .chars()
        .map(
            |character| {
                if character.is_ascii_alphanumeric() || "._-".contains(character) { character } else { '-' }
            },
        )
        .take(64)
        .collect();
    let kept = kept.trim_start_matches(|character: char| !character.is_ascii_alphanumeric());
    match MigrationName::new(kept) {
        Ok(name) => name.to_string(),
        Err(_) => "my-migration".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backout_core::migration::{Source, parse};

    #[test]
    fn the_template_is_a_migration_file() {
        let text = TEMPLATE.replace("NAME", "todo");
        let file = parse(&Source::new("backout.yaml", &text)).unwrap();
        assert_eq!(file.migration.value.as_str(), "todo");
    }

    #[test]
    fn a_folder_gives_a_name() {
        for (folder, expected) in [
            ("todo", "todo"),
            ("my shop", "my-shop"),
            ("..", "my-migration"),
            ("é", "my-migration"),
            ("", "my-migration"),
        ] {
            assert_eq!(name_from(folder), expected, "{folder}");
        }
    }
}
