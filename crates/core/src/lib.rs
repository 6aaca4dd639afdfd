//! What Backout decides, without touching anything.
//!
//! Everything here is a value or a pure function. The crate does no IO, reads no clock, draws no random
//! numbers and sees no environment (`clippy.toml` beside this crate bans them, each with its reason), so each
//! decision can be printed, stored, compared and tested by a table.
//!
//! Modules in reading order: the words ([`name`], [`digest`], [`diagnostic`], [`secret`]), what a person writes
//! ([`migration`]), what was seen ([`observation`], [`checkpoint`], [`delta`]), what is decided ([`decide`],
//! [`order`], [`plan`]), what became of users' data ([`writes`]), what happened ([`journal`]), what it adds up to
//! ([`life`]), what is next ([`next`]), what may be forgotten ([`retention`]) and what people are told of it
//! ([`report`]).

pub mod capability;
pub mod checkpoint;
pub mod compare;
pub mod decide;
pub mod delta;
pub mod diagnostic;
pub mod digest;
pub mod journal;
pub mod life;
pub mod migration;
pub mod name;
pub mod next;
pub mod observation;
pub mod order;
pub mod plan;
pub mod report;
pub mod retention;
pub mod secret;
pub mod writes;
