//! `backout list`: the migrations in a folder and below.

use std::fs;
use std::path::{Path, PathBuf};

use backout_api::Listed;
use backout_core::migration::parse;

use super::require::phase_states;
use crate::app::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::reading::Reading;
use crate::view::list::migrations;
use crate::wiring::{FILE, Place};

/// How deep below the folder a migration is looked for.
const DEEPEST: usize = 4;
/// How many folders are looked into.
const MOST_FOLDERS: usize = 10_000;

/// Lists them.
pub fn run(context: &Context) -> Result<Exit, Failure> {
    let base = context.globals.directory.clone().unwrap_or_else(|| PathBuf::from("."));
    let mut found = Vec::new();
    let mut budget = MOST_FOLDERS;
    search(&base, DEEPEST, &mut budget, &mut found);
    found.sort();
    let listed = found.iter().filter_map(|folder| {
        let shown = folder.strip_prefix("./").unwrap_or(folder);
        Place::find(Some(shown), None).ok().map(|place| describe(&place))
    });
    migrations(context.output, listed.collect());
    Ok(Exit::Done)
}

fn search(folder: &Path, depth: usize, budget: &mut usize, found: &mut Vec<PathBuf>) {
    if folder.join(FILE).is_file() {
        found.push(folder.to_owned());
    }
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        // A symbolic link is no folder here, so that a circle of them ends.
        if !hidden && depth > 0 && *budget > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            *budget -= 1;
            search(&entry.path(), depth - 1, budget, found);
        }
    }
}

fn describe(place: &Place) -> Listed {
    let (name, state, layout) = match place.load() {
        Ok(migration) => {
            let reading = Reading::of(&migration.layout);
            let mut words: Vec<&str> =
                phase_states(&migration, &reading.life).iter().map(|(_, _, state)| state.word()).collect();
            words.dedup();
            let state = match (reading.problem, words.as_slice()) {
                (Some(_), _) => "journal broken".to_owned(),
                (None, [one]) => (*one).to_owned(),
                (None, _) => words.join(", "),
            };
            (Some(migration.assembled.name.to_string()), state, migration.layout)
        }
        Err(_) => {
            let named = place.source().ok().and_then(|source| parse(&source).ok());
            (named.map(|file| file.migration.value.to_string()), "file has errors".to_owned(), place.layout())
        }
    };
    let life = Reading::of(&layout).life;
    Listed {
        file: place.named.clone(),
        migration: name.or_else(|| life.migration.as_ref().map(ToString::to_string)),
        state,
        last: life.last,
    }
}
