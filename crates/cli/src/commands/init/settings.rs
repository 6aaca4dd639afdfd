//! A settings file: the names of its values, never the values, and the databases that they name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use backout_kit::place;

use super::kinds::{Ground, SERVER};
use super::look::{self, Thing};
use super::mention::{path_in, server_in};
use super::proposal::{Mention, Proposal, Proposed, Subject, What};
use super::trouble::Trouble;
use super::values::{self, Value};

/// More names than these are no choice; the file is proposed as a whole.
pub const MOST_KEYS: usize = 200;

/// Proposes a settings file.
///
/// # Errors
/// It cannot be read, or no driver takes it.
pub fn propose(ground: &Ground<'_>, path: &Path, why: &str, proposal: &mut Proposal) -> Result<(), Trouble> {
    if path.to_str().is_none() {
        return Err(Trouble::unreadable("its name is not UTF-8 and cannot be written into a migration file"));
    }
    if !ground.knows_settings(path) {
        return Err(Trouble::unknown());
    }
    let text = look::text(path)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let found = values::read(&name, &text)?.unwrap_or_default();
    let keys = choice(ground, path, found.iter().map(|value| value.key.clone()).collect());
    let what = match keys.len() {
        0 => whole(why, "no value in it can be named, so it is put back as a whole"),
        many if many > MOST_KEYS => whole(
            why,
            &format!(
                "it sets {many} values, so it is put back as a whole; name some as `{}` instead",
                super::kinds::VALUES
            ),
        ),
        _ => (What::Values(keys), vec![why.to_owned()]),
    };
    let (what, reasons) = what;
    proposal.add(Proposed {
        subject: Subject::Path(path.to_owned()),
        what,
        is_data: false,
        why: reasons,
        uses: Vec::new(),
    });
    let folder = path.parent().unwrap_or(ground.root);
    for (key, database) in named(&found, |text| Some(place::absolute(folder, Path::new(text)))) {
        let why = format!("`{}` in {} names it", shown_key(&key), ground.shown(path));
        add_database(&database, &why, proposal);
        proposal.mentions.push(Mention {
            by: Subject::Path(path.to_owned()),
            of: Subject::Path(database),
            why,
        });
    }
    for (of, why) in add_servers(&found, &ground.shown(path), proposal) {
        proposal.mentions.push(Mention { by: Subject::Path(path.to_owned()), of, why });
    }
    Ok(())
}

/// Proposes the databases on servers that values name; each with what led to it.
pub fn add_servers(values: &[Value], by: &str, proposal: &mut Proposal) -> Vec<(Subject, String)> {
    let mut added = Vec::new();
    for value in values {
        let Some(found) = value.text.as_deref().and_then(server_in) else { continue };
        let key = shown_key(&value.key);
        if !found.is_plain {
            proposal.remark(format!(
                "`{key}` in {by} names a PostgreSQL database in the words of a library; to cover it, write a component \
                 of the kind `{SERVER}` with an address that begins with postgresql://"
            ));
            continue;
        }
        let variable = variable(&value.key);
        let why = format!("`{key}` in {by} names it");
        let subject = proposal
            .components
            .iter()
            .map(|one| &one.subject)
            .find(|subject| matches!(subject, Subject::Server { place, .. } if *place == found.place))
            .cloned()
            .unwrap_or(Subject::Server { place: found.place, variable: variable.clone() });
        proposal.add(Proposed {
            subject: subject.clone(),
            what: What::Server(variable),
            is_data: true,
            why: vec![why.clone()],
            uses: Vec::new(),
        });
        added.push((subject, why));
    }
    added
}

/// The environment variable for a value: its own name, where it is one.
fn variable(key: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if key.chars().all(fits) && !key.starts_with(|first: char| first.is_ascii_digit()) {
        return key.to_owned();
    }
    let name: String = key.chars().map(|c| if fits(c) { c.to_ascii_uppercase() } else { '_' }).collect();
    let name = name.trim_matches('_').trim_start_matches(|first: char| first.is_ascii_digit());
    if name.is_empty() { "DATABASE_URL".to_owned() } else { name.to_owned() }
}

/// Proposes a settings file as a whole.
pub fn propose_whole(path: &Path, why: &str, because: &str, proposal: &mut Proposal) {
    let (what, why) = whole(why, because);
    let mut new = Proposed::at(path, what, false, "");
    new.why = why;
    proposal.add(new);
}

/// Proposes a database.
pub fn add_database(path: &Path, why: &str, proposal: &mut Proposal) {
    proposal.add(Proposed::at(path, What::Database, true, why));
}

/// The databases that values name, with the names of the values. `place_of` tells where a path leads.
pub fn named(values: &[Value], place_of: impl Fn(&str) -> Option<PathBuf>) -> Vec<(String, PathBuf)> {
    let candidates = values.iter().filter_map(|value| {
        let path = place_of(path_in(value.text.as_deref()?)?)?;
        Some((value.key.clone(), path))
    });
    let is_there = |path: &Path| {
        look::is_straight(path)
            && look::at(path).is_ok_and(|thing| thing == Thing::File)
            && look::is_database(path).unwrap_or(false)
    };
    candidates.filter(|(_, path)| is_there(path)).collect()
}

fn whole(why: &str, because: &str) -> (What, Vec<String>) {
    (What::Tree(BTreeMap::new()), vec![why.to_owned(), because.to_owned()])
}

/// The names by which the driver finds its way, all of them or one by one.
pub fn choice(ground: &Ground<'_>, path: &Path, all: Vec<String>) -> Vec<String> {
    if all.is_empty() || all.len() > MOST_KEYS || ground.finds_keys(path, &all) {
        return all;
    }
    let mut taken: Vec<String> = Vec::new();
    for key in all {
        let finds_way = ground.finds_keys(path, std::slice::from_ref(&key));
        taken.push(key);
        if !finds_way || !ground.takes_keys(path, &taken) {
            taken.pop();
        }
    }
    taken
}

/// A key as a comment may show it.
pub fn shown_key(key: &str) -> String {
    backout_core::migration::shown(key)
}
