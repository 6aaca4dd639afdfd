//! What can be wrong with a value, and how a person is told.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use super::codes;
use super::source::{Source, Span};
use super::suggest::closest;
use super::tree::shown;
use crate::diagnostic::{Code, Diagnostic};

/// An error while decoding, with the innermost place that is known.
#[derive(Debug)]
pub(super) struct DecodeError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    fault: Fault,
    /// The thing at fault, and the key behind which it stands.
    place: Option<(Span, Option<Span>)>,
    field: Option<String>,
    level: usize,
}

#[derive(Debug)]
pub(super) enum Fault {
    Type { expected: String, found: String },
    UnknownField { field: String, known: &'static [&'static str] },
    UnknownVariant { found: String, known: &'static [&'static str] },
    MissingField(&'static str),
    ReferenceNotAllowed,
    BadReference(String),
    Ambiguous { text: String, advice: String },
    Quoted,
    NotQuiteBoolean { found: String, meant: bool },
    Other(String),
}

impl DecodeError {
    pub(super) fn new(fault: Fault) -> Self {
        Self(Box::new(Inner { fault, place: None, field: None, level: 0 }))
    }

    /// With a place, unless a more exact one is known.
    pub(super) fn at(mut self, span: Span, key: Option<Span>, field: Option<&str>, level: usize) -> Self {
        if self.0.place.is_none() {
            self.0.place = Some((span, key));
            self.0.field = field.map(str::to_owned);
            self.0.level = level;
        }
        self
    }

    /// Turns an error of a type's own into one about references.
    pub(super) fn about_reference(mut self) -> Self {
        if let Fault::Other(message) = self.0.fault {
            self.0.fault = Fault::BadReference(message);
        }
        self
    }

    pub(super) fn into_diagnostic(self, source: &Source, whole: Span) -> Diagnostic {
        let Inner { fault, place, field, level } = *self.0;
        let (span, key) = place.unwrap_or((whole, None));
        let of = source.part().map_or_else(String::new, |part| format!(" in {}", part.name));
        let field = field.map_or_else(|| format!("value{of}"), |field| format!("`{}`{of}", shown(&field)));
        let wrong = |code: Code, summary: String| Diagnostic::error(code, summary).at(source.place(span));
        match fault {
            Fault::Type { expected, found } => wrong(codes::WRONG_VALUE, format!("wrong {field}"))
                .because(format!("expected {}, found {found}", in_our_words(&expected))),
            Fault::UnknownField { field, known } => {
                let also = source.part().filter(|_| level == 0).map_or(&[][..], |part| part.also);
                unknown_field(&field, known.iter().chain(also).copied(), &of).at(source.place(span))
            }
            Fault::UnknownVariant { found, known } => {
                let error = wrong(codes::WRONG_VALUE, format!("wrong {field}")).because(format!(
                    "expected {}, found `{}`",
                    one_of(known),
                    shown(&found)
                ));
                match closest(&found, known.iter().copied()) {
                    Some(meant) => error.labelled(format!("did you mean `{meant}`?")),
                    None => error,
                }
            }
            Fault::MissingField(name) => {
                let who = match (level, source.part()) {
                    (0, None) => format!("`{}`", source.name),
                    (0, Some(part)) => part.name.clone(),
                    _ => field,
                };
                Diagnostic::error(codes::MISSING_FIELD, format!("{who} lacks `{name}`"))
                    .at(source.place(key.unwrap_or(span)))
                    .hint(format!("add `{name}: ..`"))
            }
            Fault::ReferenceNotAllowed => {
                wrong(codes::REFERENCE_NOT_ALLOWED, format!("a reference is not allowed in {field}"))
                    .because("this field is compared and journaled as it is written")
                    .hint("write the value itself; `$${` stands for a literal `${`")
            }
            Fault::BadReference(cause) => {
                wrong(codes::BAD_REFERENCE, format!("bad reference in {field}")).because(cause)
            }
            Fault::Ambiguous { text, advice } => {
                let why = if text.trim_start_matches('-').starts_with('0') && !text.contains(['x', 'X', '.'])
                {
                    "octal or decimal?"
                } else {
                    "not every program reads it alike;"
                };
                wrong(codes::AMBIGUOUS_NUMBER, format!("ambiguous number in {field}"))
                    .because(format!("`{}` can be read in two ways: {why} {advice}", shown(&text)))
                    .labelled(advice)
            }
            Fault::Quoted => wrong(codes::WRONG_VALUE, format!("wrong {field}"))
                .because("expected a number, found text in quotes")
                .hint("remove the quotes"),
            Fault::NotQuiteBoolean { found, meant } => wrong(codes::WRONG_VALUE, format!("wrong {field}"))
                .because(format!("expected `true` or `false`, found {found}"))
                .labelled(format!("write `{meant}`, without quotes")),
            Fault::Other(cause) => {
                wrong(codes::WRONG_VALUE, format!("wrong {field}")).because(in_our_words(&cause).into_owned())
            }
        }
    }
}

