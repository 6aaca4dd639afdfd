//! The text of a file, and places in it.

use std::sync::Arc;

use super::codes;
use crate::diagnostic::{Diagnostic, Place};

/// Largest migration file, in bytes.
pub const LARGEST: usize = 4 * 1024 * 1024;

/// A file as the person named it, with its text. Cheap to clone. `Debug` leaves the text out, for it may hold
/// secrets that should not be there.
#[derive(Clone)]
pub struct Source {
    /// The name shown in messages.
    pub name: Arc<str>,
    /// The text.
    pub text: Arc<str>,
    /// What of it is being read, for messages; none is the file itself.
    about: Option<Arc<About>>,
}

/// A part of a file that has a name.
#[derive(Debug)]
pub(super) struct About {
    /// Such as "component `api`".
    pub(super) name: String,
    /// Where its name stands: the place of a missing field.
    pub(super) key: Span,
    /// Fields that are legal beside those of its type, to be suggested for a mistyped one.
    pub(super) also: &'static [&'static str],
}

/// Where something stands: byte offsets, line and column. A thing of several lines is placed by its first,
/// because that is what a message underlines. The default is "nowhere", for files made by a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte, on the same line.
    pub end: u32,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}

impl Source {
    /// A text with the name of its file.
    pub fn new(name: &str, text: &str) -> Self {
        Self { name: name.into(), text: text.into(), about: None }
    }

    /// The same source while a part of it is read: messages name the part, its missing fields are shown at its
    /// key, and `also` are fields that are legal beside those of its type.
    #[must_use]
    pub fn about(&self, name: &str, key: Span, also: &'static [&'static str]) -> Self {
        Self { about: Some(Arc::new(About { name: name.to_owned(), key, also })), ..self.clone() }
    }

    pub(super) fn part(&self) -> Option<&About> {
        self.about.as_deref()
    }

    /// Decodes the bytes of a file, and says what is wrong with them where they are not plain UTF-8.
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self, Diagnostic> {
        let refused = |cause: &str| {
            let start = Span { start: 0, end: 0, line: 1, column: 1 };
            Diagnostic::error(codes::NOT_TEXT, format!("cannot read `{name}` as text"))
                .because(cause)
                .at(start.place(name))
                .hint("save the file as UTF-8 without a byte order mark")
        };
        if bytes.len() > LARGEST {
            return Err(too_large(name));
        }
        match bytes {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Err(refused("it is encoded as UTF-16")),
            [0xef, 0xbb, 0xbf, ..] => return Err(refused("it begins with a byte order mark")),
            [0, _, ..] | [_, 0, ..] => return Err(refused("it looks like UTF-16 or binary data")),
            _ => {}
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Self::new(name, text)),
            Err(error) => {
                let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let before = String::from_utf8_lossy(good);
                let line_start = before.rfind('\n').map_or(0, |at| at + 1);
                let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
                let span = Span::new(good.len(), good.len(), before.matches('\n').count() + 1, column);
                Err(refused("it holds bytes that are not UTF-8").at(span.place(name)))
            }
        }
    }

    /// The place of a span, for a message.
    pub fn place(&self, span: Span) -> Place {
        span.place(&self.name)
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Source({:?}, {} bytes)", self.name, self.text.len())
    }
}

impl Default for Source {
    fn default() -> Self {
        Self::new("backout.yaml", "")
    }
}

/// The message for a file beyond [`LARGEST`].
pub(super) fn too_large(name: &str) -> Diagnostic {
    Diagnostic::error(codes::TOO_LARGE, format!("`{name}` is too large for a migration file"))
        .because(format!("it has more than {} MiB", LARGEST / (1024 * 1024)))
        .hint("split it into several migrations")
}

impl Span {
    /// From offsets and positions; what does not fit is cut off, since files are small.
    pub(super) fn new(start: usize, end: usize, line: usize, column: usize) -> Self {
        let fit = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self { start: fit(start), end: fit(end), line: fit(line), column: fit(column) }
    }

    /// As a place in a named file.
    pub fn place(&self, file: &str) -> Place {
        Place {
            file: file.to_owned(),
            line: self.line as usize,
            column: self.column as usize,
            start: self.start as usize,
            end: self.end as usize,
        }
    }
}

impl<T> Spanned<T> {
    /// A value at a place.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// A value that was not read from a file.
    pub fn nowhere(value: T) -> Self {
        Self::new(value, Span::default())
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    /// Equal values are equal, wherever they stand.
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Spanned<T> {}
