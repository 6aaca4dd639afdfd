//! Everything that the driver said while a case ran, for the cases that search it.

use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

use backout_contract::{DriverError, Effect, Sighting};
use backout_core::delta::{Delta, Shown};

/// One thing that was said.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// Where it would be read.
    pub(crate) place: &'static str,
    /// The text.
    pub(crate) text: String,
    /// Whether people read it as it is (and not only as `Debug`).
    pub(crate) is_shown: bool,
}

/// Collects what is said.
#[derive(Default)]
pub(crate) struct Diary(Mutex<Vec<Said>>);

impl Diary {
    pub(crate) fn shown(&self, place: &'static str, text: impl Into<String>) {
        self.push(Said { place, text: text.into(), is_shown: true });
    }

    pub(crate) fn debug(&self, place: &'static str, value: &impl Debug) {
        self.push(Said { place, text: format!("{value:?}"), is_shown: false });
    }

    pub(crate) fn error(&self, error: &DriverError) {
        self.debug("an error's Debug", error);
        self.shown("an error", error.to_string());
        self.shown("an error with its causes", error.chain());
        for hint in &error.hints {
            self.shown("an error's hint", hint);
        }
    }

    pub(crate) fn effect(&self, effect: &Effect) {
        self.debug("an effect's Debug", effect);
        match effect {
            Effect::Applied { evidence } => self.shown("evidence", evidence),
            Effect::Blocked { found } => self.shown("what blocked a step", found),
            Effect::AlreadyThere => {}
        }
    }

    pub(crate) fn sighting(&self, sighting: &Sighting) {
        self.debug("a sighting's Debug", sighting);
        match sighting {
            Sighting::Neither { found: text, .. } | Sighting::Unclear { why: text } => {
                self.shown("a sighting", text)
            }
            Sighting::Before | Sighting::After => {}
        }
    }

    pub(crate) fn delta(&self, delta: &Delta) {
        self.debug("a delta's Debug", delta);
        for change in &delta.changes {
            self.shown("a delta's path", &change.path);
            for side in [&change.now, &change.then] {
                if let Shown::Text(text) = side {
                    self.shown("a delta's value", text);
                }
            }
        }
    }

    pub(crate) fn all(&self) -> Vec<Said> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn push(&self, said: Said) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(said);
    }
}