/// The message for a field that does not exist, without its place; `of` is empty or like " in component `api`".
pub(super) fn unknown_field<'a>(
    field: &str,
    known: impl Iterator<Item = &'a str> + Clone,
    of: &str,
) -> Diagnostic {
    const MOST_LISTED: usize = 40;
    let error = Diagnostic::error(codes::UNKNOWN_FIELD, format!("unknown field `{}`{of}", shown(field)));
    let listed: Vec<&str> = known.clone().take(MOST_LISTED).collect();
    let error = match closest(field, known) {
        Some(meant) => error.labelled(format!("did you mean `{meant}`?")),
        None => error,
    };
    if listed.is_empty() {
        error.hint("no fields are known here")
    } else {
        error.hint(format!("fields here: {}", listed.join(", ")))
    }
}

/// "`a`, `b` or `c`".
pub(super) fn one_of(names: &[&str]) -> String {
    match names {
        [] => "nothing".into(),
        [only] => format!("`{only}`"),
        [most @ .., last] => {
            let most: Vec<_> = most.iter().map(|name| format!("`{name}`")).collect();
            format!("{} or `{last}`", most.join(", "))
        }
    }
}

/// Serde speaks to programmers; this is what its words mean in a file.
fn in_our_words(expected: &str) -> std::borrow::Cow<'_, str> {
    match expected {
        "a string" | "a character" | "byte array" => "text".into(),
        "a sequence" | "an array" => "a list".into(),
        "a boolean" => "`true` or `false`".into(),
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "usize" | "isize" => {
            "a whole number".into()
        }
        "f32" | "f64" => "a number".into(),
        "unit" | "unit struct" => "nothing".into(),
        _ if expected.starts_with("struct ") => "a map of fields".into(),
        _ if expected.starts_with("a nonzero") => "a whole number from 1 on".into(),
        _ => expected.into(),
    }
}

fn range(expected: &str) -> Option<String> {
    let (least, most): (i128, i128) = match expected {
        "i8" => (i8::MIN.into(), i8::MAX.into()),
        "i16" => (i16::MIN.into(), i16::MAX.into()),
        "i32" => (i32::MIN.into(), i32::MAX.into()),
        "i64" | "isize" => (i64::MIN.into(), i64::MAX.into()),
        "u8" => (0, u8::MAX.into()),
        "u16" => (0, u16::MAX.into()),
        "u32" => (0, u32::MAX.into()),
        "u64" | "usize" => (0, u64::MAX.into()),
        _ => return None,
    };
    Some(format!("a whole number from {least} to {most}"))
}

fn found(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(yes) => format!("`{yes}`"),
        Unexpected::Unsigned(number) => format!("the number `{number}`"),
        Unexpected::Signed(number) => format!("the number `{number}`"),
        Unexpected::Float(number) => format!("the number `{number}`"),
        Unexpected::Str(text) => format!("the text `{}`", shown(text)),
        Unexpected::Unit | Unexpected::Option => "nothing".into(),
        Unexpected::Seq => "a list".into(),
        Unexpected::Map => "a map".into(),
        other => other.to_string(),
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot decode a value")
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Fault::Other(message.to_string()))
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Fault::Type { expected: expected.to_string(), found: found(unexpected) })
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        let expected = range(&expected).unwrap_or(expected);
        Self::new(Fault::Type { expected, found: found(unexpected) })
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(Fault::Type { expected: expected.to_string(), found: format!("{length} items") })
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        Self::new(Fault::UnknownVariant { found: variant.to_owned(), known })
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::new(Fault::UnknownField { field: field.to_owned(), known })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Fault::MissingField(field))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(Fault::Other(format!("`{field}` is written twice")))
    }
}
