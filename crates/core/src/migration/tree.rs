//! A YAML file as a tree in which every key and value knows its place, and no scalar has been interpreted:
//! whether `010` is text or a number is for the field to say, not for the parser.

use super::source::{Span, Spanned};

/// A node of the file.
#[derive(Debug, Clone)]
pub struct Tree {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
}

/// A key with its value.
pub type Entry = (Spanned<String>, Tree);

/// What a node is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A scalar, as written.
    Scalar(Scalar),
    /// A list.
    List(Vec<Tree>),
    /// A map in the order of the file, without duplicate keys.
    Map(Vec<Entry>),
}

/// A scalar: its text, with escapes and folding undone, and whether it stood there without quotes. `Debug` leaves
/// the text out, for only the field that takes it knows whether it is a secret.
#[derive(Clone)]
pub struct Scalar {
    /// The text. Empty and plain means that nothing was written.
    pub text: String,
    /// Without quotes and not as a block: could be a number, a boolean or nothing.
    pub plain: bool,
}

/// What a scalar is where a field takes anything. Only what reads the same everywhere is a number; the rest
/// (`no`, `010`, `0x1F`, `1e3`, `1_000`, `1.50`, dates) stays text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Resolved<'a> {
    /// Nothing, `null` or `~`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A decimal fraction that prints as it was written.
    Decimal(f64),
    /// Text.
    Text(&'a str),
}

impl Tree {
    /// Quoted text that was not read from a file.
    pub fn text(text: impl Into<String>) -> Self {
        Self::nowhere(Kind::Scalar(Scalar { text: text.into(), plain: false }))
    }

    /// A plain word (a number, a boolean, null) that was not read from a file.
    pub fn plain(text: impl ToString) -> Self {
        Self::nowhere(Kind::Scalar(Scalar { text: text.to_string(), plain: true }))
    }

    /// A node that was not read from a file.
    pub fn nowhere(kind: Kind) -> Self {
        Self { span: Span::default(), kind }
    }

    /// The value behind a key, where this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Tree> {
        self.entries().iter().find(|(name, _)| name.value == key).map(|(_, value)| value)
    }

    /// The entries of a map; none for everything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            Kind::Scalar(_) | Kind::List(_) => &[],
        }
    }

    /// Whether nothing, `null` or `~` is written here.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(scalar) if scalar.resolve() == Resolved::Null)
    }

    /// What is here, in a person's words: "a list", "the text `abc`".
    pub fn described(&self) -> String {
        match &self.kind {
            Kind::List(_) => "a list".into(),
            Kind::Map(_) => "a map".into(),
            Kind::Scalar(scalar) => scalar.described(),
        }
    }

    /// The meaning as a plain value: spans, quotes and comments gone, keys unordered.
    pub fn meaning(&self) -> serde_json::Value {
        match &self.kind {
            Kind::Scalar(scalar) => match scalar.resolve() {
                Resolved::Null => serde_json::Value::Null,
                Resolved::Bool(yes) => yes.into(),
                Resolved::Integer(number) => number.into(),
                Resolved::Decimal(number) => number.into(),
                Resolved::Text(text) => text.into(),
            },
            Kind::List(items) => items.iter().map(Tree::meaning).collect(),
            Kind::Map(entries) => {
                entries.iter().map(|(key, value)| (key.value.clone(), value.meaning())).collect()
            }
        }
    }
}

impl std::fmt::Debug for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scalar({}, {} bytes)", if self.plain { "plain" } else { "quoted" }, self.text.len())
    }
}

impl Scalar {
    /// What it is where a field takes anything.
    pub fn resolve(&self) -> Resolved<'_> {
        let text = self.text.as_str();
        if !self.plain {
            return Resolved::Text(text);
        }
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
            "true" => return Resolved::Bool(true),
            "false" => return Resolved::Bool(false),
            _ => {}
        }
        if let Ok(number) = text.parse::<i64>()
            && number.to_string() == text
        {
            return Resolved::Integer(number);
        }
        if text.contains('.')
            && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'))
            && let Ok(number) = text.parse::<f64>()
            && (number.to_string() == text || format!("{number:?}") == text)
        {
            return Resolved::Decimal(number);
        }
        Resolved::Text(text)
    }

    /// In a person's words, at most a line long.
    pub fn described(&self) -> String {
        match self.resolve() {
            Resolved::Null if self.text.is_empty() => "nothing".into(),
            Resolved::Null | Resolved::Bool(_) => format!("`{}`", self.text),
            Resolved::Integer(_) | Resolved::Decimal(_) => format!("the number `{}`", self.text),
            Resolved::Text(text) => format!("the text `{}`", shown(text)),
        }
    }
}

/// A text as it may stand in a message: short, on one line, nothing hidden.
pub fn shown(text: &str) -> String {
    const MOST: usize = 40;
    let mut short: String = text
        .chars()
        .take(MOST)
        .flat_map(|c| if hidden(c) { c.escape_unicode().collect() } else { vec![c] })
        .collect();
    if text.chars().nth(MOST).is_some() {
        short.push('…');
    }
    short
}

/// Characters that a reader does not see or that change what he sees: controls, direction marks, zero-width
/// and tag characters.
pub fn hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_stay_what_was_meant() {
        for (text, expected) in [
            ("", Resolved::Null),
            ("null", Resolved::Null),
            ("true", Resolved::Bool(true)),
            ("True", Resolved::Text("True")),
            ("no", Resolved::Text("no")),
            ("on", Resolved::Text("on")),
            ("0", Resolved::Integer(0)),
            ("-7", Resolved::Integer(-7)),
            ("-0", Resolved::Text("-0")),
            ("+7", Resolved::Text("+7")),
            ("010", Resolved::Text("010")),
            ("0x1F", Resolved::Text("0x1F")),
            ("1_000", Resolved::Text("1_000")),
            ("1e3", Resolved::Text("1e3")),
            ("1.5", Resolved::Decimal(1.5)),
            ("1.0", Resolved::Decimal(1.0)),
            ("1.50", Resolved::Text("1.50")),
            ("9223372036854775807", Resolved::Integer(i64::MAX)),
            ("9223372036854775808", Resolved::Text("9223372036854775808")),
            ("12345678901234567890123", Resolved::Text("12345678901234567890123")),
            ("2026-01-01", Resolved::Text("2026-01-01")),
            ("1.2.3", Resolved::Text("1.2.3")),
            (".inf", Resolved::Text(".inf")),
        ] {
            assert_eq!(Scalar { text: text.into(), plain: true }.resolve(), expected, "{text}");
        }
        assert_eq!(Scalar { text: "true".into(), plain: false }.resolve(), Resolved::Text("true"));
        assert_eq!(Scalar { text: String::new(), plain: false }.resolve(), Resolved::Text(""));
    }

    #[test]
    fn what_is_shown_hides_nothing() {
        assert_eq!(shown("a\u{202e}b\n"), "a\\u{202e}b\\u{a}");
        assert_eq!(shown(&"x".repeat(41)).chars().count(), 41);
    }
}
