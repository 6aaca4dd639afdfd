//! The database as the service holds it: one connection, opened when first needed.

use super::answer::Failure;
use crate::database;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A connection that can be let go and comes back by itself.
pub struct Store {
    path: PathBuf,
    open: Mutex<Option<Connection>>,
}

impl Store {
    /// A store over a database that is not opened yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, open: Mutex::new(None) }
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Works on the connection, opening it if need be.
    pub fn use_it<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T, Failure>) -> Result<T, Failure> {
        let mut open = self.lock();
        let connection = match open.take() {
            Some(connection) => connection,
            None => database::open(&self.path).map_err(|error| Failure::Internal(format!("{error:#}")))?,
        };
        work(open.insert(connection))
    }

    /// Lets the database go, so that others may replace the file.
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
