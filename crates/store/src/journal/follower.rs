//! Reads the journal without a lock and without changing anything, also while it is written.

use std::path::{Path, PathBuf};

use backout_contract::JournalError;
use backout_core::digest::Digest;
use backout_core::journal::{Broken, Chain, Record};
use backout_core::life::Life;

use super::database::{ReadError, Stamp, open_to_read, read_rows};

/// How often reading is begun again because the file changed under it.
const MOST_TRIES: usize = 5;

/// A reader that knows how far it came.
#[derive(Debug, Clone)]
pub struct Follower {
    path: PathBuf,
    chain: Chain,
}

/// A journal whose records follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// How many there are.
    pub records: u64,
    /// The digest of the last one.
    pub head: Digest,
}

impl Follower {
    /// Begins before the first record of a journal, which need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), chain: Chain::default() }
    }

    /// How far it came.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Visits every record, with its line as stored, that was written since the last call.
    ///
    /// # Errors
    /// The first record that does not follow, or that `visit` refuses, is named; those before it were visited.
    pub fn read_new(
        &mut self,
        mut visit: impl FnMut(Record, &str) -> Result<(), Broken>,
    ) -> Result<(), JournalError> {
        for _ in 1..MOST_TRIES {
            let stamp = Stamp::of(&self.path);
            match self.try_read(&mut visit) {
                // A writer that begins or ends while the file is read as immutable can make it look broken. What
                // was visited did follow, so reading goes on behind it.
                Err(ReadError::Broken(_) | ReadError::Trouble(_)) if Stamp::of(&self.path) != stamp => {}
                result => return result.map_err(|error| error.on(&self.path)),
            }
        }
        self.try_read(&mut visit).map_err(|error| error.on(&self.path))
    }

    fn try_read(&mut self, visit: impl FnMut(Record, &str) -> Result<(), Broken>) -> Result<(), ReadError> {
        match open_to_read(&self.path).map_err(ReadError::Trouble)? {
            Some(connection) => read_rows(&connection, &mut self.chain, visit),
            None => Ok(()),
        }
    }
}

/// Visits every record of a journal with its line. A journal that is not there has none.
///
/// # Errors
/// See [`Follower::read_new`].
pub fn read_all(
    path: &Path,
    visit: impl FnMut(Record, &str) -> Result<(), Broken>,
) -> Result<(), JournalError> {
    Follower::new(path).read_new(visit)
}

/// What a journal adds up to, and the end of its chain.
///
/// # Errors
/// The first record that does not follow, or cannot have happened, is named.
pub fn load_life(path: &Path) -> Result<(Life, Chain), JournalError> {
    let mut life = Life::default();
    let mut follower = Follower::new(path);
    follower.read_new(|record, _| life.apply(&record))?;
    Ok((life, follower.chain))
}

/// Reads everything and checks that each record follows and can have happened.
///
/// # Errors
/// The first record that does not is named.
pub fn verify(path: &Path) -> Result<Verified, JournalError> {
    let (_, chain) = load_life(path)?;
    Ok(Verified { records: chain.next_sequence() - 1, head: chain.head() })
}
