//! Names: those that people write, and those of what we put into a database.

use backout_contract::Context;
use backout_core::digest::Digest;
use backout_core::name::RunId;

use super::config::Named;
use crate::server::TableName;

/// How long a run may be called before it is shortened: a name has at most 63 bytes.
const LONGEST_RUN: usize = 16;

/// A table as people write it: `orders`, `billing.invoices`, `"a.b"."c""d"`. Letters stay as they are written.
pub(super) fn parse(text: &str) -> Option<TableName> {
    let (first, rest) = piece(text)?;
    let name = match rest.strip_prefix('.') {
        Some(second) => {
            let (second, rest) = piece(second)?;
            (rest.is_empty()).then_some(TableName::new(first, second))?
        }
        None if rest.is_empty() => TableName::new("public", first),
        None => return None,
    };
    let fits = |text: &str| !text.is_empty() && !text.contains('\0');
    (fits(&name.schema) && fits(&name.name)).then_some(name)
}

/// The first name of a text, and what follows it.
fn piece(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find('.').unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        return (!name.contains('"')).then(|| (name.to_owned(), rest));
    };
    let mut name = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' if characters.next_if(|(_, next)| *next == '"').is_some() => name.push('"'),
            '"' => return quoted.get(at + 1..).map(|rest| (name, rest)),
            other => name.push(other),
        }
    }
    None
}

/// What a component is called within its database: the same for the same tables, whoever names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartKey(String);

impl PartKey {
    pub(super) fn of(named: &Named) -> Self {
        let tables: Vec<String> = named.tables.iter().map(TableName::sql).collect();
        let value = serde_json::json!({ "schemas": named.schemas, "tables": tables });
        let digest = Digest::of_value("backout/postgres/part", &value).to_string();
        let hex: String = digest.chars().filter(char::is_ascii_hexdigit).collect();
        Self(hex.get(hex.len().saturating_sub(8)..).unwrap_or_default().to_owned())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// How the schemas of staged tables begin, of any run.
    pub(super) fn staged(&self) -> String {
        format!("_backout_stage_{}_", self.0)
    }

    /// How the schemas of displaced tables begin, of any run.
    pub(super) fn displaced(&self) -> String {
        format!("_backout_displaced_{}_", self.0)
    }
}

/// How a run is called within names.
pub(super) fn run(context: &Context) -> String {
    context.run.as_ref().map_or_else(|| "none".to_owned(), of_run)
}

/// The same, of a run that is known.
pub(super) fn of_run(run: &RunId) -> String {
    let name = run.as_str();
    if name.len() <= LONGEST_RUN {
        return name.to_owned();
    }
    let digest = Digest::of_bytes("backout/postgres/run", name.as_bytes()).to_string();
    let hex: String = digest.chars().filter(char::is_ascii_hexdigit).collect();
    hex.get(hex.len().saturating_sub(LONGEST_RUN)..).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for (text, expected) in [
            ("orders", Some(("public", "orders"))),
            ("Orders", Some(("public", "Orders"))),
            ("billing.invoices", Some(("billing", "invoices"))),
            ("\"a.b\".\"c\"\"d\"", Some(("a.b", "c\"d"))),
            ("\"a.b\"", Some(("public", "a.b"))),
            ("a.\"b.c\"", Some(("a", "b.c"))),
            ("Größe", Some(("public", "Größe"))),
            ("", None),
            (".", None),
            ("a.", None),
            ("a.b.c", None),
            ("\"a", None),
            ("\"a\"b", None),
            ("a\"b", None),
        ] {
            assert_eq!(parse(text), expected.map(|(schema, name)| TableName::new(schema, name)), "{text}");
        }
    }
}
