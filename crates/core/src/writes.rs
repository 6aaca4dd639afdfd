//! Data written since a component was saved: what its recorder covers, what a put-back state lacks, what was taken
//! over, and what a person still has to say. Never a row: what stands here may enter the journal.

use serde::{Deserialize, Serialize};

use crate::checkpoint::DataPart;
use crate::name::RunId;
use crate::plan::Count;

/// How many conflicts an account names; the files for people hold all of them.
pub const LISTED: usize = 20;

/// What becomes of recorded writes once the saved state stands again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// They are put in.
    Merge,
    /// They are written to files that a person can read, and wait.
    Review,
}

/// Why recorders are put in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// Before the capture.
    Arm,
    /// Right after the change, which may have taken recorders away with the tables that it rebuilt. From here on,
    /// writes count as written after cutover.
    Cutover,
    /// The same, and a person says that nobody but the migration could write between the change and now, so that a
    /// recorder which was gone meanwhile has missed nothing.
    CutoverAtRest,
}

impl Occasion {
    /// Whether it follows the change.
    pub fn is_cutover(self) -> bool {
        matches!(self, Self::Cutover | Self::CutoverAtRest)
    }
}

/// What a recorder records, as far as a look and a marker write could tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Tables (or whatever holds the rows) whose every write is recorded from now on, proven.
    pub covered: Vec<String>,
    /// Tables whose writes are not recorded, or could not be proven to be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uncovered: Vec<Gap>,
    /// Tables whose recorder was gone and is there again: what was written in between is not recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interrupted: Vec<Gap>,
    /// What a person should know of the recorder (how much it holds, what it is close to), one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Something that is not recorded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// Which table, safe for a terminal.
    pub table: String,
    /// Why not, one sentence without full stop.
    pub why: String,
}

/// Numbers of rows written, each insert, update and delete of a row counted once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Rows inserted.
    pub inserted: u64,
    /// Rows changed.
    pub changed: u64,
    /// Rows deleted. Putting the saved state back brings those back that were saved.
    pub deleted: u64,
}

impl Tally {
    /// All of them.
    pub fn sum(self) -> u64 {
        self.inserted.saturating_add(self.changed).saturating_add(self.deleted)
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            inserted: self.inserted.saturating_add(other.inserted),
            changed: self.changed.saturating_add(other.changed),
            deleted: self.deleted.saturating_add(other.deleted),
        }
    }
}

/// What was written to one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableWrites {
    /// Its name, safe for a terminal.
    pub table: String,
    /// By users, before the cutover was marked.
    pub before_cutover: Tally,
    /// By users, since.
    pub since_cutover: Tally,
    /// Of those, writes that no rule takes over to the put-back state, so that they are lost even where writes are
    /// merged.
    #[serde(default)]
    pub unmapped: u64,
    /// By the migration itself; never taken over and never counted as lost.
    #[serde(default)]
    pub migration: u64,
    /// By us, when writes were taken over. Users' they are where users made them, and only there they count.
    #[serde(default)]
    pub taken_over: u64,
    /// Some of the unmapped: rows with a value that the put-back state has no room for. The first [`LISTED`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub misfits: Vec<Misfit>,
}

/// A row that the put-back state cannot hold as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Misfit {
    /// Its key, safe for a terminal and cut to a sensible length.
    pub key: String,
    /// The column whose value does not fit.
    pub column: String,
    /// Why not, one fragment (`integer holds no 3000000000`); never a value of a text.
    pub why: String,
}

impl TableWrites {
    /// Everything that users wrote.
    pub fn users(&self) -> Tally {
        self.before_cutover.plus(self.since_cutover)
    }
}

/// The writes that a state lacks, as recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// By table, in the order of their names; tables that nobody wrote to are left out.
    pub tables: Vec<TableWrites>,
    /// What was or is not recorded. Where anything stands here, there may be more writes than were counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// What a person should know of the recorder, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Counted {
    /// Everything that users wrote.
    pub fn users(&self) -> Tally {
        self.tables.iter().fold(Tally::default(), |sum, table| sum.plus(table.users()))
    }

    /// Rows that users wrote.
    pub fn writes(&self) -> Count {
        self.as_certain_as_recorded(self.users().sum())
    }

    /// Of those, what nothing takes over.
    pub fn unmapped(&self) -> Count {
        self.as_certain_as_recorded(self.sum(|table| table.unmapped))
    }

    /// Rows that the migration itself wrote.
    pub fn migration(&self) -> u64 {
        self.sum(|table| table.migration)
    }

    /// Rows that we wrote when writes were taken over.
    pub fn taken_over(&self) -> u64 {
        self.sum(|table| table.taken_over)
    }

    fn sum(&self, of: impl Fn(&TableWrites) -> u64) -> u64 {
        self.tables.iter().fold(0, |sum, table| sum.saturating_add(of(table)))
    }

    fn as_certain_as_recorded(&self, count: u64) -> Count {
        if self.gaps.is_empty() { Count::Exactly(count) } else { Count::AtLeast(count) }
    }
}

/// What a run put into the vault of the writes to a component, right before it put that component back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedWrites {
    /// Which run.
    pub run: RunId,
    /// The writes; none where they travel with the data, or nothing was recorded.
    pub data: Vec<DataPart>,
    /// What was not recorded by then.
    pub gaps: Vec<Gap>,
}

/// Which version of a row is taken where both sides changed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Winner {
    /// What users wrote and the recorder saw.
    Recorded,
    /// What stands in the put-back state.
    Restored,
}

