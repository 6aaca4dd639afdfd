//! Where a step is, and whose it is.

use crate::name::{ComponentName, StepId};
use crate::order::Group;

/// How a step came to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// We did it.
    Applied,
    /// It stood there already.
    AlreadyThere,
    /// It had happened before the process ended, or though the call failed.
    FoundDone,
    /// A person took it as done.
    Accepted,
    /// A look that judges; the verdict says how.
    Judged,
}

/// Where a step is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepState {
    /// Not begun.
    Waiting,
    /// Its effect may be under way.
    Intended,
    /// It is done.
    Done(Finish),
    /// It failed, and nothing happened.
    Failed {
        /// Why.
        cause: String,
        /// What to do next.
        hints: Vec<String>,
    },
    /// Live is neither what it expects nor what it leaves.
    Blocked {
        /// What was found.
        found: String,
    },
    /// Nobody knows whether it happened.
    InDoubt {
        /// Why.
        cause: String,
        /// Whether a look was taken and could not tell.
        looked: bool,
    },
    /// A person was asked.
    Asked {
        /// What.
        question: String,
    },
    /// A person left it out.
    Skipped {
        /// Why.
        reason: String,
    },
}

impl StepState {
    /// Whether the engine is done with it.
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Skipped { .. })
    }

    /// Whether it needs a person.
    pub fn needs_person(&self) -> bool {
        matches!(
            self,
            Self::Failed { .. }
                | Self::Blocked { .. }
                | Self::InDoubt { looked: true, .. }
                | Self::Asked { .. }
        )
    }

    /// One or two words for people.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Intended => "under way",
            Self::Done(Finish::Applied | Finish::Judged) => "done",
            Self::Done(Finish::AlreadyThere) => "already there",
            Self::Done(Finish::FoundDone) => "found done",
            Self::Done(Finish::Accepted) => "accepted",
            Self::Failed { .. } => "failed",
            Self::Blocked { .. } => "blocked",
            Self::InDoubt { .. } => "in doubt",
            Self::Asked { .. } => "asked",
            Self::Skipped { .. } => "skipped",
        }
    }
}

/// Whose step it is, if it is one of this group.
pub(super) fn component_of(step: &StepId, group: Group) -> Option<ComponentName> {
    let (name, rest) = step.as_str().rsplit_once(&format!(".{group}"))?;
    (rest.is_empty() || rest.starts_with('.')).then(|| ComponentName::new(name).ok()).flatten()
}

/// Whether a step is one of a component, in a group.
pub(super) fn is_of(step: &StepId, component: &ComponentName, group: Group) -> bool {
    let rest = step.as_str().strip_prefix(component.as_str()).and_then(|rest| rest.strip_prefix('.'));
    let rest = rest.and_then(|rest| rest.strip_prefix(group.as_str()));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
