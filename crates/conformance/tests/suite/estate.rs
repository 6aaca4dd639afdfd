//! Where the things of the simulated driver stand.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::recording::Recorder;

/// What a thing holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Thing {
    pub value: String,
    pub secret: String,
    pub rows: Vec<String>,
    pub is_corrupt: bool,
    pub displaced_by: Option<String>,
    pub recorder: Option<Recorder>,
}

/// A place for one thing.
#[derive(Debug, Clone, Default)]
pub struct Slot {
    pub thing: Option<Thing>,
    pub beside: Option<Thing>,
    pub staged: Option<Thing>,
    pub displaced: Vec<Thing>,
    pub marker: Option<Value>,
    pub is_open: bool,
    pub started: i64,
    pub starts: u64,
    pub looks: u64,
    pub is_read_only: bool,
}

static ESTATE: Mutex<BTreeMap<String, Slot>> = Mutex::new(BTreeMap::new());

/// Works on the slot of a name.
pub fn with<T>(name: &str, work: impl FnOnce(&mut Slot) -> T) -> T {
    let mut estate: MutexGuard<'_, _> = ESTATE.lock().unwrap_or_else(PoisonError::into_inner);
    work(estate.entry(name.to_owned()).or_default())
}
