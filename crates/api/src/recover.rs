//! What taking users' writes over did.

use backout_core::writes::{Conflict, Recovered as Done};
use serde::Serialize;

use crate::Shape;

/// What taking users' writes over did.
#[derive(Debug, Serialize)]
pub struct Recovery {
    /// By component.
    pub components: Vec<Recovered>,
}

/// What became of the writes of one component.
#[derive(Debug, Serialize)]
pub struct Recovered {
    /// Which component.
    pub component: String,
    /// Writes taken over now.
    pub applied: u64,
    /// Writes that stood there already.
    pub already: u64,
    /// Writes that wait in files for a person.
    pub waiting: u64,
    /// Writes that no rule takes over.
    pub unmapped: u64,
    /// The first rows that both sides changed.
    pub conflicts: Vec<Conflict>,
    /// How many more there are.
    pub more_conflicts: u64,
    /// Of all, how many wait for a person.
    pub open_conflicts: u64,
    /// Files for people.
    pub files: Vec<String>,
}

impl Recovered {
    /// Of one component.
    pub fn of(component: &str, done: &Done) -> Self {
        Self {
            component: component.to_owned(),
            applied: done.applied,
            already: done.already,
            waiting: done.waiting,
            unmapped: done.unmapped,
            conflicts: done.conflicts.clone(),
            more_conflicts: done.more_conflicts,
            open_conflicts: done.open_conflicts,
            files: done.files.clone(),
        }
    }
}

impl Shape for Recovery {
    const TYPE: &'static str = "recovery";
}
