//! Which statuses are fine.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};

/// Ranges of statuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statuses(Vec<RangeInclusive<u16>>);

impl Statuses {
    /// Whether a status is fine.
    pub fn contain(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }

    fn read(text: &str) -> Option<RangeInclusive<u16>> {
        let status = |text: &str| text.trim().parse().ok().filter(|status| (100..=599).contains(status));
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (status(first)?, status(last)?);
        (first <= last).then_some(first..=last)
    }
}

impl Default for Statuses {
    fn default() -> Self {
        Self(vec![200..=299])
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ranges = self.0.iter().map(|range| match (range.start(), range.end()) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}-{last}"),
        });
        f.write_str(&ranges.collect::<Vec<_>>().join(" or "))
    }
}

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ranges;
        impl<'de> Visitor<'de> for Ranges {
            type Value = Statuses;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a status such as `200`, a range such as `200-299`, or a list of them")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Statuses, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Statuses, E> {
                let range = Statuses::read(text);
                let range = range.ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))?;
                Ok(Statuses(vec![range]))
            }
            fn visit_seq<S: SeqAccess<'de>>(self, mut items: S) -> Result<Statuses, S::Error> {
                let mut all = Vec::new();
                while let Some(Statuses(ranges)) = items.next_element()? {
                    all.extend(ranges);
                }
                if all.is_empty() { Err(de::Error::invalid_length(0, &self)) } else { Ok(Statuses(all)) }
            }
        }
        deserializer.deserialize_any(Ranges)
    }
}

impl JsonSchema for Statuses {
    fn schema_name() -> Cow<'static, str> {
        "Statuses".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = serde_json::json!([
            { "type": "integer", "minimum": 100, "maximum": 599 },
            { "type": "string", "pattern": "^[1-5][0-9]{2} *- *[1-5][0-9]{2}$" }
        ]);
        schemars::json_schema!({
            "description": "A status such as 200, a range such as 200-299, or a list of them.",
            "anyOf": [one[0], one[1], { "type": "array", "minItems": 1, "items": { "anyOf": one } }]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn statuses_are_read_and_told() {
        for (written, expected) in [
            (json!(200), Some("200")),
            (json!("200"), Some("200")),
            (json!("200-299"), Some("200-299")),
            (json!([200, "301 - 302"]), Some("200 or 301-302")),
            (json!([]), None),
            (json!(99), None),
            (json!(600), None),
            (json!("299-200"), None),
            (json!("2xx"), None),
            (json!("fine"), None),
        ] {
            let read: Option<Statuses> = serde_json::from_value(written.clone()).ok();
            assert_eq!(read.map(|read| read.to_string()).as_deref(), expected, "{written}");
        }
        let statuses: Statuses = serde_json::from_value(json!([200, "301-302"])).unwrap();
        for (status, fine) in
            [(200, true), (201, false), (300, false), (301, true), (302, true), (303, false)]
        {
            assert_eq!(statuses.contain(status), fine, "{status}");
        }
    }
}
