//! A side in memory: rows of (id, text), a snapshot, writers that write between snapshots, and a connection that is lost
//! when it is told to be.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use backout_contract::compare::{Burden, Hashed, Row, Scope, Side, Value};
use backout_contract::{DriverError, ErrorKind};
use backout_core::compare::{
    About, Block, Blocks, Catalog, Column, Key, Method, Relation, Spread, TableOrder, Tallies, Tally,
    hash_row, hash_text,
};
use tokio::sync::mpsc;

pub(super) type Rows = Vec<(i64, String)>;
type Write = Box<dyn FnMut(u32, &mut Rows) + Send>;

/// Pieces that a pass is cut in, at most.
const PIECES: usize = 20;

pub(super) struct Fake {
    world: Mutex<Rows>,
    snapshot: Mutex<Arc<Rows>>,
    keyed: bool,
    /// What is written before each new snapshot, given its number.
    writer: Mutex<Option<Write>>,
    renewals: AtomicU32,
    calls: AtomicU32,
    /// The number of the call whose connection is lost.
    pub(super) lose: AtomicU32,
    /// It cannot be reached again after that.
    pub(super) for_good: bool,
    pub(super) burdens: Mutex<Vec<Burden>>,
}

impl Fake {
    pub(super) fn new(rows: Rows) -> Self {
        Self {
            world: Mutex::new(rows.clone()),
            snapshot: Mutex::new(Arc::new(rows)),
            keyed: true,
            writer: Mutex::new(None),
            renewals: AtomicU32::new(0),
            calls: AtomicU32::new(0),
            lose: AtomicU32::new(u32::MAX),
            for_good: false,
            burdens: Mutex::new(Vec::new()),
        }
    }

    pub(super) fn keyless(rows: Rows) -> Self {
        Self { keyed: false, ..Self::new(rows) }
    }

    pub(super) fn written(rows: Rows, writer: impl FnMut(u32, &mut Rows) + Send + 'static) -> Self {
        Self { writer: Mutex::new(Some(Box::new(writer))), ..Self::new(rows) }
    }

    pub(super) fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }

    fn call(&self) -> Result<Arc<Rows>, DriverError> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let lose = self.lose.load(Ordering::Relaxed);
        if call == lose || (self.for_good && call > lose) {
            return Err(DriverError::new(ErrorKind::Unreachable, "ask the fake"));
        }
        Ok(Arc::clone(&self.snapshot.lock().unwrap()))
    }

    fn piece(rows: &Rows) -> usize {
        rows.len().div_ceil(PIECES).max(1)
    }

    fn hash(row: &(i64, String), seed: u64) -> u64 {
        hash_row([Some(row.0.to_string().as_bytes()), Some(row.1.as_bytes())], seed)
    }

    fn key(row: &(i64, String), order: &TableOrder) -> Key {
        if order.key.is_empty() {
            Key::from_bytes(Self::hash(row, order.seed).to_be_bytes())
        } else {
            Key::of([Some(row.0.to_string().as_bytes())])
        }
    }

    fn block(row: &(i64, String), order: &TableOrder) -> Block {
        match order.blocks {
            Blocks::Range { shift } => row.0 >> shift,
            Blocks::Hash { bits } => {
                let hash = hash_text(Self::key(row, order).bytes(), order.seed);
                i64::try_from(hash & ((1 << bits) - 1)).unwrap()
            }
        }
    }
}

#[async_trait]
impl Side for Fake {
    fn place(&self) -> String {
        "fake".to_owned()
    }

    async fn about(&self) -> Result<About, DriverError> {
        Ok(About { system: "Fake 1".to_owned(), dialect: Some("fake".to_owned()) })
    }

    async fn position(&self) -> Result<Option<String>, DriverError> {
        Ok(Some(format!("at {}", self.renewals.load(Ordering::Relaxed))))
    }

