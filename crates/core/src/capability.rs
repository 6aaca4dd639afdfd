//! What a driver promises for one component as configured, as data. The engine, the planner and the conformance
//! suite all read it from here.

use serde::{Deserialize, Serialize};

use crate::order::Mode;

/// How a component comes to rest before what it stands on is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quiescence {
    /// It does nothing of its own (a file, an embedded database): it is always at rest.
    Passive,
    /// It has a door that the driver closes and opens.
    Door {
        /// Whether opening starts it afresh, so that it reads again what it reads at start. If not, a restart
        /// is a step of its own.
        opening_restarts: bool,
    },
    /// It works on and cannot be brought to rest.
    Impossible,
}

/// What a driver can do for one component as configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Whether putting back repoints (the old side lives) or rewrites the thing itself.
    pub mode: Mode,
    /// How it comes to rest.
    pub quiescence: Quiescence,
    /// Whether users write data into it, so that going back has a price and `writes:` must be declared.
    pub holds_data: bool,
    /// Whether what users write can be recorded, counted and taken over to the put-back state.
    pub records_writes: bool,
    /// Whether a claim marker can be kept at the target.
    pub marker: bool,
    /// Whether a revert keeps the displaced thing whole, so that it needs no copy before.
    pub keeps_displaced: bool,
    /// Whether what a revert needs is put beside and proven before any door is shut.
    pub stages: bool,
    /// Whether a revert refuses by the target's own compare-and-set when live is not the step's *before*.
    pub compare_and_set: bool,
    /// Whether `capture` and `verify` see the real thing exactly; if not, "restored" cannot be said without
    /// probes.
    pub sees_exactly: bool,
}

impl Capabilities {
    /// Whether the component can be brought to rest.
    pub fn can_quiesce(&self) -> bool {
        self.quiescence != Quiescence::Impossible
    }

    /// Whether closing and opening are steps.
    pub fn has_door(&self) -> bool {
        matches!(self.quiescence, Quiescence::Door { .. })
    }
}
