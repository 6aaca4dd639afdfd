//! Texts with references: `${env:NAME}` and `${file:path}`, resolved late and only where a field allows them.
//! `$${` stands for `${`. Resolving is somebody else's work, for it reads the world.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use super::suggest::closest;

/// The name under which [`Reference`] asks a deserializer for a text in which references are allowed.
pub(super) const TOKEN: &str = "$backout::Reference";

/// A text that may hold references.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    text: String,
    parts: Vec<Part>,
}

/// A [`Reference`] in a field that holds a secret: its literal parts are not shown by `Debug`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretReference(Reference);

/// A piece of a text with references.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Text as it is.
    Literal(String),
    /// The value of an environment variable.
    Environment(String),
    /// The content of a file, by its path relative to the migration file.
    File(String),
}

/// Why a text with references cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAReference {
    /// No closing brace.
    #[error("`${{` is not closed; write `$${{` for a literal `${{`")]
    Unclosed,
    /// Neither `env:` nor `file:`.
    #[error("`${{{found}}}` is no reference: {advice}")]
    Unknown {
        /// What stands between the braces.
        found: String,
        /// What to write.
        advice: String,
    },
    /// Not the name of an environment variable.
    #[error("`{0}` is no name of an environment variable: letters, digits and `_`, no digit first")]
    Variable(String),
    /// No path.
    #[error("`${{file:}}` names no file")]
    Path,
}

impl Reference {
    /// Reads a text with references.
    pub fn parse(text: &str) -> Result<Self, NotAReference> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let (before, from) = rest.split_at(at);
            literal.push_str(before);
            if let Some(after) = from.strip_prefix("$${") {
                literal.push_str("${");
                rest = after;
            } else if let Some(inner) = from.strip_prefix("${") {
                let (inside, after) = inner.split_once('}').ok_or(NotAReference::Unclosed)?;
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                }
                parts.push(part(inside)?);
                rest = after;
            } else {
                literal.push('$');
                rest = from.get(1..).unwrap_or_default();
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() || parts.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// A text without any reference, whatever it looks like.
    pub fn literal(text: &str) -> Self {
        Self { text: text.replace("${", "$${"), parts: vec![Part::Literal(text.to_owned())] }
    }

    /// The text as written.
    pub fn as_written(&self) -> &str {
        &self.text
    }

    /// The pieces in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The pieces that have to be looked up.
    pub fn references(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| !matches!(part, Part::Literal(_)))
    }

    /// The text, where it holds no reference.
    pub fn as_literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// As the content of a field that holds a secret.
    pub fn secret(self) -> SecretReference {
        SecretReference(self)
    }
}

impl SecretReference {
    /// The text with its references, for the one place that resolves it.
    pub fn reveal(&self) -> &Reference {
        &self.0
    }
}

/// Whether a text holds something that a person would take for a reference.
pub(super) fn holds_reference(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        if !before.ends_with('$') && (from.starts_with("${env:") || from.starts_with("${file:")) {
            return true;
        }
        rest = from.get(2..).unwrap_or_default();
    }
    false
}

fn part(inside: &str) -> Result<Part, NotAReference> {
    match inside.split_once(':') {
        Some(("env", name)) if is_variable(name) => Ok(Part::Environment(name.to_owned())),
        Some(("env", name)) => Err(NotAReference::Variable(super::tree::shown(name))),
        Some(("file", path)) if path.trim().is_empty() => Err(NotAReference::Path),
        Some(("file", path)) => Ok(Part::File(path.to_owned())),
        other => {
            let advice = match other
                .and_then(|(scheme, name)| Some((closest(scheme, ["env", "file"])?, name)))
            {
                Some((scheme, name)) => format!("did you mean `${{{scheme}:{}}}`?", super::tree::shown(name)),
                None if is_variable(inside) => {
                    format!("did you mean `${{env:{}}}`?", super::tree::shown(inside))
                }
                None => "write `${env:NAME}`, `${file:path}`, or `$${` for a literal `${`".to_owned(),
            };
            Err(NotAReference::Unknown { found: super::tree::shown(inside), advice })
        }
    }
}

