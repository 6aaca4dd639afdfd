//! Names and texts within SQL. Every name that comes from a server or a person passes through here.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A name, quoted. Names cannot hold NUL.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text, quoted; the same whatever `standard_conforming_strings` is.
pub(crate) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!(" E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// A table by schema and name. Prints as people write it, `orders` for one in `public`, safe for a terminal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct TableName {
    /// The schema.
    pub(crate) schema: String,
    /// Its name in it.
    pub(crate) name: String,
}

impl TableName {
    /// From its two parts.
    pub(crate) fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: schema.into(), name: name.into() }
    }

    /// For SQL: both parts, quoted.
    pub(crate) fn sql(&self) -> String {
        format!("{}.{}", identifier(&self.schema), identifier(&self.name))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let safe = |text: &str| backout_kit::path_text::encode(std::ffi::OsStr::new(text));
        if self.schema == "public" {
            f.write_str(&safe(&self.name))
        } else {
            write!(f, "{}.{}", safe(&self.schema), safe(&self.name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold() {
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\'b"), " E'a\\\\''b'");
        assert_eq!(TableName::new("public", "tasks").to_string(), "tasks");
        assert_eq!(TableName::new("Öl", "a.b").sql(), "\"Öl\".\"a.b\"");
    }
}
