//! Places in JSON, and whether what stands there is what is expected.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde_json::Value;

/// The longest value that is shown, in characters.
const LONGEST_SHOWN: usize = 60;

/// A place in JSON, kept as a pointer (`/a/0/b`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    written: String,
    pointer: String,
}

impl Place {
    fn read(written: &str) -> Option<Self> {
        let pointer = match written.strip_prefix('.') {
            Some("") => String::new(),
            Some(path) if path.split('.').all(|key| !key.is_empty()) => {
                path.split('.').map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1"))).collect()
            }
            None if written.starts_with('/') => written.to_owned(),
            _ => return None,
        };
        Some(Self { written: written.to_owned(), pointer })
    }

    /// What is wrong with the value that stands there, if anything.
    pub fn judge(&self, answer: &Value, expected: &Value) -> Option<String> {
        match answer.pointer(&self.pointer) {
            Some(found) if is_same(found, expected) => None,
            Some(found) => {
                Some(format!("{} is {} instead of {}", self.written, shown(found), shown(expected)))
            }
            None => Some(format!("{} is not there", self.written)),
        }
    }
}

/// `1` and `1.0` are one number.
fn is_same(one: &Value, two: &Value) -> bool {
    match (one, two) {
        (Value::Number(one), Value::Number(two)) => one == two || one.as_f64() == two.as_f64(),
        (Value::Array(one), Value::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| is_same(one, two))
        }
        (Value::Object(one), Value::Object(two)) => {
            one.len() == two.len()
                && one.iter().all(|(key, one)| two.get(key).is_some_and(|two| is_same(one, two)))
        }
        _ => one == two,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(keys) => format!("a map of {}", keys.len()),
        // JSON escapes control characters; the others that deceive are escaped here.
        scalar => crate::shown::short(&scalar.to_string(), LONGEST_SHOWN),
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Place;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a place in JSON such as `/status` or `.status`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Place, E> {
                Place::read(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl JsonSchema for Place {
    fn schema_name() -> Cow<'static, str> {
        "Place".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[/.]" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn places_are_found_and_differences_told() {
        let answer = json!({"status": "up", "a/b": {"c.d": [1, 2.0]}, "none": null, "long": "x".repeat(99)});
        let long = format!("/long is \"{}… instead of 1", "x".repeat(59));
        for (place, expected, said) in [
            ("/status", json!("up"), None),
            (".status", json!("up"), None),
            ("/status", json!("down"), Some("/status is \"up\" instead of \"down\"")),
            ("/a~1b/c.d/1", json!(2), None),
            (".a/b", json!(1), Some(".a/b is a map of 1 instead of 1")),
            ("/a~1b/c.d", json!([1, 2]), None),
            ("/a~1b/c.d", json!([1]), Some("/a~1b/c.d is a list of 2 instead of a list of 1")),
            ("/none", json!(null), None),
            ("/absent", json!(null), Some("/absent is not there")),
            ("/status/0", json!("u"), Some("/status/0 is not there")),
            ("/long", json!(1), Some(long.as_str())),
        ] {
            let judged = Place::read(place).unwrap().judge(&answer, &expected);
            assert_eq!(judged.as_deref(), said, "{place}");
        }
        assert_eq!(Place::read(".").unwrap().judge(&json!(1), &json!(1.0)), None);
        for wrong in ["status", "", "..a", ".a."] {
            assert!(Place::read(wrong).is_none(), "{wrong}");
        }
    }
}