/// Why a write could not simply be taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictCause {
    /// The same row was changed in the put-back state, or by the migration, to something else.
    BothChanged,
    /// It was changed here and deleted there.
    ChangedAndDeleted,
    /// Another row has its key already.
    KeyTaken,
    /// The put-back state's rules (a check, a foreign key, a unique value) do not admit it.
    NotAdmitted,
}

impl ConflictCause {
    /// In words.
    pub const fn because(self) -> &'static str {
        match self {
            Self::BothChanged => "both sides changed it",
            Self::ChangedAndDeleted => "one side changed it and the other deleted it",
            Self::KeyTaken => "another row has its key",
            Self::NotAdmitted => "the rules of the put-back state do not admit it",
        }
    }
}

/// A row that was changed on both sides. Both versions stand in a file for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The table, safe for a terminal.
    pub table: String,
    /// The row's key in the put-back state, safe for a terminal and cut to a sensible length.
    pub key: String,
    /// The columns that are concerned; empty for the whole row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Why.
    pub cause: ConflictCause,
    /// Which version stands now by declaration or by a person's choice; none waits for a person, and the put-back
    /// version stands meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub winner: Option<Winner>,
}

/// What taking writes over did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovered {
    /// Writes that were taken over by this call.
    pub applied: u64,
    /// Writes that stand there already, by an earlier call or because both sides are equal.
    pub already: u64,
    /// Writes that wait in files for a person (`writes: review`), conflicts not counted.
    #[serde(default)]
    pub waiting: u64,
    /// Writes that no rule takes over.
    #[serde(default)]
    pub unmapped: u64,
    /// The first [`LISTED`] conflicts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
    /// How many more there are.
    #[serde(default)]
    pub more_conflicts: u64,
    /// Of all conflicts, how many wait for a person.
    #[serde(default)]
    pub open_conflicts: u64,
    /// Keys that were drawn for rows born on the other side.
    #[serde(default)]
    pub keys_drawn: u64,
    /// Files for people, as paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

impl Recovered {
    /// How many conflicts there are.
    pub fn conflicts(&self) -> u64 {
        (self.conflicts.len() as u64).saturating_add(self.more_conflicts)
    }

    /// Whether more is given up than was agreed to. Then nothing of it may stay: a person decides first.
    ///
    /// | agreed to | without a place | |
    /// |---|---|---|
    /// | any number | any | goes on |
    /// | so many | not more | goes on |
    /// | so many | more, found out only now | nothing is taken over |
    pub fn gives_up_more_than(&self, most: Option<u64>) -> bool {
        most.is_some_and(|most| self.unmapped > most)
    }

    /// Whether anything of it waits for a person.
    pub fn wants_a_person(&self) -> bool {
        self.waiting > 0 || self.open_conflicts > 0
    }

    /// Names a conflict, or counts it once enough are named.
    pub fn push_conflict(&mut self, conflict: Conflict) {
        if conflict.winner.is_none() {
            self.open_conflicts += 1;
        }
        if self.conflicts.len() < LISTED {
            self.conflicts.push(conflict);
        } else {
            self.more_conflicts += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(inserted: u64, changed: u64, deleted: u64) -> TableWrites {
        TableWrites {
            table: "tasks".into(),
            before_cutover: Tally { inserted, changed: 0, deleted: 0 },
            since_cutover: Tally { inserted: 0, changed, deleted },
            unmapped: 1,
            migration: 4000,
            taken_over: 12,
            misfits: Vec::new(),
        }
    }

    #[test]
    fn the_migrations_own_writes_are_no_loss() {
        let counted = Counted { tables: vec![table(2, 3, 4)], gaps: Vec::new(), notes: Vec::new() };
        assert_eq!(counted.writes(), Count::Exactly(9));
        assert_eq!(counted.unmapped(), Count::Exactly(1));
        assert_eq!((counted.migration(), counted.taken_over()), (4000, 12));
    }

    #[test]
    fn what_was_not_recorded_makes_every_count_vague() {
        let gaps = vec![Gap { table: "notes".into(), why: "its recorder was dropped".into() }];
        let counted = Counted { tables: vec![table(1, 0, 0)], gaps, notes: Vec::new() };
        assert_eq!(counted.writes(), Count::AtLeast(1));
        assert_eq!(counted.unmapped(), Count::AtLeast(1));
    }

    #[test]
    fn no_more_is_given_up_than_was_agreed_to() {
        for (unmapped, most, expected) in [
            (0, None, false),
            (9, None, false),
            (0, Some(0), false),
            (1, Some(0), true),
            (2, Some(2), false),
            (3, Some(2), true),
        ] {
            let recovered = Recovered { unmapped, applied: 7, ..Recovered::default() };
            assert_eq!(recovered.gives_up_more_than(most), expected, "{unmapped} {most:?}");
        }
    }

    #[test]
    fn only_the_first_conflicts_are_named_and_all_are_counted() {
        let mut recovered = Recovered::default();
        for number in 0..25 {
            recovered.push_conflict(Conflict {
                table: "tasks".into(),
                key: number.to_string(),
                columns: Vec::new(),
                cause: ConflictCause::BothChanged,
                winner: (number % 5 == 0).then_some(Winner::Recorded),
            });
        }
        assert_eq!(recovered.conflicts.len(), LISTED);
        assert_eq!((recovered.conflicts(), recovered.open_conflicts), (25, 20));
        assert!(recovered.wants_a_person());
    }
}
