//! What a query should give, and whether it did.

use rusqlite::types::Value as Found;
use serde_json::Value;

/// What a query should give.
#[derive(Debug, Clone, PartialEq, schemars::JsonSchema)]
pub(crate) enum Expected {
    Integer(i64),
    Real(f64),
    Text(String),
    Between { least: Option<f64>, most: Option<f64> },
}

impl Expected {
    /// From what was written behind `equals`.
    pub(crate) fn value(written: Value) -> Result<Self, String> {
        match written {
            Value::Bool(truth) => Ok(Self::Integer(i64::from(truth))),
            Value::String(text) => Ok(Self::Text(text)),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => Ok(Self::Integer(integer)),
                (None, Some(real)) => Ok(Self::Real(real)),
                (None, None) => Err("`equals` is a number that no database can give".into()),
            },
            Value::Null | Value::Array(_) | Value::Object(_) => {
                Err("`equals` takes a number, a text, `true` or `false`".into())
            }
        }
    }

    /// Whether this is what was expected. Numbers are compared by value, a text is never a number.
    pub(crate) fn is_met_by(&self, found: &Found) -> bool {
        match (self, found) {
            (Self::Integer(expected), Found::Integer(found)) => expected == found,
            (Self::Integer(expected), Found::Real(found)) => is_equal(*expected, *found),
            (Self::Real(expected), Found::Integer(found)) => is_equal(*found, *expected),
            (Self::Real(expected), Found::Real(found)) => expected == found,
            (Self::Text(expected), Found::Text(found)) => expected == found,
            (Self::Between { least, most }, Found::Integer(found)) => {
                is_between(*found as f64, *least, *most)
            }
            (Self::Between { least, most }, Found::Real(found)) => is_between(*found, *least, *most),
            _ => false,
        }
    }

    /// For people.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Integer(expected) => expected.to_string(),
            Self::Real(expected) => expected.to_string(),
            Self::Text(expected) => format!("'{expected}'"),
            Self::Between { least: Some(least), most: Some(most) } => format!("{least} to {most}"),
            Self::Between { least: Some(least), most: None } => format!("at least {least}"),
            Self::Between { least: None, most } => format!("at most {}", most.unwrap_or_default()),
        }
    }
}

/// A value as SQL writes it, for people.
pub(crate) fn shown(found: &Found) -> String {
    match found {
        Found::Null => "NULL".to_owned(),
        Found::Integer(number) => number.to_string(),
        Found::Real(number) => number.to_string(),
        Found::Text(text) => format!("'{text}'"),
        Found::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}

fn is_equal(integer: i64, real: f64) -> bool {
    real.fract() == 0.0 && real as i128 == i128::from(integer)
}

fn is_between(found: f64, least: Option<f64>, most: Option<f64>) -> bool {
    least.is_none_or(|least| found >= least) && most.is_none_or(|most| found <= most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_compared_by_what_they_are() {
        let text = |text: &str| Found::Text(text.to_owned());
        for (written, found, is_met) in [
            (json!(240), Found::Integer(240), true),
            (json!(240), Found::Integer(241), false),
            (json!(240), Found::Real(240.0), true),
            (json!(240), Found::Real(240.5), false),
            (json!(240), text("240"), false),
            (json!(0.5), Found::Real(0.5), true),
            (json!(2.0), Found::Integer(2), true),
            (json!("ok"), text("ok"), true),
            (json!("ok"), text("OK"), false),
            (json!("1"), Found::Integer(1), false),
            (json!(true), Found::Integer(1), true),
            (json!(false), Found::Integer(1), false),
            (json!(0), Found::Null, false),
            (json!("a"), Found::Blob(b"a".to_vec()), false),
            (json!(i64::MAX), Found::Integer(i64::MAX - 1), false),
        ] {
            assert_eq!(
                Expected::value(written.clone()).unwrap().is_met_by(&found),
                is_met,
                "{written} {found:?}"
            );
        }
        for written in [json!(null), json!([1]), json!({"a": 1})] {
            assert!(Expected::value(written).is_err());
        }
    }

    #[test]
    fn bounds_belong_to_what_is_allowed() {
        for (least, most, found, is_met) in [
            (Some(2.0), None, Found::Integer(2), true),
            (Some(2.0), None, Found::Integer(1), false),
            (None, Some(2.0), Found::Real(2.0), true),
            (None, Some(2.0), Found::Real(2.1), false),
            (Some(1.0), Some(2.0), Found::Integer(3), false),
            (Some(1.0), None, Found::Text("5".into()), false),
            (None, Some(1.0), Found::Null, false),
        ] {
            assert_eq!(
                Expected::Between { least, most }.is_met_by(&found),
                is_met,
                "{least:?} {most:?} {found:?}"
            );
        }
    }
}
