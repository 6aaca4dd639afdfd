//! Names for components, made of the names of files and services: valid, unique, the same each time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::proposal::{Proposed, Subject, What};

/// Longest name that is made of a file's, so that a number has room behind it.
const LONGEST: usize = 48;
/// Names that mean something else in a migration or on its command line.
const TAKEN: [&str; 6] = ["all", "none", "run", "migration", "before-rollback", "manual"];

/// The name of each component.
pub fn names(components: &[Proposed]) -> BTreeMap<Subject, String> {
    let mut used: BTreeSet<String> = TAKEN.iter().map(ToString::to_string).collect();
    let mut names = BTreeMap::new();
    // A service has its name already, and people will look for it.
    let (services, others): (Vec<_>, Vec<_>) =
        components.iter().partition(|one| matches!(one.subject, Subject::Service { .. }));
    for component in services.into_iter().chain(others) {
        let own = own_name(component);
        let longer = around(component).map(|folder| format!("{folder}-{own}"));
        let mut wishes = Some(own.clone())
            .filter(|own| !begins_with_digit(own))
            .into_iter()
            .chain(longer)
            .map(|wish| cut(&wish))
            .chain((2..).map(|number| format!("{}-{number}", cut(&own))));
        // There are more numbers than components.
        if let Some(name) = wishes.find(|wish| !used.contains(wish)) {
            used.insert(name.clone());
            names.insert(component.subject.clone(), name);
        }
    }
    names
}

fn own_name(component: &Proposed) -> String {
    let written = match &component.subject {
        Subject::Service { name, .. } => name.clone(),
        Subject::Server { variable, .. } => {
            let variable = variable.to_ascii_lowercase().replace('_', "-");
            let endings = ["-url", "-uri", "-dsn"];
            endings.iter().find_map(|ending| variable.strip_suffix(ending)).unwrap_or(&variable).to_owned()
        }
        Subject::Path(path) => {
            path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
        }
    };
    let usual = match component.what {
        What::Tree(_) => "files",
        What::Link => "link",
        What::Values(_) => "settings",
        What::Database | What::Server(_) => "database",
        What::ByHand(_) => "service",
    };
    Some(plain(&written)).filter(|name| !name.is_empty()).unwrap_or_else(|| usual.to_owned())
}

/// The name of the folder around it.
fn around(component: &Proposed) -> Option<String> {
    let path = match &component.subject {
        Subject::Path(path) => path,
        Subject::Service { file, .. } => file,
        Subject::Server { .. } => return None,
    };
    folder_name(path.parent()?)
}

fn folder_name(folder: &Path) -> Option<String> {
    let own = Some(plain(&folder.file_name()?.to_string_lossy())).filter(|name| !name.is_empty())?;
    match begins_with_digit(&own).then(|| folder_name(folder.parent()?)).flatten() {
        Some(outer) => Some(format!("{outer}-{own}")),
        None => Some(own),
    }
}

/// A number alone is no name that people would know again.
fn begins_with_digit(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_digit())
}

/// Letters, digits, `_` and `-`; a dot could look like the name of a step.
fn plain(written: &str) -> String {
    let mut name = String::new();
    for character in written.chars() {
        let fits = character.is_ascii_alphanumeric() || character == '_';
        match fits {
            true => name.push(character),
            false if name.ends_with('-') => {}
            false => name.push('-'),
        }
    }
    name.trim_matches(['-', '_']).to_owned()
}

fn cut(name: &str) -> String {
    name.chars().take(LONGEST).collect::<String>().trim_end_matches(['-', '_']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use backout_core::name::ComponentName;

    #[test]
    fn names_are_valid_and_unique() {
        let path = |path: &str| Proposed::at(path, What::Database, true, "");
        let long = format!("/a/{}", "x".repeat(200));
        let paths = [
            "/a/app.db",
            "/b/app.db",
            "/b/c/app-db",
            "/b/app_db",
            "/a/all",
            "/a/\n\u{202e}",
            "/a/.env",
            &long,
            "/é/é",
        ];
        let components: Vec<Proposed> = paths.iter().map(|one| path(one)).collect();
        let names = names(&components);
        let in_order: Vec<&str> = components.iter().map(|one| names[&one.subject].as_str()).collect();
        assert_eq!(in_order[..7], ["app-db", "b-app-db", "c-app-db", "app_db", "a-all", "database", "env"]);
        assert_eq!(names.values().collect::<BTreeSet<_>>().len(), paths.len());
        for name in names.values() {
            assert!(ComponentName::new(name).is_ok() && name.len() <= 64, "{name}");
        }
    }

    #[test]
    fn a_service_keeps_its_name() {
        let service = Proposed {
            subject: Subject::Service { file: "/a/compose.yaml".into(), name: "data".into() },
            ..Proposed::at("/a", What::ByHand(String::new()), false, "")
        };
        let tree = Proposed::at("/a/data", What::Tree(BTreeMap::new()), true, "");
        let names = names(&[tree.clone(), service.clone()]);
        assert_eq!((names[&service.subject].as_str(), names[&tree.subject].as_str()), ("data", "a-data"));
    }
}
