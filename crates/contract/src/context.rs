//! What every call to the outside is given.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use backout_core::migration::Reference;
use backout_core::name::{ComponentName, RunId};
use backout_core::secret::Secret;
use tokio::sync::watch;

use crate::error::DriverError;
use crate::progress::Progress;
use crate::vault::Vault;

/// How urgently a run is to end. A driver reads it at its safe borders; its future is never dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopLevel {
    /// Go on.
    Go,
    /// Reach a border where nothing is half done, and return.
    Finish,
    /// Return at once; what is half done is looked at when the run is resumed.
    Abandon,
}

/// Reads the stop level.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<StopLevel>);

impl Stop {
    /// A stop and the sender that raises it.
    pub fn channel() -> (watch::Sender<StopLevel>, Self) {
        let (sender, receiver) = watch::channel(StopLevel::Go);
        (sender, Self(receiver))
    }

    /// One that never stops.
    pub fn never() -> Self {
        let (_, stop) = Self::channel();
        stop
    }

    /// The level now.
    pub fn level(&self) -> StopLevel {
        *self.0.borrow()
    }

    /// Returns once the level has reached at least this.
    pub async fn reached(&self, level: StopLevel) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|now| *now >= level).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Turns references into values, as late as possible.
pub trait Resolver: Send + Sync {
    /// The value.
    ///
    /// # Errors
    /// When a variable is not set or a file cannot be read; the error names the reference, never a value.
    fn resolve(&self, reference: &Reference) -> Result<Secret, DriverError>;
}

/// What every call to the outside is given.
#[derive(Clone)]
pub struct Context {
    /// The component that is concerned.
    pub component: ComponentName,
    /// The folder of the migration file; relative paths start there.
    pub root: PathBuf,
    /// A scratch folder of our own (under the state directory), for what is put together before it is moved.
    pub scratch: PathBuf,
    /// The run, when there is one; names what is put beside and displaced.
    pub run: Option<RunId>,
    /// Stays the same over attempts and processes, for systems with tokens of their own.
    pub key: String,
    /// How long the call may take.
    pub deadline: Duration,
    /// When to stop.
    pub stop: Stop,
    /// Where data is kept.
    pub vault: Arc<dyn Vault>,
    /// Where references become values.
    pub resolver: Arc<dyn Resolver>,
    /// Where a long call says how far it is.
    pub progress: Progress,
    /// Child processes carry it in their environment, so that they are found after a crash.
    pub child_token: String,
}

impl Context {
    /// A path of the migration file, made absolute.
    pub fn path(&self, path: impl AsRef<std::path::Path>) -> PathBuf {
        self.root.join(path)
    }
}
