//! What differs between live and saved, and what going back costs. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;

use backout_core::delta::{Delta, Shown};
use backout_core::plan::{Count, DataPrice};
use backout_kit::path_text::encode;

use super::state::{Content, SchemaEntry, State};

/// Live → saved.
pub(super) fn diff(saved: Option<&State>, live: Option<&State>) -> Delta {
    let mut delta = Delta::default();
    match (saved, live) {
        (None, None) => {}
        (Some(saved), None) => delta.push("database", Shown::Absent, Shown::text(described(saved))),
        (None, Some(live)) => delta.push("database", Shown::text(described(live)), Shown::Absent),
        (Some(saved), Some(live)) => {
            settings(&mut delta, saved, live);
            schema(&mut delta, saved, live);
            tables(&mut delta, saved, live);
            sequences(&mut delta, saved, live);
        }
    }
    delta
}

/// Rows that live has and the checkpoint lacks, as far as counting tells.
///
/// | table | counts as |
/// |---|---|
/// | the same rows | none |
/// | more rows than saved | as many as there are more |
/// | as many or fewer, and others | at least none: rows were changed, by users or by the migration |
/// | saved has no such table | at least none: its rows may be the migration's own |
/// | live has no such table | none here |
pub(super) fn price(saved: &State, live: Option<&State>) -> DataPrice {
    let Some(live) = live else {
        let details = vec!["what is there now cannot be read, so nobody can count".to_owned()];
        return DataPrice::compared(Count::Unknown, details, true);
    };
    let mut writes = Count::Exactly(0);
    let mut details = Vec::new();
    for (name, now) in &live.tables {
        let table = safe(name);
        match saved.tables.get(name) {
            Some(then) if then == now => {}
            Some(then) if now.rows > then.rows => {
                let more = now.rows - then.rows;
                writes = writes.plus(Count::Exactly(more));
                details.push(format!("{table}: {} more than in the checkpoint", rows(more)));
            }
            Some(then) if now.rows == then.rows => {
                writes = writes.plus(Count::AtLeast(0));
                details.push(format!("{table}: as many rows as in the checkpoint, with other content"));
            }
            Some(then) => {
                writes = writes.plus(Count::AtLeast(0));
                details.push(format!("{table}: {} fewer than in the checkpoint", rows(then.rows - now.rows)));
            }
            None if now.rows > 0 => {
                writes = writes.plus(Count::AtLeast(0));
                details.push(format!("{table}: {} in a table that the checkpoint lacks", rows(now.rows)));
            }
            None => {}
        }
    }
    DataPrice::compared(writes, details, true)
}

fn described(state: &State) -> String {
    let count = state.tables.values().map(|content| content.rows).sum();
    let tables = state.tables.len();
    format!("{tables} {}, {}", if tables == 1 { "table" } else { "tables" }, rows(count))
}

fn rows(count: u64) -> String {
    format!("{count} {}", if count == 1 { "row" } else { "rows" })
}

fn settings(delta: &mut Delta, saved: &State, live: &State) {
    let journal =
        |state: &State| if state.write_ahead { "write-ahead log" } else { "rollback journal" }.to_owned();
    let violations = |state: &State| {
        state.foreign_key_violations.map_or_else(|| "cannot be counted".to_owned(), |count| count.to_string())
    };
    for (path, now, then) in [
        ("user_version", live.user_version.to_string(), saved.user_version.to_string()),
        ("application_id", live.application_id.to_string(), saved.application_id.to_string()),
        ("encoding", live.encoding.clone(), saved.encoding.clone()),
        ("journal", journal(live), journal(saved)),
        ("page_size", live.page_size.to_string(), saved.page_size.to_string()),
        ("auto_vacuum", live.auto_vacuum.to_string(), saved.auto_vacuum.to_string()),
        ("foreign key violations", violations(live), violations(saved)),
    ] {
        if now != then {
            delta.push(path, Shown::text(now), Shown::text(then));
        }
    }
}

fn schema(delta: &mut Delta, saved: &State, live: &State) {
    let by_name = |state: &State| -> BTreeMap<(String, String), SchemaEntry> {
        state.schema.iter().map(|entry| ((entry.kind.clone(), entry.name.clone()), entry.clone())).collect()
    };
    let (now, then) = (by_name(live), by_name(saved));
    for key in now.keys().chain(then.keys()).collect::<BTreeSet<_>>() {
        let (now, then) = (now.get(key), then.get(key));
        if now != then {
            let side =
                |entry: Option<&SchemaEntry>, word: &str| entry.map_or(Shown::Absent, |_| Shown::text(word));
            let word = if now.is_some() && then.is_some() { "otherwise defined" } else { "there" };
            delta.push(format!("{} {}", key.0, safe(&key.1)), side(now, word), side(then, "as saved"));
        }
    }
}

fn tables(delta: &mut Delta, saved: &State, live: &State) {
    for name in live.tables.keys().chain(saved.tables.keys()).collect::<BTreeSet<_>>() {
        let (now, then) = (live.tables.get(name), saved.tables.get(name));
        if now != then {
            let side =
                |content: Option<&Content>| content.map_or(Shown::Absent, |c| Shown::text(rows(c.rows)));
            let same_count = now.map(|content| content.rows) == then.map(|content| content.rows);
            let now = match now {
                Some(content) if same_count => {
                    Shown::text(format!("{}, content differs", rows(content.rows)))
                }
                other => side(other),
            };
            delta.push(format!("rows of {}", safe(name)), now, side(then));
        }
    }
}

fn sequences(delta: &mut Delta, saved: &State, live: &State) {
    for name in live.sequences.keys().chain(saved.sequences.keys()).collect::<BTreeSet<_>>() {
        let (now, then) = (live.sequences.get(name), saved.sequences.get(name));
        if now != then {
            let side =
                |number: Option<&String>| number.map_or(Shown::Absent, |number| Shown::text(safe(number)));
            delta.push(format!("sequence of {}", safe(name)), side(now), side(then));
        }
    }
}

/// A name that may be anything, in a form that does nothing to a terminal.
pub(super) fn safe(name: &str) -> String {
    encode(OsStr::new(name))
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
