//! What a driver is asked for when users' writes are taken over.

use std::path::PathBuf;

use backout_core::name::RunId;
use backout_core::writes::{Way, Winner};

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
    /// A folder of our own for files that people read (both versions of a conflict, the map of keys, the writes to
    /// review). It may not exist yet.
    pub folder: PathBuf,
    /// What a person chose for conflicts; none leaves it to the component's declaration, and without one to a person.
    pub winner: Option<Winner>,
}
