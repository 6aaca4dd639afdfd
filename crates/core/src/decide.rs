//! What becomes of one component, decided by three looks: saved (in the checkpoint), landed (right after
//! cutover) and live (now).
//!
//! "Same" compares shapes; "moved" says that the shapes agree and the data stands elsewhere. "Put back" means
//! that a run of ours restored this component since the checkpoint was taken and no cutover came after.
//!
//! | # | saved | landed | live | put back | → | reason |
//! |---|---|---|---|---|---|---|
//! | 1 | any | any | unreachable | any | act | unreachable (looked at again when its turn comes) |
//! | 2 | any | any | unreadable | any | act | unreadable (what is there now cannot be kept) |
//! | 3 | absent | any | absent | any | leave | same |
//! | 4 | present | any | absent | any | act | gone |
//! | 5 | S | any | S, not moved | any | leave | same |
//! | 6 | S | any | S, moved | yes | leave | later writes (information, not a difference) |
//! | 7 | S | S, not moved | S, moved | no | leave | later writes |
//! | 8 | S | S, moved | S, moved | no | act | migrated |
//! | 9 | S | missing | S, moved | no | ask | cannot tell who wrote |
//! | 10 | S | other than S | S, moved | no | ask | drift (somebody put the shape back, not the data) |
//! | 11 | S | L | L | no | act | migrated |
//! | 12 | S | missing | other than S | no | act | migrated or drifted: cannot be told |
//! | 13 | S | L | neither | no | ask | drift |
//! | 14 | S | any | other than S | yes | ask | drift since it was put back |
//!
//! An answer settles whatever would act or ask: `--keep` leaves, `--overwrite` acts. A landed look that found
//! something unreadable or unreachable counts as missing.

use serde::{Deserialize, Serialize};

use crate::observation::Seen;

/// What becomes of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Course {
    /// It stays as it is.
    Leave,
    /// It is put back.
    Act,
    /// A person has to say.
    Ask,
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It is what was saved.
    Same,
    /// Only data has moved on, on ground that is as it was saved.
    LaterWrites,
    /// It is what the migration left.
    Migrated,
    /// It is not what was saved, and nobody looked after cutover, so drift cannot be told.
    LandedUnknown,
    /// It is not there any more.
    Gone,
    /// It cannot be read.
    Unreadable,
    /// It did not answer.
    Unreachable,
    /// It is neither what was saved nor what the migration left.
    Drift,
    /// It was put back, and somebody changed it since.
    DriftSincePutBack,
    /// Its data moved and nobody looked after cutover, so it cannot be told who wrote.
    WritesUnknown,
    /// Only a person can look at it.
    ByHand,
    /// A person said `--keep`.
    Kept,
    /// A person said `--overwrite`.
    Overwritten,
}

/// Who made the difference, as far as can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MadeBy {
    /// Nothing differs.
    Nobody,
    /// It is what stood there right after cutover.
    Migration,
    /// It came after cutover.
    SomebodySince,
    /// Nobody looked after cutover.
    Unknown,
}

/// A person's answer to drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Leave what stands there now.
    Keep,
    /// Put the checkpoint over it.
    Overwrite,
}

/// What was decided for one component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What becomes of it.
    pub course: Course,
    /// Why.
    pub reason: Reason,
    /// Who made the difference.
    pub made_by: MadeBy,
}

/// The looks that a decision rests on.
#[derive(Debug, Clone, Copy)]
pub struct Looks<'a> {
    /// In the checkpoint; only present or absent can be sealed.
    pub saved: &'a Seen,
    /// Right after cutover, where somebody looked.
    pub landed: Option<&'a Seen>,
    /// Now.
    pub live: &'a Seen,
    /// Whether a run of ours put it back since the checkpoint, with no cutover after.
    pub put_back: bool,
}

/// Decides one component by the table above.
pub fn decide(looks: Looks<'_>, answer: Option<Answer>) -> Decision {
    let table = by_table(looks);
    match (table.course, answer) {
        (Course::Leave, _) | (_, None) => table,
        (_, Some(Answer::Keep)) => Decision { course: Course::Leave, reason: Reason::Kept, ..table },
        (Course::Ask, Some(Answer::Overwrite)) => {
            Decision { course: Course::Act, reason: Reason::Overwritten, ..table }
        }
        (Course::Act, Some(Answer::Overwrite)) => table,
    }
}

fn by_table(Looks { saved, landed, live, put_back }: Looks<'_>) -> Decision {
    let landed = landed.filter(|seen| seen.is_known());
    let decision = |course, reason, made_by| Decision { course, reason, made_by };
    let maker = || match landed {
        None => MadeBy::Unknown,
        Some(landed) if landed.same_shape(live) => MadeBy::Migration,
        Some(_) => MadeBy::SomebodySince,
    };
    match live {
        Seen::Unreachable { .. } => return decision(Course::Act, Reason::Unreachable, MadeBy::Unknown),
        Seen::Unreadable { .. } => return decision(Course::Act, Reason::Unreadable, MadeBy::Unknown),
        Seen::Absent if *saved == Seen::Absent => {
            return decision(Course::Leave, Reason::Same, MadeBy::Nobody);
        }
        Seen::Absent => return decision(Course::Act, Reason::Gone, maker()),
        Seen::Present { .. } => {}
    }
    if live.same_exactly(saved) {
        return decision(Course::Leave, Reason::Same, MadeBy::Nobody);
    }
    if live.same_shape(saved) {
        if put_back {
            return decision(Course::Leave, Reason::LaterWrites, MadeBy::SomebodySince);
        }
        return match landed {
            None => decision(Course::Ask, Reason::WritesUnknown, MadeBy::Unknown),
            Some(landed) if landed.same_exactly(saved) => {
                decision(Course::Leave, Reason::LaterWrites, MadeBy::SomebodySince)
            }
            Some(landed) if landed.same_shape(saved) => {
                decision(Course::Act, Reason::Migrated, MadeBy::Migration)
            }
            Some(_) => decision(Course::Ask, Reason::Drift, MadeBy::SomebodySince),
        };
    }
    if put_back {
        return decision(Course::Ask, Reason::DriftSincePutBack, MadeBy::SomebodySince);
    }
    match landed {
        None => decision(Course::Act, Reason::LandedUnknown, MadeBy::Unknown),
        Some(landed) if landed.same_shape(live) => decision(Course::Act, Reason::Migrated, MadeBy::Migration),
        Some(_) => decision(Course::Ask, Reason::Drift, MadeBy::SomebodySince),
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
