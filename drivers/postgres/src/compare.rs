//! A side of a comparison: a database, or a part of one, in one snapshot that several connections share. The server
//! hashes; what crosses the wire is blocks, then keys and hashes of blocks that differ, then rows that differ.

mod about;
mod catalog;
mod keys;
mod kinds;
mod links;
mod names;
mod pieces;
mod relation;
mod rows;
mod side;
mod spread;
mod sql;
mod stream;
mod tally;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use backout_contract::compare::{Limits, Side, Sides};
use backout_contract::{Context, DriverError};
use backout_core::secret::Secret;

pub(crate) use catalog::things_of;
pub(crate) use links::Way;
pub(crate) use names::Within;

use crate::server::Address;
use side::PostgresSide;

/// Opens databases of PostgreSQL by their addresses.
#[derive(Default)]
pub struct PostgresSides;

#[async_trait]
impl Sides for PostgresSides {
    fn addresses(&self) -> &'static str {
        "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
    }

    fn knows(&self, address: &Secret, _: &Context) -> bool {
        let text = address.reveal().trim();
        let mut pairs = text.split_whitespace().map(|pair| pair.split_once('='));
        text.starts_with("postgresql://")
            || text.starts_with("postgres://")
            || (pairs.clone().any(|pair| matches!(pair, Some(("host" | "dbname", _))))
                && pairs.all(|pair| pair.is_some()))
    }

    async fn open(
        &self,
        address: &Secret,
        limits: &Limits,
        _: &Context,
    ) -> Result<Arc<dyn Side>, DriverError> {
        let address = Address::parse(address.reveal())?;
        side(Box::new(address), Within::All, limits).await
    }
}

/// A side that is reached so, and is so much of what is there.
///
/// # Errors
/// When it cannot be reached.
pub(crate) async fn side(
    way: Box<dyn Way>,
    within: Within,
    limits: &Limits,
) -> Result<Arc<dyn Side>, DriverError> {
    Ok(Arc::new(PostgresSide::open(way, within, limits).await?))
}
