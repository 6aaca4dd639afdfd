//! INI files: lines `name = value` or `name: value` in `[sections]`. There is no one dialect, so bytes are never
//! reformatted, and what its readers would take for different things is refused where it is named. Crates that read
//! INI settle on one dialect and write the file anew, hence the lines are told apart here.
//!
//! A value is all that stands behind the first `=` or `:`, without blanks around it. A `;` or `#` in it belongs to it,
//! for only some readers take that for a comment; comments are lines that begin so.

use std::ops::Range;

use crate::format::{Found, Unfit};
use crate::key::Key;
use crate::lines::{Row, Rows, line_end, next_line, put_line, removed, skip_blanks, usual_end};
use crate::splice::{Splices, beginning, line_of};
use crate::state::Held;
use crate::turns::Layout;

/// What begins a comment.
const MARKS: &[u8] = b";#";

/// INI files.
pub(crate) struct Ini;

struct Line {
    /// Without its line end.
    at: Range<usize>,
    kind: Kind,
}

#[derive(PartialEq, Eq)]
enum Kind {
    /// Nothing, or a comment.
    Other,
    Header(Vec<u8>),
    /// The value's place; none where no sign sets name and value apart.
    Entry(Vec<u8>, Option<Range<usize>>),
}

/// A section, or what stands before the first.
struct Section<'a> {
    name: Option<&'a [u8]>,
    /// Behind its header.
    base: usize,
    lines: &'a [Line],
}

impl Layout for Ini {
    fn find<'k>(text: &[u8], keys: &'k [Key]) -> Result<Vec<(&'k Key, Found)>, Unfit> {
        find(text, keys)
    }

    fn change(text: &[u8], key: &Key, held: &Held) -> Result<Vec<u8>, Unfit> {
        let lines = lines(text);
        let sections = sections(text, &lines);
        let Some(Spot { line, value, .. }) = locate(text, &sections, key)? else { return Ok(text.to_vec()) };
        let mut splices = Splices::default();
        let before = text.get(line.at.start..value.start).unwrap_or_default();
        // Where nothing stood, the value brings the blanks that were before it.
        let blanks = match value.is_empty() && matches!(before.last(), Some(b'=' | b':')) {
            true => blanks_before_value(held.whole.reveal()),
            false => "",
        };
        splices.replace(value, format!("{blanks}{}", held.raw.reveal()));
        Ok(splices.apply(text))
    }

    fn take_out(text: &[u8], key: &Key) -> Result<Vec<u8>, Unfit> {
        let lines = lines(text);
        let mut splices = Splices::default();
        if let Some(Spot { line, .. }) = locate(text, &sections(text, &lines), key)? {
            splices.cut(removed(text, line.at.clone()));
        }
        Ok(splices.apply(text))
    }

    fn put_in(text: &[u8], key: &Key, held: &Held) -> Result<Vec<u8>, Unfit> {
        let lines = lines(text);
        let sections = sections(text, &lines);
        let line = held.whole.reveal();
        match section_of(text, &sections, key)? {
            Some(section) => {
                let at = section.rows().place(text, &held.site);
                Ok(put_line(text, at, line, &held.site.blanks))
            }
            None => {
                let name = key.pieces.first().map_or("", String::as_str);
                let end = usual_end(text);
                let with = put_line(text, text.len(), &format!("[{name}]{end}{line}"), &held.site.blanks);
                Ok(with)
            }
        }
    }

    fn name<'k>(key: &'k Key, _: &Held) -> (&'k [String], String) {
        match key.pieces.split_last() {
            Some((name, section)) => (section, name.clone()),
            None => (&[], String::new()),
        }
    }
}

/// The named values.
pub(crate) fn find<'k>(text: &[u8], keys: &'k [Key]) -> Result<Vec<(&'k Key, Found)>, Unfit> {
    if text.contains(&0) {
        return Err(Unfit::whole("it holds NUL characters and is no text"));
    }
    let lines = lines(text);
    let sections = sections(text, &lines);
    let mut found = Vec::new();
    for key in keys {
        let Some(Spot { section, line, value }) = locate(text, &sections, key)? else { continue };
        let part = |range: &Range<usize>| {
            let bytes = text.get(range.clone()).unwrap_or_default();
            let number = line_of(text, range.start);
            String::from_utf8(bytes.to_vec()).map_err(|_| Unfit::at(number, format!("{key} is not UTF-8")))
        };
        let rows = section.rows();
        let index = rows.rows.iter().position(|row| row.at == line.at).unwrap_or(0);
        let site = rows.site(text, index);
        let (raw, whole) = (part(&value)?, part(&line.at)?);
        found.push((key, Found { raw, whole, tail: String::new(), site }));
    }
    Ok(found)
}

