//! What the engine works with, handed in by whoever wires it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backout_contract::{Clock, Context, DriverError, Inbox, Progress, Resolver, Stop, Vault};
use backout_core::digest::FingerprintKey;
use backout_core::journal::Actor;
use backout_core::name::{ComponentName, RunId};
use backout_core::secret::Secret;

use crate::states::StateShelf;

/// Ends or awaits what a killed run left behind, before anybody looks.
#[async_trait]
pub trait Leftovers: Send + Sync {
    /// Returns when no helper process of an earlier run is left; one line for each that was ended.
    async fn end_all(&self) -> Vec<String>;
}

/// Looks for another claimant of our targets.
pub trait Elsewhere: Send + Sync {
    /// Whether the state directory that a marker names still holds the migration with this nonce, so that the
    /// one at hand is a copy of it.
    fn is_alive(&self, claimant: &str, nonce: &str) -> bool;
}

/// Runs the programs of `then:`.
#[async_trait]
pub trait Programs: Send + Sync {
    /// Runs a program to its end and gives a short word on how it went.
    async fn run(&self, words: Vec<Secret>, context: &Context) -> Result<String, DriverError>;
}

/// What the engine works with. Cheap to clone.
#[derive(Clone)]
pub struct Tools {
    /// Requests from other terminals.
    pub inbox: Arc<dyn Inbox>,
    /// Checkpoint data.
    pub vault: Arc<dyn Vault>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Values of references.
    pub resolver: Arc<dyn Resolver>,
    /// What killed runs left behind.
    pub leftovers: Arc<dyn Leftovers>,
    /// Other claimants.
    pub elsewhere: Arc<dyn Elsewhere>,
    /// Programs of `then:`.
    pub programs: Arc<dyn Programs>,
    /// Saved states that were read already.
    pub states: Arc<StateShelf>,
    /// Where long calls say how far they are.
    pub progress: Progress,
    /// The key of fingerprints.
    pub key: FingerprintKey,
    /// The folder of the migration file.
    pub root: PathBuf,
    /// A scratch folder of our own.
    pub scratch: PathBuf,
    /// A folder of our own for files that people read.
    pub for_people: PathBuf,
    /// The state directory, absolute; it stands in the markers.
    pub claimant: String,
    /// Who is at the keyboard.
    pub actor: Actor,
    /// The version of the program.
    pub version: String,
    /// Child processes carry it, so that they are found after a crash.
    pub child_token: String,
    /// How many looks or steps go on side by side.
    pub limit: usize,
    /// How long one call to a driver may take unless the component says otherwise.
    pub deadline: Duration,
}

impl Tools {
    /// The context of calls about one component.
    pub fn context(&self, component: &ComponentName, run: Option<&RunId>, key: &str, stop: &Stop) -> Context {
        Context {
            component: component.clone(),
            root: self.root.clone(),
            scratch: self.scratch.clone(),
            run: run.cloned(),
            key: key.to_owned(),
            deadline: self.deadline,
            stop: stop.clone(),
            vault: self.vault.tagged(component.as_str()).unwrap_or_else(|| Arc::clone(&self.vault)),
            resolver: Arc::clone(&self.resolver),
            progress: self.progress.clone(),
            child_token: self.child_token.clone(),
        }
    }
}
