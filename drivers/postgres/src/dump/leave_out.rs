//! What of a dump a role cannot put back. What nothing else needs is left out, and named; anything else is an obstacle,
//! and named before anything is touched.

use std::collections::{BTreeMap, BTreeSet};

use super::fetch::Header;
use super::rights::Rights;
use super::toc::Entry;
use super::trouble::shown;

/// What will be put back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    /// The numbers of what is put back before the rest: schemas with their rights, since only a superuser can give a table
    /// to a role that may not make one in its schema.
    pub(crate) first: Vec<i64>,
    /// The numbers of everything else, in their order.
    pub(crate) numbers: Vec<i64>,
    /// What is left out, each with the reason: `event trigger guard: only a superuser may make it`.
    pub(crate) left_out: Vec<String>,
}

/// Chooses what a role can put back.
///
/// # Errors
/// One sentence for each thing in the way.
pub(crate) fn select(header: &Header, rights: &Rights) -> Result<Selection, Vec<String>> {
    let entries = &header.toc.entries;
    let mut out: BTreeMap<i64, &'static str> = BTreeMap::new();
    let tables: BTreeSet<(&str, &str)> = entries
        .iter()
        .filter(|entry| matches!(entry.kind.as_str(), "TABLE" | "FOREIGN TABLE"))
        .map(|entry| (entry.schema.as_str(), entry.tag.as_str()))
        .collect();
    for entry in entries {
        let of_part = header.contents.part.then(|| reason_in_part(entry, &tables)).flatten();
        if let Some(reason) = of_part.or_else(|| reason_to_leave(entry, rights)) {
            out.insert(entry.number, reason);
        }
    }
    let mut left_out: Vec<String> = entries
        .iter()
        .filter_map(|entry| Some(format!("{}: {}", name_of(entry), out.get(&entry.number)?)))
        .collect();
    let mut obstacles = Vec::new();
    // What is said about something goes with it; what needs it is in the way.
    for entry in entries {
        if out.contains_key(&entry.number) || !entry.needs.iter().any(|number| out.contains_key(number)) {
            continue;
        }
        if matches!(entry.kind.as_str(), "COMMENT" | "ACL" | "SECURITY LABEL" | "PUBLICATION TABLE") {
            out.insert(entry.number, "");
        } else {
            let needed = entries
                .iter()
                .find(|other| entry.needs.contains(&other.number) && out.contains_key(&other.number));
            let needed = needed.map(name_of).unwrap_or_default();
            obstacles.push(format!(
                "{} needs {needed}, which the role {} cannot make",
                name_of(entry),
                shown(&rights.role)
            ));
        }
    }
    let kept: Vec<&Entry> = entries.iter().filter(|entry| !out.contains_key(&entry.number)).collect();
    obstacles.extend(missing(&kept, &header.contents.roles, rights));
    if !obstacles.is_empty() {
        obstacles.sort();
        obstacles.dedup();
        return Err(obstacles);
    }
    left_out.sort();
    // A dump of a part would make it, although every database has it.
    let is_there = |entry: &&Entry| header.contents.part && entry.kind == "SCHEMA" && entry.tag == "public";
    let comes_first = |entry: &&Entry| {
        !rights.superuser
            && (entry.kind == "SCHEMA" || entry.kind == "ACL" && entry.tag.starts_with("SCHEMA "))
    };
    let (first, rest): (Vec<&Entry>, Vec<&Entry>) =
        kept.into_iter().filter(|entry| !is_there(entry)).partition(comes_first);
    let numbers = |entries: Vec<&Entry>| entries.into_iter().map(|entry| entry.number).collect();
    Ok(Selection { first: numbers(first), numbers: numbers(rest), left_out })
}

/// Roles, extensions and tablespaces that are not there, and roles that nothing can be given to.
fn missing(entries: &[&Entry], roles: &BTreeSet<String>, rights: &Rights) -> Vec<String> {
    let mut obstacles = Vec::new();
    let owners: BTreeSet<&str> =
        entries.iter().map(|entry| entry.owner.as_str()).filter(|owner| !owner.is_empty()).collect();
    let granted = roles.iter().map(String::as_str).filter(|role| {
        let quoted = crate::server::identifier(role);
        entries.iter().any(|entry| {
            let text = entry.definition.as_str();
            matches!(entry.kind.as_str(), "ACL" | "DEFAULT ACL" | "POLICY" | "USER MAPPING")
                && (text.contains(&quoted) || text.contains(&format!(" {role}")))
        })
    });
    let needed: BTreeSet<&str> = owners.iter().copied().chain(granted).collect();
    for role in needed {
        if !rights.roles.contains(role) {
            obstacles.push(format!("the role {} does not exist on the target", shown(role)));
        }
    }
    if !rights.superuser {
        let given: BTreeSet<&str> = entries
            .iter()
            .filter(|entry| is_given(entry))
            .map(|entry| entry.owner.as_str())
            .filter(|owner| rights.roles.contains(*owner) && !rights.may_become.contains(*owner))
            .collect();
        for owner in given {
            obstacles.push(format!(
                "things in it belong to the role {}, which {} is no member of",
                shown(owner),
                shown(&rights.role)
            ));
        }
    }
    for entry in entries {
        if entry.kind == "EXTENSION" && !rights.extensions.contains_key(&entry.tag) {
            obstacles.push(format!("the extension {} is not installed on the target", shown(&entry.tag)));
        }
        if !entry.tablespace.is_empty() && !rights.tablespaces.contains(&entry.tablespace) {
            obstacles
                .push(format!("the tablespace {} does not exist on the target", shown(&entry.tablespace)));
        }
    }
    obstacles
}

