//! The captured state, how it differs, and what going back costs. Pure.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use backout_core::delta::{Delta, Shown};
use backout_core::digest::Digest;
use backout_core::plan::{Count, DataPrice};
use backout_kit::path_text;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::content::Content;

/// The key of a JSON state that tells how far living data has moved, where `data` is declared.
const POSITION: &str = "position";

/// The longest value that is shown, in characters.
const LONGEST_SHOWN: usize = 120;

/// What `capture` printed.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// What `capture` printed.
    pub content: Content,
    /// What `diff` printed for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<Content>,
    /// Whether it is nobody's business.
    #[serde(default)]
    pub secret: bool,
    /// Whether users write data into it.
    #[serde(default)]
    pub data: bool,
}

/// What must match exactly.
pub fn shape(state: &State) -> Value {
    match &state.content {
        Content::Json(Value::Object(object)) if state.data && object.contains_key(POSITION) => {
            let mut object = object.clone();
            object.remove(POSITION);
            Content::Json(Value::Object(object)).shape()
        }
        content => content.shape(),
    }
}

/// How far living data has moved.
pub fn position(state: &State) -> Option<Value> {
    match &state.content {
        Content::Json(Value::Object(object)) if state.data => object.get(POSITION).cloned(),
        _ => None,
    }
}

/// What a step knows a state by. None for secrets: a digest of something short gives it away.
pub fn mark(state: &State) -> Option<String> {
    (!state.secret).then(|| Digest::of_value("backout/command/state", &shape(state)).to_string())
}

/// What differs, live → saved.
pub fn diff(saved: Option<&State>, live: Option<&State>) -> Delta {
    let mut delta = Delta::default();
    let (saved, live) = match (saved, live) {
        (None, None) => return delta,
        (Some(saved), Some(live)) if shape(saved) == shape(live) => return delta,
        (Some(saved), Some(live)) => (saved, live),
        (Some(there), None) => {
            delta.push("state", Shown::Absent, whole(there));
            return delta;
        }
        (None, Some(there)) => {
            delta.push("state", whole(there), Shown::Absent);
            return delta;
        }
    };
    if saved.secret || live.secret {
        delta.push("state", Shown::Sensitive, Shown::Sensitive);
        return delta;
    }
    if let (Some(then), Some(now)) = (&saved.shown, &live.shown) {
        compare(now, then, &mut delta);
    }
    if delta.is_empty() {
        compare(&without_position(live), &without_position(saved), &mut delta);
    }
    if delta.is_empty() {
        delta.push("state", Shown::text("as it is now"), Shown::text("as it was saved"));
    }
    delta
}

/// What going back costs: whole positions count writes.
pub fn price(saved: &State, live: Option<&State>) -> Option<DataPrice> {
    if !saved.data {
        return None;
    }
    let (then, now) = (position(saved), live.and_then(position));
    let numbers = (then.as_ref().and_then(Value::as_u64), now.as_ref().and_then(Value::as_u64));
    let writes = match numbers {
        (Some(then), Some(now)) => now.checked_sub(then).map_or(Count::Unknown, Count::Exactly),
        _ if then.is_some() && then == now => Count::Exactly(0),
        _ => Count::Unknown,
    };
    let details = match numbers {
        (Some(then), Some(now)) => vec![format!("{POSITION}: {then} when saved, {now} now")],
        _ => vec![format!("`capture` prints no `{POSITION}` that counts writes")],
    };
    Some(DataPrice::compared(writes, details, false))
}

fn without_position(state: &State) -> Content {
    match &state.content {
        Content::Json(Value::Object(object)) if state.data => {
            let mut object = object.clone();
            object.remove(POSITION);
            Content::Json(Value::Object(object))
        }
        content => content.clone(),
    }
}

fn whole(state: &State) -> Shown {
    if state.secret { Shown::Sensitive } else { Shown::text("there") }
}

fn compare(now: &Content, then: &Content, delta: &mut Delta) {
    match (now, then) {
        (Content::Json(now), Content::Json(then)) => compare_json("", Some(now), Some(then), delta),
        (Content::Text(now), Content::Text(then)) => compare_lines(now, then, delta),
        (Content::Json(_), Content::Text(_)) => delta.push("state", Shown::text("JSON"), Shown::text("text")),
        (Content::Text(_), Content::Json(_)) => delta.push("state", Shown::text("text"), Shown::text("JSON")),
    }
}

fn compare_json(path: &str, now: Option<&Value>, then: Option<&Value>, delta: &mut Delta) {
    if now == then {
        return;
    }
    match (now, then) {
        (Some(Value::Object(now)), Some(Value::Object(then))) => {
            let keys: BTreeSet<&String> = now.keys().chain(then.keys()).collect();
            for key in keys {
                let dot = if path.is_empty() { "" } else { "." };
                compare_json(&format!("{path}{dot}{}", safe(key)), now.get(key), then.get(key), delta);
            }
        }
        (Some(Value::Array(now)), Some(Value::Array(then))) => {
            for index in 0..now.len().max(then.len()) {
                compare_json(&format!("{path}[{index}]"), now.get(index), then.get(index), delta);
            }
        }
        _ => {
            let path = if path.is_empty() { "state" } else { path };
            let shown = |value: Option<&Value>| match value {
                None => Shown::Absent,
                Some(Value::String(text)) => Shown::text(short(text)),
                Some(value) => Shown::text(short(&value.to_string())),
            };
            delta.push(path, shown(now), shown(then));
        }
    }
}

/// Without the lines that begin and end both, what is left differs line by line.
fn compare_lines(now: &str, then: &str, delta: &mut Delta) {
    let (now, then): (Vec<&str>, Vec<&str>) = (now.lines().collect(), then.lines().collect());
    let first = now.iter().zip(&then).take_while(|(now, then)| now == then).count();
    let (now, then) = (now.get(first..).unwrap_or_default(), then.get(first..).unwrap_or_default());
    let last = now.iter().rev().zip(then.iter().rev()).take_while(|(now, then)| now == then).count();
    let line = |lines: &[&str], index: usize| {
        let middle = lines.get(..lines.len() - last).unwrap_or_default();
        middle.get(index).map_or(Shown::Absent, |line| Shown::text(short(line)))
    };
    for index in 0..now.len().max(then.len()) - last {
        delta.push(format!("line {}", first + index + 1), line(now, index), line(then, index));
    }
}

fn safe(text: &str) -> String {
    path_text::encode(OsStr::new(text))
}

fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{}…", safe(text.get(..end).unwrap_or_default())),
        None => safe(text),
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
