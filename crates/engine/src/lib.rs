//! Acts on what core decides, through the traits of the contract.
//!
//! Every verb of the command line that does more than read one file is one module here. All of them write to the
//! journal through one [`Book`], which folds each record into the migration's state and publishes it; whoever
//! shows something is a reader of those records.

mod abandon;
mod arm;
mod assemble;
mod before_rollback;
mod book;
mod capture;
mod claims;
pub mod codes;
pub mod compare;
mod cutover;
mod gate;
mod judge;
mod look;
mod preview;
mod price;
mod recover;
mod refusal;
mod rehearse;
mod release;
mod runner;
mod states;
mod tools;

pub use abandon::{Left, abandon};
pub use arm::{arm, disarm};
pub use assemble::{Assembled, Part, assemble};
pub use before_rollback::{before_rollback, put_together};
pub use book::{Book, Published};
pub use capture::{CaptureReport, capture};
pub use claims::{ClaimProblem, check_claims};
pub use cutover::{CutoverReport, cutover};
pub use gate::{checkpoint_problems, manifest_of};
pub use judge::{Judged, verify_all};
pub use look::{Looked, advice, look_all, seen_of};
pub use preview::{PreviewInput, preview};
pub use price::unaccepted_loss;
pub use recover::{Recoverable, Recovery, recover, recoverable};
pub use refusal::{EngineError, Refusal};
pub use rehearse::{Rehearsal, rehearse};
pub use release::{Kept, kept, release};
pub use runner::{Ending, Interrupt, RunOptions, rest, resume, run};
pub use states::{StateShelf, saved_state};
pub use tools::{Elsewhere, Leftovers, Programs, Tools};