/// Whether the programs give it to its owner; what only says something about a thing is not given to anybody.
fn is_given(entry: &Entry) -> bool {
    !entry.owner.is_empty()
        && !matches!(
            entry.kind.as_str(),
            "ACL"
                | "DEFAULT ACL"
                | "COMMENT"
                | "SECURITY LABEL"
                | "EVENT TRIGGER"
                | "DATABASE"
                | "DATABASE PROPERTIES"
        )
        && !is_of_public(entry)
}

/// The schema that every new database has, and what is said about it.
fn is_of_public(entry: &Entry) -> bool {
    (entry.kind == "SCHEMA" && entry.tag == "public") || entry.tag == "SCHEMA public"
}

/// What a part of a database cannot have elsewhere.
fn reason_in_part(entry: &Entry, tables: &BTreeSet<(&str, &str)>) -> Option<&'static str> {
    let text = entry.definition.as_str();
    match entry.kind.as_str() {
        "FK CONSTRAINT" if refers_outside(text, tables) => {
            Some("it refers to a table that is not part of this")
        }
        "TRIGGER" if text.contains(" EXECUTE FUNCTION _backout.") => Some("it belongs to a recorder"),
        _ => None,
    }
}

fn reason_to_leave(entry: &Entry, rights: &Rights) -> Option<&'static str> {
    let text = entry.definition.as_str();
    let kind = entry.kind.as_str();
    if kind == "SUBSCRIPTION" {
        return Some("a subscription is never put back with a database");
    }
    if kind == "TRIGGER" && text.contains(" EXECUTE FUNCTION _backout_parts.") {
        return Some("it is the door of tables");
    }
    if rights.superuser {
        return None;
    }
    const RESERVED: &str = "only a superuser may make it";
    match kind {
        "EVENT TRIGGER"
        | "FOREIGN DATA WRAPPER"
        | "ACCESS METHOD"
        | "OPERATOR CLASS"
        | "OPERATOR FAMILY"
        | "TEXT SEARCH PARSER"
        | "TEXT SEARCH TEMPLATE"
        | "PUBLICATION TABLES IN SCHEMA" => Some(RESERVED),
        "PUBLICATION" if text.contains(" FOR ALL TABLES") => Some(RESERVED),
        "EXTENSION" if rights.extensions.get(&entry.tag) == Some(&false) => Some(RESERVED),
        "FUNCTION" | "PROCEDURE" if language_of(text).is_some_and(|name| !rights.may_write_in(&name)) => {
            Some(RESERVED)
        }
        "PROCEDURAL LANGUAGE" => Some(RESERVED),
        "TYPE" if text.contains("    INPUT = ") => Some(RESERVED),
        "CAST" if text.contains(" WITHOUT FUNCTION") => Some(RESERVED),
        "ACL" if text.contains("SET SESSION AUTHORIZATION") => {
            Some("its rights were granted by another role")
        }
        _ if is_of_public(entry) && !entry.owner.is_empty() && !rights.may_become.contains(&entry.owner) => {
            Some("the schema belongs to another role")
        }
        _ => None,
    }
}

impl Rights {
    fn may_write_in(&self, language: &str) -> bool {
        self.languages.contains(language)
    }
}

/// The language of a function, as its definition says it.
fn language_of(definition: &str) -> Option<String> {
    let (_, rest) = definition.split_once("\n    LANGUAGE ")?;
    Some(name_at(rest)?.0)
}

/// Whether a foreign key refers to a table that is not here.
fn refers_outside(definition: &str, tables: &BTreeSet<(&str, &str)>) -> bool {
    let Some((_, rest)) = definition.rsplit_once(" REFERENCES ") else { return false };
    let Some((schema, rest)) = name_at(rest) else { return false };
    let Some((name, _)) = rest.strip_prefix('.').and_then(name_at) else { return false };
    !tables.contains(&(schema.as_str(), name.as_str()))
}

/// The name that a text begins with, without its quotes, and what comes after it.
fn name_at(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '$')?;
        let (name, rest) = text.split_at_checked(end)?;
        return Some((name.to_owned(), rest));
    };
    let (mut name, mut rest) = (String::new(), quoted);
    loop {
        let (part, after) = rest.split_once('"')?;
        name.push_str(part);
        match after.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None => return Some((name, after)),
        }
    }
}

fn name_of(entry: &Entry) -> String {
    let kind = entry.kind.to_lowercase();
    if entry.schema.is_empty() {
        format!("{kind} {}", shown(&entry.tag))
    } else {
        format!("{kind} {}.{}", shown(&entry.schema), shown(&entry.tag))
    }
}
