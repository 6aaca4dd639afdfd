//! A YAML document as a tree of places. The parser expands nothing: an alias is a leaf, so a document costs no more
//! than its length.

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::{Event, Options, Parser, ScalarStyle, StructureStyle};

use crate::format::Unfit;
use crate::splice::line_of;

/// No settings file has more keys and values.
const MOST_NODES: usize = 500_000;

/// The document of a file; an empty file has none.
#[derive(Default)]
pub(super) struct Document<'t> {
    /// Behind the line that begins it, if it has one.
    pub(super) base: usize,
    pub(super) root: Option<Node<'t>>,
}

pub(super) struct Node<'t> {
    /// As the parser tells it; of a block its first child, of a block scalar its text, of nothing an empty place.
    pub(super) at: Range<usize>,
    pub(super) tag: Option<String>,
    /// Something else may refer to it.
    pub(super) is_anchor: bool,
    pub(super) kind: Kind<'t>,
}

pub(super) enum Kind<'t> {
    Scalar(Cow<'t, str>, ScalarStyle),
    /// It stands for something that is written elsewhere.
    Alias,
    List(Vec<Node<'t>>),
    Map {
        is_flow: bool,
        members: Vec<(Node<'t>, Node<'t>)>,
    },
}

impl Node<'_> {
    /// Nothing is written where a value could be.
    pub(super) fn is_nothing(&self) -> bool {
        let is_empty = matches!(&self.kind, Kind::Scalar(_, ScalarStyle::Plain)) && self.at.is_empty();
        is_empty && self.tag.is_none() && !self.is_anchor
    }

    /// What is written in a key; none in one that is no scalar.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// Whether it takes members over from elsewhere: `<<`.
    pub(super) fn is_merge(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(text, ScalarStyle::Plain) if text == "<<")
    }
}

/// Reads a text without a mark.
pub(super) fn read(text: &str) -> Result<Document<'_>, Unfit> {
    let mut options = Options::default();
    options.emit_anchor_events = true;
    options.emit_unresolved_aliases = true;
    options.set_emit_comments(false);
    let mut document = Document::default();
    let mut open: Vec<Node<'_>> = Vec::new();
    let mut waiting: Vec<Option<Node<'_>>> = Vec::new();
    let mut nodes = 0;
    for event in Parser::new_from_str_with_options(text, options) {
        // The parser's own message may quote the text.
        let (event, place) = event.map_err(|error| {
            let at = error.marker().byte_offset().unwrap_or(0);
            Unfit::at(line_of(text.as_bytes(), at), "it is no YAML")
        })?;
        let at = place.byte_range().unwrap_or(0..0);
        let tag = event.tag().map(granit_parser::Tag::original);
        let node = |kind| Node { at: at.clone(), tag, is_anchor: false, kind };
        let finished = match event {
            Event::DocumentStart(is_explicit, _) => {
                if document.root.is_some() {
                    return Err(Unfit::refused(
                        line_of(text.as_bytes(), at.start),
                        "a second document begins there",
                    ));
                }
                if is_explicit {
                    document.base = crate::lines::next_line(text.as_bytes(), at.end);
                }
                continue;
            }
            Event::Anchor(..) => {
                mark_anchor(&mut open, &mut waiting, &mut document);
                continue;
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => node(Kind::Alias),
            Event::Scalar(value, style, ..) => node(Kind::Scalar(value, style)),
            Event::SequenceStart(..) => {
                open.push(node(Kind::List(Vec::new())));
                waiting.push(None);
                continue;
            }
            Event::MappingStart(style, ..) => {
                let is_flow = style == StructureStyle::Flow;
                open.push(node(Kind::Map { is_flow, members: Vec::new() }));
                waiting.push(None);
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                waiting.pop();
                let Some(mut node) = open.pop() else { continue };
                // The end of a block is where the next thing begins: that of its last child says more.
                let is_flow = !at.is_empty();
                node.at.end = if is_flow { at.end } else { end_of_last(&node) };
                node
            }
            _ => continue,
        };
        nodes += 1;
        if nodes > MOST_NODES {
            return Err(Unfit::refused(None, format!("it has more than {MOST_NODES} keys and values")));
        }
        place_in(text, finished, &mut open, &mut waiting, &mut document);
    }
    Ok(document)
}

