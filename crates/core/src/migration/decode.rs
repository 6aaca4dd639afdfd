//! From a [`Tree`] to any type that serde can read, with errors that know their place.
//!
//! A scalar is interpreted here, by what the field wants: `8080` is text for a text field and a number for a
//! number field; `010` is text for the one and an error for the other. Types that make serde buffer (`untagged`,
//! `tag = ".."`, `flatten`) lose the places inside them and get numbers as numbers; a map with optional fields
//! serves people better.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, Visitor};

use super::access::{Entries, Items, OneOf, WithSpan};
use super::fault::{DecodeError, Fault};
use super::findings::Findings;
use super::number::{self, Number};
use super::read::read;
use super::reference;
use super::source::{Source, Span, Spanned};
use super::spanned;
use super::tree::{Kind, Resolved, Scalar, Tree};
use crate::diagnostic::Diagnostic;

/// Decodes a part of a file. The source knows which part it is ([`Source::about`]), for messages.
pub fn decode<T: DeserializeOwned>(tree: &Tree, source: &Source) -> Result<T, Diagnostic> {
    let top = Node { tree, key: source.part().map(|part| part.key), field: None, level: 0 };
    top.placed(T::deserialize(top)).map_err(|error| error.into_diagnostic(source, tree.span))
}

/// Reads and decodes a whole file of its own, written as a migration file is.
///
/// # Errors
/// Everything that keeps it from being one.
pub fn decode_file<T: DeserializeOwned>(source: &Source) -> Result<T, Vec<Diagnostic>> {
    let mut findings = Findings::default();
    match read(source, &mut findings) {
        Some(tree) if !findings.has_errors() => decode(&tree, source).map_err(|fault| vec![fault]),
        _ => Err(findings.into_list()),
    }
}

/// Decodes the value of a field, or an item of it.
pub(super) fn decode_field<T: DeserializeOwned>(
    key: &Spanned<String>,
    tree: &Tree,
    source: &Source,
) -> Result<T, Diagnostic> {
    let node = Node { tree, key: Some(key.span), field: Some(&key.value), level: 1 };
    node.placed(T::deserialize(node)).map_err(|error| error.into_diagnostic(source, tree.span))
}

/// A node on its way into a type.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    pub(super) tree: &'a Tree,
    /// Where the key stands behind which this is.
    pub(super) key: Option<Span>,
    /// The name of the field that this is, or is a part of.
    pub(super) field: Option<&'a str>,
    /// How many lists and maps it is below the beginning.
    pub(super) level: usize,
}

pub(super) type Outcome<T> = Result<T, DecodeError>;

impl<'a> Node<'a> {
    /// Gives an error from a visitor this node's place, unless it has one.
    pub(super) fn placed<T>(&self, outcome: Outcome<T>) -> Outcome<T> {
        outcome.map_err(|error| error.at(self.tree.span, self.key, self.field, self.level))
    }

    pub(super) fn fail<T>(&self, fault: Fault) -> Outcome<T> {
        self.placed(Err(DecodeError::new(fault)))
    }

    pub(super) fn mismatch<T>(&self, expected: &dyn de::Expected) -> Outcome<T> {
        self.fail(Fault::Type { expected: expected.to_string(), found: self.tree.described() })
    }

    fn scalar<T>(&self, expected: &dyn de::Expected) -> Result<&'a Scalar, Outcome<T>> {
        match &self.tree.kind {
            Kind::Scalar(scalar) => Ok(scalar),
            Kind::List(_) | Kind::Map(_) => Err(self.mismatch(expected)),
        }
    }

    /// The text of a scalar for a field that takes no reference.
    fn text<'de, V: Visitor<'de>>(&self, visitor: V) -> Outcome<V::Value> {
        match &self.tree.kind {
            Kind::Scalar(scalar) if scalar.resolve() != Resolved::Null => {
                if reference::holds_reference(&scalar.text) {
                    return self.fail(Fault::ReferenceNotAllowed);
                }
                self.placed(visitor.visit_str(&scalar.text))
            }
            _ => self.mismatch(&visitor),
        }
    }

    pub(super) fn integer<'de, V: Visitor<'de>>(&self, visitor: V) -> Outcome<V::Value> {
        let scalar = match self.scalar(&visitor) {
            Ok(scalar) => scalar,
            Err(failure) => return failure,
        };
        match number::read(scalar) {
            Number::Negative(number) => self.placed(visitor.visit_i64(number)),
            Number::Positive(number) => self.placed(visitor.visit_u64(number)),
            Number::Ambiguous(advice) => self.fail(Fault::Ambiguous { text: scalar.text.clone(), advice }),
            Number::Quoted => self.fail(Fault::Quoted),
            Number::Fraction(_) | Number::Huge | Number::None => self.mismatch(&visitor),
        }
    }

    pub(super) fn fraction<'de, V: Visitor<'de>>(&self, visitor: V) -> Outcome<V::Value> {
        let scalar = match self.scalar(&visitor) {
            Ok(scalar) => scalar,
            Err(failure) => return failure,
        };
        match number::read(scalar) {
            Number::Fraction(number) => self.placed(visitor.visit_f64(number)),
            Number::Negative(number) => self.placed(visitor.visit_i64(number)),
            Number::Positive(number) => self.placed(visitor.visit_u64(number)),
            Number::Ambiguous(advice) => self.fail(Fault::Ambiguous { text: scalar.text.clone(), advice }),
            Number::Quoted => self.fail(Fault::Quoted),
            Number::Huge | Number::None => self.mismatch(&visitor),
        }
    }

    pub(super) fn list<'de, V: Visitor<'de>>(&self, visitor: V) -> Outcome<V::Value> {
        match &self.tree.kind {
            Kind::List(items) => {
                let mut access = Items::new(items, *self);
                let value = self.placed(visitor.visit_seq(&mut access))?;
                match access.left() {
                    0 => Ok(value),
                    left => self.fail(Fault::Other(format!("{left} items too many"))),
                }
            }
            Kind::Scalar(_) | Kind::Map(_) => self.mismatch(&visitor),
        }
    }

    pub(super) fn map<'de, V: Visitor<'de>>(&self, visitor: V) -> Outcome<V::Value> {
        match &self.tree.kind {
            Kind::Map(entries) => self.placed(visitor.visit_map(Entries::new(entries, *self))),
            Kind::Scalar(_) | Kind::List(_) => self.mismatch(&visitor),
        }
    }
}

