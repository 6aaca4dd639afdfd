//! What calls of a driver are given and bring back.

use backout_core::checkpoint::DataPart;
use backout_core::observation::Seen;
use serde_json::Value;

/// How deep a look goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What is needed to compare.
    Look,
    /// Also the data needed to put it back, into the vault.
    Keep,
}

/// How exactly a judgement compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exactness {
    /// Shape and data, while the door is shut.
    Data,
    /// Shape; later writes are information.
    Shape,
}

/// What a look brought back.
#[derive(Debug, Clone)]
pub struct Captured<S> {
    /// What is there; none when nothing is.
    pub state: Option<S>,
    /// What tells this thing from another with the same name.
    pub identity: Option<String>,
    /// Data that was put into the vault ([`Depth::Keep`]).
    pub data: Vec<DataPart>,
}

/// What a look brought back that was taken while users wait.
#[derive(Debug, Clone)]
pub struct Glance<S> {
    /// What is there.
    pub captured: Captured<S>,
    /// How much of it is known.
    pub known: Known,
}

/// How much is known after a [`Glance`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// The shape. Nobody looked at the data: what the state says of its position means nothing.
    Shape,
    /// All of it, as after a capture.
    All,
    /// All of it: the data were read and examined when they were staged, and nobody could reach them since. How that is
    /// known, for people.
    Proven(String),
}

/// One effect that a driver proposes, as pure data.
#[derive(Debug, Clone)]
pub struct Piece<S> {
    /// For people: imperative, without full stop, the same however much data there is.
    pub title: String,
    /// What the driver needs to know, without secrets.
    pub effect: Value,
    /// What stands there afterwards, when it is not yet what was saved.
    pub leaves: Option<S>,
}

/// One step as it is given to a driver.
#[derive(Debug, Clone)]
pub struct StepOrder<S> {
    /// What the driver proposed.
    pub effect: Value,
    /// What was saved; none when the component was absent.
    pub saved: Option<S>,
    /// Its data, in the vault.
    pub data: Vec<DataPart>,
    /// What the step starts from (by shape), where it is known.
    pub before: Option<Seen>,
    /// What the step leaves.
    pub after: Seen,
}

/// What `backout explain KIND` prints.
#[derive(Debug, Clone)]
pub struct KindPage {
    /// One line.
    pub summary: &'static str,
    /// The driver's README.
    pub page: &'static str,
}
