//! Where in a YAML document a named value is, and what of the text is its own.

use std::ops::Range;

use granit_parser::ScalarStyle;

use super::tree::{Document, Kind, Node, colon_behind};
use crate::braces::{Braces, skip};
use crate::format::Unfit;
use crate::key::Key;
use crate::lines::{Row, Rows, line_end, line_start, next_line, skip_blanks};
use crate::splice::line_of;

/// Where a key leads.
pub(super) struct Place<'a, 't> {
    /// The innermost map on the way; none in an empty file, and nothing where only its key is written.
    pub(super) map: Option<&'a Node<'t>>,
    /// The key that holds the map; none for the outermost.
    pub(super) holder: Option<&'a Node<'t>>,
    /// How many pieces of the key lead to the map.
    pub(super) depth: usize,
    /// Which member of it is meant; none where it is not there.
    pub(super) index: Option<usize>,
}

/// What of the text is a value's own.
pub(super) struct Extent {
    pub(super) colon: usize,
    /// A value that begins in a line of its own has all of that line, indentation included.
    pub(super) value: Range<usize>,
    pub(super) is_block: bool,
}

/// Follows a key.
pub(super) fn locate<'a, 't>(
    text: &str,
    document: &'a Document<'t>,
    key: &Key,
) -> Result<Place<'a, 't>, Unfit> {
    let line = |node: &Node<'_>| line_of(text.as_bytes(), node.at.start);
    let mut place = Place { map: document.root.as_ref(), holder: None, depth: 0, index: None };
    for (depth, piece) in key.pieces.iter().enumerate() {
        place.depth = depth;
        let Some(node) = place.map else { return Ok(place) };
        let name = place.holder.and_then(Node::name).unwrap_or_default().escape_debug();
        if node.is_anchor || matches!(node.kind, Kind::Alias) {
            let what = format!("`{name}` on the way to {key} is shared with other places, by `&` or `*`");
            return Err(Unfit::refused(line(node), what));
        }
        let Kind::Map { is_flow, members } = &node.kind else {
            if node.is_nothing() {
                return Ok(place);
            }
            return Err(match place.holder {
                None => Unfit::at(line(node), "it is no map"),
                Some(holder) => Unfit::at(line(holder), format!("`{name}` on the way to {key} is no map")),
            });
        };
        let mut named = members
            .iter()
            .enumerate()
            .filter(|(_, (name, _))| name.name() == Some(piece) && !name.is_merge());
        let Some((index, (found, value))) = named.next() else {
            if let Some((merge, _)) = members.iter().find(|(name, _)| name.is_merge()) {
                let what = format!("{key} may come from elsewhere, by `<<`");
                return Err(Unfit::refused(line(merge), what));
            }
            return Ok(place);
        };
        if let Some((_, (second, _))) = named.next() {
            let lines = [found, second].map(line);
            let what =
                format!("`{}` is set twice, in lines {} and {}", piece.escape_debug(), lines[0], lines[1]);
            return Err(Unfit::at(lines[1], what));
        }
        check_key(text, found, *is_flow, key)?;
        if depth + 1 == key.pieces.len() {
            check_value(text, value, key)?;
            place.index = Some(index);
            return Ok(place);
        }
        (place.holder, place.map) = (Some(found), Some(value));
    }
    Ok(place)
}

/// Refuses keys that are written in a way in which their lines cannot be told.
fn check_key(text: &str, found: &Node<'_>, is_flow: bool, key: &Key) -> Result<(), Unfit> {
    let start = line_start(text.as_bytes(), found.at.start);
    let is_first = is_flow || text.get(start..found.at.start).is_some_and(|before| before.trim().is_empty());
    if is_first && found.tag.is_none() && !found.is_anchor && colon_behind(text, found).is_some() {
        return Ok(());
    }
    let name = found.name().unwrap_or_default().escape_debug();
    let what =
        format!("`{name}` on the way to {key} is not written as `{name}:`, at the beginning of a line");
    Err(Unfit::refused(line_of(text.as_bytes(), found.at.start), what))
}

