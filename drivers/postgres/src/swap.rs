//! Databases beside a live one, and how they take its name.
//!
//! What is put back is made beside under a name of ours, whole and proven; then the two names are exchanged in one
//! transaction, so that whoever looks, and whenever anything is killed, finds the old database or the new one. What was
//! there keeps a name of ours until it is released.

mod beside;
mod exchange;
mod left;
mod list_value;
mod name;
mod properties;
mod properties_object;
#[cfg(test)]
mod tests;

pub(crate) use beside::{finish, make, remove};
pub(crate) use exchange::{Exchange, Exchanged, exchange};
pub(crate) use left::{displaced_by, is_ours, left, release, template};
#[cfg(test)]
use name::displaced;
pub(crate) use name::{beside, is_template, scratch};
pub(crate) use properties::Properties;
