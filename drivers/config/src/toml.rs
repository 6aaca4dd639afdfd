//! TOML files. `toml_edit` reads them and tells where everything stands; the text between is never written anew, for
//! its own editing makes line ends alike and cannot put a value back as it was written.
//!
//! A named value is what stands behind one `=`, in a section or between braces; or a table, or list of tables, with
//! its headers, where all of it stands in one place.

use std::ops::Range;

use crate::braces::Braces;
use crate::format::{Found, Unfit, as_text};
use crate::key::Key;
use crate::lines::{end_of, next_line, put_line, removed, skip_others, usual_end};
use crate::splice::{Splices, beginning, line_of};
use crate::state::{Held, Site};
use crate::turns::Layout as Turns;

mod layout;

use layout::{Entry, Layout, Section, read, written};

/// TOML files.
pub(crate) struct Toml;

/// Where a named value was found.
enum Spot<'a> {
    /// An entry of a section.
    Line { section: &'a Section, index: usize },
    /// A member between the braces of a value.
    Member { braces: Range<usize>, members: &'a [Entry], index: usize },
    /// These sections.
    Sections(Range<usize>),
}

impl Turns for Toml {
    fn find<'k>(text: &[u8], keys: &'k [Key]) -> Result<Vec<(&'k Key, Found)>, Unfit> {
        find(text, keys)
    }

    fn change(text: &[u8], key: &Key, held: &Held) -> Result<Vec<u8>, Unfit> {
        behind_mark(text, |text, layout| {
            let mut splices = Splices::default();
            match (locate(layout, key)?, is_table(held)) {
                (None, _) => {}
                (Some(Spot::Sections(sections)), true) => {
                    splices.replace(layout.place(sections), held.raw.reveal());
                }
                (Some(Spot::Line { section, index }), false) => {
                    let value = section.entries.get(index).map(|entry| entry.value.clone());
                    splices.replace(value.unwrap_or_default(), held.raw.reveal());
                }
                (Some(Spot::Member { members, index, .. }), false) => {
                    let value = members.get(index).map(|entry| entry.value.clone());
                    splices.replace(value.unwrap_or_default(), held.raw.reveal());
                }
                (Some(_), _) => {
                    let without = Self::take_out(text.as_bytes(), key)?;
                    return Self::put_in(&without, key, held);
                }
            }
            Ok(splices.apply(text.as_bytes()))
        })
    }

    fn take_out(text: &[u8], key: &Key) -> Result<Vec<u8>, Unfit> {
        behind_mark(text, |text, layout| {
            let mut splices = Splices::default();
            let bytes = text.as_bytes();
            match locate(layout, key)? {
                None => {}
                Some(Spot::Sections(sections)) => splices.cut(removed(bytes, layout.with_blank(sections))),
                Some(Spot::Line { section, index }) => {
                    let lines = section.entries.get(index).map(|entry| entry.lines(text));
                    splices.cut(removed(bytes, lines.unwrap_or_default()));
                }
                Some(Spot::Member { braces, members, index }) => {
                    return Ok(between(text, braces, members).without(index));
                }
            }
            Ok(splices.apply(bytes))
        })
    }

    fn put_in(text: &[u8], key: &Key, held: &Held) -> Result<Vec<u8>, Unfit> {
        behind_mark(text, |text, layout| put_in(text, layout, key, held))
    }

    fn name<'k>(key: &'k Key, held: &Held) -> (&'k [String], String) {
        if is_table(held) {
            return (&[], written(&key.pieces));
        }
        let (place, own) = key.pieces.split_at(key.pieces.len().saturating_sub(own_pieces(held)));
        (place, written(own))
    }
}

/// The named values.
pub(crate) fn find<'k>(text: &[u8], keys: &'k [Key]) -> Result<Vec<(&'k Key, Found)>, Unfit> {
    let text = as_text(text)?;
    let layout = read(text)?;
    let part = |range: Range<usize>| text.get(range).unwrap_or_default().to_owned();
    let mut found = Vec::new();
    for key in keys {
        let value = match locate(&layout, key)? {
            None => continue,
            Some(Spot::Sections(sections)) => {
                let site = layout.site(sections.clone());
                let whole = part(layout.with_blank(sections.clone()));
                Found { raw: part(layout.place(sections)), whole, tail: String::new(), site }
            }
            Some(Spot::Line { section, index }) => {
                let Some(entry) = section.entries.get(index) else { continue };
                let site = section.rows(text).site(text.as_bytes(), index);
                let lines = entry.lines(text);
                let whole = part(lines.start..entry.value.end);
                Found { raw: part(entry.value.clone()), whole, tail: part(entry.value.end..lines.end), site }
            }
            Some(Spot::Member { braces, members, index }) => {
                let Some(entry) = members.get(index) else { continue };
                let site = between(text, braces, members).site(index);
                let whole = part(entry.at.clone());
                Found { raw: part(entry.value.clone()), whole, tail: String::new(), site }
            }
        };
        found.push((key, value));
    }
    Ok(found)
}

