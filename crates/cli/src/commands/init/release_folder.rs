//! A release folder: `releases/` with a link to the current one beside it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::folder::{self, Wish};
use super::kinds::Ground;
use super::look::{self, Thing};
use super::proposal::{Proposal, Proposed, Relation, Subject, Use, What};
use super::trouble::Trouble;
use super::walk;

/// The folder of releases.
const RELEASES: &str = "releases";
/// The link to the one in use.
const CURRENT: &str = "current";
/// A release of more files or bytes is left to whoever made it.
const MOST: (usize, u64) = (5_000, 256 * 1024 * 1024);

/// Whether a folder is one.
pub fn is_one(folder: &Path) -> bool {
    look::at(&folder.join(CURRENT)).is_ok_and(|thing| thing == Thing::Link)
        && look::at(&folder.join(RELEASES)).is_ok_and(|thing| thing == Thing::Folder)
}

/// Proposes the link, the release that it names, and what lies beside the releases.
///
/// # Errors
/// The folder cannot be read.
pub fn propose(ground: &Ground<'_>, folder: &Path, proposal: &mut Proposal) -> Result<(), Trouble> {
    let (link, releases) = (folder.join(CURRENT), folder.join(RELEASES));
    link_with_release(ground, &link, folder, proposal);
    let beside: Vec<PathBuf> = walk::names(folder, walk::MOST)?
        .iter()
        .map(|name| folder.join(OsStr::from_bytes(name)))
        .filter(|path| *path != releases && *path != link && !ground.root.starts_with(path))
        .filter(|path| look::at(path).is_ok_and(|thing| thing == Thing::Folder))
        .collect();
    let why = format!("a folder beside the releases of {}, which all of them share", ground.shown(folder));
    for path in beside.iter().filter(|path| !is_hidden(path)) {
        let wish = Wish { why: &why, is_data: true, settings: true, most: None };
        if let Err(trouble) = folder::propose(ground, path, &wish, proposal) {
            proposal.remark(format!("{} is not proposed: {}", ground.shown(path), trouble.cause));
        }
    }
    // The files that lie beside the releases; the folders were looked through.
    let mut skip: Vec<&Path> = beside.iter().map(PathBuf::as_path).collect();
    skip.extend([releases.as_path(), link.as_path()]);
    let found = walk::walk(folder, &skip)?;
    for path in found.databases.iter().chain(&found.settings) {
        folder::propose_any(ground, path, "it lies beside the releases", proposal);
    }
    Ok(())
}

/// Proposes a link, and what it names where that lies within `folder`.
pub fn link_with_release(ground: &Ground<'_>, link: &Path, folder: &Path, proposal: &mut Proposal) {
    let shown = ground.shown(link);
    let named = fs::read_link(link).map(|target| look::shown(&target)).unwrap_or_default();
    let why = format!("{shown} is a symbolic link to {named}: cutting over points it elsewhere");
    let mut new = Proposed::at(link, What::Link, false, why);
    match link.canonicalize() {
        Err(_) => proposal.remark(format!("{named}, which {shown} names, is not there")),
        Ok(target) if !target.starts_with(folder) || !target.is_dir() => proposal.remark(format!(
            "{named}, which {shown} names, is not proposed: it is no folder in {}",
            ground.shown(folder)
        )),
        Ok(target) => {
            let why = format!("the release that {shown} names");
            let wish = Wish { why: &why, is_data: false, settings: true, most: Some(MOST) };
            match folder::propose(ground, &target, &wish, proposal) {
                Ok(subjects) => {
                    let on = Subject::Path(target);
                    if subjects.contains(&on) {
                        let why = format!("{shown} names it");
                        new.uses.push(Use { relation: Relation::Needs, on, why });
                    }
                }
                Err(trouble) => {
                    proposal.remark(format!("{} is not proposed: {}", ground.shown(&target), trouble.cause));
                }
            }
        }
    }
    proposal.add(new);
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_bytes().starts_with(b"."))
}
