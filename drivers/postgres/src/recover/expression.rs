//! What can be told of an SQL expression without a server.

/// Whether an expression reads a column.
pub(super) fn names(expression: &str, column: &str) -> bool {
    if expression.contains(&format!("\"{}\"", column.replace('"', "\"\""))) {
        return true;
    }
    let is_part = |sign: char| sign.is_alphanumeric() || sign == '_';
    expression.split(|sign| !is_part(sign)).any(|word| word.to_lowercase() == column)
}

/// The value of a default that is a constant: `'open'::text`, `0`, `true`.
pub(super) fn plain_value(default: &str) -> Option<String> {
    if let Some(rest) = default.strip_prefix('\'') {
        let end = rest.replace("''", "\u{0}\u{0}").find('\'')?;
        return Some(rest.get(..end)?.replace("''", "'"));
    }
    match default {
        "true" => Some("t".to_owned()),
        "false" => Some("f".to_owned()),
        number => number.parse::<f64>().is_ok().then(|| number.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_and_names_in_expressions() {
        for (default, expected) in [
            ("'open'::text", Some("open")),
            ("'it''s'::character varying", Some("it's")),
            ("0", Some("0")),
            ("false", Some("f")),
            ("now()", None),
            ("nextval('t_id_seq'::regclass)", None),
        ] {
            assert_eq!(plain_value(default).as_deref(), expected, "{default}");
        }
        assert!(names("first_name || ' '", "first_name"));
        assert!(names("\"First Name\" || ''", "First Name"));
        assert!(!names("first_name", "name"));
    }
}