/// Puts a finished node where it belongs: into the list or map that is open, as a key or as the value of one.
fn place_in<'t>(
    text: &str,
    mut node: Node<'t>,
    open: &mut [Node<'t>],
    waiting: &mut [Option<Node<'t>>],
    document: &mut Document<'t>,
) {
    if matches!(node.kind, Kind::Scalar(_, ScalarStyle::Literal | ScalarStyle::Folded)) {
        node.at = written_part(text, &node.at);
    }
    match open.last_mut().map(|outer| &mut outer.kind) {
        None => document.root = Some(node),
        Some(Kind::List(items)) => items.push(node),
        Some(Kind::Map { members, .. }) => match waiting.last_mut() {
            Some(slot @ None) => *slot = Some(node),
            Some(slot) => {
                if let Some(key) = slot.take() {
                    if node.is_nothing()
                        && let Some(colon) = colon_behind(text, &key)
                    {
                        node.at = colon + 1..colon + 1;
                    }
                    members.push((key, node));
                }
            }
            None => {}
        },
        Some(_) => {}
    }
}

/// The anchor of the node that came last: one that was just opened, or a leaf that was just placed.
fn mark_anchor<'t>(open: &mut [Node<'t>], waiting: &mut [Option<Node<'t>>], document: &mut Document<'t>) {
    let Some(outer) = open.last_mut() else {
        if let Some(root) = &mut document.root {
            root.is_anchor = true;
        }
        return;
    };
    let is_waiting = waiting.last_mut().and_then(Option::as_mut);
    let last = match &mut outer.kind {
        Kind::List(items) => items.last_mut(),
        Kind::Map { members, .. } => is_waiting.or(members.last_mut().map(|(_, value)| value)),
        _ => None,
    };
    match last {
        Some(last) => last.is_anchor = true,
        None => outer.is_anchor = true,
    }
}

/// The colon behind a key on its line.
pub(super) fn colon_behind(text: &str, key: &Node<'_>) -> Option<usize> {
    let at = crate::lines::skip_blanks(text.as_bytes(), key.at.end);
    (text.as_bytes().get(at) == Some(&b':')).then_some(at)
}

fn end_of_last(node: &Node<'_>) -> usize {
    let last = match &node.kind {
        Kind::List(items) => items.last(),
        Kind::Map { members, .. } => members.last().map(|(_, value)| value),
        _ => None,
    };
    last.map_or(node.at.end, |last| last.at.end.max(node.at.start))
}

/// A block scalar up to its last line that is not empty; where there is none, the end of its first line.
fn written_part(text: &str, at: &Range<usize>) -> Range<usize> {
    let content = text.get(at.clone()).unwrap_or_default().trim_end();
    if content.is_empty() {
        let end = text.get(..at.start).unwrap_or_default().trim_end().len();
        return end..end;
    }
    at.start..crate::lines::line_end(text.as_bytes(), at.start + content.len()).min(at.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each value is, from the source, in order.
    fn told(node: &Node<'_>, text: &str, said: &mut Vec<String>) {
        let anchor = if node.is_anchor { "&" } else { "" };
        said.push(format!("{anchor}{}", &text[node.at.clone()]));
        match &node.kind {
            Kind::List(items) => items.iter().for_each(|item| told(item, text, said)),
            Kind::Map { members, .. } => members.iter().for_each(|(key, value)| {
                told(key, text, said);
                told(value, text, said);
            }),
            _ => {}
        }
    }

    #[test]
    fn places_end_where_the_writing_ends() {
        let rows: [(&str, &[&str]); 9] = [
            ("a: 1 # c\n", &["a: 1", "a", "1"]),
            (
                "a:\n  b: |\n    x\n\n  # c\nd: e\n",
                &["a:\n  b: |\n    x\n\n  # c\nd: e", "a", "b: |\n    x", "b", "x", "d", "e"],
            ),
            ("a: # c\n\nb:\n", &["a: # c\n\nb:", "a", "", "b", ""]),
            (
                "a:\n  - 1\n  -\n  # c\nb: []\n",
                &["a:\n  - 1\n  -\n  # c\nb: []", "a", "- 1\n  -", "1", "", "b", "[]"],
            ),
            ("a: &x 1\nb: *x\n", &["a: &x 1\nb: *x", "a", "&1", "b", "*x"]),
            ("a: &x {b: 1}\n", &["a: &x {b: 1}", "a", "&{b: 1}", "b", "1"]),
            ("&x a: 1\n", &["&x a: 1", "&a", "1"]),
            ("- &x a\n- &y\n  b: 1\n", &["- &x a\n- &y\n  b: 1", "&a", "&b: 1", "b", "1"]),
            (
                "a: |\n  x  \r\n\r\nb: \"y\r\n  z\"",
                &["a: |\n  x  \r\n\r\nb: \"y\r\n  z\"", "a", "x  ", "b", "\"y\r\n  z\""],
            ),
        ];
        for (text, expected) in rows {
            let mut said = Vec::new();
            told(read(text).unwrap().root.as_ref().unwrap(), text, &mut said);
            assert_eq!(said, expected, "{text:?}");
        }
    }
}
