//! Whether a recorded row is taken over, by three versions of it: as users found it, as they left it, and as it stands
//! in the put-back database now. Pure.
//!
//! | # | users | here | → |
//! |---|---|---|---|
//! | 1 | inserted and deleted | none, or another row that was born here | nothing |
//! | 1a | inserted, over a row that was there, and deleted | as it was | delete |
//! | 1b | inserted, over a row that was there, and deleted | changed here | conflict: changed and deleted |
//! | 2 | inserted | none | insert |
//! | 3 | inserted | equal | nothing |
//! | 4 | inserted | another row, born here too; keys are drawn | another key |
//! | 5 | inserted | another row, born here too; keys are not drawn | conflict: key taken |
//! | 6 | inserted, over a row that was there (`INSERT OR REPLACE`) | as it was | update |
//! | 7 | inserted, over a row that was there | changed here | conflict: both changed |
//! | 8 | deleted | none | nothing |
//! | 9 | deleted | changed here by users | conflict: changed and deleted |
//! | 10 | deleted | as it was, but for the migration's changes | delete |
//! | 11 | changed, and back again | any | nothing |
//! | 12 | changed | none | conflict: changed and deleted |
//! | 13 | changed | each changed column is equal | nothing |
//! | 14 | changed | each changed column is equal or as users found it | update of the latter |
//! | 15 | changed | a changed column is neither | conflict: both changed |

use backout_core::writes::{ConflictCause, Winner};

use super::cell::{Cell, Row};
use super::fold::Folded;

/// What is to be done to a row of the put-back database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// It is as it should be.
    Nothing,
    /// With every column of which something is known.
    Insert,
    /// These columns.
    Update(Vec<usize>),
    Delete,
}

/// What comes of comparing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    Take(Action),
    /// An insert under a key that somebody else got here.
    DrawAnotherKey,
    Conflict(Conflict),
}

/// Two versions that cannot both stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conflict {
    pub(super) cause: ConflictCause,
    /// The columns that are concerned; empty for the whole row.
    pub(super) columns: Vec<usize>,
    /// What is to be done if the recorded version stands.
    pub(super) recorded: Action,
    /// And if the restored one does: what does not contradict it.
    pub(super) restored: Action,
}

/// A row as it stands in the put-back database.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Here {
    pub(super) row: Row,
    /// It is another row than the one that had its key when it was saved: users inserted it after the database was put
    /// back, or the migration deleted rows of its table, so that keys were given again.
    pub(super) is_born: bool,
    /// Users wrote to it after the database was put back.
    pub(super) is_changed: bool,
}

impl Conflict {
    /// What is to be done once a version is chosen.
    pub(super) fn settled(&self, winner: Winner) -> &Action {
        match winner {
            Winner::Recorded => &self.recorded,
            Winner::Restored => &self.restored,
        }
    }
}

pub(super) fn decide(users: &Folded, here: Option<&Here>, keys_are_drawn: bool) -> Decision {
    match (&users.base, &users.last, here) {
        (_, None, None) => Decision::Take(Action::Nothing),
        (None, None, Some(here)) if here.is_born => Decision::Take(Action::Nothing),
        (None, Some(_), None) => Decision::Take(Action::Insert),
        (None, Some(last), Some(here)) => inserted(last, here, keys_are_drawn),
        (_, None, Some(here)) if here.is_changed => Decision::Conflict(Conflict {
            cause: ConflictCause::ChangedAndDeleted,
            columns: Vec::new(),
            recorded: Action::Delete,
            restored: Action::Nothing,
        }),
        (_, None, Some(_)) => Decision::Take(Action::Delete),
        (Some(base), Some(last), here) => changed(users, base, last, here),
    }
}

fn inserted(last: &Row, here: &Here, keys_are_drawn: bool) -> Decision {
    let different = different(last, &here.row, 0..last.len());
    if different.is_empty() {
        return Decision::Take(Action::Nothing);
    }
    if here.is_born && keys_are_drawn {
        return Decision::DrawAnotherKey;
    }
    if !here.is_born && !here.is_changed {
        return Decision::Take(Action::Update(different));
    }
    Decision::Conflict(Conflict {
        cause: if here.is_born { ConflictCause::KeyTaken } else { ConflictCause::BothChanged },
        columns: if here.is_born { Vec::new() } else { different.clone() },
        recorded: Action::Update(different),
        restored: Action::Nothing,
    })
}

fn changed(users: &Folded, base: &Row, last: &Row, here: Option<&Here>) -> Decision {
    let changed = users.changed();
    if changed.is_empty() {
        return Decision::Take(Action::Nothing);
    }
    let Some(here) = here else {
        return Decision::Conflict(Conflict {
            cause: ConflictCause::ChangedAndDeleted,
            columns: Vec::new(),
            recorded: Action::Insert,
            restored: Action::Nothing,
        });
    };
    let open = different(last, &here.row, changed.into_iter());
    let (free, taken): (Vec<usize>, Vec<usize>) =
        open.iter().partition(|place| base.get(**place) == here.row.get(**place));
    let update = |columns: Vec<usize>| {
        if columns.is_empty() { Action::Nothing } else { Action::Update(columns) }
    };
    if taken.is_empty() {
        return Decision::Take(update(free));
    }
    Decision::Conflict(Conflict {
        cause: ConflictCause::BothChanged,
        columns: taken,
        recorded: update(open),
        restored: update(free),
    })
}

/// The columns among these of which something is known and that differ.
fn different(wanted: &Row, here: &Row, among: impl Iterator<Item = usize>) -> Vec<usize> {
    let cell = |row: &Row, place: usize| row.get(place).cloned().flatten();
    let differs = |place: &usize| {
        let wanted: Option<Cell> = cell(wanted, *place);
        wanted.is_some() && wanted != cell(here, *place)
    };
    among.filter(differs).collect()
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
