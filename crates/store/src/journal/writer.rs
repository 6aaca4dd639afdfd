//! The one writer of a journal: a thread that owns the database and the lock.
//!
//! Appends that arrive while a commit is under way are committed together by the next one. An error in a commit
//! is the end: nobody knows then what is durable, so every later append fails with the same error, and the
//! process has to end and look again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

use async_trait::async_trait;
use backout_contract::{Clock, Journal, JournalError};
use backout_core::journal::{Chain, Event, Record};
use backout_core::life::Life;
use backout_core::name::RunId;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::database::{Line, append_rows, open_to_write, read_rows};
use super::schema;
use super::trouble::Trouble;
use crate::layout::Layout;
use crate::lock::Lock;

/// So many noted lines are committed although nobody waits for them.
const MOST_PENDING: usize = 1_000;

type Reply = oneshot::Sender<Result<Vec<Record>, JournalError>>;

/// Appends to the journal. Holds the migration's lock until it is closed or dropped.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    epoch: u64,
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<Result<(), JournalError>>>,
}

#[derive(Debug)]
struct Order {
    run: Option<RunId>,
    events: Vec<Event>,
    durable: bool,
    reply: Reply,
}

impl Writer {
    /// Opens the journal for writing, makes it where there is none, reads what it adds up to, and brings one of an
    /// older version up to date when all of it was read. May take seconds for a long journal.
    ///
    /// # Errors
    /// The journal is newer, damaged, not a journal, or a record in it does not follow; the lock is let go then.
    pub fn open(layout: &Layout, lock: Lock, clock: Arc<dyn Clock>) -> Result<(Self, Life), JournalError> {
        let path = layout.journal();
        let on_open = |trouble: Trouble| trouble.on("open the journal", &path);
        let mut connection = open_to_write(&path).map_err(on_open)?;
        let (mut life, mut chain, mut newest, mut lock) = (Life::default(), Chain::default(), 0, lock);
        read_rows(&connection, &mut chain, |record, _| {
            newest = newest.max(record.epoch);
            life.apply(&record)
        })
        .map_err(|error| error.on(&path))?;
        lock.outgrow(newest).map_err(|error| on_open(error.into()))?;
        // Only now: what is broken stays as it is, for whoever mends it.
        schema::upgrade(&mut connection).map_err(|trouble| trouble.on("bring up to date", &path))?;

        let epoch = lock.epoch();
        let (orders, received) = mpsc::channel();
        let scribe =
            Scribe { path: path.clone(), connection, chain, epoch, clock, pending: Vec::new(), poison: None };
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                let result = scribe.serve(&received);
                drop(lock);
                result
            })
            .map_err(|source| JournalError::Io {
                attempted: "start the journal's thread".to_owned(),
                source: Box::new(source),
            })?;
        Ok((Self { path, epoch, orders: Some(orders), thread: Some(thread) }, life))
    }

    /// The epoch that stands in every record of this writer.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Makes what was noted durable, folds the write-ahead log into the file and lets the lock go. A reader that
    /// is in the midst of reading keeps the log alive, which is fine.
    ///
    /// # Errors
    /// The last commit or the folding failed, or an earlier append had.
    pub async fn close(mut self) -> Result<(), JournalError> {
        let path = self.path.clone();
        let end = tokio::task::spawn_blocking(move || self.end()).await;
        end.unwrap_or_else(|_| Err(ended(&path)))
    }

    fn end(&mut self) -> Result<(), JournalError> {
        self.orders = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(ended(&self.path)),
            None => Ok(()),
        }
    }

    async fn order(
        &self,
        run: Option<&RunId>,
        events: Vec<Event>,
        durable: bool,
    ) -> Result<Vec<Record>, JournalError> {
        let (reply, answer) = oneshot::channel();
        let order = Order { run: run.cloned(), events, durable, reply };
        let sent = self.orders.as_ref().is_some_and(|orders| orders.send(order).is_ok());
        if !sent {
            return Err(ended(&self.path));
        }
        answer.await.unwrap_or_else(|_| Err(ended(&self.path)))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Whoever wants to know how it ended closes it.
        let _ = self.end();
    }
}

#[async_trait]
impl Journal for Writer {
    async fn append(&self, run: Option<&RunId>, events: Vec<Event>) -> Result<Vec<Record>, JournalError> {
        self.order(run, events, true).await
    }

    async fn note(&self, run: Option<&RunId>, events: Vec<Event>) -> Result<Vec<Record>, JournalError> {
        self.order(run, events, false).await
    }
}

/// What the thread owns.
struct Scribe {
    path: PathBuf,
    connection: Connection,
    chain: Chain,
    epoch: u64,
    clock: Arc<dyn Clock>,
    /// What is not committed yet.
    pending: Vec<Line>,
    poison: Option<Trouble>,
}

/// Somebody who waits for the next commit.
struct Waiting {
    reply: Reply,
    records: Vec<Record>,
}

impl Scribe {
    fn serve(mut self, orders: &Receiver<Order>) -> Result<(), JournalError> {
        while let Ok(first) = orders.recv() {
            let mut waiting = Vec::new();
            self.take(first, &mut waiting);
            while let Ok(next) = orders.try_recv() {
                self.take(next, &mut waiting);
            }
            if !waiting.is_empty() || self.pending.len() >= MOST_PENDING {
                self.commit();
            }
            for Waiting { reply, records } in waiting {
                let answer = self.poisoned().map_or(Ok(records), Err);
                // Nobody may be waiting any more.
                let _ = reply.send(answer);
            }
        }
        self.finish()
    }

    fn take(&mut self, order: Order, waiting: &mut Vec<Waiting>) {
        let Order { run, events, durable, reply } = order;
        let answer = match self.poisoned() {
            Some(error) => Err(error),
            None => self.write_down(run, events),
        };
        match answer {
            Ok(records) if durable => waiting.push(Waiting { reply, records }),
            answer => drop(reply.send(answer)),
        }
    }

    /// Puts events behind the chain: all or, when one cannot be written as text, none.
    fn write_down(&mut self, run: Option<RunId>, events: Vec<Event>) -> Result<Vec<Record>, JournalError> {
        let at = self.clock.now();
        let mut chain = self.chain.clone();
        let mut records = Vec::with_capacity(events.len());
        let mut lines = Vec::with_capacity(events.len());
        for event in events {
            let (record, text) = chain.append(event, run.clone(), self.epoch, at).map_err(|source| {
                let attempted = format!("write record {} as text", chain.next_sequence());
                JournalError::Io { attempted, source: Box::new(source) }
            })?;
            let sequence = i64::try_from(record.sequence).unwrap_or(i64::MAX);
            lines.push(Line { sequence, text, digest: chain.head().to_string() });
            records.push(record);
        }
        self.chain = chain;
        self.pending.append(&mut lines);
        Ok(records)
    }

    fn commit(&mut self) {
        if self.poison.is_none() {
            let lines = std::mem::take(&mut self.pending);
            self.poison = append_rows(&mut self.connection, &lines).err().map(Trouble::from);
        }
    }

    fn poisoned(&self) -> Option<JournalError> {
        self.poison.clone().map(|trouble| trouble.on("append to the journal", &self.path))
    }

    fn finish(mut self) -> Result<(), JournalError> {
        self.commit();
        if let Some(error) = self.poisoned() {
            return Err(error);
        }
        let on_close = |error: rusqlite::Error| Trouble::from(error).on("close the journal", &self.path);
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(on_close)?;
        self.connection.close().map_err(|(_, error)| on_close(error))
    }
}

fn ended(path: &Path) -> JournalError {
    Trouble::Ended.on("append to the journal", path)
}
