//! YAML files of one document. The parser tells where each scalar stands; the text between is never written anew.
//! Nothing is expanded: where anchors, aliases or merge keys make a value's place ambiguous, it is refused.

use std::ops::Range;

use crate::format::{Found, Unfit, as_text};
use crate::key::Key;
use crate::lines::{Rows, end_of, line_end, line_start, next_line, put_line, removed, usual_end};
use crate::splice::{Splices, beginning};
use crate::state::Held;
use crate::turns::Layout;

mod place;
mod rest;
mod tree;

use place::{Extent, Place, braces, extent, locate, rows};
use tree::{Document, Kind, Node, read};

pub(crate) use rest::rest;

/// YAML files.
pub(crate) struct Yaml;

/// A member that is there.
struct Member<'a, 't> {
    map: &'a Node<'t>,
    index: usize,
    is_flow: bool,
    name: &'a Node<'t>,
    extent: Extent,
    is_only: bool,
}

impl Layout for Yaml {
    fn find<'k>(text: &[u8], keys: &'k [Key]) -> Result<Vec<(&'k Key, Found)>, Unfit> {
        find(text, keys)
    }

    fn change(text: &[u8], key: &Key, held: &Held) -> Result<Vec<u8>, Unfit> {
        behind_mark(text, |text, document| {
            let place = locate(text, document, key)?;
            let mut splices = Splices::default();
            if let Some(member) = member(text, &place) {
                change(text, &member, held, &mut splices);
            }
            Ok(splices.apply(text.as_bytes()))
        })
    }

    fn take_out(text: &[u8], key: &Key) -> Result<Vec<u8>, Unfit> {
        behind_mark(text, |text, document| {
            let place = locate(text, document, key)?;
            let Some(member) = member(text, &place) else { return Ok(text.as_bytes().to_vec()) };
            if member.is_flow {
                return Ok(braces(text, member.map).without(member.index));
            }
            let mut splices = Splices::default();
            let bytes = text.as_bytes();
            splices.cut(removed(
                bytes,
                line_start(bytes, member.name.at.start)..line_end(bytes, member.extent.value.end),
            ));
            // With no member left, the key alone would mean nothing instead of an empty map.
            if let Some(holder) = place.holder.filter(|_| member.is_only)
                && let Some(colon) = tree::colon_behind(text, holder)
            {
                splices.insert(colon + 1, " {}");
            }
            Ok(splices.apply(bytes))
        })
    }

    fn put_in(text: &[u8], key: &Key, held: &Held) -> Result<Vec<u8>, Unfit> {
        behind_mark(text, |text, document| {
            let place = locate(text, document, key)?;
            Ok(put_in(text, document, &place, key, held))
        })
    }

    fn name<'k>(key: &'k Key, _: &Held) -> (&'k [String], String) {
        match key.pieces.split_last() {
            Some((name, way)) => (way, name.clone()),
            None => (&[], String::new()),
        }
    }
}

/// The named values.
pub(crate) fn find<'k>(text: &[u8], keys: &'k [Key]) -> Result<Vec<(&'k Key, Found)>, Unfit> {
    let text = as_text(text)?;
    let document = read(text)?;
    let part = |range: Range<usize>| text.get(range).unwrap_or_default().to_owned();
    let mut found = Vec::new();
    for key in keys {
        let place = locate(text, &document, key)?;
        let Some(member) = member(text, &place) else { continue };
        let value = member.extent.value.clone();
        let (start, tail, site) = if member.is_flow {
            (member.name.at.start, 0..0, braces(text, member.map).site(member.index))
        } else {
            let site = rows(text, &document, &place).site(text.as_bytes(), member.index);
            let tail = value.end..line_end(text.as_bytes(), value.end);
            (line_start(text.as_bytes(), member.name.at.start), tail, site)
        };
        let whole = part(start..value.end);
        found.push((key, Found { raw: part(value), whole, tail: part(tail), site }));
    }
    Ok(found)
}

