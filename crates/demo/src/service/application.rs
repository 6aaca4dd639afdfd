//! What the service knows while it runs.

use super::answer::Failure;
use super::in_flight::InFlight;
use super::store::Store;
use crate::database::Connection;
use crate::estate::{Flags, Release};
use crate::identifier::IdType;
use crate::{Estate, digest};
use anyhow::Result;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// Everything read at start, and the database.
pub struct Application {
    pub estate: Estate,
    pub release: Release,
    /// What keys are in this process: UUIDs need a release that knows them and the flag.
    pub ids: IdType,
    pub secret: String,
    /// The day on which the first API is to end, for those who ask.
    pub sunset: Option<String>,
    pub store: Store,
    /// Requests and work on the database that go on now, `/health` aside; see [`InFlight`].
    pub in_flight: AtomicUsize,
    log: Log,
}

/// How much is written to standard error.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Log {
    Errors,
    Starts,
    Requests,
}

impl Application {
    /// Reads release, settings and flags, and opens the database if it can be opened.
    pub fn start(dir: &Path) -> Result<Self> {
        let estate = Estate::open(dir)?;
        let release = Release::read(&estate.current())?;
        let flags = Flags::read(&estate.flags())?;
        let log = match estate.setting("LOG_LEVEL").as_deref() {
            Ok("debug") => Log::Requests,
            Ok("error") => Log::Errors,
            _ => Log::Starts,
        };
        let application = Self {
            ids: if flags.uuid_ids { release.ids } else { IdType::Integer },
            secret: estate.setting("SESSION_SECRET")?,
            sunset: estate.setting("API_V1_SUNSET").ok(),
            store: Store::new(estate.service_database()?),
            in_flight: AtomicUsize::new(0),
            release,
            estate,
            log,
        };
        if log >= Log::Starts {
            eprintln!("to-do {} starts", application.release.version);
        }
        if let Err(error) = application.store.use_it(|_| Ok(())) {
            eprintln!("database: {error}");
        }
        Ok(application)
    }

    /// Does work on the database away from the threads that answer requests.
    pub async fn work<T: Send + 'static>(
        self: Arc<Self>,
        work: impl FnOnce(&Self, &mut Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let in_flight = InFlight::enter(&self);
        let done = tokio::task::spawn_blocking(move || {
            let _in_flight = in_flight;
            self.store.use_it(|connection| work(&self, connection)).inspect_err(|failure| self.note(failure))
        });
        done.await.unwrap_or_else(|error| Err(Failure::internal("end the work", &error)))
    }

    /// Signs a text with the session secret.
    pub fn sign(&self, text: &str) -> String {
        let inner = digest::hexadecimal(format!("{}/{text}", self.secret));
        digest::hexadecimal(format!("{}/{inner}", self.secret))
    }

    /// Writes a request to the log.
    pub fn note_request(&self, method: &axum::http::Method, path: &str, status: u16) {
        if self.log >= Log::Requests {
            eprintln!("{method} {path} {status}");
        }
    }

    fn note(&self, failure: &Failure) {
        if matches!(failure, Failure::Internal(_)) {
            eprintln!("error: {failure}");
        }
    }
}
