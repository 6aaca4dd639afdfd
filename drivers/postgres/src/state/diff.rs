//! What differs between live and saved, for people. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;

use backout_core::delta::{Delta, Shown};
use backout_kit::path_text::encode;

use super::State;
use crate::catalog::{Object, Schema};
use crate::rows::Rows;

/// Definitions longer than this are not shown, only that they differ.
const LONGEST: usize = 160;

/// Live → saved.
pub(crate) fn diff(saved: Option<&State>, live: Option<&State>) -> Delta {
    let mut delta = Delta::default();
    match (saved, live) {
        (None, None) => {}
        (Some(saved), None) => delta.push("database", Shown::Absent, Shown::text(described(saved))),
        (None, Some(live)) => delta.push("database", Shown::text(described(live)), Shown::Absent),
        (Some(saved), Some(live)) => {
            objects(&mut delta, &saved.schema, &live.schema);
            rows(&mut delta, saved, live);
            sequences(&mut delta, saved, live);
            large_objects(&mut delta, saved.large_objects.as_ref(), live.large_objects.as_ref());
        }
    }
    delta
}

fn described(state: &State) -> String {
    let count: u64 = state.rows.values().map(|rows| rows.count).sum();
    let tables = state.rows.len();
    format!("{tables} {}, {}", if tables == 1 { "table" } else { "tables" }, counted(count))
}

pub(super) fn counted(count: u64) -> String {
    format!("{count} {}", if count == 1 { "row" } else { "rows" })
}

fn keys<'a, T>(one: &'a BTreeMap<String, T>, two: &'a BTreeMap<String, T>) -> BTreeSet<&'a String> {
    one.keys().chain(two.keys()).collect()
}

fn objects(delta: &mut Delta, saved: &Schema, live: &Schema) {
    for key in keys(&live.objects, &saved.objects) {
        match (live.objects.get(key), saved.objects.get(key)) {
            (Some(now), Some(then)) if now != then => parts(delta, &readable(key), now, then),
            (Some(_), None) => delta.push(readable(key), Shown::text("there"), Shown::Absent),
            (None, Some(_)) => delta.push(readable(key), Shown::Absent, Shown::text("as saved")),
            _ => {}
        }
    }
}

fn parts(delta: &mut Delta, object: &str, now: &Object, then: &Object) {
    let other_columns = keys(&now.parts, &then.parts)
        .into_iter()
        .filter(|part| is_column(part))
        .any(|part| now.parts.contains_key(part) != then.parts.contains_key(part));
    for part in keys(&now.parts, &then.parts) {
        let (now, then) = (now.parts.get(part), then.parts.get(part));
        // Where a column came or went, their order says nothing more.
        if now == then || (other_columns && part.starts_with("order of ")) {
            continue;
        }
        let is_short =
            [now, then].into_iter().flatten().all(|text| text.len() <= LONGEST && !text.contains('\n'));
        let side = |text: Option<&String>, word: &str| match text {
            None => Shown::Absent,
            Some(text) if is_short => Shown::text(safe(text)),
            Some(_) => Shown::text(word),
        };
        let word = if then.is_some() { "otherwise defined" } else { "there" };
        delta.push(format!("{object}: {}", safe(part)), side(now, word), side(then, "as saved"));
    }
}

fn is_column(part: &str) -> bool {
    part.starts_with("column ") || part.starts_with("attribute ")
}

/// Rows of tables that are there on both sides, or whose definition nobody looked at.
fn rows(delta: &mut Delta, saved: &State, live: &State) {
    for name in keys(&live.rows, &saved.rows) {
        let (now, then) = (live.rows.get(name), saved.rows.get(name));
        if now == then {
            continue;
        }
        let path = format!("table {}: rows", shown(name));
        let (now, then) = sides(now, then);
        delta.push(path, now, then);
    }
}

/// Both sides of a count; equal counts differ in their content.
fn sides(now: Option<&Rows>, then: Option<&Rows>) -> (Shown, Shown) {
    let same_count = now.map(|rows| rows.count) == then.map(|rows| rows.count);
    let side = |rows: Option<&Rows>, other: bool| match rows {
        None => Shown::Absent,
        Some(rows) if rows.is_unreadable() => Shown::text(safe(&rows.digest)),
        Some(rows) if other => Shown::text(format!("{}, other content", counted(rows.count))),
        Some(rows) => Shown::text(counted(rows.count)),
    };
    (side(now, same_count), side(then, false))
}

fn sequences(delta: &mut Delta, saved: &State, live: &State) {
    for name in keys(&live.sequences, &saved.sequences) {
        let (now, then) = (live.sequences.get(name), saved.sequences.get(name));
        if now != then {
            let side = |next: Option<&i64>| next.map_or(Shown::Absent, |next| Shown::text(next.to_string()));
            delta.push(format!("sequence {}: next value", shown(name)), side(now), side(then));
        }
    }
}

fn large_objects(delta: &mut Delta, saved: Option<&Rows>, live: Option<&Rows>) {
    if saved != live {
        let (now, then) = sides(live, saved);
        let objects = |side: Shown| match side {
            Shown::Text(text) => Shown::Text(text.replacen("row", "large object", 1)),
            other => other,
        };
        delta.push("large objects", objects(now), objects(then));
    }
}

/// The kind and name of an object, as people say it: without `public`.
fn readable(key: &str) -> String {
    safe(&key.replacen(" public.", " ", 1))
}

/// A name as SQL writes it, as people say it: without `public`, quoted only where it must be.
pub(super) fn shown(name: &str) -> String {
    let name = name.strip_prefix("\"public\".").unwrap_or(name);
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut quoted = false;
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                part.push('"');
            }
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(std::mem::take(&mut part)),
            other => part.push(other),
        }
    }
    parts.push(part);
    let plain = |part: &String| {
        if part.is_empty() || part.contains(['.', '"', ' ']) {
            crate::server::identifier(part)
        } else {
            part.clone()
        }
    };
    safe(&parts.iter().map(plain).collect::<Vec<_>>().join("."))
}

/// A text that may be anything, in a form that does nothing to a terminal.
pub(super) fn safe(text: &str) -> String {
    encode(OsStr::new(text))
}