/// Refuses values that are not all in their place, or whose end nobody sees.
fn check_value(text: &str, value: &Node<'_>, key: &Key) -> Result<(), Unfit> {
    let line = |at: usize| line_of(text.as_bytes(), at);
    if let Some(at) = shared(value) {
        return Err(Unfit::refused(
            line(at),
            format!("{key} is shared with other places, by `&`, `*` or `<<`"),
        ));
    }
    let mut last = value;
    loop {
        last = match &last.kind {
            Kind::List(items) if !items.is_empty() => items.last().unwrap_or(last),
            Kind::Map { members, .. } if !members.is_empty() => {
                members.last().map_or(last, |(_, value)| value)
            }
            _ => break,
        }
    }
    let Kind::Scalar(content, ScalarStyle::Literal | ScalarStyle::Folded) = &last.kind else { return Ok(()) };
    let before = text.get(..last.at.start).unwrap_or_default().trim_end();
    let header = before.rsplit('\n').next().unwrap_or_default();
    let header = header.split(" #").next().unwrap_or_default().trim_end();
    let keeps = header.rsplit([' ', '\t']).next().is_some_and(|sign| sign.contains('+'));
    let ends = content.trim_end_matches('\n').rsplit('\n').next().unwrap_or_default();
    if keeps || !ends.is_empty() && ends.trim().is_empty() {
        let what =
            format!("the empty lines at the end of {key} belong to it, and nobody sees how many they are");
        return Err(Unfit::refused(line(last.at.start), what));
    }
    Ok(())
}

/// Where something stands in it that refers to other places, or that others may refer to.
fn shared(node: &Node<'_>) -> Option<usize> {
    if node.is_anchor {
        return Some(node.at.start);
    }
    match &node.kind {
        Kind::Alias => Some(node.at.start),
        Kind::Scalar(..) => None,
        Kind::List(items) => items.iter().find_map(shared),
        Kind::Map { members, .. } => members.iter().find_map(|(name, value)| {
            let merge = name.is_merge().then_some(name.at.start);
            merge.or_else(|| shared(name)).or_else(|| shared(value))
        }),
    }
}

/// What of the text is a member's value.
pub(super) fn extent(text: &str, is_flow: bool, name: &Node<'_>, value: &Node<'_>) -> Option<Extent> {
    let colon = colon_behind(text, name)?;
    if value.is_nothing() {
        return Some(Extent { colon, value: colon + 1..colon + 1, is_block: false });
    }
    let first = skip_blanks(text.as_bytes(), colon + 1);
    if !matches!(text.as_bytes().get(first), None | Some(b'#' | b'\r' | b'\n')) {
        return Some(Extent { colon, value: first..value.at.end.max(first), is_block: false });
    }
    let content = skip(text, first);
    let start = if is_flow { content } else { line_start(text.as_bytes(), content) };
    Some(Extent { colon, value: start..value.at.end.max(content), is_block: !is_flow })
}

/// The lines of a block's members. It begins behind the line of its holder.
pub(super) fn rows(text: &str, document: &Document<'_>, place: &Place<'_, '_>) -> Rows {
    let bytes = text.as_bytes();
    let base = place.holder.map_or(document.base, |holder| next_line(bytes, holder.at.end));
    let members = match place.map.map(|map| &map.kind) {
        Some(Kind::Map { members, .. }) => members.as_slice(),
        _ => &[],
    };
    let row = |(name, value): &(Node<'_>, Node<'_>)| Row {
        name: name.name().unwrap_or_default().to_owned(),
        at: line_start(bytes, name.at.start)..line_end(bytes, value.at.end.max(name.at.end)),
    };
    Rows { base, rows: members.iter().map(row).collect(), marks: b"#" }
}

/// The members between braces.
pub(super) fn braces<'t>(text: &'t str, map: &Node<'_>) -> Braces<'t> {
    let members = match &map.kind {
        Kind::Map { members, .. } => members.as_slice(),
        _ => &[],
    };
    let member = |(name, value): &(Node<'_>, Node<'_>)| {
        (name.name().unwrap_or_default().to_owned(), name.at.start..value.at.end.max(name.at.end))
    };
    Braces { text, at: map.at.clone(), members: members.iter().map(member).collect() }
}
