//! What a driver is asked for when users' writes are taken over.

use std::path::PathBuf;

use backout_core::checkpoint::DataPart;
use backout_core::name::RunId;
use backout_core::writes::{Counted, Way, Winner};

/// What was recorded up to a moment.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// How many writes the put-back state will lack.
    pub counted: Counted,
    /// The writes themselves, in the vault; none where they stay with what is displaced.
    pub data: Vec<DataPart>,
}

/// Which recorded writes are taken over, and where to.
///
/// Every write that a recorder saw has an identity of its own that travels with it, so that taking over is done once
/// for each however often it is asked for, and by whichever process.
#[derive(Debug, Clone)]
pub struct RecoverOrder {
    /// Into the put-back state, or into files.
    pub way: Way,
    /// The runs whose displaced things hold the recorded writes, oldest first.
    pub from: Vec<RunId>,
    /// What was sealed in the vault before each of those runs put its component back, oldest first.
    pub sealed: Vec<DataPart>,
    /// A folder of our own for files that people read (both versions of a conflict, the map of keys, the writes to
    /// review). It may not exist yet.
    pub folder: PathBuf,
    /// What a person chose for conflicts; none leaves it to the component's declaration, and without one to a person.
    pub winner: Option<Winner>,
}
