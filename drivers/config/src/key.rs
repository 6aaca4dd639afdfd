//! The names of values: a variable of a `.env` file, a path into a tree, or a section and a name in it.

use std::fmt;

/// One named value, as it is written in the migration file and taken apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// As written.
    pub(crate) text: String,
    /// From the outside in; one piece for a variable.
    pub(crate) pieces: Vec<String>,
}

impl Key {
    /// The name of a variable.
    pub(crate) fn variable(text: &str) -> Result<Self, String> {
        let mut bytes = text.bytes();
        let begins = bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_');
        if !begins || !bytes.all(is_name_byte) {
            return Err(format!(
                "`{}` is no name of a variable: letters, digits, `_`, `.` and `-`, no digit first",
                text.escape_debug()
            ));
        }
        Ok(Self { text: text.to_owned(), pieces: vec![text.to_owned()] })
    }

    /// A dotted path (`server.url`); a piece with dots stands in quotes (`hosts."a.example".port`), in which `\"`
    /// and `\\` mean `"` and `\`.
    pub(crate) fn path(text: &str) -> Result<Self, String> {
        let bad = |why: &str| format!("the key `{}` cannot be read: {why}", text.escape_debug());
        let mut pieces = Vec::new();
        let mut rest = text;
        loop {
            let (piece, after) = match rest.strip_prefix('"') {
                Some(quoted) => unquote(quoted).ok_or_else(|| bad("a quote is not closed"))?,
                None => {
                    let end = rest.find('.').unwrap_or(rest.len());
                    let (piece, after) = rest.split_at(end);
                    if piece.is_empty() || piece.contains('"') {
                        return Err(bad("each piece is a name, or stands in quotes as a whole"));
                    }
                    (piece.to_owned(), after)
                }
            };
            pieces.push(piece);
            match after.strip_prefix('.') {
                Some(more) => rest = more,
                None if after.is_empty() => return Ok(Self { text: text.to_owned(), pieces }),
                None => return Err(bad("a dot must follow a quoted piece")),
            }
        }
    }

    /// A name in an INI file: within a section (`server.url`), or before the first one (`url`). Quotes as in paths.
    pub(crate) fn entry(text: &str) -> Result<Self, String> {
        let key = Self::path(text)?;
        if key.pieces.len() > 2 {
            return Err(format!(
                "the key `{}` must be a section and a name in it; a section with dots stands in quotes",
                text.escape_debug()
            ));
        }
        let is_bad =
            |piece: &String| piece.is_empty() || piece.trim() != piece || piece.contains(['\n', '\r']);
        let name = key.pieces.last().map_or("", String::as_str);
        if key.pieces.iter().any(is_bad) || name.contains(['=', ':']) || name.starts_with([';', '#', '[']) {
            return Err(format!("`{}` is no name in an INI file", text.escape_debug()));
        }
        Ok(key)
    }

    /// Whether the other value lies in this one, or is the same.
    pub(crate) fn holds(&self, other: &Self) -> bool {
        other.pieces.starts_with(&self.pieces)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// What a variable's name is made of.
pub(crate) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

fn unquote(text: &str) -> Option<(String, &str)> {
    let mut piece = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((piece, text.get(at + 1..)?)),
            '\\' => {
                piece.push(characters.next().map(|(_, escaped)| escaped).filter(|c| matches!(c, '"' | '\\'))?)
            }
            other => piece.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart() {
        let rows: [(&str, Option<&[&str]>); 14] = [
            ("a", Some(&["a"])),
            ("server.url", Some(&["server", "url"])),
            ("a.\"b.c\".d", Some(&["a", "b.c", "d"])),
            (r#""quote \" and \\""#, Some(&["quote \" and \\"])),
            ("\"\"", Some(&[""])),
            ("with space.é", Some(&["with space", "é"])),
            ("", None),
            (".", None),
            ("a.", None),
            ("a..b", None),
            ("\"a", None),
            ("\"a\"b", None),
            ("a\"b\"", None),
            (r#""\n""#, None),
        ];
        for (text, expected) in rows {
            let pieces = Key::path(text).ok().map(|key| key.pieces);
            assert_eq!(
                pieces,
                expected.map(|pieces| pieces.iter().map(ToString::to_string).collect()),
                "{text}"
            );
        }
    }

    #[test]
    fn names_of_variables_are_checked() {
        for (text, expected) in [
            ("API_URL", true),
            ("_x.y-z9", true),
            ("", false),
            ("9A", false),
            ("A B", false),
            ("A=", false),
            ("é", false),
        ] {
            assert_eq!(Key::variable(text).is_ok(), expected, "{text}");
        }
    }
}
