//! What a file that a person names is, and who can propose something from it.

use std::path::Path;

use super::compose;
use super::folder::{self, Wish};
use super::kinds::Ground;
use super::look::{self, Thing};
use super::proposal::Proposal;
use super::release_folder;
use super::settings;
use super::trouble::Trouble;
use super::yaml;

/// Proposes what there is in one file or folder.
///
/// # Errors
/// It cannot be read, or nobody knows what it is.
pub fn propose(
    ground: &Ground<'_>,
    base: &Path,
    named: &Path,
    proposal: &mut Proposal,
) -> Result<(), Trouble> {
    let path = look::settled(base, named)?;
    let why = "it was named with --from";
    match look::at(&path)? {
        Thing::Other(what) => Err(Trouble::unreadable(format!("it is a {what}, and no file or folder"))),
        Thing::Link => match path.canonicalize() {
            Err(_) => Err(Trouble::unreadable("it is a link that leads nowhere")),
            Ok(target) if target.is_dir() => {
                let around = path.parent().unwrap_or(ground.root);
                release_folder::link_with_release(ground, &path, around, proposal);
                Ok(())
            }
            Ok(target) => file(ground, &target, why, proposal),
        },
        Thing::Folder => {
            if release_folder::is_one(&path) {
                release_folder::propose(ground, &path, proposal)?;
            } else {
                let wish = Wish { why, is_data: true, settings: true, most: None };
                folder::propose(ground, &path, &wish, proposal)?;
            }
            for name in compose::NAMES {
                let inner = path.join(name);
                if look::at(&inner).is_ok_and(|thing| thing == Thing::File) {
                    file(ground, &inner, why, proposal)?;
                }
            }
            Ok(())
        }
        Thing::File => file(ground, &path, why, proposal),
    }
}

fn file(ground: &Ground<'_>, path: &Path, why: &str, proposal: &mut Proposal) -> Result<(), Trouble> {
    if look::is_database(path)? {
        let why = format!("{why}, and begins as a SQLite database does");
        settings::add_database(path, &why, proposal);
        return Ok(());
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let is_yaml = name.ends_with(".yaml") || name.ends_with(".yml");
    if is_yaml {
        let text = look::text(path)?;
        let tree = yaml::read(&text).map_err(|unread| {
            Trouble::from(unread).hint("see what docker compose makes of it: docker compose config")
        })?;
        match tree {
            Some(tree) if compose::is_compose(&tree) => {
                return compose::propose(ground, path, &tree, proposal);
            }
            _ if compose::NAMES.contains(&name.as_str()) => {
                return Err(Trouble::broken("it has no `services`"));
            }
            _ => {}
        }
    }
    settings::propose(ground, path, why, proposal)
}
