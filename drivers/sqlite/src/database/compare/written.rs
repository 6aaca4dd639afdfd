//! Values as texts that two sides write alike.
//!
//! In SQLite the type belongs to the value, not to the column, and `1` is not `'1'`. Numbers are written as PostgreSQL
//! writes them, blobs as its `bytea`, texts as they are. Where a value is of a type that its column is not for, or could
//! be taken for another, its type stands before it and a zero byte, which no other system's text has, behind it.
//!
//! | column | numbers | texts | blobs |
//! |---|---|---|---|
//! | text | with type | plain | with type |
//! | blob, undeclared | plain | plain; what reads like a number or a blob with type | plain |
//! | numeric | plain | plain; what reads like a number or a blob with type | plain |
//! | an expression | plain | plain | plain |
//! | any | | with a zero byte: with type; no UTF-8: as its bytes | |

use std::borrow::Cow;
use std::fmt::Write as _;

use backout_contract::compare::Value;
use rusqlite::types::ValueRef;
use sha2::{Digest as _, Sha256};

/// What a column is for, by its declared type as SQLite reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meant {
    /// Texts.
    Text,
    /// Floating numbers alone.
    Real,
    /// Anything else, numbers first.
    Other,
    /// Not a column: only the text counts.
    Expression,
}

impl Meant {
    /// By the rules for affinity of SQLite's documentation, in their order.
    pub(super) fn of(declared: &str) -> Self {
        let declared = declared.to_ascii_uppercase();
        let has = |part: &str| declared.contains(part);
        if has("INT") {
            Self::Other
        } else if has("CHAR") || has("CLOB") || has("TEXT") {
            Self::Text
        } else if !has("BLOB") && (has("REAL") || has("FLOA") || has("DOUB")) {
            Self::Real
        } else {
            Self::Other
        }
    }
}

/// A value as text; none for a null.
pub(super) fn written<'a>(value: ValueRef<'a>, meant: Meant) -> Option<Cow<'a, str>> {
    Some(match value {
        ValueRef::Null => return None,
        ValueRef::Integer(number) => number_in(meant, "integer", number.to_string()),
        ValueRef::Real(number) => number_in(meant, "real", real(number, meant == Meant::Real)),
        ValueRef::Blob(bytes) if meant == Meant::Text => typed("blob", &hex(bytes)),
        ValueRef::Blob(bytes) => hex(bytes).into(),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Err(_) => typed("bytes", &hex(bytes)),
            Ok(text) if text.contains('\0') => typed("text", text),
            Ok(text) => match meant {
                Meant::Real | Meant::Other if is_like_another(text) => typed("text", text),
                _ => text.into(),
            },
        },
    })
}

/// The value that was written so, to look for it.
pub(super) fn read(text: &str, meant: Meant) -> rusqlite::types::Value {
    use rusqlite::types::Value as Sql;
    let blob = |hex: &str| from_hex(hex).map_or_else(|| Sql::Text(text.to_owned()), Sql::Blob);
    let number = |text: &str| match (text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(number), _) => Some(Sql::Integer(number)),
        (_, Ok(number)) => Some(Sql::Real(number)),
        _ => None,
    };
    if let Some((kind, inner)) = text.strip_suffix('\0').and_then(|text| text.split_once(':')) {
        return match kind {
            "blob" | "bytes" => blob(inner),
            "text" => Sql::Text(inner.to_owned()),
            _ => number(inner).unwrap_or_else(|| Sql::Text(text.to_owned())),
        };
    }
    match meant {
        Meant::Text | Meant::Expression => Sql::Text(text.to_owned()),
        Meant::Real | Meant::Other if text.starts_with("\\x") => blob(text),
        Meant::Real | Meant::Other => number(text).unwrap_or_else(|| Sql::Text(text.to_owned())),
    }
}

/// A text for people, cut where it is long.
pub(super) fn value(text: &str) -> Value {
    let mut ends = text.char_indices().skip(Value::LONGEST);
    let Some((end, _)) = ends.next() else { return Value { text: text.to_owned(), cut: None } };
    let digest = Sha256::digest(text.as_bytes());
    let digest = digest.iter().fold(String::with_capacity(64), |mut all, byte| {
        let _ = write!(all, "{byte:02x}");
        all
    });
    Value { text: text.get(..end).unwrap_or_default().to_owned(), cut: Some((text.len() as u64, digest)) }
}

