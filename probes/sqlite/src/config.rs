//! What a person writes about a query.

use std::time::Duration;

use backout_core::migration::{DurationText, Reference};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::expected::Expected;
use crate::query;

/// The keys of a probe `sqlite`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(try_from = "Keys")]
pub struct Config {
    pub(crate) path: Reference,
    pub(crate) query: String,
    pub(crate) expected: Expected,
    pub(crate) timeout: DurationText,
}

/// The keys as they are written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keys {
    /// The database file, relative to the migration file.
    path: Reference,
    /// One `SELECT` that gives one value.
    query: String,
    /// The value that it must give: a number, a text, or `true` and `false` for 1 and 0.
    #[serde(default)]
    equals: Option<Value>,
    /// The least number that it may give.
    #[serde(default)]
    at_least: Option<f64>,
    /// The greatest number that it may give.
    #[serde(default)]
    at_most: Option<f64>,
    /// How long everything may take.
    #[serde(default = "timeout")]
    timeout: DurationText,
}

fn timeout() -> DurationText {
    DurationText(Duration::from_secs(5))
}

impl TryFrom<Keys> for Config {
    type Error = String;

    fn try_from(keys: Keys) -> Result<Self, String> {
        query::is_select(&keys.query)?;
        let expected = match (keys.equals, keys.at_least, keys.at_most) {
            (Some(value), None, None) => Expected::value(value)?,
            (None, None, None) => {
                return Err(
                    "`equals`, `at_least` or `at_most` is missing: say what the query should give".into()
                );
            }
            (None, least, most) => Expected::Between { least, most },
            (Some(_), _, _) => return Err("`equals` stands alone, without `at_least` and `at_most`".into()),
        };
        Ok(Self { path: keys.path, query: keys.query, expected, timeout: keys.timeout })
    }
}
