//! One line for a terminal. Whatever is put into it is cleaned, so that no text from outside can act on the
//! terminal or hide in it.

use std::borrow::Cow;

use backout_core::migration::hidden;

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Plain,
    Bold,
    Dim,
    Good,
    Bad,
    Doubtful,
}

impl Look {
    /// The codes of ECMA-48 before the text; the text is followed by a reset.
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "\x1b[1m",
            Self::Dim => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Bad => "\x1b[1;31m",
            Self::Doubtful => "\x1b[33m",
        }
    }
}

/// One line, put together piece by piece.
#[derive(Debug, Clone, Default)]
pub struct Line {
    pieces: Vec<(Look, String)>,
}

impl Line {
    /// An empty line.
    pub fn new() -> Self {
        Self::default()
    }

    /// A line of plain text.
    pub fn of(text: impl AsRef<str>) -> Self {
        Self::new().plain(text)
    }

    /// A line that begins so many characters to the right.
    pub fn indented(by: usize) -> Self {
        Self::new().plain(" ".repeat(by))
    }

    /// With plain text behind.
    #[must_use]
    pub fn plain(self, text: impl AsRef<str>) -> Self {
        self.with(Look::Plain, text.as_ref())
    }

    /// With a heading or a name behind.
    #[must_use]
    pub fn bold(self, text: impl AsRef<str>) -> Self {
        self.with(Look::Bold, text.as_ref())
    }

    /// With something less important behind.
    #[must_use]
    pub fn dim(self, text: impl AsRef<str>) -> Self {
        self.with(Look::Dim, text.as_ref())
    }

    /// With good news behind.
    #[must_use]
    pub fn good(self, text: impl AsRef<str>) -> Self {
        self.with(Look::Good, text.as_ref())
    }

    /// With bad news behind.
    #[must_use]
    pub fn bad(self, text: impl AsRef<str>) -> Self {
        self.with(Look::Bad, text.as_ref())
    }

    /// With something that a person should look at behind.
    #[must_use]
    pub fn doubtful(self, text: impl AsRef<str>) -> Self {
        self.with(Look::Doubtful, text.as_ref())
    }

    /// With another line behind.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.pieces.extend(other.pieces);
        self
    }

    /// How many characters wide it is.
    pub fn width(&self) -> usize {
        self.pieces.iter().map(|(_, text)| text.chars().count()).sum()
    }

    /// Padded with blanks to a width.
    #[must_use]
    pub fn padded(self, width: usize) -> Self {
        let missing = width.saturating_sub(self.width());
        if missing == 0 { self } else { self.plain(" ".repeat(missing)) }
    }

    /// The text, with colour or without, without blanks at its end.
    pub fn render(&self, colour: bool) -> String {
        let mut text = String::new();
        for (look, piece) in &self.pieces {
            if colour && *look != Look::Plain {
                text.push_str(look.code());
                text.push_str(piece);
                text.push_str("\x1b[0m");
            } else {
                text.push_str(piece);
            }
        }
        text.truncate(text.trim_end_matches(' ').len());
        text
    }

    fn with(mut self, look: Look, text: &str) -> Self {
        if !text.is_empty() {
            self.pieces.push((look, clean(text).into_owned()));
        }
        self
    }
}

/// The text with every control, invisible and bidirectional character spelled out, so that it stays on its line
/// and reads as what it is.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(hidden) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(spell_out(text, hidden))
}

pub(super) fn spell_out(text: &str, bad: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if bad(character) { out.extend(character.escape_unicode()) } else { out.push(character) }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_reaches_the_terminal_raw() {
        for (text, expected) in [
            ("plain, ünïcödé 🦀", "plain, ünïcödé 🦀"),
            ("a\nb", "a\\u{a}b"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("gpj\u{202e}exe", "gpj\\u{202e}exe"),
            ("zero\u{200b}width", "zero\\u{200b}width"),
            ("\u{9b}31m", "\\u{9b}31m"),
        ] {
            assert_eq!(clean(text), expected);
            let line = Line::new().bold(text).render(true);
            assert_eq!(line, format!("\u{1b}[1m{expected}\u{1b}[0m"));
            assert_eq!(Line::of(text).render(false), expected);
        }
    }

    #[test]
    fn a_line_ends_without_blanks() {
        assert_eq!(Line::of("a").padded(5).render(false), "a");
        assert_eq!(Line::of("a").padded(3).plain("b").render(false), "a  b");
    }
}
