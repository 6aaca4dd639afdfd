//! The component's keys in the migration file.

use std::collections::BTreeSet;
use std::time::Duration;

use backout_core::migration::{Claim, DurationText, SecretReference};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::door::Closing;
use crate::recorder;
use crate::recover::Merge;
use crate::replication::{safe, shown_url};
use crate::server::Address;

const USUAL_WAIT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// The keys of a `postgres.endpoint`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointConfig {
    /// The database that users wrote to before the migration, and that lives on. A direct way to the server, no pooler.
    pub old: SecretReference,
    /// The database that they write to since.
    pub new: SecretReference,
    /// The roles as which applications connect; everybody who may connect, but us, unless given.
    #[serde(default)]
    pub roles: BTreeSet<String>,
    /// Another database of the old server, from where the old one's door is shut; `postgres` unless given.
    #[serde(default)]
    pub old_maintenance: Option<String>,
    /// The same of the new server.
    #[serde(default)]
    pub new_maintenance: Option<String>,
    /// How long sessions are waited for that are sent out; 30s unless given.
    #[serde(default)]
    pub wait: Option<DurationText>,
    /// A stream that carries what is written on the new side to the old one all the time.
    #[serde(default)]
    pub reverse: Option<Reverse>,
    /// How what users write on the new side is recorded.
    #[serde(default)]
    pub recorder: recorder::Config,
    /// How it is taken over to the old side, where the migration changed a table.
    #[serde(default)]
    pub merge: Merge,
}

/// A stream from the new side to the old.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reverse {
    /// The subscription of the old database that follows the new one.
    pub subscription: String,
}

impl EndpointConfig {
    pub(super) fn closing(&self) -> Closing {
        Closing {
            read_only: false,
            patience: self.wait.map_or(USUAL_WAIT, |wait| wait.0).min(LONGEST_WAIT),
            except: BTreeSet::new(),
        }
    }

    /// Both sides for people.
    pub(super) fn shown(&self) -> String {
        format!("writers on {} (new: {})", shown_url(&self.old), shown_url(&self.new))
    }

    /// Both databases, as far as they are known yet.
    pub(super) fn claims(&self) -> Vec<Claim> {
        let of = |url: &SecretReference| {
            let address = url.reveal().as_literal().and_then(|text| Address::parse(text).ok());
            let path = match address {
                Some(address) => vec![format!("{}:{}", address.host, address.port), address.database],
                None => vec![shown_url(url)],
            };
            Claim { space: "postgres".to_owned(), path, parts: None }
        };
        vec![of(&self.old), of(&self.new)]
    }

    pub(super) fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        let mut sides = Vec::new();
        for (key, url) in [("old", &self.old), ("new", &self.new)] {
            if let Some(text) = url.reveal().as_literal() {
                match Address::parse(text) {
                    Ok(address) => sides.push((address.host.clone(), address.port, address.database)),
                    Err(error) => mistakes.push(format!(
                        "`{key}` is no address of a database ({})",
                        error.source.map(|cause| cause.to_string()).unwrap_or_default()
                    )),
                }
            }
        }
        if let [old, new] = sides.as_slice()
            && old == new
        {
            mistakes.push("`old` and `new` are the same database".to_owned());
        }
        if self.old.reveal() == self.new.reveal() && mistakes.is_empty() {
            mistakes.push("`old` and `new` are the same address".to_owned());
        }
        if let Some(role) = self.roles.iter().find(|role| role.is_empty()) {
            mistakes.push(format!("`roles` holds an empty name{}", safe(role)));
        }
        if self.reverse.as_ref().is_some_and(|reverse| reverse.subscription.is_empty()) {
            mistakes.push("`reverse.subscription` is empty".to_owned());
        }
        if self.wait.is_some_and(|wait| wait.0 > LONGEST_WAIT) {
            mistakes.push("`wait` is longer than an hour".to_owned());
        }
        mistakes.extend(self.recorder.mistakes());
        mistakes.extend(self.merge.mistakes());
        mistakes
    }

    /// Whether this grantee (empty: everybody) is one through whom applications come in.
    pub(super) fn concerns(&self, grantee: &str) -> bool {
        self.roles.is_empty() || grantee.is_empty() || self.roles.contains(grantee)
    }
}
