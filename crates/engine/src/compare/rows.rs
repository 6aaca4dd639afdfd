//! The rows of blocks that differ: keys and hashes of both sides stream in side by side, and what has no equal remains.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use backout_contract::compare::Hashed;
use backout_contract::{DriverError, ErrorKind};
use backout_core::compare::{Block, Blocks, Key, Odd, Pairing, TableOrder, Which};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::held::Held;
use super::pass::name;
use super::spill::Spill;
use super::{Comparing, End, Pass};

/// More rows that wait for their equal than this are written to files.
const MOST_WAITING: usize = 150_000;
/// Blocks that are asked for at once, so that a lost connection repeats no more than these.
const BLOCKS_AT_ONCE: usize = 2_000;
/// Batches that may be under way on each side.
const BATCHES: usize = 8;

/// Rows that have no equal on the other side, by key.
pub(super) struct Odds {
    held: Vec<BTreeMap<Key, Odd>>,
    spilled: Vec<Spill>,
}

impl Odds {
    /// All of them, a part at a time.
    pub(super) fn parts(self) -> impl Iterator<Item = std::io::Result<BTreeMap<Key, Odd>>> {
        self.held.into_iter().map(Ok).chain(self.spilled.into_iter().flat_map(Spill::parts))
    }
}

/// Finds the rows of these blocks, or of all, that have no equal.
pub(super) async fn odd_rows(
    comparing: &Comparing<'_>,
    left: &TableOrder,
    right: &TableOrder,
    blocks: Option<&BTreeSet<Block>>,
    about: u64,
) -> Result<Odds, End> {
    let mut odds = Odds { held: Vec::new(), spilled: Vec::new() };
    let mut done = 0;
    for portion in portions(left.blocks, blocks) {
        let began = Instant::now();
        let gathered = loop {
            let mut gathering = Gathering::new(&comparing.order.scratch, about);
            let (left_snapshot, right_snapshot) = (comparing.left.snapshots(), comparing.right.snapshots());
            let result =
                stream(comparing, left, right, portion.as_ref(), &mut gathering, (done, about)).await;
            match result {
                Ok(rows) => {
                    done += rows;
                    break gathering;
                }
                // Half of a stream says nothing: this portion is asked for again.
                Err(Failed::Side(which, error)) if error.kind == ErrorKind::Unreachable => {
                    let (patient, snapshot) = match which {
                        Which::Left => (&comparing.left, left_snapshot),
                        Which::Right => (&comparing.right, right_snapshot),
                    };
                    if began.elapsed() >= comparing.order.ceiling.patience {
                        return Err(End::Lost(error));
                    }
                    patient.found_lost(snapshot).await.map_err(End::of)?;
                }
                Err(Failed::Side(_, error)) => return Err(End::of(error)),
                Err(Failed::End(end)) => return Err(end),
            }
        };
        match gathered.spill {
            Some(spill) => odds.spilled.push(spill),
            None => odds.held.push(gathered.pairing.finish()),
        }
    }
    Ok(odds)
}

/// Blocks that an index finds are asked for some at a time; scattered ones cost a reading of the table each time, so they
/// are asked for at once.
fn portions(kind: Blocks, blocks: Option<&BTreeSet<Block>>) -> Vec<Option<BTreeSet<Block>>> {
    let Some(blocks) = blocks else { return vec![None] };
    if matches!(kind, Blocks::Hash { .. }) {
        return vec![Some(blocks.clone())];
    }
    let all: Vec<Block> = blocks.iter().copied().collect();
    all.chunks(BLOCKS_AT_ONCE).map(|some| Some(some.iter().copied().collect())).collect()
}

enum Failed {
    Side(Which, DriverError),
    End(End),
}

async fn stream(
    comparing: &Comparing<'_>,
    left: &TableOrder,
    right: &TableOrder,
    blocks: Option<&BTreeSet<Block>>,
    gathering: &mut Gathering<'_>,
    (before, about): (u64, u64),
) -> Result<u64, Failed> {
    let (to_left, mut from_left) = mpsc::channel::<Vec<Hashed>>(BATCHES);
    let (to_right, mut from_right) = mpsc::channel::<Vec<Hashed>>(BATCHES);
    let give_left = async {
        comparing
            .left
            .side
            .keys(left, blocks, to_left)
            .await
            .map_err(|error| Failed::Side(Which::Left, error))
    };
    let give_right = async {
        comparing
            .right
            .side
            .keys(right, blocks, to_right)
            .await
            .map_err(|error| Failed::Side(Which::Right, error))
    };
    // Whoever gives waits for whoever takes, so that one brake holds both.
    let held = Held::new(comparing, &comparing.left);
    let take = async {
        let (mut lefts, mut rights) = (Some(0_u64), Some(0_u64));
        let mut rows = 0;
        // In step: the side that is behind is read from, so that equals meet early and few rows wait.
        while let Some(side) = behind(lefts, rights) {
            comparing.go_on().map_err(Failed::End)?;
            let (batch, count) = match side {
                Which::Left => (from_left.recv().await, &mut lefts),
                Which::Right => (from_right.recv().await, &mut rights),
            };
            let Some(batch) = batch else {
                *count = None;
                continue;
            };
            let many = batch.len() as u64;
            *count = count.map(|count| count + many);
            held.until_free(count.unwrap_or_default()).await.map_err(Failed::End)?;
            rows += many;
            for Hashed { key, hash } in batch {
                gathering.add(side, key, hash).map_err(|error| Failed::End(spilling(error)))?;
            }
            let pass = Pass {
                table: name(left),
                work: "rows that differ",
                done: before + rows,
                of: (about * 2).max(rows),
            };
            comparing.tell(|listener| listener.far(&pass));
        }
        Ok(rows)
    };
    let ((), (), rows) = tokio::try_join!(give_left, give_right, take)?;
    Ok(rows)
}

fn behind(left: Option<u64>, right: Option<u64>) -> Option<Which> {
    match (left, right) {
        (Some(left), Some(right)) if right < left => Some(Which::Right),
        (Some(_), _) => Some(Which::Left),
        (None, Some(_)) => Some(Which::Right),
        (None, None) => None,
    }
}

/// A file for rows that wait could not be written or read.
pub(super) fn spilling(error: std::io::Error) -> End {
    End::Table(DriverError::io("keep rows that differ in the scratch folder", error).nothing_happened())
}

/// Rows that wait, in memory or in files.
struct Gathering<'a> {
    pairing: Pairing,
    spill: Option<Spill>,
    folder: &'a Path,
    about: u64,
}

impl<'a> Gathering<'a> {
    fn new(folder: &'a Path, about: u64) -> Self {
        Self { pairing: Pairing::default(), spill: None, folder, about }
    }

    fn add(&mut self, side: Which, key: Key, hash: u64) -> std::io::Result<()> {
        if let Some(spill) = &mut self.spill {
            return spill.add(side, &key, hash);
        }
        self.pairing.add(side, key, hash);
        if self.pairing.waiting() > MOST_WAITING {
            let mut spill = Spill::new(self.folder, self.about)?;
            for (key, odd) in std::mem::take(&mut self.pairing).finish() {
                for (side, hashes) in [(Which::Left, odd.left), (Which::Right, odd.right)] {
                    for hash in hashes {
                        spill.add(side, &key, hash)?;
                    }
                }
            }
            self.spill = Some(spill);
        }
        Ok(())
    }
}
