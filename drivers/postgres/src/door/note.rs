//! What a database bears of ours: a line at the end of its comment.
//!
//! A comment is the one thing that the owner of a database may write from outside, that everybody may read without
//! going in, and that goes with the database through a rename. (Settings of a name of our own need a superuser.) Whoever
//! lists databases reads it too, so it says what it is.

use std::collections::{BTreeMap, BTreeSet};

use backout_core::digest::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::state::Taken;

const BEGIN: &str = "backout: {";

/// What a database bears of ours.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Note {
    /// The claim marker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) marker: Option<Value>,
    /// What was there before its door was shut; none while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shut: Option<Shut>,
    /// It stands beside, whole and proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) staged: Option<Staged>,
    /// It is a copy to look at, or a restore point: of the work with this key, to be taken away with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) copy_of: Option<String>,
    /// How it came into its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) put_back: Option<PutBack>,
    /// The run that took it from its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) displaced: Option<String>,
    /// What other kinds keep here, by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) others: BTreeMap<String, Value>,
}

/// What opening a door gives back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shut {
    /// Roles that may connect when it is open and lost the right; the empty name is everybody.
    pub(crate) revoked: BTreeSet<String>,
    /// Whether only writers are kept out.
    #[serde(default)]
    pub(crate) readers: bool,
    /// Whether transactions only read by default when it is open. Behind a shut door they do, so that whoever slips in
    /// while we come in writes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) read_only: Option<ReadOnly>,
}

/// What `default_transaction_read_only` of the database was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReadOnly {
    /// None where it was not set.
    pub(crate) was: Option<String>,
}

/// A database that stands beside, whole and proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Staged {
    /// What was put into it.
    pub(crate) saved: Digest,
    /// When that was looked at: whatever is recorded and not visible then, it lacks.
    pub(crate) taken: Taken,
    /// Since when nobody could reach what was read and examined then; none where something was found, or somebody could.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) closed: Option<Closed>,
}

/// Since when nobody has been let into a database. Coming in takes `datallowconn`, and changing that writes the
/// database's entry in the server's list anew, under the number of another transaction; vacuum leaves that number as it is.
/// A server that is started to come in all the same (`postgres --single`) is one that was stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Closed {
    /// The transaction that wrote the entry last (`xmin`).
    pub(crate) entry: String,
    /// When the server was started, in seconds since 1970.
    pub(crate) started: String,
}

/// What stood beside read and examined, and came into its place unreached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Proven {
    /// What was put into it.
    pub(crate) saved: Digest,
    /// Since when nobody could reach it.
    pub(crate) closed: Closed,
}

/// How a database came into its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PutBack {
    /// The run that did it.
    pub(crate) run: String,
    /// When what it holds was looked at.
    pub(crate) taken: Taken,
    /// That it is as it was proven beside; none where somebody could reach it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) proven: Option<Proven>,
}

impl Note {
    /// Takes a comment apart: what people wrote, and the note.
    pub(crate) fn of_comment(comment: &str) -> (String, Self) {
        let at = match comment.rfind(&format!("\n{BEGIN}")) {
            Some(at) => Some((at, at + 1)),
            None if comment.starts_with(BEGIN) => Some((0, 0)),
            None => None,
        };
        let read = at.and_then(|(end, begin)| {
            let text = comment.get(begin..)?.strip_prefix("backout: ")?;
            Some((comment.get(..end)?.to_owned(), serde_json::from_str(text).ok()?))
        });
        read.unwrap_or_else(|| (comment.to_owned(), Self::default()))
    }

    /// Puts a comment together; none where there is nothing to say.
    pub(crate) fn to_comment(&self, own: &str) -> Option<String> {
        if *self == Self::default() {
            return (!own.is_empty()).then(|| own.to_owned());
        }
        let note = serde_json::to_string(self).unwrap_or_default();
        Some(if own.is_empty() { format!("backout: {note}") } else { format!("{own}\nbackout: {note}") })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn comments_of_people_stay_as_they_are() {
        let shut = Shut {
            revoked: BTreeSet::from([String::new(), "a\"b".to_owned()]),
            read_only: None,
            readers: false,
        };
        let notes = [
            Note::default(),
            Note { marker: Some(json!({"nonce": "é\n\"\\"})), ..Note::default() },
            Note { shut: Some(shut), displaced: Some("r1".into()), ..Note::default() },
        ];
        for own in ["", "the shop", "two\nlines", "backout: {\"half", "backout is used here", "\nbackout: {}"]
        {
            for note in &notes {
                let comment = note.to_comment(own).unwrap_or_default();
                let (text, read) = Note::of_comment(&comment);
                if own == "\nbackout: {}" && *note == Note::default() {
                    // Nobody can tell an empty note of ours from the same words of somebody else's.
                    continue;
                }
                assert_eq!((text.as_str(), &read), (own, note), "{comment}");
            }
        }
    }
}