/// What the text says besides the named values.
pub(crate) fn rest(text: &[u8], keys: &[Key]) -> Result<Vec<String>, Unfit> {
    let layout = read(as_text(text)?)?;
    let mut rest = Vec::new();
    for section in &layout.sections {
        if keys.iter().any(|key| section.path.starts_with(&key.pieces)) {
            continue;
        }
        // A section on the way that holds nothing else says nothing.
        if !keys.iter().any(|key| key.pieces.starts_with(&section.path)) {
            rest.push(format!("{:?} {}", section.path, section.in_list));
        }
        tell(layout.text, &section.path, &section.entries, keys, &mut rest);
    }
    Ok(rest)
}

fn tell(text: &str, path: &[String], entries: &[Entry], keys: &[Key], rest: &mut Vec<String>) {
    for entry in entries {
        let path = [path, &entry.own].concat();
        if keys.iter().any(|key| path.starts_with(&key.pieces)) {
            continue;
        }
        match &entry.members {
            Some(members) if keys.iter().any(|key| key.pieces.starts_with(&path)) => {
                tell(text, &path, members, keys, rest);
            }
            _ => rest.push(format!("{path:?} {}", text.get(entry.value.clone()).unwrap_or_default())),
        }
    }
}

/// A change of the text behind its mark.
fn behind_mark(
    text: &[u8],
    change: impl FnOnce(&str, &Layout<'_>) -> Result<Vec<u8>, Unfit>,
) -> Result<Vec<u8>, Unfit> {
    let mark = text.get(..beginning(text)).unwrap_or_default();
    let inner = as_text(text)?;
    Ok([mark, &change(inner, &read(inner)?)?].concat())
}

/// Whether a saved value stood in sections of its own: no key stands before it.
fn is_table(held: &Held) -> bool {
    let before = held.whole.reveal().strip_suffix(held.raw.reveal());
    before.is_some_and(|before| before.trim().is_empty())
}

/// In how many pieces the key is written where the value stands.
fn own_pieces(held: &Held) -> usize {
    let alone = read(held.whole.reveal()).ok();
    let entry = alone.as_ref().and_then(|alone| alone.sections.first()?.entries.first());
    entry.map_or(1, |entry| entry.own.len())
}

fn between<'t>(text: &'t str, braces: Range<usize>, members: &[Entry]) -> Braces<'t> {
    let members = members.iter().map(|member| (written(&member.own), member.at.clone())).collect();
    Braces { text, at: braces, members }
}

impl Layout<'_> {
    /// From the first header of some sections to the end of the last entry.
    fn place(&self, sections: Range<usize>) -> Range<usize> {
        let mut lines =
            self.sections.get(sections).unwrap_or_default().iter().map(|one| one.lines(self.text));
        let first = lines.next().unwrap_or_default();
        first.start..lines.next_back().map_or(first.end, |last| last.end)
    }

    /// The same with one empty line before, which sets sections apart and goes and comes with them.
    fn with_blank(&self, sections: Range<usize>) -> Range<usize> {
        let place = self.place(sections);
        let before = self.text.get(..place.start).unwrap_or_default();
        let line = before.trim_end_matches([' ', '\t', '\r']).strip_suffix('\n').map_or(0, |line| {
            let start = crate::lines::line_start(line.as_bytes(), line.len());
            if line.get(start..).unwrap_or_default().trim().is_empty() { before.len() - start } else { 0 }
        });
        place.start - line..place.end
    }

    /// Where sections stand among the others: behind which, and how many lines of other things are between.
    fn site(&self, sections: Range<usize>) -> Site {
        let place = self.with_blank(sections.clone());
        let before = sections.start.checked_sub(1).and_then(|before| self.sections.get(before));
        let from = before.map_or(0, |before| behind(self.text, before));
        let between = self.text.get(from..place.start).unwrap_or_default();
        let end = self.text.get(place.end..next_line(self.text.as_bytes(), place.end)).unwrap_or_default();
        Site {
            after: before.filter(|before| !before.path.is_empty()).map(|before| written(&before.path)),
            gap: between.matches('\n').count(),
            blanks: end.to_owned(),
            behind: String::new(),
            in_lines: true,
        }
    }
}

/// Behind the last line of a section.
fn behind(text: &str, section: &Section) -> usize {
    match section.header.is_empty() && section.entries.is_empty() {
        true => 0,
        false => next_line(text.as_bytes(), section.lines(text).end),
    }
}

