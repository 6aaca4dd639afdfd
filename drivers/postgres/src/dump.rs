//! Saved rows: a dump in PostgreSQL's own directory format, made and read back by the programs of the server's version.
//!
//! Nothing of a dump is ever given to `psql`, whose commands a hostile server could smuggle in. A dump is believed only
//! after every file of it was compared with what was noted when it was made, and its table of contents was read to the
//! end; both before a target is touched.

mod contents;
mod fetch;
mod intake;
mod keep;
mod leave_out;
mod program;
mod progress;
mod ready;
mod restore;
mod restore_point;
mod rights;
mod toc;
mod trouble;
mod warning;

pub(crate) use fetch::fetch;
pub(crate) use keep::keep;
pub(crate) use ready::ready;
pub(crate) use restore::{Restored, restore};
pub(crate) use restore_point::set_restore_point;
pub(crate) use warning::restoring_as_superuser;

#[cfg(test)]
use self::{
    contents::Contents,
    fetch::{Fetched, Header, header},
    ready::needs,
};

/// How the parts of a dump begin in a checkpoint.
const PREFIX: &str = "dump/";

/// Files are put into the vault in pieces of so many bytes, so that what is still being written is on its way already, and
/// several come out of it at a time.
const PIECE: u64 = 16 * 1024 * 1024;

/// What was noted when it was made.
const CONTENTS: &str = "dump/contents.json";

/// The table of contents, by the programs' own name.
const TOC: &str = "toc.dat";

/// What a piece of a file is called in a checkpoint; `+` is in no name that the programs give.
fn part_name(file: &str, number: usize) -> String {
    if number == 0 { format!("{PREFIX}{file}") } else { format!("{PREFIX}{file}+{number}") }
}

/// How many programs' processes work side by side: as many as processors, within what a server bears.
pub(crate) fn jobs() -> usize {
    std::thread::available_parallelism().map_or(2, |found| found.get().clamp(2, 8))
}

#[cfg(test)]
mod tests;
