//! What a program printed: JSON where it is, text otherwise.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// More digits than this may not survive in a binary fraction.
const EXACT_DIGITS: usize = 17;

/// What a program printed.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(Debug))]
#[serde(tag = "form", content = "value", rename_all = "kebab-case")]
pub enum Content {
    /// JSON. Blanks and the order of keys mean nothing and are not kept.
    Json(Value),
    /// Anything else, kept as it is.
    Text(String),
}

impl Content {
    /// Reads what a program printed.
    pub fn read(text: String) -> Self {
        match serde_json::from_str(&text) {
            Ok(value) if !has_long_numbers(&text) => Self::Json(value),
            _ => Self::Text(text),
        }
    }

    /// What a program reads.
    pub fn written(&self) -> Vec<u8> {
        match self {
            Self::Json(value) => format!("{value}\n").into_bytes(),
            Self::Text(text) => text.clone().into_bytes(),
        }
    }

    /// What must match exactly.
    pub fn shape(&self) -> Value {
        match self {
            Self::Json(value) => serde_json::json!({ "json": value }),
            Self::Text(text) => serde_json::json!({ "text": text }),
        }
    }
}

/// Whether numbers stand there that reading would round: the text is then kept as text.
fn has_long_numbers(json: &str) -> bool {
    let (mut in_string, mut is_escaped) = (false, false);
    let outside: String = json
        .chars()
        .map(|character| {
            let was_in_string = in_string;
            match character {
                '"' if !is_escaped => in_string = !in_string,
                _ => {}
            }
            is_escaped = was_in_string && character == '\\' && !is_escaped;
            if was_in_string { ' ' } else { character }
        })
        .collect();
    outside
        .split(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-')))
        .filter(|number| number.len() > EXACT_DIGITS)
        .any(|number| number.parse::<i64>().is_err() && number.parse::<u64>().is_err())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_is_json_and_nothing_is_rounded() {
        for (text, expected) in [
            ("{\"a\": 1}\n", Some(json!({"a": 1}))),
            ("18446744073709551615", Some(json!(u64::MAX))),
            ("[1.5, \"\\\"12345678901234567890123\"]", Some(json!([1.5, "\"12345678901234567890123"]))),
            ("[\"\\\\\", 12345678901234567890123]", None),
            ("12345678901234567890123", None),
            ("0.12345678901234567890", None),
            ("", None),
            ("plain\n", None),
            ("{\"a\":", None),
        ] {
            match (Content::read(text.to_owned()), expected) {
                (Content::Json(value), Some(expected)) => assert_eq!(value, expected, "{text}"),
                (Content::Text(kept), None) => assert_eq!(kept, text),
                (content, expected) => panic!("{text}: {content:?} instead of {expected:?}"),
            }
        }
    }

    #[test]
    fn what_was_read_is_written_again() {
        assert_eq!(Content::read("a\r\nb".into()).written(), b"a\r\nb");
        assert_eq!(Content::read("{ \"b\": 1,\n \"a\": 2 }".into()).written(), b"{\"a\":2,\"b\":1}\n");
    }
}