    async fn catalog(&self, _: &Scope) -> Result<Catalog, DriverError> {
        let rows = self.world.lock().unwrap();
        let ids = || rows.iter().map(|row| row.0);
        let spread = Spread { low: ids().min().unwrap_or(0), high: ids().max().unwrap_or(0), fullest: 0.01 };
        let column = |name: &str, spread| Column {
            name: name.to_owned(),
            kind: "any".to_owned(),
            methods: vec![Method::Binary],
            spread,
        };
        let relation = Relation {
            schema: String::new(),
            name: "t".to_owned(),
            columns: vec![column("id", Some(spread)), column("v", None)],
            key: if self.keyed { vec!["id".to_owned()] } else { Vec::new() },
            rows: rows.len() as u64,
            bytes: 0,
            unreadable: None,
        };
        Ok(Catalog { relations: vec![relation], ..Catalog::default() })
    }

    async fn pieces(&self, _: &TableOrder) -> Result<u32, DriverError> {
        let rows = self.call()?;
        Ok(u32::try_from(rows.len().div_ceil(Self::piece(&rows))).unwrap())
    }

    async fn tally(&self, order: &TableOrder, piece: u32) -> Result<Tallies, DriverError> {
        let mut tallies = Tallies::default();
        let rows = self.call()?;
        for row in rows.chunks(Self::piece(&rows)).nth(piece as usize).unwrap_or_default() {
            let tally = Tally { rows: 1, sum: i128::from(Self::hash(row, order.seed)), second: 0 };
            tallies.add(Self::block(row, order), tally);
        }
        Ok(tallies)
    }

    async fn keys(
        &self,
        order: &TableOrder,
        blocks: Option<&BTreeSet<Block>>,
        to: mpsc::Sender<Vec<Hashed>>,
    ) -> Result<(), DriverError> {
        let rows = self.call()?;
        let wanted =
            rows.iter().filter(|row| blocks.is_none_or(|all| all.contains(&Self::block(row, order))));
        let hashed: Vec<Hashed> = wanted
            .map(|row| Hashed { key: Self::key(row, order), hash: Self::hash(row, order.seed) })
            .collect();
        for batch in hashed.chunks(100) {
            if to.send(batch.to_vec()).await.is_err() {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
        // Half of a stream may be given when a connection is lost.
        self.call().map(drop)
    }

    async fn rows(&self, order: &TableOrder, keys: &[Key]) -> Result<Vec<Row>, DriverError> {
        let value = |text: String| Some(Value { text, cut: None });
        let mut met = BTreeSet::new();
        let rows = self.call()?;
        let keys: BTreeSet<&Key> = keys.iter().collect();
        let found = rows.iter().filter(|row| keys.contains(&Self::key(row, order)));
        let found = found.filter(|row| self.keyed || met.insert(Self::hash(row, order.seed)));
        Ok(found
            .map(|row| Row {
                key: Self::key(row, order),
                hash: Self::hash(row, order.seed),
                values: vec![value(row.0.to_string()), value(row.1.clone())],
            })
            .collect())
    }

    async fn renew(&self) -> Result<bool, DriverError> {
        let lost = self.lose.load(Ordering::Relaxed);
        if self.for_good && self.calls() > lost {
            return Err(DriverError::new(ErrorKind::Unreachable, "reach the fake"));
        }
        let number = self.renewals.fetch_add(1, Ordering::Relaxed) + 1;
        let mut world = self.world.lock().unwrap();
        let before = world.clone();
        if let Some(write) = self.writer.lock().unwrap().as_mut() {
            write(number, &mut world);
        }
        let written = before != *world;
        *self.snapshot.lock().unwrap() = Arc::new(world.clone());
        Ok(written)
    }

    async fn burden(&self) -> Result<Burden, DriverError> {
        let mut burdens = self.burdens.lock().unwrap();
        Ok(if burdens.is_empty() { Burden::default() } else { burdens.remove(0) })
    }
}
