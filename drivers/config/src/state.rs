//! What the named values are, as they are saved.

use std::collections::BTreeMap;

use backout_core::digest::{Digest, FingerprintKey};
use backout_core::secret::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The named values that are in the file; those that are not there are not here either.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ValuesState {
    /// By key, as written in the migration file.
    pub values: BTreeMap<String, Held>,
    /// The file itself, for making it again where it is gone.
    pub file: FileFacts,
    /// Random hexadecimal digits, drawn when a checkpoint is taken: the key of what plans say about values, so
    /// that nobody finds a short secret by trying.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<Secret>,
}

/// One value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The value as it stands in the file, quotes included.
    pub raw: Secret,
    /// The whole of it: the line with its name, or the member of the object.
    pub whole: Secret,
    /// What follows it on its line, blanks and a comment, where that is no part of it but goes and comes with it.
    #[serde(default = "nothing", skip_serializing_if = "is_nothing")]
    pub tail: Secret,
    /// Where it stands, for putting it back where it is gone.
    pub site: Site,
    /// Whether it must not be shown.
    pub sensitive: bool,
}

fn nothing() -> Secret {
    Secret::new("")
}

fn is_nothing(text: &Secret) -> bool {
    text.reveal().is_empty()
}

/// Where a value stands among its neighbours.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// The name of what stands before it; none for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How many lines of other things, comments and blank lines, stand between.
    #[serde(default)]
    pub gap: usize,
    /// The blanks before it within braces; how its line ends where it has lines for itself.
    #[serde(default)]
    pub blanks: String,
    /// Within braces, the blanks before what follows.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub behind: String,
    /// Whether it has lines for itself, where others of its kind stand within braces.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_lines: bool,
}

/// What a file is besides its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// Permission bits.
    pub mode: u32,
    /// User id of the owner.
    pub user: u32,
    /// Group id of the owner.
    pub group: u32,
}

/// The salt is no part of what the values are.
impl PartialEq for ValuesState {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values && self.file == other.file
    }
}

impl ValuesState {
    /// What must match exactly: the values, as they are written.
    pub(crate) fn shape(&self) -> Value {
        let raw = self.values.iter().map(|(key, held)| (key.clone(), json!(held.raw.reveal())));
        Value::Object(raw.collect::<Map<_, _>>())
    }

    /// Whether both have the same values.
    pub(crate) fn same_values(&self, other: &BTreeMap<String, Held>) -> bool {
        same_values(&self.values, other)
    }
}

/// Whether both have the same values, wherever they stand.
pub(crate) fn same_values(one: &BTreeMap<String, Held>, other: &BTreeMap<String, Held>) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|((key, held), (name, also))| key == name && held.raw == also.raw)
}

/// By what a step recognises the values that it starts from, without giving them away: a digest under the salt of
/// the checkpoint. Without a checkpoint of these values there is no salt; then sensitive ones are known by their
/// names only.
pub(crate) fn tags(values: &BTreeMap<String, Held>, salt: Option<&Secret>) -> BTreeMap<String, String> {
    const LABEL: &str = "backout/config-value";
    let key = salt.and_then(key_of);
    let tag = |held: &Held| {
        let raw = json!(held.raw.reveal());
        match &key {
            Some(key) => key.digest(LABEL, &raw).to_string(),
            None if held.sensitive => "sensitive".to_owned(),
            None => Digest::of_value(LABEL, &raw).to_string(),
        }
    };
    values.iter().map(|(key, held)| (key.clone(), tag(held))).collect()
}

fn key_of(salt: &Secret) -> Option<FingerprintKey> {
    let mut bytes = [0; 32];
    let digits = salt.reveal().as_bytes();
    for (slot, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *slot = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    (digits.len() == 64).then(|| FingerprintKey::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(raw: &str, sensitive: bool) -> BTreeMap<String, Held> {
        let (raw, tail) = (Secret::new(raw), Secret::new(""));
        let held = Held { whole: raw.clone(), raw, tail, site: Site::default(), sensitive };
        BTreeMap::from([("KEY".to_owned(), held)])
    }

    #[test]
    fn tags_tell_values_apart_and_give_nothing_away() {
        let (salt, other) = (Secret::new("0f".repeat(32)), Secret::new("f0".repeat(32)));
        let (one, two) = (values("hunter1", true), values("hunter2", true));
        assert_eq!(tags(&one, Some(&salt)), tags(&one, Some(&salt)));
        assert_ne!(tags(&one, Some(&salt)), tags(&two, Some(&salt)));
        assert_ne!(tags(&one, Some(&salt)), tags(&one, Some(&other)));
        assert_eq!(tags(&one, None)["KEY"], "sensitive");
        assert_eq!(tags(&one, Some(&Secret::new("short")))["KEY"], "sensitive");
        assert_ne!(tags(&values("1", false), None), tags(&values("2", false), None));
    }

    #[test]
    fn secrets_are_not_printed() {
        let file = FileFacts { mode: 0o600, user: 0, group: 0 };
        let state = ValuesState { values: values("hunter2", false), file, salt: Some(Secret::new("5a17")) };
        let printed = format!("{state:?}");
        assert!(!printed.contains("hunter2") && !printed.contains("5a17"), "{printed}");
    }
}
