//! JSON files, also with comments and trailing commas. The parser tells where each value stands; the text between
//! is never written anew.

use std::collections::BTreeMap;

use jsonc_parser::ast::{Object, ObjectProp, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use crate::format::{Found, Unfit, as_text};
use crate::key::Key;
use crate::splice::{Splices, beginning, line_of};
use crate::state::{Held, Site};

mod layout;

use layout::{behind_comment, blanks_before, blanks_behind, comma_behind, line_cut, lone_line_indent};

/// The named values.
pub(crate) fn find<'k>(text: &[u8], keys: &'k [Key]) -> Result<Vec<(&'k Key, Found)>, Unfit> {
    let text = as_text(text)?;
    let root = parse(text)?;
    let mut found = Vec::new();
    for key in keys {
        if let Some((object, index)) = locate(text, &root, key)?
            && let Some(member) = object.properties.get(index)
        {
            let before = index.checked_sub(1).and_then(|before| object.properties.get(before));
            let site = Site {
                after: before.map(|before| before.name.as_str().to_owned()),
                gap: 0,
                blanks: blanks_before(text, object, index),
                behind: blanks_behind(text, object, index),
                in_lines: false,
            };
            let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default().to_owned();
            let raw = part(member.value.start()..member.value.end());
            let whole = part(member.start()..member.end());
            found.push((key, Found { raw, whole, tail: String::new(), site }));
        }
    }
    Ok(found)
}

/// The text with the named values as wanted.
pub(crate) fn edit(text: &[u8], keys: &[Key], wanted: &BTreeMap<String, Held>) -> Result<Vec<u8>, Unfit> {
    let start = beginning(text);
    let mut edited = as_text(text)?.to_owned();
    let mut missing: Vec<(&Key, &Held)> = Vec::new();
    for key in keys {
        // Places move with every change, so the text is read again for each.
        let changed = {
            let root = parse(&edited)?;
            let place = locate(&edited, &root, key)?;
            match (place, wanted.get(&key.text)) {
                (Some((object, index)), Some(held)) => {
                    let member = object.properties.get(index).map(|member| member.value.range());
                    member.map(|range| {
                        spliced(&edited, |splices| {
                            splices.replace(range.start..range.end, held.raw.reveal());
                        })
                    })
                }
                (Some((object, index)), None) => Some(without(&edited, object, index)),
                (None, Some(held)) => {
                    missing.push((key, held));
                    None
                }
                (None, None) => None,
            }
        };
        edited = changed.unwrap_or(edited);
    }
    while !missing.is_empty() {
        // One after the other, for one may be the neighbour of the next.
        let root = parse(&edited)?;
        let placed = missing.iter().position(|(key, held)| has_neighbour(&root, key, held)).unwrap_or(0);
        let (key, held) = missing.remove(placed);
        let with = with(&edited, &root, key, held)?;
        edited = with;
    }
    let mark = text.get(..start).unwrap_or_default();
    Ok([mark, edited.as_bytes()].concat())
}

fn parse(text: &str) -> Result<Object<'_>, Unfit> {
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    // The parser's own message may quote the text.
    let parsed = parse_to_ast(text, &CollectOptions::default(), &options)
        .map_err(|error| Unfit::at(line_of(text.as_bytes(), error.range().start), "it is no JSON"))?;
    match parsed.value {
        Some(Value::Object(root)) => Ok(root),
        Some(_) => Err(Unfit::at(1, "it is no object")),
        None => Err(Unfit::whole("it is empty")),
    }
}

/// The object and the place in it where the named value is; none where it is not, or an object on the way is not.
fn locate<'a, 't>(
    text: &str,
    root: &'a Object<'t>,
    key: &Key,
) -> Result<Option<(&'a Object<'t>, usize)>, Unfit> {
    let mut object = root;
    let mut pieces = key.pieces.iter().peekable();
    while let Some(piece) = pieces.next() {
        let mut named =
            object.properties.iter().enumerate().filter(|(_, member)| member.name.as_str() == piece);
        let Some((index, member)) = named.next() else { return Ok(None) };
        if let Some((_, second)) = named.next() {
            let lines = [member, second].map(|member| line_of(text.as_bytes(), member.start()));
            let shown = piece.escape_debug();
            let what = format!("`{shown}` is set twice, in lines {} and {}", lines[0], lines[1]);
            return Err(Unfit::at(lines[1], what));
        }
        if pieces.peek().is_none() {
            return Ok(Some((object, index)));
        }
        let Value::Object(inner) = &member.value else {
            let line = line_of(text.as_bytes(), member.start());
            return Err(Unfit::at(
                line,
                format!("`{}` on the way to {key} is no object", piece.escape_debug()),
            ));
        };
        object = inner;
    }
    Ok(None)
}

/// The deepest object on the way that is there, and how many pieces lead to it.
fn deepest<'a, 't>(root: &'a Object<'t>, key: &Key) -> (&'a Object<'t>, usize) {
    let mut object = root;
    for (depth, piece) in key.pieces.iter().enumerate() {
        match object
            .properties
            .iter()
            .find(|member| member.name.as_str() == piece)
            .map(|member| &member.value)
        {
            Some(Value::Object(inner)) => object = inner,
            _ => return (object, depth),
        }
    }
    (object, key.pieces.len())
}

