//! Whether a step may start from what is there, by what the step knows.

use backout_contract::{DriverError, ErrorKind};
use backout_core::digest::Digest;
use backout_core::observation::Seen;
use serde::{Deserialize, Serialize};

use crate::catalog::Schema;
use crate::state::{State, is_exactly};

/// What a step knows about what it starts from, as it stands in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Origin {
    /// The objects that were live when the plan was made; none when nothing was there or nothing could be read.
    pub(super) shape: Option<Digest>,
}

/// What a look before a change found.
#[derive(Debug)]
pub(super) enum Found {
    Absent,
    Present(Box<State>),
    Unreadable(DriverError),
}

/// What to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    AlreadyThere,
    Go,
    Refuse(String),
}

/// By what a step knows its objects again. Not keyed: a schema is nobody's secret.
pub(super) fn shape_of(schema: &Schema) -> Digest {
    let value = serde_json::to_value(schema).unwrap_or_default();
    Digest::of_value("backout/postgres/tables", &value)
}

impl Found {
    /// From a look. Whoever holds a lock may be in the middle of writing: that is waited for, never overridden.
    pub(super) fn from_look(look: Result<Option<State>, DriverError>) -> Result<Self, DriverError> {
        match look {
            Ok(None) => Ok(Self::Absent),
            Ok(Some(state)) => Ok(Self::Present(Box::new(state))),
            Err(error) if error.kind == ErrorKind::Unreadable => Ok(Self::Unreadable(error)),
            Err(error) => Err(error),
        }
    }
}

/// | # | found | what the step starts from | → |
/// |---|---|---|---|
/// | 1 | exactly what was saved, or nothing where nothing was saved | any | already there |
/// | 2 | present, of the plan's shape | present, or not known | go: the data may have grown |
/// | 3 | present, of another shape | any | refuse |
/// | 4 | present | absent, unreadable, unreachable | refuse |
/// | 5 | absent | absent, unreadable, or not known | go |
/// | 6 | absent | present, unreachable | refuse |
/// | 7 | unreadable | unreadable, unreachable, or not known | go |
/// | 8 | unreadable | present, absent | refuse |
pub(super) fn judge(
    found: &Found,
    saved: Option<&State>,
    before: Option<&Seen>,
    origin: &Origin,
) -> Judgement {
    match (found, saved) {
        (Found::Absent, None) => return Judgement::AlreadyThere,
        (Found::Present(live), Some(saved)) if is_exactly(live, saved) => return Judgement::AlreadyThere,
        _ => {}
    }
    let fits = match (found, before) {
        (Found::Present(live), Some(Seen::Present { .. }) | None) => {
            origin.shape == Some(shape_of(&live.schema))
        }
        (Found::Absent, Some(Seen::Absent | Seen::Unreadable { .. }) | None) => true,
        (Found::Unreadable(_), Some(Seen::Unreadable { .. } | Seen::Unreachable { .. }) | None) => true,
        _ => false,
    };
    if fits {
        return Judgement::Go;
    }
    Judgement::Refuse(match found {
        Found::Absent => "the tables are not there any more".to_owned(),
        Found::Present(_) => {
            "they are defined neither as the step starts from nor as they were saved".to_owned()
        }
        Found::Unreadable(error) => format!("they cannot be read: {}", error.chain()),
    })
}