/// Where the named value is; none where it is not.
fn locate<'a>(layout: &'a Layout<'_>, key: &Key) -> Result<Option<Spot<'a>>, Unfit> {
    let wanted = key.pieces.as_slice();
    let text = layout.text;
    let line = |at: usize| line_of(text.as_bytes(), at);
    let is_under = |section: &Section| section.path.starts_with(wanted);
    for section in &layout.sections {
        if is_under(section) && !section.path.is_empty() {
            continue;
        }
        let Some(inner) = wanted.strip_prefix(section.path.as_slice()) else { continue };
        if section.in_list {
            let what = format!("`{}` on the way to {key} is a list of tables", written(&section.path));
            return Err(Unfit::refused(line(section.header.start), what));
        }
        if let Some((way, index)) = among(text, &section.entries, inner, key)? {
            return Ok(Some(match way {
                None => Spot::Line { section, index },
                Some(entry) => Spot::Member {
                    braces: entry.value.clone(),
                    members: entry.members.as_deref().unwrap_or_default(),
                    index,
                },
            }));
        }
    }
    let Some(first) = layout.sections.iter().position(is_under) else { return Ok(None) };
    let behind = layout.sections.iter().rposition(is_under).unwrap_or(first) + 1;
    match layout.sections.get(first..behind).unwrap_or_default().iter().position(|section| !is_under(section))
    {
        None => Ok(Some(Spot::Sections(first..behind))),
        Some(other) => {
            let other = layout.sections.get(first + other).map_or(0, |section| section.header.start);
            Err(Unfit::refused(
                line(other),
                format!("{key} does not stand in one place: another table is between"),
            ))
        }
    }
}

/// The entry with this name, and the entry between whose braces it is.
fn among<'a>(
    text: &str,
    entries: &'a [Entry],
    wanted: &[String],
    key: &Key,
) -> Result<Option<(Option<&'a Entry>, usize)>, Unfit> {
    for (index, entry) in entries.iter().enumerate() {
        let line = || line_of(text.as_bytes(), entry.at.start);
        if let Some(inner) = wanted.strip_prefix(entry.own.as_slice()) {
            if inner.is_empty() {
                return Ok(Some((None, index)));
            }
            let Some(members) = &entry.members else {
                let what = format!("`{}` on the way to {key} is no table", written(&entry.own));
                return Err(Unfit::at(line(), what));
            };
            let found = among(text, members, inner, key)?;
            return Ok(found.map(|(deeper, index)| (Some(deeper.unwrap_or(entry)), index)));
        }
        if entry.own.starts_with(wanted) {
            let what = format!("{key} is written in parts, as `{}`: name these", written(&entry.own));
            return Err(Unfit::refused(line(), what));
        }
    }
    Ok(None)
}

fn put_in(text: &str, layout: &Layout<'_>, key: &Key, held: &Held) -> Result<Vec<u8>, Unfit> {
    let bytes = text.as_bytes();
    let site = &held.site;
    if is_table(held) {
        let neighbour = match &site.after {
            None => layout.sections.first(),
            Some(after) => layout.sections.iter().rfind(|section| written(&section.path) == *after),
        };
        let at = neighbour.map_or(text.len(), |section| behind(text, section));
        let at = skip_others(bytes, at, site.gap, b"#");
        return Ok(put_line(bytes, at, held.whole.reveal(), end_of(site, bytes)));
    }
    let container = key.pieces.get(..key.pieces.len().saturating_sub(own_pieces(held))).unwrap_or_default();
    let line = format!("{}{}", held.whole.reveal(), held.tail.reveal());
    if let Some(section) =
        layout.sections.iter().find(|section| section.path == container && !section.in_list)
    {
        let at = section.rows(text).place(bytes, site);
        return Ok(put_line(bytes, at, &line, end_of(site, bytes)));
    }
    let way = Key { text: key.text.clone(), pieces: container.to_vec() };
    let entry = match locate(layout, &way)? {
        Some(Spot::Line { section, index }) => section.entries.get(index),
        Some(Spot::Member { members, index, .. }) => members.get(index),
        _ => None,
    };
    match entry {
        Some(Entry { members: Some(members), value, .. }) => {
            Ok(between(text, value.clone(), members).with(site, held.whole.reveal().trim_start()))
        }
        Some(_) => Err(Unfit::refused(None, format!("{key} has no place"))),
        None => {
            let end = usual_end(bytes);
            let apart = if text.is_empty() || text.ends_with(&end.repeat(2)) { "" } else { end };
            let section = format!("{apart}[{}]{end}{line}", written(container));
            Ok(put_line(bytes, text.len(), &section, end_of(site, bytes)))
        }
    }
}

#[cfg(test)]
mod tests;
