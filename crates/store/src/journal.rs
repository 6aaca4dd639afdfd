//! The journal: an SQLite database with one row a record, which `sqlite3` opens too.
//!
//! ```text
//! record(sequence INTEGER PRIMARY KEY, line TEXT, digest TEXT)
//! head(only INTEGER PRIMARY KEY CHECK (only = 1), sequence INTEGER, digest TEXT)
//! ```
//!
//! `line` is the record as core wrote it, and the chain is over these very bytes; `digest` repeats the line's
//! digest, so that an edit of a line names that line and not the next one. The one row of `head` repeats number
//! and digest of the last record: a chain alone does not tell that its end is missing.

mod database;
mod follower;
mod schema;
mod trouble;
mod writer;

pub use follower::{Follower, Verified, load_life, read_all, verify};
pub use trouble::Trouble;
pub use writer::Writer;
