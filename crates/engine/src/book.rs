//! The journal and what it adds up to, always together.

use std::sync::Arc;

use backout_contract::{Journal, JournalError};
use backout_core::journal::{Event, Record};
use backout_core::life::Life;
use backout_core::name::RunId;

/// Is shown every record right after it was written and folded.
pub type Published = Box<dyn Fn(&Record, &Life) + Send + Sync>;

/// The one writer's view: each record is appended, folded, then published, in this order.
pub struct Book {
    journal: Arc<dyn Journal>,
    life: Life,
    readers: Vec<Published>,
}

impl Book {
    /// From a journal and the state that its records add up to.
    pub fn new(journal: Arc<dyn Journal>, life: Life) -> Self {
        Self { journal, life, readers: Vec::new() }
    }

    /// Shows every record from now on to a reader.
    pub fn publish_to(&mut self, reader: Published) {
        self.readers.push(reader);
    }

    /// The migration's state.
    pub fn life(&self) -> &Life {
        &self.life
    }

    /// Appends durably: when it returns, these events and everything noted before survive a power cut.
    ///
    /// # Errors
    /// When they cannot be made durable, or cannot have happened.
    pub async fn append(&mut self, events: Vec<Event>) -> Result<(), JournalError> {
        let run = self.run();
        let records = self.journal.append(run.as_ref(), events).await?;
        self.take(&records)
    }

    /// Appends events that may ride with the next durable ones: losing them costs a look.
    ///
    /// # Errors
    /// As for [`Book::append`].
    pub async fn note(&mut self, events: Vec<Event>) -> Result<(), JournalError> {
        let run = self.run();
        let records = self.journal.note(run.as_ref(), events).await?;
        self.take(&records)
    }

    fn run(&self) -> Option<RunId> {
        self.life.open_run().map(|run| run.id.clone())
    }

    fn take(&mut self, records: &[Record]) -> Result<(), JournalError> {
        for record in records {
            self.life.apply(record)?;
            for reader in &self.readers {
                reader(record, &self.life);
            }
        }
        Ok(())
    }
}
