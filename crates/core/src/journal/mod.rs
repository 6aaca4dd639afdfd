//! What happened, one fact an event, chained so that an edit or a gap shows.
//!
//! A record is durable before the effect that it announces begins (intents, approvals, decisions); the outcome of
//! an effect may ride with the next durable record, since losing one costs no more than a look.

mod event;
mod record;
mod words;

pub use event::Event;
pub use record::{Broken, Chain, FORMAT, Record, chain, genesis};
pub use words::{Actor, Choice, Look, Outcome, Request, Stance};
