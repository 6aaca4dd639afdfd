//! A journal in memory that can end the process at any record.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use backout_contract::{Journal, JournalError};
use backout_core::journal::{Chain, Event, Record};
use backout_core::life::Life;
use backout_core::name::RunId;
use jiff::Timestamp;

/// The time of the simulated world, the same for all: every look at it takes a millisecond.
pub fn tick() -> u64 {
    static NOW: AtomicU64 = AtomicU64::new(1);
    NOW.fetch_add(1, Ordering::SeqCst)
}

fn now() -> Timestamp {
    Timestamp::from_millisecond(tick() as i64).unwrap()
}

/// When the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// Never.
    Never,
    /// Right after so many records are durable: what the last one announced never began.
    After(usize),
    /// When one more than so many would become durable: what was under way happened and was not recorded.
    Before(usize),
}

/// What is in the file.
#[derive(Debug, Default)]
struct Inner {
    chain: Chain,
    durable: Vec<String>,
    noted: Vec<String>,
    dead: bool,
}

/// A journal in memory.
pub struct MemoryJournal {
    inner: Mutex<Inner>,
    death: Death,
}

impl MemoryJournal {
    /// One with the lines that survived, and the state they add up to.
    pub fn open(lines: Vec<String>, death: Death) -> (Arc<Self>, Life) {
        let mut chain = Chain::default();
        let mut life = Life::default();
        for line in &lines {
            life.apply(&chain.read(line).unwrap()).unwrap();
        }
        let inner = Inner { chain, durable: lines, ..Inner::default() };
        (Arc::new(Self { inner: Mutex::new(inner), death }), life)
    }

    /// What survives: the durable lines, and what was only noted if the machine stayed up.
    pub fn survivors(&self, machine_stayed_up: bool) -> Vec<String> {
        let inner = self.inner.lock().unwrap();
        let mut lines = inner.durable.clone();
        if machine_stayed_up {
            lines.extend(inner.noted.iter().cloned());
        }
        lines
    }

    fn died() -> JournalError {
        JournalError::Io {
            attempted: "append to the journal".into(),
            source: "the process was killed".into(),
        }
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn append(&self, run: Option<&RunId>, events: Vec<Event>) -> Result<Vec<Record>, JournalError> {
        let mut inner = self.inner.lock().unwrap();
        if inner.dead {
            return Err(Self::died());
        }
        let mut records = Vec::new();
        let mut lines = std::mem::take(&mut inner.noted);
        for event in events {
            let (record, line) = inner.chain.append(event, run.cloned(), 1, now()).unwrap();
            records.push(record);
            lines.push(line);
        }
        let total = inner.durable.len() + lines.len();
        match self.death {
            Death::Before(limit) if total > limit => {
                inner.dead = true;
                inner.noted = lines[..lines.len() - records.len()].to_vec();
                return Err(Self::died());
            }
            Death::After(limit) if total >= limit => {
                inner.dead = true;
                inner.durable.extend(lines);
                return Err(Self::died());
            }
            _ => inner.durable.extend(lines),
        }
        Ok(records)
    }

    async fn note(&self, run: Option<&RunId>, events: Vec<Event>) -> Result<Vec<Record>, JournalError> {
        let mut inner = self.inner.lock().unwrap();
        if inner.dead {
            return Err(Self::died());
        }
        let mut records = Vec::new();
        for event in events {
            let (record, line) = inner.chain.append(event, run.cloned(), 1, now()).unwrap();
            inner.noted.push(line);
            records.push(record);
        }
        Ok(records)
    }
}