/// A change of the text behind its mark.
fn behind_mark(
    text: &[u8],
    change: impl FnOnce(&str, &Document<'_>) -> Result<Vec<u8>, Unfit>,
) -> Result<Vec<u8>, Unfit> {
    let mark = text.get(..beginning(text)).unwrap_or_default();
    let inner = as_text(text)?;
    Ok([mark, &change(inner, &read(inner)?)?].concat())
}

fn member<'a, 't>(text: &str, place: &Place<'a, 't>) -> Option<Member<'a, 't>> {
    let (map, index) = (place.map?, place.index?);
    let Kind::Map { is_flow, members } = &map.kind else { return None };
    let (name, value) = members.get(index)?;
    let extent = extent(text, *is_flow, name, value)?;
    Some(Member { map, index, is_flow: *is_flow, name, extent, is_only: members.len() == 1 })
}

/// Whether a saved value began in a line of its own.
fn is_block(held: &Held) -> bool {
    let raw = held.raw.reveal();
    !raw.is_empty() && held.whole.reveal().strip_suffix(raw).is_some_and(|before| before.ends_with('\n'))
}

fn change(text: &str, member: &Member<'_, '_>, held: &Held, splices: &mut Splices) {
    let bytes = text.as_bytes();
    let raw = held.raw.reveal();
    let Extent { colon, value, is_block: was_block } = &member.extent;
    let behind_colon = colon + 1;
    match (was_block, is_block(held)) {
        (false, true) => {
            splices.cut(behind_colon..value.end);
            splices.insert(line_end(bytes, value.end), format!("{}{raw}", usual_end(bytes)));
        }
        (true, false) => {
            if !raw.is_empty() {
                splices.insert(behind_colon, format!(" {raw}"));
            }
            let end = line_end(bytes, value.end);
            let has_comment = text.get(value.end..end).is_some_and(|tail| !tail.trim().is_empty());
            splices.cut(if has_comment { value.clone() } else { removed(bytes, value.start..end) });
        }
        (false, false) if value.is_empty() => splices.insert(behind_colon, format!(" {raw}")),
        (false, false) if raw.is_empty() => splices.cut(behind_colon..value.end),
        _ => splices.replace(value.clone(), raw),
    }
}

fn put_in(text: &str, document: &Document<'_>, place: &Place<'_, '_>, key: &Key, held: &Held) -> Vec<u8> {
    let bytes = text.as_bytes();
    let missing = key.pieces.get(place.depth..key.pieces.len().saturating_sub(1)).unwrap_or_default();
    let whole = held.whole.reveal();
    let flow = place.map.filter(|map| matches!(map.kind, Kind::Map { is_flow: true, .. }));
    if let Some(map) = flow {
        let braces = braces(text, map);
        let is_empty = map.at.len() == "{}".len();
        // A map that lost its lines gets them back.
        if is_empty
            && held.site.in_lines
            && let Some(colon) = place.holder.and_then(|holder| tree::colon_behind(text, holder))
        {
            let mut splices = Splices::default();
            splices.cut(colon + 1..map.at.end);
            let without = String::from_utf8_lossy(&splices.apply(bytes)).into_owned();
            let rows = Rows { base: next_line(without.as_bytes(), colon), rows: Vec::new(), marks: b"#" };
            return put_lines(&without, rows, place, missing, held, None);
        }
        let mut member = whole.trim_start().to_owned();
        for name in missing.iter().rev() {
            member = format!("{}: {{{member}}}", plain_or_quoted(name));
        }
        let mut site = held.site.clone();
        if !missing.is_empty() {
            site.after = braces.members.last().map(|(name, _)| name.clone());
        }
        return braces.with(&site, &member);
    }
    let first = match place.map.map(|map| &map.kind) {
        Some(Kind::Map { members, .. }) => members.first().map(|(name, _)| name),
        _ => None,
    };
    let indent = first.map(|first| first.at.start - line_start(bytes, first.at.start));
    put_lines(text, rows(text, document, place), place, missing, held, indent)
}

/// The text with lines for a value and for the maps on the way that are gone. `indent` is that of its neighbours.
fn put_lines(
    text: &str,
    rows: Rows,
    place: &Place<'_, '_>,
    missing: &[String],
    held: &Held,
    indent: Option<usize>,
) -> Vec<u8> {
    let bytes = text.as_bytes();
    let whole = held.whole.reveal();
    let saved = whole.len() - whole.trim_start_matches(' ').len();
    let outer = place.holder.map(|holder| holder.at.start - line_start(bytes, holder.at.start));
    let least = outer.map_or(0, |outer| outer + 1);
    let mut depth = match (indent, missing.len()) {
        (Some(indent), _) => indent,
        (None, 0) if saved >= least => saved,
        (None, _) => outer.map_or(0, |outer| outer + 2),
    };
    let step = match missing.len() {
        0 => 0,
        count => Some(saved.saturating_sub(depth) / count).filter(|step| *step > 0).unwrap_or(2),
    };
    let end = usual_end(bytes);
    let mut lines = String::new();
    for name in missing {
        lines.push_str(&format!("{:depth$}{}:{end}", "", plain_or_quoted(name)));
        depth += step;
    }
    lines.push_str(&format!("{:depth$}{}{}", "", whole.trim_start_matches(' '), held.tail.reveal()));
    let mut site = held.site.clone();
    if !missing.is_empty() {
        site.after = rows.rows.last().map(|row| row.name.clone());
        site.gap = 0;
    }
    put_line(bytes, rows.place(bytes, &site), &lines, end_of(&held.site, bytes))
}

/// A key as it can stand in any document.
fn plain_or_quoted(name: &str) -> String {
    const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let is_plain = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(is_word)
        && !WORDS.contains(&name.to_ascii_lowercase().as_str());
    if is_plain { name.to_owned() } else { serde_json::Value::from(name).to_string() }
}

#[cfg(test)]
mod tests;
