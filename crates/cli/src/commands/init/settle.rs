//! Makes of everything that the sources came up with a set of components that fit each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use backout_kit::place;

use super::folder::pattern;
use super::kinds::Ground;
use super::look;
use super::proposal::{Proposal, Proposed, Relation, Subject, Use, What};
use super::walk::BESIDE;

/// Settles a proposal.
pub fn settle(ground: &Ground<'_>, mut proposal: Proposal) -> Proposal {
    used_by_name(&mut proposal);
    for component in std::mem::take(&mut proposal.components) {
        match obstacle(ground, &component) {
            Some(why) => {
                let shown = component.subject.path().map(|path| ground.shown(path)).unwrap_or_default();
                let led = component.why.join("; ");
                proposal.remark(format!("{shown} ({led}) is not proposed: {why}"));
            }
            None => proposal.components.push(component),
        }
    }
    nest(ground, &mut proposal);
    let known: BTreeSet<Subject> = proposal.components.iter().map(|one| one.subject.clone()).collect();
    for component in &mut proposal.components {
        component.uses.retain(|one| known.contains(&one.on));
    }
    without_circles(&mut proposal);
    what_holds_data_is_data(&mut proposal);
    // Data first; within a phase as they were found.
    proposal.components.sort_by_key(|one| !one.is_data);
    proposal
}

/// Whoever reads settings uses what they name.
fn used_by_name(proposal: &mut Proposal) {
    let mentions = std::mem::take(&mut proposal.mentions);
    for component in &mut proposal.components {
        for mention in &mentions {
            let reads = |one: &Use| one.on == mention.by && one.relation == Relation::Reads;
            if component.uses.iter().any(reads) {
                let why = mention.why.clone();
                component.depend(Use { relation: Relation::Needs, on: mention.of.clone(), why });
            }
        }
    }
}

/// What keeps a component from ever being put back, or from being written down.
fn obstacle(ground: &Ground<'_>, component: &Proposed) -> Option<String> {
    let path = component.subject.path()?;
    if path.to_str().is_none_or(|text| text.contains('\0')) {
        return Some("its name is not UTF-8 and cannot be written into a migration file".into());
    }
    let state = ground.root.join(backout_store::FOLDER);
    if ground.root.starts_with(path) || path.starts_with(&state) {
        return Some("the migration file and its state are there".into());
    }
    if !path.starts_with(ground.root) && path.parent().is_none_or(|folder| folder.parent().is_none()) {
        return Some("it lies right below `/`, which cannot be declared as a root".into());
    }
    match place::obstacles(path) {
        Ok(found) => (!found.is_empty()).then(|| found.join("; ")),
        Err(error) => Some(error.to_string()),
    }
}

/// What lies in a tree that is proposed too is left alone by the tree and lives in it; a tree in a tree is a part
/// of the outer one.
fn nest(ground: &Ground<'_>, proposal: &mut Proposal) {
    let trees: Vec<(Subject, Vec<String>)> = proposal
        .components
        .iter()
        .filter(|one| matches!(one.what, What::Tree(_)))
        .map(|one| (one.subject.clone(), one.why.clone()))
        .collect();
    let around = |subject: &Subject| {
        let path = subject.path()?;
        let outer = trees
            .iter()
            .filter(|(tree, _)| tree.path().is_some_and(|tree| tree != path && path.starts_with(tree)));
        outer
            .min_by_key(|(tree, _)| tree.path().map(|path| path.as_os_str().len()))
            .map(|(tree, _)| tree.clone())
    };
    let mut replaced: BTreeMap<Subject, Subject> = BTreeMap::new();
    let mut left_alone: Vec<(Subject, String, String)> = Vec::new();
    let mut kept = Vec::new();
    for mut component in std::mem::take(&mut proposal.components) {
        let Some(outer) = around(&component.subject) else {
            kept.push(component);
            continue;
        };
        let inner = inner_path(&outer, &component.subject);
        if matches!(component.what, What::Tree(_)) {
            replaced.insert(component.subject, outer);
            continue;
        }
        let shown = outer.path().map(|path| ground.shown(path)).unwrap_or_default();
        let endings: &[&str] = if component.what == What::Database { &BESIDE } else { &[] };
        for ending in std::iter::once("").chain(endings.iter().copied()) {
            let why = if ending.is_empty() {
                "a component of its own"
            } else {
                "SQLite keeps it beside the database"
            };
            left_alone.push((outer.clone(), format!("{inner}{ending}"), why.to_owned()));
        }
        let why = format!("it lies in {shown}, which leaves it alone");
        component.depend(Use { relation: Relation::Inside, on: outer, why });
        kept.push(component);
    }
    for component in &mut kept {
        for one in &mut component.uses {
            if let Some(outer) = replaced.get(&one.on) {
                one.on = outer.clone();
            }
        }
        let uses = std::mem::take(&mut component.uses);
        // One that lives in another uses it already.
        let inside: Vec<Subject> =
            uses.iter().filter(|one| one.relation == Relation::Inside).map(|one| one.on.clone()).collect();
        for one in uses {
            if one.relation == Relation::Inside || !inside.contains(&one.on) {
                component.depend(one);
            }
        }
        if let What::Tree(exclude) = &mut component.what {
            let own = left_alone.iter().filter(|(tree, ..)| *tree == component.subject);
            exclude.extend(own.map(|(_, pattern, why)| (pattern.clone(), why.clone())));
        }
    }
    proposal.components = kept;
}

