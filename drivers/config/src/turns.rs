//! Edits a text one value after the other. Places move with every change, so the text is read again for each.

use std::collections::BTreeMap;

use crate::format::{Found, Unfit};
use crate::key::Key;
use crate::state::Held;

/// A way of writing settings in which one value can be changed at a time.
pub(crate) trait Layout {
    /// The named values.
    fn find<'k>(text: &[u8], keys: &'k [Key]) -> Result<Vec<(&'k Key, Found)>, Unfit>;

    /// The text with another value in place of one that is there.
    fn change(text: &[u8], key: &Key, held: &Held) -> Result<Vec<u8>, Unfit>;

    /// The text without a value that is there.
    fn take_out(text: &[u8], key: &Key) -> Result<Vec<u8>, Unfit>;

    /// The text with a value that is not there.
    fn put_in(text: &[u8], key: &Key, held: &Held) -> Result<Vec<u8>, Unfit>;

    /// By which name a neighbour knows a value, and in which place.
    fn name<'k>(key: &'k Key, held: &Held) -> (&'k [String], String);
}

/// The text with the named values as wanted.
pub(crate) fn in_turn<L: Layout>(
    text: &[u8],
    keys: &[Key],
    wanted: &BTreeMap<String, Held>,
) -> Result<Vec<u8>, Unfit> {
    let mut live: BTreeMap<&str, Found> =
        L::find(text, keys)?.into_iter().map(|(key, found)| (key.text.as_str(), found)).collect();
    let mut edited = text.to_vec();
    let mut missing: Vec<(&Key, &Held)> = Vec::new();
    for key in keys {
        match (live.remove(key.text.as_str()), wanted.get(&key.text)) {
            (Some(found), Some(held)) if found.raw == held.raw.reveal() => {}
            (Some(_), Some(held)) => edited = L::change(&edited, key, held)?,
            (Some(_), None) => edited = L::take_out(&edited, key)?,
            (None, Some(held)) => missing.push((key, held)),
            (None, None) => {}
        }
    }
    while !missing.is_empty() {
        // One after the other, for one may be the neighbour of the next.
        let names: Vec<_> = missing.iter().map(|(key, held)| L::name(key, held)).collect();
        let waits = |index: usize, held: &Held| {
            let place = names.get(index).map(|(place, _)| *place);
            held.site
                .after
                .as_ref()
                .is_some_and(|after| names.iter().any(|(other, name)| Some(*other) == place && name == after))
        };
        let next = missing.iter().enumerate().position(|(index, (_, held))| !waits(index, held));
        let (key, held) = missing.remove(next.unwrap_or(0));
        edited = L::put_in(&edited, key, held)?;
    }
    Ok(edited)
}
