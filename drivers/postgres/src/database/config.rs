//! The component's keys in the migration file.

use std::collections::BTreeSet;
use std::time::Duration;

use backout_core::migration::{Claim, DurationText, SecretReference};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::door::Closing;
use crate::examine::Question;
use crate::recorder;
use crate::recover::Merge;
use crate::server::Address;

const USUAL_WAIT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// The keys of a `postgres.database`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Where it is and who we are there: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`, or a reference such as
    /// `${env:DATABASE_URL}`. A direct way to the server, no pooler.
    pub url: SecretReference,
    /// Another database of the same server, from where this one is shut and renamed; `postgres` unless given.
    #[serde(default)]
    pub maintenance: Option<String>,
    /// How its door is shut while it is put back.
    #[serde(default)]
    pub door: DoorConfig,
    /// What it is put back from: a `dump` in the vault, a `template`, which is a copy on the same server, or `both`; a dump
    /// unless given.
    #[serde(default)]
    pub restore_point: RestorePoint,
    /// How many workers read and write side by side; as many as there are processors unless given.
    #[serde(default)]
    pub jobs: Option<u8>,
    /// Questions of your own that are asked whenever the database is judged, with the answers that you expect.
    #[serde(default)]
    pub checks: Vec<Question>,
    /// How what users write is recorded.
    #[serde(default)]
    pub recorder: recorder::Config,
    /// How what users wrote is taken over where the migration changed a table.
    #[serde(default)]
    pub merge: Merge,
}

/// How its door is shut while it is put back.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DoorConfig {
    /// What is shut; `connections` unless given.
    #[serde(default)]
    pub close: Close,
    /// How long those inside are waited for; 30s unless given.
    #[serde(default)]
    pub wait: Option<DurationText>,
    /// Roles whose sessions may stay until the very moment of the exchange. Only for those that write nothing.
    #[serde(default)]
    pub except: BTreeSet<String>,
}

/// What a database is put back from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RestorePoint {
    /// A dump in the vault, proven wherever it is restored.
    #[default]
    Dump,
    /// A copy on the same server: quick, and gone with the server. Its door is shut while it is made.
    Template,
    /// The copy, and a dump that is made of it.
    Both,
}

/// What is shut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Close {
    /// Nobody comes in, and who is inside is sent out.
    #[default]
    Connections,
    /// Everybody is sent out once and comes back as a reader. A program that asks for a writing transaction by itself
    /// still gets one.
    ReadOnly,
}

impl Config {
    /// How the door is shut.
    pub(super) fn closing(&self) -> Closing {
        Closing {
            read_only: self.door.close == Close::ReadOnly,
            patience: self.door.wait.map_or(USUAL_WAIT, |wait| wait.0).min(LONGEST_WAIT),
            except: self.door.except.clone(),
        }
    }

    /// How many workers.
    pub(super) fn jobs(&self) -> usize {
        self.jobs.map_or_else(crate::dump::jobs, usize::from)
    }

    /// The address, where it holds no reference.
    fn literal(&self) -> Option<Address> {
        Address::parse(self.url.reveal().as_literal()?).ok()
    }

    /// Server and database for people, or the reference as it was written.
    pub(super) fn shown(&self) -> String {
        match self.literal() {
            Some(address) => address.shown(),
            // Only what stands between the braces: the rest may be a password.
            None => {
                let named: Vec<String> = self
                    .url
                    .reveal()
                    .references()
                    .map(|part| match part {
                        backout_core::migration::Part::Environment(name) => format!("${{env:{name}}}"),
                        backout_core::migration::Part::File(path) => format!("${{file:{path}}}"),
                        backout_core::migration::Part::Literal(_) => String::new(),
                    })
                    .collect();
                let named = backout_kit::path_text::encode(std::ffi::OsStr::new(&named.concat()));
                if named.is_empty() { "a database".to_owned() } else { format!("the database of {named}") }
            }
        }
    }

    /// The database; nothing where the address is a reference, for it is not known yet.
    pub(super) fn claims(&self) -> Vec<Claim> {
        let address = self.literal();
        let path = match &address {
            Some(address) => vec![address.place(), address.database.clone()],
            None => vec![self.shown()],
        };
        vec![Claim { space: "postgres".into(), path, parts: None }]
    }

    pub(super) fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        if let Some(text) = self.url.reveal().as_literal() {
            match Address::parse(text) {
                Err(error) => mistakes.push(format!(
                    "`url` is no address of a database ({}); {}",
                    error.source.map(|cause| cause.to_string()).unwrap_or_default(),
                    error.hints.join("; ")
                )),
                Ok(address) if self.maintenance.as_deref() == Some(&address.database) => {
                    mistakes
                        .push("`maintenance` is the database itself; it has to be another one".to_owned());
                }
                Ok(address) if ["template0", "template1"].contains(&address.database.as_str()) => {
                    mistakes.push("`url` names a template, from which every new database is made".to_owned());
                }
                Ok(_) => {}
            }
        }
        if self.maintenance.as_deref() == Some("") {
            mistakes.push("`maintenance` is empty; leave it out, or name a database".to_owned());
        }
        if self.jobs.is_some_and(|jobs| jobs == 0 || jobs > 64) {
            mistakes.push("`jobs` is a number from 1 to 64".to_owned());
        }
        if self.door.wait.is_some_and(|wait| wait.0 > LONGEST_WAIT) {
            mistakes.push("`door.wait` is longer than an hour".to_owned());
        }
        mistakes.extend(self.recorder.mistakes());
        mistakes.extend(self.merge.mistakes());
        mistakes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(json: &str) -> Config {
        serde_json::from_str(json).expect("a configuration")
    }

    #[test]
    fn a_target_shows_no_secret() {
        for (url, shown) in
            [("postgresql://u:hunter2@db:6432/shop", "shop on db:6432"), ("hunter2", "a database")]
        {
            let config = config(&format!("{{\"url\": \"{url}\"}}"));
            assert_eq!(config.shown(), shown);
            assert!(!format!("{config:?}").contains("hunter2"));
            assert!(!config.mistakes().concat().contains("hunter2"));
        }
        let reference = config(r#"{"url": "postgresql://u:hunter2@${env:HOST}/shop"}"#);
        assert_eq!(reference.shown(), "the database of ${env:HOST}");
    }

    #[test]
    fn mistakes_are_named() {
        for (keys, word) in [
            (r#""url": "postgresql://u@h/shop", "maintenance": "shop""#, "has to be another one"),
            (r#""url": "postgresql://u@h/template1""#, "a template"),
            (r#""url": "postgresql://u@h/shop", "jobs": 0"#, "`jobs`"),
            (r#""url": "postgresql://u@h/shop", "door": {"wait": "2h"}"#, "`door.wait`"),
            (r#""url": "shop""#, "no address"),
        ] {
            let mistakes = config(&format!("{{{keys}}}")).mistakes();
            assert!(mistakes.len() == 1 && mistakes.concat().contains(word), "{keys}: {mistakes:?}");
        }
    }

    #[test]
    fn one_server_is_claimed_once() {
        let path = |url: &str| config(&format!("{{\"url\": \"{url}\"}}")).claims().remove(0).path;
        assert_eq!(path("postgresql://a@localhost/shop"), path("postgresql://b:c@127.0.0.1:5432/shop"));
        assert_ne!(path("postgresql://a@localhost/shop"), path("postgresql://a@localhost:5433/shop"));
    }
}
