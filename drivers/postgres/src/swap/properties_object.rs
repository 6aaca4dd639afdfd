//! The properties of a database, read from the object of a saved schema.

use std::collections::{BTreeMap, BTreeSet};

use super::properties::Properties;
use crate::catalog::Object;

impl Properties {
    /// What the object is called.
    pub(crate) const OBJECT: &str = "database";

    /// From the object of a schema.
    pub(crate) fn of_object(object: &Object) -> Self {
        let get = |name: &str| object.parts.get(name).cloned();
        let locale = get("locale").unwrap_or_default();
        let (collation, character_type) = locale.split_once(", ").unwrap_or((&locale, &locale));
        let of_provider = get("locale of the provider");
        let (locale, rules) =
            match of_provider.as_deref().map(|text| text.split_once(' ').unwrap_or((text, ""))) {
                None => (None, None),
                Some((locale, "")) => (Some(locale.to_owned()), None),
                Some((locale, rules)) => (Some(locale.to_owned()), Some(rules.to_owned())),
            };
        let mut properties = Self {
            owner: get("owner").unwrap_or_default(),
            encoding: get("encoding").unwrap_or_default(),
            collation: collation.to_owned(),
            character_type: character_type.to_owned(),
            provider: get("locale provider").unwrap_or_else(|| "c".to_owned()),
            locale,
            rules,
            tablespace: get("tablespace").unwrap_or_else(|| "pg_default".to_owned()),
            limit: get("connection limit").and_then(|text| text.parse().ok()).unwrap_or(-1),
            is_template: get("template").is_some(),
            comment: get("comment").unwrap_or_default(),
            grants: grants(&get("grants").unwrap_or_default()),
            settings: BTreeMap::new(),
        };
        for (name, value) in &object.parts {
            if let Some(setting) = name.strip_prefix("setting ") {
                let (name, role) = setting.split_once(" of ").unwrap_or((setting, ""));
                properties.settings.insert((name.to_owned(), role.to_owned()), value.clone());
            }
        }
        properties
    }
}

/// Grants as the server writes them: `grantee=letters/grantor`, several divided by commas.
fn grants(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut grants: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut rest = text;
    while !rest.is_empty() && rest != "none" {
        let (grantee, after) = name(rest);
        let Some(after) = after.strip_prefix('=') else { break };
        let (letters, after) = after.split_once('/').unwrap_or((after, ""));
        let (_, after) = name(after);
        rest = after.strip_prefix(", ").or(after.strip_prefix(',')).unwrap_or_default();
        let rights = grants.entry(grantee).or_default();
        let mut letters = letters.chars().peekable();
        while let Some(letter) = letters.next() {
            let right = match letter {
                'C' => "CREATE",
                'T' => "TEMPORARY",
                'c' => "CONNECT",
                _ => continue,
            };
            let option = if letters.next_if_eq(&'*').is_some() { "*" } else { "" };
            rights.insert(format!("{right}{option}"));
        }
    }
    grants
}

/// A name at the beginning of a text, quoted or not, and what follows it.
fn name(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(['=', '/', ',']).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        return (name.to_owned(), rest);
    };
    let mut name = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' if characters.next_if(|(_, next)| *next == '"').is_some() => name.push('"'),
            '"' => return (name, quoted.get(at + 1..).unwrap_or_default()),
            other => name.push(other),
        }
    }
    (name, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_are_read() {
        let read = grants("=Tc/o, \"a \"\", b\"=C*c/\"o, p\", o=CTc/o");
        let named: Vec<(&str, Vec<&str>)> = read
            .iter()
            .map(|(role, rights)| (role.as_str(), rights.iter().map(String::as_str).collect()))
            .collect();
        assert_eq!(
            named,
            [
                ("", vec!["CONNECT", "TEMPORARY"]),
                ("a \", b", vec!["CONNECT", "CREATE*"]),
                ("o", vec!["CONNECT", "CREATE", "TEMPORARY"])
            ]
        );
        assert!(grants("none").is_empty());
    }
}