fn typed<'a>(kind: &str, text: &str) -> Cow<'a, str> {
    format!("{kind}:{text}\0").into()
}

fn number_in<'a>(meant: Meant, kind: &str, text: String) -> Cow<'a, str> {
    if meant == Meant::Text { typed(kind, &text) } else { text.into() }
}

fn is_like_another(text: &str) -> bool {
    text.parse::<f64>().is_ok() || text.starts_with("\\x")
}

/// As PostgreSQL writes a `double precision`; in a column that may hold integers too, never like an integer.
fn real(number: f64, alone: bool) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let exponent: i32 =
        scientific.split_once('e').and_then(|(_, text)| text.parse().ok()).unwrap_or_default();
    if (-4..15).contains(&exponent) {
        let plain = format!("{number}");
        return if alone || plain.contains('.') { plain } else { plain + ".0" };
    }
    let digits = scientific.split_once('e').map_or(scientific.as_str(), |(digits, _)| digits);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::from("\\x"), |mut all, byte| {
        let _ = write!(all, "{byte:02x}");
        all
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [ValueRef<'static>; 18] = [
        ValueRef::Null,
        ValueRef::Integer(1),
        ValueRef::Real(1.0),
        ValueRef::Text(b"1"),
        ValueRef::Text(b"1.0"),
        ValueRef::Blob(b"1"),
        ValueRef::Text(b"\\x31"),
        ValueRef::Text(b""),
        ValueRef::Blob(b""),
        ValueRef::Text(b"\\x"),
        ValueRef::Text(b"NULL"),
        ValueRef::Text(b"integer:1"),
        ValueRef::Text(b"integer:1\0"),
        ValueRef::Text(b"a\0b"),
        ValueRef::Text(b"\xff"),
        ValueRef::Text(b"\\xff"),
        ValueRef::Real(f64::INFINITY),
        ValueRef::Text(b"Infinity"),
    ];

    #[test]
    fn no_two_values_of_a_column_are_written_alike() {
        for meant in [Meant::Text, Meant::Other] {
            for (at, one) in ALL.iter().enumerate() {
                for (of, other) in ALL.iter().enumerate() {
                    assert_eq!(written(*one, meant) == written(*other, meant), at == of, "{one:?} {other:?}");
                }
            }
        }
    }

    #[test]
    fn what_was_written_is_read_again() {
        for meant in [Meant::Text, Meant::Other, Meant::Real] {
            for one in ALL {
                let (Some(text), false) = (written(one, meant), one == ValueRef::Text(b"\xff")) else {
                    continue;
                };
                let again = read(&text, meant);
                // A column for floating numbers makes one of any integer.
                if !(meant == Meant::Real && one == ValueRef::Integer(1) || one == ValueRef::Real(1.0)) {
                    assert_eq!(ValueRef::from(&again), one, "{text:?}");
                }
            }
        }
    }

    #[test]
    fn numbers_are_written_as_postgresql_writes_them() {
        for (number, text) in [
            (0.1, "0.1"),
            (-0.0, "-0"),
            (1.0, "1"),
            (1e14, "100000000000000"),
            (1e15, "1e+15"),
            (1.5e300, "1.5e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(real(number, true), text);
        }
        assert_eq!(real(1.0, false), "1.0");
        assert_eq!(written(ValueRef::Blob(b"\x00\xff"), Meant::Other).unwrap(), "\\x00ff");
    }

    #[test]
    fn long_texts_are_cut_and_still_told_apart() {
        let long = "ä".repeat(Value::LONGEST);
        assert_eq!(value(&long).cut, None);
        let (one, other) = (value(&format!("{long}b")), value(&format!("{long}c")));
        assert_eq!(one.text, long);
        assert_eq!(one.cut.as_ref().map(|(bytes, _)| *bytes), Some(2001));
        assert_ne!(one, other);
    }
}
