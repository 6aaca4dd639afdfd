//! What is captured: where writers are let in.
//!
//! A door counts as it stands when ours is lifted: what `quiesce` took is remembered in a note at the database, and is no
//! difference. `writers` is the side that lets them in; where both or neither does, it is the new one exactly when the
//! cutover was marked there.
//!
//! | moment | old door | new door | marked | writers | position |
//! |---|---|---|---|---|---|
//! | saved | open | shut | no | old | rows of old |
//! | saved, only the address of applications will move | open | open | no | old | rows of old |
//! | landed, rights moved | shut | open | yes | new | rows of new |
//! | landed, only the address moved | open | open | yes | new | rows of new |
//! | a run stands between the two steps back | shut | as saved | no | old | rows of old |
//! | put back | as saved | as saved | no | old | rows of old, plus what was taken over |
//! | drift | anything else | anything else | | | |
//!
//! Position is that of the side with the writers, so that what is left behind on the new side is no difference once they
//! are back. The first step back shuts the new side and takes its mark, the second opens the old one; each is one
//! transaction on its own server, and both happen behind doors that `quiesce` shut, so that none ever lets writers in on
//! both sides. Opening lifts our door from the side with the writers, and from the other only where its rights keep them
//! out.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::catalog::Schema;
use crate::rows::Rows;

/// Both sides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndpointState {
    /// The side that users wrote to before the migration.
    pub(super) old: SideState,
    /// The side that they write to since.
    pub(super) new: SideState,
    /// Whether the cutover was marked on the new side.
    pub(super) marked: bool,
}

/// One side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SideState {
    /// The cluster, as `pg_control_system()` numbers it.
    pub(super) system: String,
    /// The database's object number.
    pub(super) database: u32,
    /// Its door, as it stands when ours is lifted.
    pub(super) door: DoorState,
    /// What is in it; none where nobody gets in.
    pub(super) inside: Option<Inside>,
}

/// Who is let in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DoorState {
    /// Whether the server lets anybody in.
    pub(super) lets_in: bool,
    /// Who may connect, but for the owner and us; the empty name is everybody.
    pub(super) connect: BTreeSet<String>,
    /// What `default_transaction_read_only` is set to for the database.
    pub(super) read_only: Option<String>,
}

/// What is in a side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Inside {
    /// Its objects.
    pub(super) schema: Schema,
    /// The rows of every table that holds some, by its name as SQL writes it.
    pub(super) rows: BTreeMap<String, Rows>,
    /// The value that each sequence would give next.
    pub(super) sequences: BTreeMap<String, i64>,
    /// Large objects, where there are any.
    pub(super) large_objects: Option<Rows>,
}

impl Inside {
    /// Columns of each table, without what else an object has (rights, indexes): as far as writers and rows depend on it.
    pub(super) fn tables(&self) -> BTreeMap<&str, BTreeMap<&str, &str>> {
        let tables = self.schema.objects.iter().filter_map(|(name, object)| {
            let columns = object.parts.iter().filter(|(part, _)| part.starts_with("column "));
            Some((
                name.strip_prefix("table ")?,
                columns.map(|(name, how)| (name.as_str(), how.as_str())).collect(),
            ))
        });
        tables.collect()
    }
}

/// A side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Which {
    Old,
    New,
}

impl Which {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::New => "new",
        }
    }
}

impl DoorState {
    /// Whether writers come in.
    pub(super) fn admits(&self) -> bool {
        let reads_only =
            self.read_only.as_deref().is_some_and(|set| ["on", "true", "yes", "1"].contains(&set));
        self.lets_in && !self.connect.is_empty() && !reads_only
    }
}

impl EndpointState {
    pub(super) fn side(&self, which: Which) -> &SideState {
        match which {
            Which::Old => &self.old,
            Which::New => &self.new,
        }
    }

    pub(super) fn side_mut(&mut self, which: Which) -> &mut SideState {
        match which {
            Which::Old => &mut self.old,
            Which::New => &mut self.new,
        }
    }

    /// The side with the writers.
    pub(super) fn writers(&self) -> Which {
        match (self.old.door.admits(), self.new.door.admits()) {
            (true, false) => Which::Old,
            (false, true) => Which::New,
            _ if self.marked => Which::New,
            _ => Which::Old,
        }
    }

    /// What is in the side with the writers.
    pub(super) fn of_writers(&self) -> Option<&Inside> {
        self.side(self.writers()).inside.as_ref()
    }

    pub(super) fn shape(&self) -> Value {
        let side = |side: &SideState| json!([side.system, side.database, side.door]);
        json!({ "old": side(&self.old), "new": side(&self.new), "writers": self.writers() })
    }

    pub(super) fn position(&self) -> Value {
        let inside = self.of_writers();
        json!(inside.map(|inside| (&inside.rows, &inside.sequences, &inside.large_objects)))
    }

    /// Whether both sides are the databases that they were.
    pub(super) fn same_databases(&self, other: &Self) -> Result<(), String> {
        for which in [Which::Old, Which::New] {
            let (then, now) = (self.side(which), other.side(which));
            if (&then.system, then.database) != (&now.system, now.database) {
                return Err(format!(
                    "the {} side is another database than was saved: cluster {} number {} then, cluster {} number {} now",
                    which.word(),
                    then.system,
                    then.database,
                    now.system,
                    now.database
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(admits: bool) -> SideState {
        let connect = if admits { BTreeSet::from([String::new()]) } else { BTreeSet::new() };
        let door = DoorState { lets_in: true, connect, read_only: None };
        SideState { system: "1".into(), database: 1, door, inside: None }
    }

    #[test]
    fn writers_are_where_they_are_let_in() {
        for (old, new, marked, writers) in [
            (true, false, false, Which::Old),
            (true, false, true, Which::Old),
            (false, true, false, Which::New),
            (false, true, true, Which::New),
            (true, true, false, Which::Old),
            (true, true, true, Which::New),
            (false, false, false, Which::Old),
            (false, false, true, Which::New),
        ] {
            let state = EndpointState { old: side(old), new: side(new), marked };
            assert_eq!(state.writers(), writers, "{old} {new} {marked}");
        }
    }

    #[test]
    fn a_door_admits_writers_only_where_all_of_it_is_open() {
        let open = side(true).door;
        assert!(open.admits());
        assert!(!DoorState { lets_in: false, ..open.clone() }.admits());
        assert!(!DoorState { connect: BTreeSet::new(), ..open.clone() }.admits());
        assert!(!DoorState { read_only: Some("on".into()), ..open.clone() }.admits());
        assert!(DoorState { read_only: Some("off".into()), ..open }.admits());
    }
}
