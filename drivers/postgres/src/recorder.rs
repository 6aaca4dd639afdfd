//! What users write, recorded: by a logical replication slot, by row triggers, or, incomplete, by timestamps.

mod change;

pub(crate) use change::{Change, Image, Kind, Relation, Value};
