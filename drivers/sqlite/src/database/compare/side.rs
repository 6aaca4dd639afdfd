//! The side itself: one connection that is asked one thing at a time, elsewhere than where others wait.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use backout_contract::compare::{Burden, Hashed, Limits, Row, Scope, Side};
use backout_contract::{DriverError, ErrorKind, Stop};
use backout_core::compare::{About, Block, Catalog, Key, TableOrder, Tallies};
use backout_kit::scratch_folder::ScratchFolder;
use rusqlite::InterruptHandle;
use tokio::sync::{Mutex, mpsc};

use super::catalog::{bytes, catalog};
use super::query::Cuts;
use super::relation::Table;
use super::rows::Reader;
use super::snapshot::Snapshot;
use crate::database::place::Place;
use crate::database::read::pragma;
use crate::fault::Fault;
use crate::pace::blocking;

/// A database in a file, within one read transaction.
pub(super) struct FileSide {
    place: Place,
    stop: Stop,
    longest: Duration,
    held: Arc<Mutex<Held>>,
    /// Where a file of our own lies; it goes with the side.
    #[expect(dead_code, reason = "held for its end")]
    folder: Option<ScratchFolder>,
}

struct Held {
    snapshot: Snapshot,
    /// By table, kept over snapshots.
    cuts: BTreeMap<String, Cuts>,
}

/// Ends what a call does when the call is dropped.
struct Ending {
    is_dropped: Arc<AtomicBool>,
    interrupt: InterruptHandle,
}

impl Drop for Ending {
    fn drop(&mut self) {
        // True already where the work is done: somebody else may be at work over the same connection.
        if !self.is_dropped.swap(true, Ordering::SeqCst) {
            self.interrupt.interrupt();
        }
    }
}

impl FileSide {
    pub(super) async fn open(place: Place, stop: Stop, limits: &Limits) -> Result<Self, DriverError> {
        let at = place.clone();
        let snapshot = blocking(move || Snapshot::take(&at)).await?;
        let held = Held { snapshot, cuts: BTreeMap::new() };
        Ok(Self { place, stop, longest: limits.statement, held: Arc::new(Mutex::new(held)), folder: None })
    }

    /// With the folder that it reads from, which goes with it.
    pub(super) fn keeping(self, folder: ScratchFolder) -> Self {
        Self { folder: Some(folder), ..self }
    }

    /// Asks for something that takes no longer than one statement may.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Held, &Stop, &AtomicBool) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, DriverError> {
        match tokio::time::timeout(self.longest, self.ask_for_long(question)).await {
            Ok(answered) => answered,
            Err(_) => Err(DriverError::new(
                ErrorKind::TimedOut,
                format!("read a piece of {} in {} s", self.place.shown, self.longest.as_secs()),
            )
            .hint("give it longer: --statement-timeout")
            .nothing_happened()),
        }
    }

    /// Asks the database, and whether all that was answered is of one moment.
    async fn ask_for_long<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Held, &Stop, &AtomicBool) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, DriverError> {
        let mut held = Arc::clone(&self.held).lock_owned().await;
        let is_dropped = Arc::new(AtomicBool::new(false));
        let _ending = Ending {
            is_dropped: Arc::clone(&is_dropped),
            interrupt: held.snapshot.connection().get_interrupt_handle(),
        };
        let (place, stop) = (self.place.clone(), self.stop.clone());
        let attempted = format!("read the database {}", place.shown);
        blocking(move || {
            let answer = question(&mut held, &stop, &is_dropped);
            is_dropped.store(true, Ordering::SeqCst);
            held.snapshot.holds(&place)?;
            answer.map_err(|fault| fault.while_doing(&attempted).nothing_happened())
        })
        .await
    }
}

#[async_trait]
impl Side for FileSide {
    fn place(&self) -> String {
        self.place.shown.clone()
    }

    async fn about(&self) -> Result<About, DriverError> {
        Ok(About { system: format!("SQLite {}", rusqlite::version()), dialect: None })
    }

    async fn position(&self) -> Result<Option<String>, DriverError> {
        Ok(None)
    }

    async fn catalog(&self, scope: &Scope) -> Result<Catalog, DriverError> {
        let scope = scope.clone();
        self.ask(move |held, _, _| catalog(held.snapshot.connection(), &scope)).await
    }

    async fn pieces(&self, order: &TableOrder) -> Result<u32, DriverError> {
        let (name, most) = (order.name.clone(), order.rows_a_piece);
        self.ask(move |held, _, _| held.cuts(&name, most).map(|cuts| cuts.count)).await
    }

    async fn tally(&self, order: &TableOrder, piece: u32) -> Result<Tallies, DriverError> {
        let order = order.clone();
        self.ask(move |held, stop, is_dropped| {
            let cuts = held.cuts(&order.name, order.rows_a_piece)?;
            held.reader(&order, stop, is_dropped).tally(cuts, piece)
        })
        .await
    }

    async fn keys(
        &self,
        order: &TableOrder,
        blocks: Option<&BTreeSet<Block>>,
        to: mpsc::Sender<Vec<Hashed>>,
    ) -> Result<(), DriverError> {
        let (order, blocks) = (order.clone(), blocks.cloned());
        // For as long as whoever listens takes.
        self.ask_for_long(move |held, stop, is_dropped| {
            held.reader(&order, stop, is_dropped).keys(blocks.as_ref(), &to)
        })
        .await
    }

    async fn rows(&self, order: &TableOrder, keys: &[Key]) -> Result<Vec<Row>, DriverError> {
        let (order, keys) = (order.clone(), keys.to_vec());
        self.ask(move |held, stop, is_dropped| held.reader(&order, stop, is_dropped).rows(&keys)).await
    }

    async fn renew(&self) -> Result<bool, DriverError> {
        let mut held = Arc::clone(&self.held).lock_owned().await;
        let place = self.place.clone();
        blocking(move || {
            let fresh = Snapshot::take(&place)?;
            let is_same = fresh.is_as(&held.snapshot);
            held.snapshot = fresh;
            Ok(!is_same)
        })
        .await
    }

    async fn burden(&self) -> Result<Burden, DriverError> {
        let began = Instant::now();
        self.ask(|held, _, _| Ok(pragma::<i64>(held.snapshot.connection(), "schema_version")?)).await?;
        Ok(Burden { lag: None, answer: began.elapsed() })
    }
}

impl Held {
    fn cuts(&mut self, table: &str, most: Option<u64>) -> Result<Cuts, Fault> {
        if let Some(cuts) = self.cuts.get(table) {
            return Ok(*cuts);
        }
        let connection = self.snapshot.connection();
        let cuts = match Table::read(connection, table)? {
            Some(found) => {
                let extent = found.extent(connection)?;
                Cuts::of(extent, found.about_rows(connection, extent, bytes(connection)?)?, most)
            }
            None => Cuts::of(None, 0, most),
        };
        self.cuts.insert(table.to_owned(), cuts);
        Ok(cuts)
    }

    fn reader<'a>(&'a self, order: &'a TableOrder, stop: &'a Stop, is_dropped: &'a AtomicBool) -> Reader<'a> {
        Reader { connection: self.snapshot.connection(), order, stop, is_dropped }
    }
}
