//! How it is known that nobody could reach a database: what was proven behind a shut door then need not be proven again.

use backout_contract::DriverError;
use tokio_postgres::GenericClient;

use super::Closed;
use super::enter::enter;
use super::inside::{Stays, empty};
use super::outside::{Entry, Outside};
use crate::server::{Fault, Link, Pace};

/// How long those are waited for who are just leaving.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

impl Entry {
    /// Since when nobody has been let in, as the server's list tells it now; none while somebody is.
    pub(crate) fn closed(&self) -> Option<Closed> {
        (!self.lets_in).then(|| Closed { entry: self.version.clone(), started: self.started.clone() })
    }
}

/// Does something with so many connections into a database whose door we shut. With what it brought back is told since
/// when nobody could reach the database: from before the work began, provided that nobody opened the door meanwhile.
///
/// # Errors
/// As for [`enter`], and what the work says.
pub(crate) async fn behind<T, F: Future<Output = Result<T, DriverError>>>(
    outside: &Outside,
    name: &str,
    how_many: usize,
    pace: &Pace,
    work: impl FnOnce(Vec<Link>) -> F,
) -> Result<(T, Option<Closed>), DriverError> {
    let links = enter(outside, name, how_many, pace).await?;
    let before = outside.find(name).await?;
    let done = work(links).await?;
    let Some(before) = before else { return Ok((done, None)) };
    empty(outside, name, before.oid, Stays::Nobody, PATIENCE, pace).await?;
    let after = outside.find(name).await?;
    let closed = after.filter(|after| after.oid == before.oid && after.closed() == before.closed());
    Ok((done, closed.and_then(|entry| entry.closed())))
}

/// What an entry will be told by once the transaction that writes it now is committed.
pub(crate) async fn closed_by_this(client: &impl GenericClient, entry: &Entry) -> Result<Closed, Fault> {
    let row = client.query_one("SELECT pg_catalog.pg_current_xact_id()::xid::text", &[]).await?;
    Ok(Closed { entry: row.get(0), started: entry.started.clone() })
}
