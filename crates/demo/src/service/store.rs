//! The database as the service holds it: one connection, opened when first needed.

use super::answer::Failure;
use crate::database::{Connection, Database};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A connection that can be let go and comes back by itself.
pub struct Store {
    database: Database,
    open: Mutex<Option<Connection>>,
}

impl Store {
    /// A store over a database that is not opened yet.
    pub fn new(database: Database) -> Self {
        Self { database, open: Mutex::new(None) }
    }

    /// Where the data are.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Works on the connection, opening it if need be.
    pub fn use_it<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T, Failure>) -> Result<T, Failure> {
        let mut open = self.lock();
        let connection = match open.take().filter(|connection| !connection.is_closed()) {
            Some(connection) => connection,
            None => self.database.open()?,
        };
        work(open.insert(connection))
    }

    /// Lets the database go, so that others may replace it.
    pub fn close(&self) {
        self.lock().take();
    }

    fn lock(&self) -> MutexGuard<'_, Option<Connection>> {
        // Work that panicked left a transaction at most, which ends with the connection.
        self.open.lock().unwrap_or_else(|poisoned| {
            let mut guard = PoisonError::into_inner(poisoned);
            guard.take();
            guard
        })
    }
}
