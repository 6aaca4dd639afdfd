//! The component's keys in the migration file.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use backout_core::migration::{Claim, DurationText, SecretReference};
use schemars::JsonSchema;
use serde::Deserialize;

use super::name::parse;
use crate::examine::Question;
use crate::recorder::Config as RecorderConfig;
use crate::recover::Merge;
use crate::server::{Address, TableName};

const USUAL_PATIENCE: Duration = Duration::from_secs(10);
const LONGEST_PATIENCE: Duration = Duration::from_secs(3600);
const MOST_JOBS: u32 = 64;

/// The keys of `postgres.tables`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TablesConfig {
    /// The database: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`.
    pub url: SecretReference,
    /// Tables, as `orders` or `billing.invoices`; a name that holds a dot or a quote stands in double quotes.
    #[serde(default)]
    pub tables: Vec<String>,
    /// Whole schemas: every table in them, also those that come later.
    #[serde(default)]
    pub schemas: Vec<String>,
    /// How many tables are read at a time; 2 unless given.
    #[serde(default)]
    pub jobs: Option<u32>,
    /// How what users write is recorded.
    #[serde(default)]
    pub recorder: RecorderConfig,
    /// How what users wrote is taken over where the migration changed a table.
    #[serde(default)]
    pub merge: Merge,
    /// Questions of your own, each with the answer that has to come.
    #[serde(default)]
    pub checks: Vec<Question>,
    /// How writes are kept out while the tables are put back, and who has to give way.
    #[serde(default)]
    pub door: DoorConfig,
}

/// How writes are kept out, and who has to give way.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DoorConfig {
    /// How long others may hold the tables before we give up or end them; 10s unless given.
    #[serde(default)]
    pub patience: Option<DurationText>,
    /// Whose sessions are ended when patience is over.
    #[serde(default)]
    pub ends: Ends,
}

/// Whose sessions are ended when patience is over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ends {
    /// Nobody's: the step fails and names them.
    Nobody,
    /// Those that have written to the tables and not committed; readers are waited for, and named.
    #[default]
    Writers,
    /// Those that read them, too.
    Everybody,
}

/// What a person named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) tables: Vec<TableName>,
    pub(super) schemas: Vec<String>,
}

impl TablesConfig {
    /// What is named, sorted, each once.
    pub(super) fn named(&self) -> Named {
        let tables: BTreeSet<TableName> = self.tables.iter().filter_map(|text| parse(text)).collect();
        let schemas: BTreeSet<String> = self.schemas.iter().cloned().collect();
        let tables = tables.into_iter().filter(|table| !schemas.contains(&table.schema)).collect();
        Named { tables, schemas: schemas.into_iter().collect() }
    }

    pub(super) fn patience(&self) -> Duration {
        self.door.patience.map_or(USUAL_PATIENCE, |patience| patience.0).min(LONGEST_PATIENCE)
    }

    pub(super) fn jobs(&self) -> u32 {
        self.jobs.unwrap_or(2).clamp(1, MOST_JOBS)
    }

    pub(super) fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        if self.tables.is_empty() && self.schemas.is_empty() {
            mistakes.push("neither `tables` nor `schemas` names anything to put back".to_owned());
        }
        for text in &self.tables {
            if parse(text).is_none() {
                let shown = backout_kit::path_text::encode(std::ffi::OsStr::new(text));
                mistakes
                    .push(format!("`tables` holds {shown}, which is no name; write TABLE or SCHEMA.TABLE"));
            }
        }
        if self.schemas.iter().any(|schema| schema.is_empty() || schema.contains('\0')) {
            mistakes.push("`schemas` holds an empty name".to_owned());
        }
        let named = self.named();
        let names = named.schemas.iter().chain(named.tables.iter().map(|table| &table.schema));
        for name in names {
            if name.starts_with("pg_") || name == "information_schema" || name.starts_with("_backout") {
                mistakes
                    .push(format!("{name} is a schema of the system's or of ours, and nobody's to put back"));
            }
        }
        if self.jobs.is_some_and(|jobs| jobs == 0 || jobs > MOST_JOBS) {
            mistakes.push(format!("`jobs` is a number from 1 to {MOST_JOBS}"));
        }
        mistakes.extend(self.recorder.mistakes());
        mistakes.extend(self.merge.mistakes());
        if self.door.patience.is_some_and(|patience| patience.0 > LONGEST_PATIENCE) {
            mistakes.push("`door.patience` is longer than an hour".to_owned());
        }
        mistakes
    }

    /// The tables for people, without the address, which may hold a password.
    pub(super) fn shown(&self) -> String {
        let named = self.named();
        let safe = |text: &str| backout_kit::path_text::encode(std::ffi::OsStr::new(text));
        let schemas = named.schemas.iter().map(|schema| format!("schema {}", safe(schema)));
        let names: Vec<String> = schemas.chain(named.tables.iter().map(ToString::to_string)).collect();
        match names.as_slice() {
            [] => "no table".to_owned(),
            [only] => {
                if only.starts_with("schema ") {
                    only.clone()
                } else {
                    format!("table {only}")
                }
            }
            [first, second] => format!("{first} and {second}"),
            [first, .., last] => format!("{first} … {last} ({} in all)", names.len()),
        }
    }

    /// Nothing where the address is a reference, for it is not known yet which database it names.
    pub(super) fn claims(&self, _root: &Path) -> Vec<Claim> {
        let named = self.named();
        let (space, path) = match Address::parse(self.url.reveal().as_written()) {
            Ok(address) => (format!("postgres://{}:{}", address.host, address.port), vec![address.database]),
            // The same reference leads to the same place.
            Err(_) => {
                let text = self.url.reveal().as_written();
                let digest = backout_core::digest::Digest::of_bytes("backout/postgres/url", text.as_bytes());
                (format!("postgres-url:{digest}"), Vec::new())
            }
        };
        let within = |rest: &[&str]| {
            let mut path = path.clone();
            path.extend(rest.iter().map(|piece| (*piece).to_owned()));
            Claim { space: space.clone(), path, parts: None }
        };
        let schemas = named.schemas.iter().map(|schema| within(&[schema]));
        schemas.chain(named.tables.iter().map(|table| within(&[&table.schema, &table.name]))).collect()
    }
}
