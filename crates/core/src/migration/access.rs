//! How serde walks from a [`Node`] to its parts.

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::decode::{Node, Outcome};
use super::fault::{DecodeError, Fault};
use super::source::Span;
use super::tree::{Entry, Kind, Scalar, Tree};
use super::{reference, spanned};

/// The items of a list, one by one.
pub(super) struct Items<'a> {
    rest: std::slice::Iter<'a, Tree>,
    node: Node<'a>,
}

impl<'a> Items<'a> {
    pub(super) fn new(items: &'a [Tree], node: Node<'a>) -> Self {
        Self { rest: items.iter(), node }
    }

    /// How many have not been asked for.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }
}

impl<'de> SeqAccess<'de> for &mut Items<'_> {
    type Error = DecodeError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Outcome<Option<S::Value>> {
        let Some(tree) = self.rest.next() else { return Ok(None) };
        seed.deserialize(Node { tree, key: None, field: self.node.field, level: self.node.level + 1 })
            .map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// The entries of a map, one by one.
pub(super) struct Entries<'a> {
    rest: std::slice::Iter<'a, Entry>,
    value: Option<&'a Entry>,
    node: Node<'a>,
}

impl<'a> Entries<'a> {
    pub(super) fn new(entries: &'a [Entry], node: Node<'a>) -> Self {
        Self { rest: entries.iter(), value: None, node }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = DecodeError;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Outcome<Option<S::Value>> {
        let Some(entry) = self.rest.next() else { return Ok(None) };
        self.value = Some(entry);
        let (key, _) = entry;
        let kind = Kind::Scalar(Scalar { text: key.value.clone(), plain: true });
        let tree = Tree { span: key.span, kind };
        let node = Node { tree: &tree, key: None, field: Some(&key.value), level: self.node.level };
        match seed.deserialize(MapKey(node)) {
            Ok(value) => Ok(Some(value)),
            Err(error) => node.placed(Err(error)),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Outcome<S::Value> {
        let Some((key, tree)) = self.value.take() else {
            return self.node.fail(Fault::Other("a value was asked for before its key".into()));
        };
        let node = Node { tree, key: Some(key.span), field: Some(&key.value), level: self.node.level + 1 };
        node.placed(seed.deserialize(node))
    }
}

/// A key: always text, whatever it looks like, unless the type wants a number.
struct MapKey<'a>(Node<'a>);

macro_rules! as_number {
    ($to:ident: $($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
            self.0.$to(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for MapKey<'_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Outcome<V::Value> {
        match &self.0.tree.kind {
            Kind::Scalar(scalar) if reference::holds_reference(&scalar.text) => {
                self.0.fail(Fault::ReferenceNotAllowed)
            }
            Kind::Scalar(scalar) => self.0.placed(visitor.visit_str(&scalar.text)),
            Kind::List(_) | Kind::Map(_) => self.0.mismatch(&visitor),
        }
    }

    as_number!(integer: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
                            deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64);
    as_number!(fraction: deserialize_f32 deserialize_f64);

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Outcome<V::Value> {
        if name == spanned::TOKEN || name == reference::TOKEN {
            self.0.deserialize_newtype_struct(name, visitor)
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Outcome<V::Value> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! {
        bool char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}

/// A map of one entry that names a variant and holds its content.
pub(super) struct OneOf<'a> {
    entry: &'a Entry,
    node: Node<'a>,
}

impl<'a> OneOf<'a> {
    pub(super) fn new(entry: &'a Entry, node: Node<'a>) -> Self {
        Self { entry, node }
    }
}

impl<'de, 'a> EnumAccess<'de> for OneOf<'a> {
    type Error = DecodeError;
    type Variant = Node<'a>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Outcome<(S::Value, Node<'a>)> {
        let (key, tree) = self.entry;
        let name: StrDeserializer<'_, DecodeError> = key.value.as_str().into_deserializer();
        let level = self.node.level + 1;
        let variant =
            seed.deserialize(name).map_err(|error| error.at(key.span, None, self.node.field, level))?;
        Ok((variant, Node { tree, key: Some(key.span), field: Some(&key.value), level }))
    }
}

impl<'de> VariantAccess<'de> for Node<'_> {
    type Error = DecodeError;

    fn unit_variant(self) -> Outcome<()> {
        if self.tree.is_null() { Ok(()) } else { self.mismatch(&"nothing") }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Outcome<S::Value> {
        self.placed(seed.deserialize(self))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Outcome<V::Value> {
        self.list(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Outcome<V::Value> {
        self.map(visitor)
    }
}

/// A place as four numbers, then the value itself: what a [`Spanned`](super::Spanned) asks for.
pub(super) struct WithSpan<'a> {
    numbers: std::array::IntoIter<u32, 4>,
    node: Option<Node<'a>>,
}

impl<'a> WithSpan<'a> {
    pub(super) fn new(node: Node<'a>) -> Self {
        let Span { start, end, line, column } = node.tree.span;
        Self { numbers: [start, end, line, column].into_iter(), node: Some(node) }
    }
}

impl<'de> SeqAccess<'de> for WithSpan<'_> {
    type Error = DecodeError;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Outcome<Option<S::Value>> {
        if let Some(number) = self.numbers.next() {
            return seed.deserialize(number.into_deserializer()).map(Some);
        }
        self.node.take().map(|node| node.placed(seed.deserialize(node))).transpose()
    }
}
