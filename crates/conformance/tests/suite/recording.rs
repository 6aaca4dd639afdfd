//! The recorder of things in memory: a list of writes within the thing, so that it goes where the thing goes.

use std::sync::atomic::{AtomicU64, Ordering};

use backout_contract::RecoverOrder;
use backout_core::writes::{Counted, Coverage, Gap, Occasion, Recovered, TableWrites, Tally, Way};
use serde::{Deserialize, Serialize};

use crate::estate::Slot;
use crate::flaw;

/// What is recorded of one write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub identity: u64,
    pub kind: Kind,
    pub is_the_migrations: bool,
    pub is_since_cutover: bool,
    /// What was inserted.
    pub row: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Kind {
    Insert,
    Change,
    Delete,
}

/// A recorder.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Recorder {
    pub log: Vec<Entry>,
    /// Somebody took what writes into the log away.
    pub is_lost: bool,
    pub was_interrupted: bool,
    pub is_cut_over: bool,
}

impl Slot {
    /// A row is written, and recorded where there is a recorder.
    pub fn record(&mut self, kind: Kind, row: Option<&str>, is_the_migrations: bool) {
        static WRITES: AtomicU64 = AtomicU64::new(1);
        let recorder = self.thing.as_mut().and_then(|thing| thing.recorder.as_mut());
        if let Some(recorder) = recorder.filter(|recorder| !recorder.is_lost) {
            recorder.log.push(Entry {
                identity: WRITES.fetch_add(1, Ordering::Relaxed),
                kind,
                is_the_migrations,
                is_since_cutover: recorder.is_cut_over,
                row: row.map(str::to_owned),
            });
        }
    }
}

const TABLE: &str = "rows";

fn gap(why: &str) -> Gap {
    Gap { table: TABLE.into(), why: why.into() }
}

pub fn arm(slot: &mut Slot, occasion: Occasion, flaw: u8) -> Coverage {
    let Some(thing) = &mut slot.thing else { return Coverage::default() };
    if flaw == flaw::ARMING_WRITES {
        thing.rows.push("armed".into());
    }
    let recorder = thing.recorder.get_or_insert_default();
    if flaw == flaw::ARMS_AFRESH && occasion == Occasion::Arm {
        recorder.log.clear();
    }
    recorder.was_interrupted |= recorder.is_lost && flaw != flaw::FORGETS_THE_INTERRUPTION;
    recorder.is_lost = false;
    recorder.is_cut_over |= occasion.is_cutover();
    coverage(recorder, flaw)
}

pub fn coverage(recorder: &Recorder, flaw: u8) -> Coverage {
    let is_lost = recorder.is_lost && flaw != flaw::BLIND_TO_LOST_RECORDERS;
    let when = |is_so: bool, why: &str| if is_so { vec![gap(why)] } else { Vec::new() };
    Coverage {
        notes: Vec::new(),
        covered: if is_lost { Vec::new() } else { vec![TABLE.into()] },
        uncovered: when(is_lost, "its recorder is gone"),
        interrupted: when(recorder.was_interrupted, "its recorder was gone"),
    }
}

pub fn count(recorder: &Recorder, held: &[u64], flaw: u8) -> Counted {
    let mut table = TableWrites {
        table: TABLE.into(),
        before_cutover: Tally::default(),
        since_cutover: Tally::default(),
        unmapped: 0,
        migration: 0,
        taken_over: 0,
        misfits: Vec::new(),
    };
    let lacking: Vec<&Entry> = recorder.log.iter().filter(|entry| !held.contains(&entry.identity)).collect();
    for entry in &lacking {
        if entry.is_the_migrations && flaw != flaw::COUNTS_THE_MIGRATION {
            table.migration += 1;
            continue;
        }
        let tally = if entry.is_since_cutover { &mut table.since_cutover } else { &mut table.before_cutover };
        match entry.kind {
            Kind::Insert => tally.inserted += 1,
            Kind::Change => tally.changed += 1,
            Kind::Delete => tally.deleted += 1,
        }
    }
    let Coverage { uncovered, interrupted, .. } = coverage(recorder, flaw);
    Counted {
        notes: Vec::new(),
        tables: if lacking.is_empty() { Vec::new() } else { vec![table] },
        gaps: uncovered.into_iter().chain(interrupted).collect(),
    }
}

pub fn recover(slot: &mut Slot, order: &RecoverOrder, flaw: u8) -> Recovered {
    let mut recovered = Recovered::default();
    let by: Vec<Option<String>> = order.from.iter().map(|run| Some(run.to_string())).collect();
    let from: Vec<Entry> = slot
        .displaced
        .iter()
        .filter(|thing| by.contains(&thing.displaced_by))
        .flat_map(|thing| thing.recorder.iter().flat_map(|recorder| recorder.log.clone()))
        .filter(|entry| !entry.is_the_migrations || flaw == flaw::TAKES_THE_MIGRATION_OVER)
        .collect();
    let Some(thing) = &mut slot.thing else { return recovered };
    let recorder = thing.recorder.get_or_insert_default();
    for entry in from {
        if recorder.log.iter().any(|known| known.identity == entry.identity) && flaw != flaw::TAKES_OVER_TWICE
        {
            continue;
        }
        if order.way == Way::Review {
            recovered.waiting += 1;
            if flaw != flaw::REVIEW_APPLIES {
                continue;
            }
        }
        recovered.applied += u64::from(order.way == Way::Merge);
        thing.rows.extend(entry.row.clone());
        recorder.log.push(entry);
    }
    if order.way == Way::Review {
        std::fs::create_dir_all(&order.folder).unwrap();
        std::fs::write(order.folder.join("rows.txt"), recovered.waiting.to_string()).unwrap();
    }
    recovered
}
