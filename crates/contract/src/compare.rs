//! One side of a comparison, as a driver offers it: it reads a catalog, adds up blocks, and gives keys and rows. What is
//! asked and what follows from it is decided in core.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backout_core::compare::{About, Block, Catalog, Key, TableOrder, Tallies};
use backout_core::secret::Secret;
use tokio::sync::mpsc;

use crate::context::Context;
use crate::error::DriverError;

/// What part of a side is compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Only these schemas; all but the system's own where empty.
    pub schemas: BTreeSet<String>,
    /// Only these tables or views, with their schema or without; all tables (no views) where empty.
    pub tables: BTreeSet<String>,
}

/// How far a side may be burdened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How many connections may be open at once.
    pub connections: usize,
    /// How long one statement may take; a piece of a pass is one statement.
    pub statement: Duration,
    /// How long a lock may be waited for.
    pub lock: Duration,
}

/// A row, told by its key and its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hashed {
    /// What tells it from others; of a table without a key, its hash as bytes.
    pub key: Key,
    /// Its hash; where two are taken, both folded into one by adding.
    pub hash: u64,
}

/// A row with the values of the order's columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What tells it from others.
    pub key: Key,
    /// Its hash, as in [`Hashed`].
    pub hash: u64,
    /// The values in the order of the columns; a null is none.
    pub values: Vec<Option<Value>>,
}

/// A value as text, cut where it is long. Values of both sides are the same when all of this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The text, or its first [`Value::LONGEST`] characters.
    pub text: String,
    /// Where the text was cut: how many bytes it has in full, and a digest of all of it that both sides make alike.
    pub cut: Option<(u64, String)>,
}

impl Value {
    /// Longer texts are cut after so many characters.
    pub const LONGEST: usize = 1000;
}

/// How much a side has to bear.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Burden {
    /// How far the replica that lags most is behind; none where there is no replica or nobody may know.
    pub lag: Option<Duration>,
    /// How long a question that costs nothing took.
    pub answer: Duration,
}

/// A connected side that holds one snapshot. It only reads, sorts nothing on the server that does not fit its memory,
/// and ends what it does when the call is dropped.
///
/// Every call fails with [`ErrorKind::Unreachable`](crate::ErrorKind::Unreachable) when the connection is lost; after
/// [`renew`](Self::renew) the same call can be made again.
#[async_trait]
pub trait Side: Send + Sync {
    /// Where it is, for people, without secrets.
    fn place(&self) -> String;

    /// What it is.
    async fn about(&self) -> Result<About, DriverError>;

    /// The position of the snapshot in the system's words; none where it has none.
    async fn position(&self) -> Result<Option<String>, DriverError>;

    /// What it has in the scope.
    async fn catalog(&self, scope: &Scope) -> Result<Catalog, DriverError>;

    /// In how many pieces a pass over a relation is cut: of a size that takes some seconds at most, each to be asked for
    /// by its number from zero. Every row stands in exactly one of them.
    async fn pieces(&self, order: &TableOrder) -> Result<u32, DriverError>;

    /// Adds up the rows of one piece, block by block.
    async fn tally(&self, order: &TableOrder, piece: u32) -> Result<Tallies, DriverError>;

    /// Gives key and hash of the rows of these blocks, or of all, in any order. Ends when all are given, or nobody
    /// listens any more.
    async fn keys(
        &self,
        order: &TableOrder,
        blocks: Option<&BTreeSet<Block>>,
        to: mpsc::Sender<Vec<Hashed>>,
    ) -> Result<(), DriverError>;

    /// The rows with these keys, as far as they are there. Of a table without a key: one for each that has the hash.
    async fn rows(&self, order: &TableOrder, keys: &[Key]) -> Result<Vec<Row>, DriverError>;

    /// Lets go of the snapshot and takes a new one, over new connections where they were lost. True when anything may
    /// have been written since the one before.
    async fn renew(&self) -> Result<bool, DriverError>;

    /// How much it has to bear now.
    async fn burden(&self) -> Result<Burden, DriverError>;

    /// Lets go of what was made for it: its connections, and a scratch copy where it stands on one. Called once, at the
    /// end.
    async fn close(&self) -> Result<(), DriverError> {
        Ok(())
    }
}

/// Opens sides by an address that a person gives (`postgresql://…`, a file).
#[async_trait]
pub trait Sides: Send + Sync {
    /// What the addresses look like, for people (`postgresql://USER@HOST/DATABASE`).
    fn addresses(&self) -> &'static str;

    /// Whether an address is one of these. Looks at nothing but its text, and at a file's first bytes where the text is a
    /// path.
    fn knows(&self, address: &Secret, context: &Context) -> bool;

    /// Opens it and takes a snapshot.
    ///
    /// # Errors
    /// When it cannot be reached or read.
    async fn open(
        &self,
        address: &Secret,
        limits: &Limits,
        context: &Context,
    ) -> Result<Arc<dyn Side>, DriverError>;
}

/// Which data of a component is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// What stands under its name now.
    Live,
    /// The side that users left at cutover, where a component has two.
    Old,
    /// What a rollback moved away and keeps until release.
    Displaced,
}
