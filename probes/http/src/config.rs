//! What a person writes about a request.

use std::collections::BTreeMap;
use std::time::Duration;

use backout_core::migration::{DurationText, Reference, SecretReference};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::json::Place;
use crate::status::Statuses;

/// The keys of a probe `http`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The address. User names, passwords and queries in it are never shown.
    pub url: Reference,
    /// The method.
    #[serde(default)]
    pub method: Method,
    /// Headers of the request.
    #[serde(default)]
    pub headers: BTreeMap<String, SecretReference>,
    /// What is sent; as JSON if it looks so and no header says otherwise.
    #[serde(default)]
    pub body: Option<SecretReference>,
    /// The statuses that are fine: `200`, `200-299`, or a list. Without it, 200 to 299.
    #[serde(default)]
    pub status: Statuses,
    /// A text that the answer must contain.
    #[serde(default)]
    pub contains: Option<String>,
    /// Values that must stand in the JSON of the answer, by their place: `/status`, or `.status`.
    #[serde(default)]
    pub json: BTreeMap<Place, Value>,
    /// How long everything may take.
    #[serde(default = "timeout")]
    pub timeout: DurationText,
    /// Whether redirects are followed.
    #[serde(default)]
    pub redirects: Redirects,
}

/// What is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    #[default]
    Get,
    /// Reads without a body.
    Head,
    /// Sends the body.
    Post,
}

impl Method {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
        }
    }
}

/// What becomes of redirects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Redirects {
    /// They are the answer.
    #[default]
    Refuse,
    /// The answer is what they lead to, over ten of them at most.
    Follow,
}

fn timeout() -> DurationText {
    DurationText(Duration::from_secs(5))
}