fn has_neighbour(root: &Object<'_>, key: &Key, held: &Held) -> bool {
    let (object, depth) = deepest(root, key);
    depth + 1 == key.pieces.len()
        && held.site.after.as_ref().is_none_or(|after| index_of(object, after).is_some())
}

fn index_of(object: &Object<'_>, name: &str) -> Option<usize> {
    object.properties.iter().rposition(|member| member.name.as_str() == name)
}

fn spliced(text: &str, change: impl FnOnce(&mut Splices)) -> String {
    let mut splices = Splices::default();
    change(&mut splices);
    // Ranges of the parser begin and end between characters, and what is put in is text.
    String::from_utf8_lossy(&splices.apply(text.as_bytes())).into_owned()
}

/// The text without a member, its comma, and its line if it had one for itself. Comments stay.
fn without(text: &str, object: &Object<'_>, index: usize) -> String {
    let Some(member) = object.properties.get(index) else { return text.to_owned() };
    let before = index.checked_sub(1).and_then(|before| object.properties.get(before));
    let (start, end) = (member.start(), member.end());
    spliced(text, |splices| match (comma_behind(text, end), before) {
        (Some(comma), _) if is_blank(text, end, comma) => splices.cut(line_cut(text, start, comma + 1)),
        (Some(comma), _) => {
            splices.cut(start..end);
            splices.cut(comma..comma + 1);
        }
        (None, Some(before)) => match comma_behind(text, before.end()) {
            Some(comma) if is_blank(text, comma + 1, start) => splices.cut(comma..end),
            comma => {
                if let Some(comma) = comma {
                    splices.cut(comma..comma + 1);
                }
                splices.cut(line_cut(text, start, end));
            }
        },
        (None, None) => {
            let blanks = blanks_before(text, object, index);
            let is_alone = is_blank(text, object.start() + 1, start);
            splices.cut(if is_alone { start - blanks.len()..end } else { line_cut(text, start, end) });
        }
    })
}

fn is_blank(text: &str, start: usize, end: usize) -> bool {
    text.get(start..end).is_some_and(|between| between.trim().is_empty())
}

/// The text with a member where it was, behind its old neighbour; with the objects on the way where they are gone.
fn with(text: &str, root: &Object<'_>, key: &Key, held: &Held) -> Result<String, Unfit> {
    let (object, depth) = deepest(root, key);
    let is_in_place = depth + 1 == key.pieces.len();
    let blanks = &held.site.blanks;
    if is_in_place {
        let neighbour = match &held.site.after {
            None => None,
            Some(after) => index_of(object, after).or(object.properties.len().checked_sub(1)),
        };
        return Ok(inserted(text, object, neighbour, &held.site, held.whole.reveal()));
    }
    let Some(missing) = key.pieces.get(depth..key.pieces.len() - 1).filter(|missing| !missing.is_empty())
    else {
        return Err(Unfit::whole(format!("{key} has no place")));
    };
    let outer = object.properties.len().checked_sub(1).map(|last| blanks_before(text, object, last));
    let outer = outer.unwrap_or_else(|| blanks.clone());
    let closing = if blanks.contains('\n') { outer.clone() } else { String::new() };
    let mut member = format!("{blanks}{}{closing}", held.whole.reveal());
    for name in missing.iter().rev() {
        member = format!("{}: {{{member}}}", serde_json::Value::from(name.as_str()));
    }
    let site = Site { blanks: outer, ..Site::default() };
    Ok(inserted(text, object, object.properties.len().checked_sub(1), &site, &member))
}

fn inserted(text: &str, object: &Object<'_>, neighbour: Option<usize>, site: &Site, member: &str) -> String {
    let blanks = &site.blanks;
    let opening = object.start() + 1;
    spliced(text, |splices| match neighbour.and_then(|index| object.properties.get(index)) {
        Some(before) => match comma_behind(text, before.end()) {
            Some(comma) => splices.insert(behind_comment(text, comma + 1), format!("{blanks}{member},")),
            None => {
                splices.insert(before.end(), ",");
                splices.insert(behind_comment(text, before.end()), format!("{blanks}{member}"));
            }
        },
        None if !object.properties.is_empty() => {
            let first = object.properties.first().map_or(opening, Ranged::start);
            let between = text.get(opening..first).unwrap_or_default();
            if between.trim().is_empty() && !between.contains('\n') {
                splices.replace(opening..first, format!("{blanks}{member},{}", site.behind));
            } else {
                splices.insert(behind_comment(text, opening), format!("{blanks}{member},"));
            }
        }
        None => {
            let is_on_one_line = !text.get(opening..object.end()).is_some_and(|inner| inner.contains('\n'));
            let closing = match is_on_one_line && blanks.contains('\n') {
                true => format!("\n{}", lone_line_indent(text, object.start())),
                false => String::new(),
            };
            splices.insert(behind_comment(text, opening), format!("{blanks}{member}{closing}"));
        }
    })
}

/// For the layout: the place of a member among the others.
fn member<'a, 't>(object: &'a Object<'t>, index: usize) -> Option<&'a ObjectProp<'t>> {
    object.properties.get(index)
}

#[cfg(test)]
mod tests;