macro_rules! forward {
    ($to:ident: $($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
            self.$to(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = DecodeError;

    forward!(integer: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
                      deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64);
    forward!(fraction: deserialize_f32 deserialize_f64);
    forward!(text: deserialize_char deserialize_str deserialize_string deserialize_identifier
                   deserialize_bytes deserialize_byte_buf);
    forward!(list: deserialize_seq);
    forward!(map: deserialize_map);

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        let scalar = match &self.tree.kind {
            Kind::List(_) => return self.list(visitor),
            Kind::Map(_) => return self.map(visitor),
            Kind::Scalar(scalar) => scalar,
        };
        match scalar.resolve() {
            Resolved::Null => self.placed(visitor.visit_unit()),
            Resolved::Bool(yes) => self.placed(visitor.visit_bool(yes)),
            Resolved::Integer(number) => match u64::try_from(number) {
                Ok(number) => self.placed(visitor.visit_u64(number)),
                Err(_) => self.placed(visitor.visit_i64(number)),
            },
            Resolved::Decimal(number) => self.placed(visitor.visit_f64(number)),
            Resolved::Text(_) => self.text(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        let scalar = match self.scalar(&visitor) {
            Ok(scalar) => scalar,
            Err(failure) => return failure,
        };
        match scalar.resolve() {
            Resolved::Bool(yes) => self.placed(visitor.visit_bool(yes)),
            _ => match number::meant_boolean(&scalar.text) {
                Some(meant) => self.fail(Fault::NotQuiteBoolean { found: scalar.described(), meant }),
                None => self.mismatch(&visitor),
            },
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        if self.tree.is_null() { self.placed(visitor.visit_none()) } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        if self.tree.is_null() { self.placed(visitor.visit_unit()) } else { self.mismatch(&visitor) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Outcome<V::Value> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Outcome<V::Value> {
        match (&self.tree.kind, name) {
            (Kind::Scalar(scalar), reference::TOKEN) if scalar.resolve() != Resolved::Null => {
                let outcome = visitor.visit_str(&scalar.text);
                self.placed(outcome.map_err(|error: DecodeError| error.about_reference()))
            }
            (_, reference::TOKEN) => self.mismatch(&visitor),
            (_, spanned::TOKEN) => visitor.visit_seq(WithSpan::new(self)),
            _ => self.placed(visitor.visit_newtype_struct(self)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Outcome<V::Value> {
        self.list(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Outcome<V::Value> {
        self.list(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Outcome<V::Value> {
        self.map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Outcome<V::Value> {
        match &self.tree.kind {
            Kind::Scalar(scalar) if scalar.resolve() != Resolved::Null => {
                self.placed(visitor.visit_enum(StrDeserializer::<DecodeError>::new(&scalar.text)))
            }
            Kind::Map(entries) => match entries.as_slice() {
                [entry] => self.placed(visitor.visit_enum(OneOf::new(entry, self))),
                _ => self.mismatch(&OneName(variants)),
            },
            Kind::Scalar(_) | Kind::List(_) => self.mismatch(&OneName(variants)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        visitor.visit_unit()
    }
}

/// What an enum wants, in words.
struct OneName(&'static [&'static str]);

impl de::Expected for OneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", super::fault::one_of(self.0))
    }
}
