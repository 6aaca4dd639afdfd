//! How what users write is recorded: the keys of `recorder:` in the migration file.

use std::collections::BTreeSet;

use backout_core::migration::Size;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::server::TableName;

/// What a slot may hold of the server's log, in bytes, unless a person says otherwise.
const USUAL_CAP_OF_A_SLOT: u64 = 1 << 30;
/// What a capture table may hold, in bytes, unless a person says otherwise.
const USUAL_CAP_OF_TRIGGERS: u64 = 256 << 20;

/// How what users write is recorded.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What records: `auto` takes a slot where the server and our rights allow it, else triggers.
    #[serde(default)]
    pub by: By,
    /// How much it may hold: of the server's log for a slot (1GiB unless given), in the database for triggers (256MiB
    /// unless given). Beyond, it lets go: it never stops writers.
    #[serde(default)]
    pub cap: Option<Size>,
    /// How the migration's own writes are told from those of users.
    #[serde(default)]
    pub migration: Told,
    /// Tables whose writes need not be recorded (`cache` or `audit.entries`). They are not counted and not taken over.
    #[serde(default)]
    pub except: BTreeSet<String>,
}

/// What records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// A slot where that works, else triggers.
    #[default]
    Auto,
    /// A logical replication slot: needs `wal_level = logical` and a role with REPLICATION that owns the tables.
    Slot,
    /// Row triggers, which write into a table of ours within the transaction of the writer.
    Triggers,
    /// Nothing records. Rows that are newer than what was saved are found by the stamp that the server puts on each
    /// (`xmin`), and counted; deletions are not seen, and nothing can be taken over. Incomplete: the last resort.
    Timestamps,
}

/// How the migration's own writes are told from those of users.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// It says so itself: `SELECT _backout.migration()` within each of its transactions.
    #[default]
    Marked,
    /// Nobody else writes from `arm` until the cutover is marked: all that is written in between is its own.
    Window,
    /// It logs in as one of these roles, or takes one of them on (`SET ROLE`).
    Roles(Vec<String>),
    /// Its connections bear one of these names (`application_name`).
    Applications(Vec<String>),
    /// It writes under this replication origin.
    Origin(String),
}

impl Config {
    /// How many bytes a recorder may hold.
    pub(crate) fn cap(&self, by: By) -> u64 {
        let usual = if by == By::Slot { USUAL_CAP_OF_A_SLOT } else { USUAL_CAP_OF_TRIGGERS };
        self.cap.map_or(usual, |cap| cap.bytes)
    }

    /// Whether the writes to a table need not be recorded.
    pub(crate) fn leaves_out(&self, table: &TableName) -> bool {
        self.except.iter().any(|name| names(name, table))
    }

    /// Mistakes that types cannot catch; one sentence each.
    pub(crate) fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        if self.cap.is_some_and(|cap| cap.bytes == 0) {
            mistakes.push("`recorder.cap` leaves no room for any write".to_owned());
        }
        let (empty, what) = match &self.migration {
            Told::Marked | Told::Window => (false, ""),
            Told::Roles(roles) => (roles.is_empty(), "roles"),
            Told::Applications(names) => (names.is_empty(), "applications"),
            Told::Origin(name) => (name.is_empty(), "origin"),
        };
        if empty {
            mistakes.push(format!("`recorder.migration.{what}` names nobody"));
        }
        if matches!(self.migration, Told::Origin(_)) && matches!(self.by, By::Triggers | By::Timestamps) {
            mistakes.push("`recorder.migration.origin` is seen by a slot only: say `by: slot`".to_owned());
        }
        mistakes
    }
}

/// Whether a person's word is the name of a table, in `public` or with its schema.
fn names(word: &str, table: &TableName) -> bool {
    let with_schema = word.strip_prefix(table.schema.as_str()).and_then(|rest| rest.strip_prefix('.'));
    with_schema == Some(table.name.as_str()) || (table.schema == "public" && word == table.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_named_with_or_without_public() {
        for (word, schema, name, is) in [
            ("cache", "public", "cache", true),
            ("public.cache", "public", "cache", true),
            ("cache", "other", "cache", false),
            ("other.cache", "other", "cache", true),
            ("a.b", "public", "a.b", true),
            ("a.b", "a", "b", true),
            ("a.b.c", "a.b", "c", true),
        ] {
            assert_eq!(names(word, &TableName::new(schema, name)), is, "{word}");
        }
    }

    #[test]
    fn the_ways_to_tell_are_read() {
        for (text, told) in [
            ("\"marked\"", Told::Marked),
            ("\"window\"", Told::Window),
            ("{\"roles\": [\"m\"]}", Told::Roles(vec!["m".into()])),
            ("{\"applications\": [\"flyway\"]}", Told::Applications(vec!["flyway".into()])),
            ("{\"origin\": \"bucardo\"}", Told::Origin("bucardo".into())),
        ] {
            assert_eq!(serde_json::from_str::<Told>(text).expect(text), told);
        }
    }
}