/// What the text says besides the named values.
pub(crate) fn rest(text: &[u8], keys: &[Key]) -> Result<Vec<String>, Unfit> {
    let lines = lines(text);
    let mut rest = Vec::new();
    for section in sections(text, &lines) {
        let name = section.name.map(String::from_utf8_lossy);
        let is_named = |entry: &[u8]| keys.iter().any(|key| names(key) == (section.name, entry));
        // A section in which nothing else stands says nothing else.
        let others = section.lines.iter().filter(|line| match &line.kind {
            Kind::Entry(entry, _) => !is_named(entry),
            Kind::Header(_) => false,
            Kind::Other => !text.get(line.at.clone()).unwrap_or_default().trim_ascii().is_empty(),
        });
        rest.extend(others.map(|line| {
            format!("{name:?} {}", String::from_utf8_lossy(text.get(line.at.clone()).unwrap_or_default()))
        }));
    }
    Ok(rest)
}

impl Section<'_> {
    fn rows(&self) -> Rows {
        let row = |line: &Line| match &line.kind {
            Kind::Entry(name, _) => {
                Some(Row { name: String::from_utf8_lossy(name).into_owned(), at: line.at.clone() })
            }
            _ => None,
        };
        Rows { base: self.base, rows: self.lines.iter().filter_map(row).collect(), marks: MARKS }
    }
}

fn blanks_before_value(line: &str) -> &str {
    let behind_sign = line.find(['=', ':']).and_then(|sign| line.get(sign + 1..)).unwrap_or_default();
    let blanks = behind_sign.len() - behind_sign.trim_start_matches([' ', '\t']).len();
    behind_sign.get(..blanks).unwrap_or_default()
}

/// Section and name.
fn names(key: &Key) -> (Option<&[u8]>, &[u8]) {
    match key.pieces.as_slice() {
        [section, name] => (Some(section.as_bytes()), name.as_bytes()),
        pieces => (None, pieces.first().map_or(&[], |name| name.as_bytes())),
    }
}

/// The one section that is meant; none where none is.
fn section_of<'a, 's>(
    text: &[u8],
    sections: &'a [Section<'s>],
    key: &Key,
) -> Result<Option<&'a Section<'s>>, Unfit> {
    let (Some(wanted), _) = names(key) else { return Ok(sections.first()) };
    let mut alike =
        sections.iter().filter(|section| section.name.is_some_and(|name| name.eq_ignore_ascii_case(wanted)));
    let Some(section) = alike.next() else { return Ok(None) };
    let line = |section: &Section<'_>| line_of(text, section.base).saturating_sub(1).max(1);
    if let Some(second) = alike.next() {
        let (first, second) = (line(section), line(second));
        let what = format!(
            "the section of {key} begins twice, in lines {first} and {second}, and readers differ on what then counts"
        );
        return Err(Unfit::refused(second, what));
    }
    if section.name != Some(wanted) {
        return Err(otherwise_written(line(section), key));
    }
    Ok(Some(section))
}

/// Where a value was found.
struct Spot<'a, 's> {
    section: &'a Section<'s>,
    line: &'a Line,
    value: Range<usize>,
}

/// The line of a value, its section, and its place.
fn locate<'a, 's>(
    text: &[u8],
    sections: &'a [Section<'s>],
    key: &Key,
) -> Result<Option<Spot<'a, 's>>, Unfit> {
    let Some(section) = section_of(text, sections, key)? else { return Ok(None) };
    let (_, wanted) = names(key);
    let mut alike = section.lines.iter().enumerate().filter_map(|(index, line)| match &line.kind {
        Kind::Entry(name, value) if name.eq_ignore_ascii_case(wanted) => Some((index, line, name, value)),
        _ => None,
    });
    let Some((index, line, name, value)) = alike.next() else { return Ok(None) };
    let number = line_of(text, line.at.start);
    if let Some((_, second, ..)) = alike.next() {
        let second = line_of(text, second.at.start);
        let what =
            format!("{key} is set twice, in lines {number} and {second}, and readers differ on which counts");
        return Err(Unfit::refused(second, what));
    }
    if name.as_slice() != wanted {
        return Err(otherwise_written(number, key));
    }
    let Some(value) = value else {
        return Err(Unfit::refused(
            number,
            format!("{key} has no `=`, and readers differ on what that means"),
        ));
    };
    refuse_continuation(text, section.lines, index, key)?;
    Ok(Some(Spot { section, line, value: value.clone() }))
}

