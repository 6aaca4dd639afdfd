//! A folder: itself as a tree, and what in it deserves a component of its own.

use std::collections::BTreeMap;
use std::path::Path;

use super::kinds::Ground;
use super::look::{self, Thing};
use super::proposal::{Proposal, Proposed, Subject, What};
use super::settings;
use super::trouble::Trouble;
use super::walk::Walked;

/// Names by which the data of a database server are known.
const SERVERS: [(&str, &str); 6] = [
    ("PG_VERSION", "PostgreSQL"),
    ("ibdata1", "MySQL or MariaDB"),
    ("WiredTiger", "MongoDB"),
    ("appendonlydir", "Redis"),
    ("dump.rdb", "Redis"),
    ("jetstream", "NATS"),
];

/// What a folder is looked through for.
pub struct Wish<'a> {
    /// What led to it.
    pub why: &'a str,
    /// Whether users write into it while the application runs.
    pub is_data: bool,
    /// Whether settings files in it are proposed for themselves.
    pub settings: bool,
    /// Above so many files or bytes it is not proposed as a tree.
    pub most: Option<(usize, u64)>,
}

/// Proposes a folder. Gives what was proposed for it and in it.
///
/// # Errors
/// It cannot be read.
pub fn propose(
    ground: &Ground<'_>,
    folder: &Path,
    wish: &Wish<'_>,
    proposal: &mut Proposal,
) -> Result<Vec<Subject>, Trouble> {
    let shown = ground.shown(folder);
    let found = ground.walked(folder)?;
    if let Some((name, server)) = SERVERS.iter().find(|(name, _)| folder.join(name).exists()) {
        proposal.remark(format!(
            "{shown} ({}) holds the data of {server} ({name} is in it). Files copied while a server writes them are \
             no copy of its database, and it has no kind in this version; its own dump can take part as `command`",
            wish.why
        ));
        return Ok(Vec::new());
    }
    let mut subjects = Vec::new();
    for database in &found.databases {
        let why = format!("it begins as a SQLite database does, and lies in {shown}");
        settings::add_database(database, &why, proposal);
        subjects.push(Subject::Path(database.clone()));
    }
    if wish.settings {
        for file in &found.settings {
            let why = format!("a settings file in {shown} ({})", wish.why);
            match settings::propose(ground, file, &why, proposal) {
                Ok(()) => subjects.push(Subject::Path(file.clone())),
                Err(trouble) => {
                    proposal.remark(format!("{} is not proposed: {}", ground.shown(file), trouble.cause));
                }
            }
        }
    }
    match obstacle(ground, folder, &found, wish) {
        Some(why) => proposal.remark(format!("{shown} ({}) is not proposed as a tree: {why}", wish.why)),
        None => {
            let what = What::Tree(left_alone(folder, &found));
            let mut new = Proposed::at(folder, what, wish.is_data, wish.why);
            new.why.push(held(&found));
            proposal.add(new);
            subjects.push(Subject::Path(folder.to_owned()));
        }
    }
    Ok(subjects)
}

/// What keeps a folder from being proposed as a whole.
fn obstacle(ground: &Ground<'_>, folder: &Path, found: &Walked, wish: &Wish<'_>) -> Option<String> {
    if ground.root.starts_with(folder) {
        return Some("the migration file and its state are in it; name the folders in it that matter".into());
    }
    if let Some(why) = &found.bounded {
        return Some(format!("the look through it was ended because {why}; name parts of it"));
    }
    if found.files == 0 && !found.databases.is_empty() {
        return Some("nothing but the databases is in it".into());
    }
    match wish.most {
        Some((files, bytes)) if found.files > files || found.bytes > bytes => {
            Some(format!("it is large; {}", held(found)))
        }
        _ => None,
    }
}

/// Patterns for what cannot be saved.
fn left_alone(folder: &Path, found: &Walked) -> BTreeMap<String, String> {
    let odd = found.odd.iter().filter_map(|(path, why)| {
        let inner = path.strip_prefix(folder).ok()?;
        Some((pattern(inner), why.clone()))
    });
    odd.collect()
}

/// A pattern that means just this path from the root of a tree.
pub fn pattern(inner: &Path) -> String {
    // `*` would mean more, and `${` something else.
    format!("/{}", look::shown(inner).replace('*', "?").replace("${", "\\x24{"))
}

/// How much is in a folder, for people.
fn held(found: &Walked) -> String {
    match found.files {
        0 => "it holds no files".into(),
        1 => format!("it holds 1 file, {}", size(found.bytes)),
        many => format!("it holds {many} files, {}", size(found.bytes)),
    }
}

/// A length for people.
fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes / 1_048_576),
        _ => format!("{} GiB", bytes / 1_073_741_824),
    }
}

/// Proposes whatever stands at a path that something else names. What cannot be proposed becomes a remark.
pub fn propose_any(ground: &Ground<'_>, path: &Path, why: &str, proposal: &mut Proposal) -> Vec<Subject> {
    let itself = vec![Subject::Path(path.to_owned())];
    let outcome = match look::at(path) {
        Err(error) => Err(error.into()),
        Ok(_) if !look::is_straight(path) => {
            Err(Trouble::unreadable("a symbolic link is on the way to it, and links are not followed"))
        }
        Ok(Thing::Link) => Err(Trouble::unreadable("it is a symbolic link, and links are not followed")),
        Ok(Thing::Other(what)) => Err(Trouble::unreadable(format!("it is a {what}"))),
        Ok(Thing::Folder) => {
            let wish = Wish { why, is_data: true, settings: false, most: None };
            propose(ground, path, &wish, proposal)
        }
        Ok(Thing::File) => match look::is_database(path) {
            Err(error) => Err(error.into()),
            Ok(true) => {
                settings::add_database(path, why, proposal);
                Ok(itself)
            }
            Ok(false) => {
                if !ground.knows_settings(path) {
                    let because = "its ending does not tell how it is written, so it is put back as a whole";
                    settings::propose_whole(path, why, because, proposal);
                } else if let Err(trouble) = settings::propose(ground, path, why, proposal) {
                    let because =
                        format!("put back as a whole, for its values cannot be named: {}", trouble.cause);
                    settings::propose_whole(path, why, &because, proposal);
                }
                Ok(itself)
            }
        },
    };
    outcome.unwrap_or_else(|trouble| {
        proposal.remark(format!("{} ({why}) is not proposed: {}", ground.shown(path), trouble.cause));
        Vec::new()
    })
}
