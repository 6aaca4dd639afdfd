//! The traits that cross floors.
//!
//! A driver's author writes [`Driver`] (typed, mostly pure) and [`Session`] (connected, the only door to the
//! outside). The engine sees [`DriverDyn`] and [`SessionDyn`], which the bridge in [`erased`] makes of them. The
//! other traits hand the engine its journal, vault, clock and secrets, so that a simulated world can stand in for
//! any of them.

pub mod clock;
pub mod compare;
pub mod context;
pub mod driver;
pub mod effect;
pub mod erased;
pub mod error;
pub mod probe;
pub mod progress;
pub mod registry;
pub mod store;
pub mod vault;
pub mod writes;

pub use clock::Clock;
pub use context::{Context, Resolver, Stop, StopLevel};
pub use driver::{Captured, Depth, Driver, Exactness, Glance, KindPage, Known, Piece, Session, StepOrder};
pub use effect::{Door, Effect, Sighting};
pub use erased::{DriverDyn, SessionDyn};
pub use error::{Certainty, DriverError, ErrorKind};
pub use probe::{Probe, ProbeDyn, ProbeLook};
pub use progress::{Far, Progress};
pub use registry::Registry;
pub use store::{Inbox, Journal, JournalError, Posted};
pub use vault::{Vault, VaultError};
pub use writes::{RecoverOrder, Sealed};