fn otherwise_written(line: usize, key: &Key) -> Unfit {
    Unfit::refused(
        line,
        format!("{key} differs from what is written there in capital letters, which count for some"),
    )
}

/// Some readers take a line that is indented further than the one before for more of its value, others for a line
/// like any other; and some join a line that ends in `\` with the next.
fn refuse_continuation(text: &[u8], lines: &[Line], index: usize, key: &Key) -> Result<(), Unfit> {
    let entries = |line: &&Line| line.kind != Kind::Other;
    let (before, from) = lines.split_at(index.min(lines.len()));
    let line = from.first();
    let before = before.iter().rev().find(entries);
    let behind = from.iter().skip(1).find(entries);
    let indent = |line: &Line| skip_blanks(text, line.at.start) - line.at.start;
    let is_deeper = |line: Option<&Line>, than: Option<&Line>| {
        line.zip(than)
            .is_some_and(|(line, than)| matches!(than.kind, Kind::Entry(..)) && indent(line) > indent(than))
    };
    let is_joined = |line: Option<&Line>| {
        line.is_some_and(|line| {
            text.get(line.at.clone()).is_some_and(|bytes| bytes.trim_ascii_end().ends_with(b"\\"))
        })
    };
    let number = line.map_or(1, |line| line_of(text, line.at.start));
    if is_deeper(line, before) || is_joined(before) {
        let what = format!("{key} may be one more line of the value before, by its indentation or a `\\`");
        return Err(Unfit::refused(number, what));
    }
    if is_deeper(behind, line) || is_joined(line) {
        let what = format!("the value of {key} may go on in the next line, by its indentation or a `\\`");
        return Err(Unfit::refused(number, what));
    }
    Ok(())
}

fn sections<'a>(text: &[u8], lines: &'a [Line]) -> Vec<Section<'a>> {
    let mut sections = Vec::new();
    let (mut name, mut base, mut rest) = (None, beginning(text), lines);
    loop {
        let next = rest.iter().position(|line| matches!(line.kind, Kind::Header(_)));
        let (own, others) = rest.split_at(next.unwrap_or(rest.len()));
        sections.push(Section { name, base, lines: own });
        let Some((header, behind)) = others.split_first() else { return sections };
        name = match &header.kind {
            Kind::Header(name) => Some(name.as_slice()),
            _ => None,
        };
        (base, rest) = (next_line(text, header.at.end), behind);
    }
}

fn lines(text: &[u8]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut at = beginning(text);
    while at < text.len() {
        let place = at..line_end(text, at);
        at = next_line(text, at);
        lines.push(Line { kind: kind(text, &place), at: place });
    }
    lines
}

fn kind(text: &[u8], at: &Range<usize>) -> Kind {
    let line = text.get(at.clone()).unwrap_or_default();
    let content = line.trim_ascii();
    match content.first() {
        None => return Kind::Other,
        Some(first) if MARKS.contains(first) => return Kind::Other,
        Some(b'[') => {
            let inner = content.get(1..).unwrap_or_default();
            let behind = inner.iter().position(|byte| *byte == b']').unwrap_or(inner.len());
            return Kind::Header(inner.get(..behind).unwrap_or_default().trim_ascii().to_vec());
        }
        Some(_) => {}
    }
    let Some(sign) = line.iter().position(|byte| matches!(byte, b'=' | b':')) else {
        return Kind::Entry(content.to_vec(), None);
    };
    let name = line.get(..sign).unwrap_or_default().trim_ascii().to_vec();
    let start = skip_blanks(text, at.start + sign + 1).min(at.end);
    let value = text.get(start..at.end).unwrap_or_default().trim_ascii_end();
    Kind::Entry(name, Some(start..start + value.len()))
}

#[cfg(test)]
mod tests;
