//! The properties of a database as an object of its schema, so that they are saved, compared and put back like any.

use crate::catalog::Object;
use crate::server::identifier;

use super::properties::Properties;

impl Properties {
    /// What the object is called. Not after the database: a copy has another name.
    pub(crate) const OBJECT: &str = "database";

    /// As an object.
    pub(crate) fn to_object(&self) -> Object {
        let mut object = Object::default();
        let mut put = |name: String, value: &str| drop(object.parts.insert(name, value.to_owned()));
        for (name, value) in [
            ("owner", Some(&self.owner)),
            ("encoding", Some(&self.encoding)),
            ("collation", Some(&self.collation)),
            ("character type", Some(&self.character_type)),
            ("locale provider", (self.provider != "c").then_some(&self.provider)),
            ("locale", self.locale.as_ref()),
            ("collation rules", self.rules.as_ref()),
            ("tablespace", (self.tablespace != "pg_default").then_some(&self.tablespace)),
            ("comment", (!self.comment.is_empty()).then_some(&self.comment)),
        ] {
            if let Some(value) = value {
                put(name.to_owned(), value);
            }
        }
        if self.limit != -1 {
            put("connection limit".to_owned(), &self.limit.to_string());
        }
        if self.is_template {
            put("template".to_owned(), "yes");
        }
        for (role, rights) in &self.grants {
            let role = if role.is_empty() { "PUBLIC".to_owned() } else { identifier(role) };
            let rights: Vec<&str> = rights.iter().map(String::as_str).collect();
            put(format!("grants to {role}"), &rights.join(", "));
        }
        for ((name, role), value) in &self.settings {
            let of = if role.is_empty() { String::new() } else { format!(" of {}", identifier(role)) };
            put(format!("setting {name}{of}"), value);
        }
        object
    }

    /// From what [`to_object`](Self::to_object) made.
    pub(crate) fn of_object(object: &Object) -> Self {
        let get = |name: &str| object.parts.get(name).cloned();
        let mut properties = Self {
            owner: get("owner").unwrap_or_default(),
            encoding: get("encoding").unwrap_or_default(),
            collation: get("collation").unwrap_or_default(),
            character_type: get("character type").unwrap_or_default(),
            provider: get("locale provider").unwrap_or_else(|| "c".to_owned()),
            locale: get("locale"),
            rules: get("collation rules"),
            tablespace: get("tablespace").unwrap_or_else(|| "pg_default".to_owned()),
            limit: get("connection limit").and_then(|text| text.parse().ok()).unwrap_or(-1),
            is_template: get("template").is_some(),
            comment: get("comment").unwrap_or_default(),
            ..Self::default()
        };
        for (name, value) in &object.parts {
            if let Some(role) = name.strip_prefix("grants to ") {
                let role = if role == "PUBLIC" { String::new() } else { unquoted(role) };
                properties.grants.insert(role, value.split(", ").map(str::to_owned).collect());
            } else if let Some(setting) = name.strip_prefix("setting ") {
                let (name, role) = setting.split_once(" of ").unwrap_or((setting, ""));
                properties.settings.insert((name.to_owned(), unquoted(role)), value.clone());
            }
        }
        properties
    }
}

fn unquoted(name: &str) -> String {
    let inner = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
    inner.map_or_else(|| name.to_owned(), |inner| inner.replace("\"\"", "\""))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_object_gives_back_what_it_was_made_from() {
        let mut properties = Properties {
            owner: "todo".into(),
            encoding: "UTF8".into(),
            collation: "C".into(),
            character_type: "C".into(),
            provider: "i".into(),
            locale: Some("de-DE".into()),
            tablespace: "fast".into(),
            limit: 7,
            comment: "two\nlines".into(),
            ..Properties::default()
        };
        for role in ["", "PUBLIC", "a\" of \"b"] {
            let rights = BTreeSet::from(["CONNECT".to_owned(), "CREATE*".to_owned()]);
            properties.grants.insert(role.into(), rights);
            properties.settings.insert(("search_path".into(), role.into()), "\"$user\", public".into());
        }
        assert_eq!(Properties::of_object(&properties.to_object()), properties);
    }
}
