//! The door of a database: who is inside, how it is shut and opened, and how we get in behind it.
//!
//! Everything here is done from outside, in the maintenance database of the same server. What was there before a door
//! was shut is remembered in a note that the database itself bears, written in the same transaction that shuts it.

mod close;
mod closed;
mod enter;
mod inside;
mod note;
mod open;
mod outside;
#[cfg(test)]
mod tests;

pub(crate) use close::{Closing, closing_sql, readers_only_sql, shut};
pub(crate) use closed::{behind, closed_by_this};
pub(crate) use enter::{enter, held_open};
pub(crate) use inside::{Stays, empty};
pub(crate) use note::{Closed, Note, Proven, PutBack, ReadOnly, Shut, Staged};
pub(crate) use open::{reopen, whereabouts};
pub(crate) use outside::{Entry, Outside, entry, is_said_by};
