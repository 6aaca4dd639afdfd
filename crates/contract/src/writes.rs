//! What a driver is asked for when users' writes are taken over.

use std::path::PathBuf;

use backout_core::checkpoint::DataPart;
use backout_core::name::RunId;
use backout_core::writes::{Counted, Recovered, SealedWrites, Way, Winner};

use crate::error::{DriverError, ErrorKind};

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
    /// What runs sealed in the vault since the state that was put back, oldest first; that of earlier runs too, which
    /// may have been taken back since and with them what they had set aside.
    pub sealed: Vec<SealedWrites>,
    /// A folder of our own for files that people read (both versions of a conflict, the map of keys, the writes to
    /// review). It may not exist yet.
    pub folder: PathBuf,
    /// The most writes that may be left without a place in the put-back state; none where any number may. See
    /// [`RecoverOrder::refused`].
    pub most_lost: Option<u64>,
    /// What a person chose for conflicts; none leaves it to the component's declaration, and without one to a person.
    pub winner: Option<Winner>,
}

impl RecoverOrder {
    /// Why what was done must be undone: it gives more up than was agreed to. To be asked before anything of it is there
    /// for others to see.
    pub fn refused(&self, recovered: &Recovered) -> Option<DriverError> {
        let most = self.most_lost?;
        recovered.gives_up_more_than(Some(most)).then(|| {
            let lost = recovered.unmapped;
            let found = format!("{lost} of them have no place there, and at most {most} were agreed to be lost");
            DriverError::new(ErrorKind::Other, "take recorded writes over")
                .caused_by(found)
                .nothing_happened()
                .hint("nothing was taken over; see which they are and why in `unmapped.jsonl` of the files for people")
                .hint("leave the step out and take over what has a place later: backout step STEP skip, then backout recover")
        })
    }
}
