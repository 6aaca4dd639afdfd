//! Where sections, entries and members of a TOML document stand. The parser tells where keys and values are; the rest
//! follows from the order in which they stand.

use std::ops::Range;

use toml_edit::{Document, InlineTable, Item, Table, Value};

use crate::braces::skip;
use crate::format::Unfit;
use crate::lines::{Row, Rows, line_end, line_start, next_line};
use crate::splice::line_of;

/// A document: its sections in the order of the file. The first is what stands before all headers.
pub(super) struct Layout<'t> {
    pub(super) text: &'t str,
    pub(super) sections: Vec<Section>,
}

pub(super) struct Section {
    pub(super) path: Vec<String>,
    /// Its header; nothing for the first.
    pub(super) header: Range<usize>,
    /// It is an element of a list of tables, or lies in one.
    pub(super) in_list: bool,
    pub(super) entries: Vec<Entry>,
}

/// A key with its value, in a section or between braces.
#[derive(Clone)]
pub(super) struct Entry {
    /// The key as it is written there, in pieces.
    pub(super) own: Vec<String>,
    /// From the key to the end of the value.
    pub(super) at: Range<usize>,
    pub(super) value: Range<usize>,
    /// What stands between the braces of the value, if it has some.
    pub(super) members: Option<Vec<Entry>>,
}

/// Reads a text without a mark.
pub(super) fn read(text: &str) -> Result<Layout<'_>, Unfit> {
    // The parser's own message may quote the text.
    let document = Document::parse(text).map_err(|error| {
        let line = line_of(text.as_bytes(), error.span().map_or(0, |span| span.start));
        let is_double = error.message() == "duplicate key";
        Unfit::at(line, if is_double { "a key is set twice" } else { "it is no TOML" })
    })?;
    let root = Section { path: Vec::new(), header: 0..0, in_list: false, entries: Vec::new() };
    let mut layout = Layout { text, sections: vec![root] };
    let mut way = Way { section: 0, path: Vec::new(), own: Vec::new(), in_list: false };
    walk(&mut layout, document.as_table(), &mut way);
    layout.sections.sort_by_key(|section| section.header.start);
    for section in &mut layout.sections {
        section.entries.sort_by_key(|entry| entry.value.start);
        for entry in &mut section.entries {
            // A key cannot be broken, so its line begins with it.
            let start = line_start(text.as_bytes(), entry.value.start.min(entry.at.start));
            entry.at.start = skip(text, start);
        }
    }
    Ok(layout)
}

/// How the walk came to a table.
struct Way {
    section: usize,
    path: Vec<String>,
    own: Vec<String>,
    in_list: bool,
}

fn walk(layout: &mut Layout<'_>, table: &Table, way: &mut Way) {
    for (name, item) in table {
        way.path.push(name.to_owned());
        match item {
            Item::None => {}
            Item::Value(value) => {
                let key = table.key(name).and_then(toml_edit::Key::span);
                way.own.push(name.to_owned());
                let entry = entry(layout.text, &way.own, key, value);
                if let Some((section, entry)) = layout.sections.get_mut(way.section).zip(entry) {
                    section.entries.push(entry);
                }
                way.own.pop();
            }
            Item::Table(inner) if inner.is_dotted() => {
                way.own.push(name.to_owned());
                walk(layout, inner, way);
                way.own.pop();
            }
            Item::Table(inner) => section(layout, inner, way, way.in_list),
            Item::ArrayOfTables(tables) => tables.iter().for_each(|inner| section(layout, inner, way, true)),
        }
        way.path.pop();
    }
}

fn section(layout: &mut Layout<'_>, table: &Table, way: &Way, in_list: bool) {
    let mut inner = Way { section: way.section, path: way.path.clone(), own: Vec::new(), in_list };
    if !table.is_implicit()
        && let Some(header) = table.span()
    {
        inner.section = layout.sections.len();
        let path = way.path.clone();
        layout.sections.push(Section { path, header, in_list, entries: Vec::new() });
    }
    walk(layout, table, &mut inner);
}

fn entry(text: &str, own: &[String], key: Option<Range<usize>>, value: &Value) -> Option<Entry> {
    let place = value.span()?;
    let members = value.as_inline_table().map(|table| {
        let mut members = Vec::new();
        inline(text, table, &mut Vec::new(), &mut members);
        members.sort_by_key(|member| member.value.start);
        let mut from = place.start + 1;
        for member in &mut members {
            let begin = skip(text, from);
            let comma = text.as_bytes().get(begin) == Some(&b',');
            member.at.start = if comma { skip(text, begin + 1) } else { begin };
            from = member.value.end;
        }
        members
    });
    let start = key.map_or(place.start, |key| key.start);
    Some(Entry { own: own.to_vec(), at: start..place.end, value: place, members })
}

fn inline(text: &str, table: &InlineTable, own: &mut Vec<String>, members: &mut Vec<Entry>) {
    for (name, value) in table {
        own.push(name.to_owned());
        match value {
            Value::InlineTable(inner) if inner.is_dotted() => inline(text, inner, own, members),
            value => members.extend(entry(text, own, table.key(name).and_then(toml_edit::Key::span), value)),
        }
        own.pop();
    }
}

impl Section {
    /// The lines of its entries.
    pub(super) fn rows(&self, text: &str) -> Rows {
        let bytes = text.as_bytes();
        let base = match self.header.is_empty() {
            true => 0,
            false => next_line(bytes, self.header.end),
        };
        let rows = self.entries.iter().map(|entry| Row { name: written(&entry.own), at: entry.lines(text) });
        Rows { base, rows: rows.collect(), marks: b"#" }
    }

    /// Its lines, from the header to the last entry.
    pub(super) fn lines(&self, text: &str) -> Range<usize> {
        let bytes = text.as_bytes();
        let last = self.entries.last().map_or(self.header.end, |entry| entry.value.end);
        line_start(bytes, self.header.start)..line_end(bytes, last)
    }
}

impl Entry {
    /// The lines that it has for itself.
    pub(super) fn lines(&self, text: &str) -> Range<usize> {
        line_start(text.as_bytes(), self.at.start)..line_end(text.as_bytes(), self.value.end)
    }
}

/// A dotted key, with quotes where a piece needs them.
pub(super) fn written(pieces: &[String]) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let piece = |piece: &String| match !piece.is_empty() && piece.bytes().all(is_bare) {
        true => piece.clone(),
        false => serde_json::Value::from(piece.as_str()).to_string(),
    };
    pieces.iter().map(piece).collect::<Vec<_>>().join(".")
}
