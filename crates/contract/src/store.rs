//! The journal, the lock that makes its writer the only one, and the inbox.

use async_trait::async_trait;
use backout_core::journal::{Actor, Broken, Event, Record, Request};
use backout_core::name::RunId;

/// What went wrong with the journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Its records do not follow each other.
    #[error("the journal cannot be followed")]
    Broken(#[from] Broken),
    /// It could not be read or written. After a failed write the process must end: nobody knows what is durable.
    #[error("{attempted}")]
    Io {
        /// What was attempted.
        attempted: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Appends to the journal; whoever holds one is the only writer.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Appends events in order and returns when all of them are durable, and everything appended before too.
    async fn append(&self, run: Option<&RunId>, events: Vec<Event>) -> Result<Vec<Record>, JournalError>;

    /// Appends events that may be lost with the process; they become durable with the next [`append`].
    ///
    /// [`append`]: Journal::append
    async fn note(&self, run: Option<&RunId>, events: Vec<Event>) -> Result<Vec<Record>, JournalError>;
}

/// A request from another terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// Unique, so that it is taken once.
    pub id: String,
    /// What is asked.
    pub asks: Request,
    /// By whom.
    pub by: Actor,
}

/// Durable requests from elsewhere, drained by the one writer.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// What waits, oldest first.
    async fn waiting(&self) -> Result<Vec<Posted>, JournalError>;

    /// Removes a request, after it was journaled as taken.
    async fn remove(&self, id: &str) -> Result<(), JournalError>;
}
