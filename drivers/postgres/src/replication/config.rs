//! The component's keys in the migration file.

use std::collections::BTreeSet;

use backout_core::digest::Digest;
use backout_core::migration::{Claim, Part, SecretReference};
use backout_kit::path_text;
use schemars::JsonSchema;
use serde::Deserialize;

use super::aside;
use crate::server::Address;

/// The keys of a `postgres.replication`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplicationConfig {
    /// The database that publishes or subscribes: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`.
    pub url: SecretReference,
    /// Publications of the migration, whether they exist already or not.
    #[serde(default)]
    pub publications: BTreeSet<String>,
    /// Its subscriptions.
    #[serde(default)]
    pub subscriptions: BTreeSet<String>,
    /// Its replication slots on this server.
    #[serde(default)]
    pub slots: BTreeSet<String>,
}

impl ReplicationConfig {
    /// What it is about and where, for people.
    pub(super) fn shown(&self) -> String {
        let mut named = Vec::new();
        for (what, names) in [
            ("publication", &self.publications),
            ("subscription", &self.subscriptions),
            ("slot", &self.slots),
        ] {
            named.extend(names.iter().map(|name| format!("{what} {}", safe(name))));
        }
        format!("{} in {}", named.join(", "), shown_url(&self.url))
    }

    pub(super) fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        let of_database = self.publications.iter().chain(&self.subscriptions);
        if of_database.clone().chain(&self.slots).next().is_none() {
            mistakes.push(
                "nothing is named; list `publications`, `subscriptions` or `slots` of the migration".into(),
            );
        }
        for name in of_database {
            if name.is_empty() || name.len() > aside::LONGEST || name.contains('\0') {
                mistakes.push(format!("`{}` is no name: one has 1 to 63 bytes", safe(name)));
            }
        }
        for name in &self.slots {
            let is_slot = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            if name.is_empty() || name.len() > aside::LONGEST || !name.chars().all(is_slot) {
                mistakes.push(format!(
                    "`{}` is no name of a slot: one is made of a-z, 0-9 and `_`, and has 1 to 63 of them",
                    safe(name)
                ));
            }
        }
        let named = self.publications.iter().chain(&self.subscriptions).chain(&self.slots);
        for name in named.filter(|name| name.starts_with("_backout")) {
            mistakes.push(format!("`{}` begins with `_backout`, which is reserved", safe(name)));
        }
        mistakes
    }

    /// Each name by itself, so that several components can share a database.
    pub(super) fn claims(&self) -> Vec<Claim> {
        let (server, database) = claimed_url(&self.url);
        let of = |what: &str, names: &BTreeSet<String>, path: Vec<String>| Claim {
            space: format!("{server} {what}"),
            path,
            parts: Some(names.clone()),
        };
        [
            of("publications", &self.publications, vec![database.clone()]),
            of("subscriptions", &self.subscriptions, vec![database]),
            // A slot's name is unique in its server.
            of("slots", &self.slots, Vec::new()),
        ]
        .into_iter()
        .filter(|claim| claim.parts.as_ref().is_some_and(|parts| !parts.is_empty()))
        .collect()
    }
}

/// An address for people, before anything is resolved: never a password.
pub(crate) fn shown_url(url: &SecretReference) -> String {
    match url.reveal().parts() {
        [Part::Literal(text)] => Address::parse(text).map_or_else(|_| "a database".into(), |at| at.shown()),
        [Part::Environment(_) | Part::File(_)] => safe(url.reveal().as_written()),
        _ => "a database".to_owned(),
    }
}

/// Server and database as far as they are known before anything is resolved, to find two components on one thing.
pub(crate) fn claimed_url(url: &SecretReference) -> (String, String) {
    match url.reveal().parts() {
        [Part::Literal(text)] => match Address::parse(text) {
            Ok(address) => (format!("postgres://{}:{}", address.host, address.port), address.database),
            Err(_) => ("postgres".to_owned(), String::new()),
        },
        // What is made of several pieces may hold a password, and two such are one thing only if all agree.
        _ => (
            "postgres".to_owned(),
            Digest::of_bytes("address", url.reveal().as_written().as_bytes()).to_string(),
        ),
    }
}

/// A name from a person or a server, safe for a terminal.
pub(crate) fn safe(name: &str) -> String {
    path_text::encode(std::ffi::OsStr::new(name))
}
