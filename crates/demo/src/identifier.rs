//! What a row is called: an integer in release 1.4.0, a UUID in release 2.0.0.

use crate::digest;
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::hash::{BuildHasher, RandomState};

/// The type of every primary key of one schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdType {
    /// Counted up by the database.
    Integer,
    /// Thirty-six characters of text.
    Uuid,
}

impl IdType {
    /// Reads an identifier of exactly this type.
    pub fn parse(self, text: &str) -> Option<Identifier> {
        match self {
            Self::Integer => text.parse().ok().map(Identifier::Integer),
            Self::Uuid => is_uuid(text).then(|| Identifier::Uuid(text.to_owned())),
        }
    }
}

/// One primary key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Identifier {
    /// As in release 1.4.0.
    Integer(i64),
    /// As in release 2.0.0.
    Uuid(String),
}

impl Identifier {
    /// The type this identifier is of.
    pub fn id_type(&self) -> IdType {
        match self {
            Self::Integer(_) => IdType::Integer,
            Self::Uuid(_) => IdType::Uuid,
        }
    }
}

impl std::fmt::Display for Identifier {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Integer(number) => write!(out, "{number}"),
            Self::Uuid(text) => out.write_str(text),
        }
    }
}

/// The UUID (version 8) that stands for a row of release 1.4.0: the same at every run of the migration.
pub fn derived_uuid(table: &str, old: i64) -> String {
    let digest = digest::hexadecimal(format!("{table}/{old}"));
    in_groups(&digest, '8')
}

/// A new random UUID (version 4). The standard library's hash keys are random enough for a to-do list.
pub fn fresh_uuid() -> String {
    let random = || RandomState::new().hash_one("uuid");
    in_groups(&format!("{:016x}{:016x}", random(), random()), '4')
}

/// A UUID as a server sends it.
pub fn uuid(bytes: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn in_groups(digits: &str, version: char) -> String {
    let mut text = String::with_capacity(36);
    for (place, digit) in digits.chars().take(32).enumerate() {
        if matches!(place, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(match place {
            12 => version,
            16 => '8',
            _ => digit,
        });
    }
    text
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.char_indices().all(|(place, character)| match place {
            8 | 13 | 18 | 23 => character == '-',
            _ => character.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_uuid_is_a_uuid_and_depends_on_table_and_row() {
        let uuid = derived_uuid("tasks", 7);
        assert!(is_uuid(&uuid), "{uuid}");
        assert_eq!(uuid, derived_uuid("tasks", 7));
        assert_ne!(uuid, derived_uuid("tasks", 8));
        assert_ne!(uuid, derived_uuid("users", 7));
    }

    #[test]
    fn fresh_uuids_differ_and_a_servers_is_read_as_it_is_written() {
        assert!(is_uuid(&fresh_uuid()));
        assert_ne!(fresh_uuid(), fresh_uuid());
        let bytes = std::array::from_fn(|place| place as u8 * 17);
        assert_eq!(uuid(bytes), "00112233-4455-6677-8899-aabbccddeeff");
    }

    #[test]
    fn each_type_reads_only_its_own() {
        let uuid = derived_uuid("tasks", 7);
        assert_eq!(IdType::Integer.parse("7"), Some(Identifier::Integer(7)));
        assert_eq!(IdType::Integer.parse(&uuid), None);
        assert_eq!(IdType::Uuid.parse(&uuid), Some(Identifier::Uuid(uuid)));
        assert_eq!(IdType::Uuid.parse("7"), None);
    }
}
