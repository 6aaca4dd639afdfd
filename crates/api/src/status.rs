//! Where a migration stands.

use serde::Serialize;

use crate::{Checkpoint, Looked, Recovered, Run, Shape};

/// Where a migration stands.
#[derive(Debug, Serialize)]
pub struct Status {
    /// Its name, where the file or the journal says it.
    pub migration: Option<String>,
    /// Its state: that of its phases where they agree, else `mixed`.
    pub state: String,
    /// The phases, in the order of the file.
    pub phases: Vec<Phase>,
    /// Whether it is armed.
    pub armed: bool,
    /// What is recorded of what users write.
    pub recorders: Vec<Recorder>,
    /// What became of recorded writes, since the checkpoint.
    pub recovered: Vec<Recovered>,
    /// The checkpoint that a rollback would go back to.
    pub checkpoint: Option<Checkpoint>,
    /// The run that is under way, at rest or stuck.
    pub run: Option<Run>,
    /// Who holds the lock.
    pub holder: Option<Holder>,
    /// The last judgement of each component.
    pub verdicts: Vec<Looked>,
    /// The commands that are legal next.
    pub next: Vec<Next>,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// How far the journal could be read.
    pub journal: Journal,
}

/// What is recorded at one component.
#[derive(Debug, Serialize)]
pub struct Recorder {
    /// Which component.
    pub component: String,
    /// When in the migration's life it was last put in place.
    pub since: backout_core::writes::Occasion,
    /// What it records.
    pub coverage: backout_core::writes::Coverage,
}

/// One phase.
#[derive(Debug, Serialize)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// In words.
    pub state: &'static str,
    /// Its components.
    pub components: Vec<String>,
    /// When it went live on the new side.
    pub cutover: Option<Cutover>,
}

/// When a phase went live.
#[derive(Debug, Serialize)]
pub struct Cutover {
    /// When.
    pub at: jiff::Timestamp,
    /// Whether it was marked late.
    pub late: bool,
}

/// Who holds the lock.
#[derive(Debug, Serialize)]
pub struct Holder {
    /// By whom, on which machine.
    pub by: String,
    /// The process.
    pub pid: u32,
    /// Since when.
    pub since: jiff::Timestamp,
    /// Doing what.
    pub doing: String,
    /// Whether the process was seen alive.
    pub alive: bool,
}

/// A command that is legal next.
#[derive(Debug, Serialize)]
pub struct Next {
    /// As typed.
    pub command: String,
    /// What it does.
    pub does: String,
}

/// How far the journal could be read.
#[derive(Debug, Serialize)]
pub struct Journal {
    /// How many records.
    pub records: u64,
    /// When the last of them was written.
    pub last: Option<jiff::Timestamp>,
    /// What is wrong with it.
    pub problem: Option<String>,
}

/// Migrations below a folder.
#[derive(Debug, Serialize)]
pub struct Migrations {
    /// One entry a migration file.
    pub migrations: Vec<Listed>,
}

/// One migration in a list.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// Its file.
    pub file: String,
    /// Its name, where the file or the journal says it.
    pub migration: Option<String>,
    /// Its state.
    pub state: String,
    /// When its journal was last written.
    pub last: Option<jiff::Timestamp>,
}

impl Shape for Status {
    const TYPE: &'static str = "status";
}

impl Shape for Migrations {
    const TYPE: &'static str = "migrations";
}