fn is_variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reference({:?})", self.text)
    }
}

impl fmt::Debug for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretReference(\"")?;
        for part in &self.0.parts {
            match part {
                Part::Literal(_) => f.write_str("***")?,
                Part::Environment(name) => write!(f, "${{env:{name}}}")?,
                Part::File(path) => write!(f, "${{file:{path}}}")?,
            }
        }
        f.write_str("\")")
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Reference;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, or a reference such as `${env:NAME}`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Reference, E> {
                Reference::parse(text).map_err(E::custom)
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Reference, D::Error> {
                inner.deserialize_str(self)
            }
        }
        deserializer.deserialize_newtype_struct(TOKEN, Text)
    }
}

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl schemars::JsonSchema for Reference {
    fn schema_name() -> Cow<'static, str> {
        "Reference".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": ["string", "number", "boolean"],
            "description": "A text that may hold references: ${env:NAME}, ${file:path}; $${ stands for ${."
        })
    }
}

impl<'de> Deserialize<'de> for SecretReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Reference::deserialize(deserializer).map(Self)
    }
}

impl Serialize for SecretReference {
    /// Writes the text as it is: only for the migration file itself and its digest.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl schemars::JsonSchema for SecretReference {
    fn schema_name() -> Cow<'static, str> {
        "SecretReference".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Reference::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_taken_apart() {
        let literal = |text: &str| Part::Literal(text.into());
        for (text, expected) in [
            ("", vec![literal("")]),
            ("plain $5 $$ $(x)", vec![literal("plain $5 $$ $(x)")]),
            ("${env:A_1}", vec![Part::Environment("A_1".into())]),
            (
                "a${env:B}c${file:d/e f}",
                vec![literal("a"), Part::Environment("B".into()), literal("c"), Part::File("d/e f".into())],
            ),
            ("$${env:A}", vec![literal("${env:A}")]),
            ("$$${env:A}", vec![literal("$${env:A}")]),
            ("é${env:B}é", vec![literal("é"), Part::Environment("B".into()), literal("é")]),
        ] {
            let reference = Reference::parse(text).unwrap();
            assert_eq!(reference.parts(), expected, "{text}");
            assert_eq!(reference.as_written(), text);
        }
        assert_eq!(
            Reference::parse(Reference::literal("a${b").as_written()).unwrap().as_literal(),
            Some("a${b")
        );
    }

    #[test]
    fn what_is_no_reference_says_what_to_write() {
        for (text, expected) in [
            ("${env:A", "`${` is not closed; write `$${` for a literal `${`"),
            ("${HOME}", "`${HOME}` is no reference: did you mean `${env:HOME}`?"),
            ("${ENV:HOME}", "`${ENV:HOME}` is no reference: did you mean `${env:HOME}`?"),
            ("${fiel:a}", "`${fiel:a}` is no reference: did you mean `${file:a}`?"),
            (
                "${a b}",
                "`${a b}` is no reference: write `${env:NAME}`, `${file:path}`, or `$${` for a literal `${`",
            ),
            (
                "${env:1A}",
                "`1A` is no name of an environment variable: letters, digits and `_`, no digit first",
            ),
            ("${file: }", "`${file:}` names no file"),
        ] {
            assert_eq!(Reference::parse(text).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_secret_literal_is_not_shown() {
        let secret = Reference::parse("pa${env:B}ss").unwrap().secret();
        assert_eq!(format!("{secret:?}"), "SecretReference(\"***${env:B}***\")");
    }

    #[test]
    fn other_formats_read_it_as_text() {
        let read: Reference = serde_json::from_str("\"${env:A}\"").unwrap();
        assert_eq!(read.references().count(), 1);
        assert_eq!(serde_json::to_string(&read).unwrap(), "\"${env:A}\"");
    }

    #[test]
    fn references_are_noticed_where_they_are_not_allowed() {
        for (text, expected) in [
            ("a${env:B}", true),
            ("${file:x", true),
            ("$${env:B}", false),
            ("${HOME}", false),
            ("env:B", false),
        ] {
            assert_eq!(holds_reference(text), expected, "{text}");
        }
    }
}
