//! Tools that drivers share and that know no kind.

/// Replaces one file or one symbolic link, whole or not at all.
pub mod atomic_put;
/// Builds the new thing beside the old one and swaps the two in one instant.
pub mod beside;
/// The first and the last bytes of an output of any length.
pub mod bounded_output;
/// Runs a program: own group, chosen environment, deadline, bounded output.
pub mod child;
/// Named places where a test build can be killed.
pub mod failpoint;
/// What was attempted on which path, and why it failed.
pub mod file_error;
/// How an output ended, fit for a message.
pub mod last_lines;
/// What runs left beside a target, and its removal.
pub mod leftovers;
/// A small JSON file next to a target that says whose it is.
pub mod marker;
/// Files for people: private, whole or not there at all, written row by row.
pub mod paper;
/// A reversible text form of any Unix path.
pub mod path_text;
/// Where a path leads by its spelling, and what is mounted there.
pub mod place;
/// Small files that only their owner may read.
pub mod private_file;
/// Names processes so that a reused number is never mistaken, finds and ends them.
pub mod processes;
/// Reading without a trace in a file's times.
pub mod quietly;
/// The names that belong to Backout in other people's folders.
pub mod reserved;
/// A private folder for copies that are only looked at.
pub mod scratch_folder;
/// How many bytes a file system still takes.
pub mod space;

mod scratch_file;
