//! What differs in the named values, for people. Pure.

use std::collections::{BTreeMap, BTreeSet};

use backout_core::delta::{Delta, Shown};
use backout_core::migration::hidden;

use crate::state::{Held, ValuesState};

/// The longest that a value is shown, in characters.
const LONGEST_SHOWN: usize = 200;

/// One change for each value that differs, live → saved.
pub(crate) fn diff(saved: Option<&ValuesState>, live: Option<&ValuesState>) -> Delta {
    let none = BTreeMap::new();
    let then = saved.map_or(&none, |state| &state.values);
    let now = live.map_or(&none, |state| &state.values);
    let keys: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let mut delta = Delta::default();
    for key in keys {
        let (now, then) = (now.get(key), then.get(key));
        if now.map(|held| &held.raw) != then.map(|held| &held.raw) {
            // If one side is nobody's business, the other is not either.
            let sensitive = [now, then].into_iter().flatten().any(|held| held.sensitive);
            delta.push(safe(key), side(now, sensitive), side(then, sensitive));
        }
    }
    delta
}

fn side(held: Option<&Held>, sensitive: bool) -> Shown {
    match held {
        None => Shown::Absent,
        Some(_) if sensitive => Shown::Sensitive,
        Some(held) => Shown::Text(safe(held.raw.reveal())),
    }
}

/// A text fit for a terminal.
fn safe(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(LONGEST_SHOWN)
        .flat_map(|c| if hidden(c) { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
        .collect();
    if text.chars().nth(LONGEST_SHOWN).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{FileFacts, Site};
    use backout_core::secret::Secret;

    fn state(values: &[(&str, &str, bool)]) -> ValuesState {
        let held = |raw: &str, sensitive| {
            let raw = Secret::new(raw);
            Held { whole: raw.clone(), raw, tail: Secret::new(""), site: Site::default(), sensitive }
        };
        let values = values.iter().map(|(key, raw, hide)| (key.to_string(), held(raw, *hide))).collect();
        ValuesState { values, file: FileFacts { mode: 0, user: 0, group: 0 }, salt: None }
    }

    #[test]
    fn each_value_is_one_line_and_secrets_are_none() {
        let saved =
            state(&[("A", "1", false), ("B", "x", true), ("C", "\u{1b}[31m\n", false), ("S", "s", false)]);
        let live = state(&[("A", "2", false), ("B", "y", true), ("D", "4", false), ("S", "t", true)]);
        let changes: Vec<_> =
            diff(Some(&saved), Some(&live)).changes.into_iter().map(|c| (c.path, c.now, c.then)).collect();
        let text = |text: &str| Shown::Text(text.to_owned());
        assert_eq!(
            changes,
            [
                ("A".into(), text("2"), text("1")),
                ("B".into(), Shown::Sensitive, Shown::Sensitive),
                ("C".into(), Shown::Absent, text("\\u{1b}[31m\\n")),
                ("D".into(), text("4"), Shown::Absent),
                ("S".into(), Shown::Sensitive, Shown::Sensitive),
            ]
        );
        assert!(diff(Some(&saved), Some(&saved)).is_empty());
        assert!(diff(None, None).is_empty());
        assert_eq!(diff(Some(&saved), None).len(), 4);
    }
}
