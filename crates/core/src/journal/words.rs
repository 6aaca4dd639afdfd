//! The words that facts are told with.

use serde::{Deserialize, Serialize};

use crate::name::StepId;

/// Who did or asked something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The account.
    pub user: String,
    /// The machine.
    pub host: String,
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.user, self.host)
    }
}

/// What doors do when a run is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stance {
    /// Doors whose ground is whole are opened again.
    Reopen,
    /// Doors stay shut.
    StayClosed,
}

/// What a person chose for a step that needs one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// Try it once more; it looks first.
    Retry,
    /// Leave it out; what it guarded is blocked.
    Skip,
    /// Take it as done: for a person's own step, the answer that it is done.
    Accept,
}

/// Which look an observation was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Look {
    /// For the checkpoint.
    Saved,
    /// Right after cutover.
    Landed,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Everything that was to be put back is, and was looked at.
    Restored,
    /// It ended, and something differs, cannot be told, or was skipped.
    NotVerified,
    /// A person gave it up.
    Abandoned,
}

/// What may be asked from another terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    /// Stop at a safe border.
    Stop {
        /// What doors shall do, where somebody said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stance: Option<Stance>,
    },
    /// A choice for a step.
    Choose {
        /// For which step.
        step: StepId,
        /// What.
        choice: Choice,
        /// Why.
        reason: String,
    },
}
