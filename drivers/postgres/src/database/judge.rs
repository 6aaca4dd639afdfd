//! Whether a step may start from what is there, by what the step knows.

use backout_contract::{DriverError, ErrorKind};
use backout_core::digest::Digest;
use backout_core::observation::Seen;
use serde::{Deserialize, Serialize};

use super::shape_digest;
use crate::catalog::Schema;
use crate::state::{State, is_exactly};

/// What a step knows about what it starts from, as it stands in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Origin {
    /// The shape that was live when the plan was made; none when nothing was there or nothing could be read.
    shape: Option<Digest>,
}

impl Origin {
    /// Of what was live when the plan was made.
    pub(super) fn of(live: Option<&State>) -> Self {
        Self { shape: live.map(shape_digest) }
    }
}

/// What a look before a change found.
#[derive(Debug)]
pub(super) enum Found {
    Absent,
    Present(Box<State>),
    /// Present, and only its objects were looked at.
    Shape(Box<State>),
    Unreadable(DriverError),
}

/// What to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    AlreadyThere,
    Go,
    Refuse(String),
}

impl Found {
    /// From a look at the objects alone.
    pub(super) fn from_shape(look: Result<Option<State>, DriverError>) -> Result<Self, DriverError> {
        Ok(match Self::from_look(look)? {
            Self::Present(state) => Self::Shape(state),
            other => other,
        })
    }

    /// The objects that are there.
    fn schema(&self) -> Option<&Schema> {
        match self {
            Self::Present(state) | Self::Shape(state) => Some(&state.schema),
            Self::Absent | Self::Unreadable(_) => None,
        }
    }

    /// From a look. Whoever may not look cannot put back either, unless somebody else shut the door.
    pub(super) fn from_look(look: Result<Option<State>, DriverError>) -> Result<Self, DriverError> {
        match look {
            Ok(None) => Ok(Self::Absent),
            Ok(Some(state)) => Ok(Self::Present(Box::new(state))),
            Err(error) if matches!(error.kind, ErrorKind::Unreadable | ErrorKind::Denied) => {
                Ok(Self::Unreadable(error))
            }
            Err(error) => Err(error),
        }
    }
}

/// | # | found | what the step starts from | → |
/// |---|---|---|---|
/// | 1 | exactly what was saved (looked at whole), or nothing where nothing was saved | any | already there |
/// | 2 | present, put there by this run, of the saved shape | any | already there: users came in since |
/// | 3 | present, of the plan's shape | present, or not known | go: the data may have grown |
/// | 4 | present, of another shape | any | refuse |
/// | 5 | present | absent, unreadable, unreachable | refuse |
/// | 6 | absent | absent, unreadable, or not known | go |
/// | 7 | absent | present, unreachable | refuse |
/// | 8 | unreadable | unreadable, unreachable, or not known | go |
/// | 9 | unreadable | present, absent | refuse |
pub(super) fn judge(
    found: &Found,
    saved: Option<&State>,
    before: Option<&Seen>,
    origin: &Origin,
    was_put_back: bool,
) -> Judgement {
    match (found, saved) {
        (Found::Absent, None) => return Judgement::AlreadyThere,
        (Found::Present(live), Some(saved)) if is_exactly(live, saved) => return Judgement::AlreadyThere,
        (found, Some(saved)) if was_put_back && found.schema() == Some(&saved.schema) => {
            return Judgement::AlreadyThere;
        }
        _ => {}
    }
    let fits = match (found, before) {
        (Found::Present(live) | Found::Shape(live), Some(Seen::Present { .. }) | None) => {
            origin.shape == Some(shape_digest(live))
        }
        (Found::Absent, Some(Seen::Absent | Seen::Unreadable { .. }) | None) => true,
        (Found::Unreadable(_), Some(Seen::Unreadable { .. } | Seen::Unreachable { .. }) | None) => true,
        _ => false,
    };
    if fits {
        return Judgement::Go;
    }
    Judgement::Refuse(match found {
        Found::Absent => "the database is not there any more".to_owned(),
        Found::Present(_) | Found::Shape(_) => {
            "its schema is neither the one the step starts from nor the saved one".to_owned()
        }
        Found::Unreadable(error) => format!("it cannot be read: {}", error.chain()),
    })
}