fn inner_path(outer: &Subject, inner: &Subject) -> String {
    let inner = match (outer.path(), inner.path()) {
        (Some(outer), Some(inner)) => inner.strip_prefix(outer).unwrap_or(inner),
        _ => Path::new(""),
    };
    pattern(inner)
}

/// Takes out what would close a circle of dependencies.
fn without_circles(proposal: &mut Proposal) {
    let mut edges: BTreeMap<Subject, Vec<Subject>> = BTreeMap::new();
    let mut refused = Vec::new();
    for component in &mut proposal.components {
        component.uses.retain(|one| {
            if leads(&edges, &one.on, &component.subject) {
                refused.push(one.why.clone());
                return false;
            }
            edges.entry(component.subject.clone()).or_default().push(one.on.clone());
            true
        });
    }
    for why in refused {
        proposal.remark(format!("{why}: left out, for it closes a circle of dependencies"));
    }
}

/// Whether a way leads from one to the other.
fn leads(edges: &BTreeMap<Subject, Vec<Subject>>, from: &Subject, to: &Subject) -> bool {
    let (mut left, mut seen) = (vec![from], BTreeSet::new());
    while let Some(here) = left.pop() {
        if here == to {
            return true;
        }
        if seen.insert(here) {
            left.extend(edges.get(here).into_iter().flatten());
        }
    }
    false
}

/// A tree in which data live is cut over with them.
fn what_holds_data_is_data(proposal: &mut Proposal) {
    let holders: BTreeSet<Subject> = proposal
        .components
        .iter()
        .filter(|one| one.is_data)
        .flat_map(|one| one.uses.iter().filter(|one| one.relation == Relation::Inside))
        .map(|one| one.on.clone())
        .collect();
    for component in &mut proposal.components {
        component.is_data |= holders.contains(&component.subject);
    }
}

/// The folders outside the migration file's own in which components lie, none within another.
pub fn roots(ground: &Ground<'_>, components: &[Proposed]) -> BTreeMap<String, String> {
    let mut roots: BTreeMap<&Path, &Proposed> = BTreeMap::new();
    for component in components {
        let Some(path) = component.subject.path().filter(|path| !path.starts_with(ground.root)) else {
            continue;
        };
        let is_folder = look::at(path).is_ok_and(|thing| thing == look::Thing::Folder);
        let root = if is_folder { Some(path.as_path()) } else { path.parent() };
        if let Some(root) = root {
            roots.entry(root).or_insert(component);
        }
    }
    let all: Vec<&Path> = roots.keys().copied().collect();
    roots
        .iter()
        .filter(|(root, _)| !all.iter().any(|other| other != *root && root.starts_with(other)))
        .map(|(root, one)| (root.display().to_string(), one.why.first().cloned().unwrap_or_default()))
        .collect()
}
