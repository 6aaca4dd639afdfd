//! How a case ends.

use backout_contract::DriverError;

/// A case that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ran {
    /// It ran to its end and found nothing wrong.
    Passed,
    /// It does not apply to this driver or world, for this reason. Nothing was tested.
    NotApplicable(String),
}

/// A case that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The duty that the case is named after is broken.
    Broken(String),
    /// The case could not come to its point, because something else does not work; another case says what.
    NoGround(String),
}

/// How a case ended.
pub type Outcome = Result<Ran, Failure>;

impl Ran {
    /// Not applicable.
    pub(crate) fn not(reason: impl Into<String>) -> Outcome {
        Ok(Self::NotApplicable(reason.into()))
    }
}

impl From<DriverError> for Failure {
    fn from(error: DriverError) -> Self {
        Self::NoGround(format!("the driver failed to {}", error.chain()))
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Broken(what) => write!(f, "{what}"),
            Self::NoGround(what) => {
                write!(f, "{what}\n(the case could not come to its point: mend this first)")
            }
        }
    }
}

/// Ends a case as broken unless something holds.
macro_rules! must {
    ($holds:expr, $($text:tt)+) => {
        if !$holds {
            return Err($crate::outcome::Failure::Broken(format!($($text)+)));
        }
    };
}

/// Asks the world for a change, and ends the case as not applicable when it is impossible.
macro_rules! ask {
    ($change:expr) => {
        if let $crate::world::Change::Impossible(reason) = $change {
            return $crate::outcome::Ran::not(reason);
        }
    };
}

/// Ends the case as not applicable for a kind that goes back without steps.
macro_rules! needs_steps {
    ($world:ty) => {
        if let Some(reason) = <$world as $crate::world::World>::WITHOUT_STEPS {
            return $crate::outcome::Ran::not(reason);
        }
    };
}

pub(crate) use {ask, must, needs_steps};
