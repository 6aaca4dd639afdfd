//! What every call needs to find the database: its address, resolved, and the ways in and beside it.

use backout_contract::{Context, DriverError, ErrorKind};

use super::config::Config;
use crate::catalog::Scope;
use crate::door::{Outside, enter};
use crate::recorder::Order;
use crate::server::{Address, Link, Pace, connect};

/// A database at the time of a call.
pub(super) struct Site<'a> {
    pub(super) config: &'a Config,
    pub(super) context: &'a Context,
    pub(super) address: Address,
    pub(super) pace: Pace,
}

impl<'a> Site<'a> {
    pub(super) fn of(config: &'a Config, context: &'a Context) -> Result<Self, DriverError> {
        let address = Address::resolve(&config.url, context)?;
        Ok(Self { config, context, address, pace: Pace::of(context) })
    }

    /// The live name.
    pub(super) fn live(&self) -> &str {
        &self.address.database
    }

    /// A connection to the maintenance database.
    pub(super) async fn outside(&self) -> Result<Outside, DriverError> {
        Outside::connect(&self.address, self.config.maintenance.as_deref()).await
    }

    /// So many ways into a database of the server, through a door that we shut too; none where it is not there.
    ///
    /// # Errors
    /// That it is there and cannot be read, that somebody else shut its door, or that the server does not answer.
    pub(super) async fn ways_into(
        &self,
        name: &str,
        how_many: usize,
    ) -> Result<Option<Vec<Link>>, DriverError> {
        let address = self.address.of_database(name);
        let first = match connect(&address).await {
            Ok(link) => link,
            Err(error) => return self.ways_around(name, how_many, error).await,
        };
        let mut links = vec![first];
        while links.len() < how_many {
            links.push(connect(&address).await?);
        }
        Ok(Some(links))
    }

    /// Asks the server's list why nobody came in.
    async fn ways_around(
        &self,
        name: &str,
        how_many: usize,
        error: DriverError,
    ) -> Result<Option<Vec<Link>>, DriverError> {
        let outside = match self.outside().await {
            Ok(outside) => outside,
            // What failed first is what matters, unless the server as a whole does not answer.
            Err(other) if other.kind == ErrorKind::Unreachable => return Err(other),
            Err(_) => return Err(error),
        };
        let Some(found) = outside.find(name).await? else { return Ok(None) };
        if !found.lets_in {
            return enter(&outside, name, how_many, &self.pace).await.map(Some);
        }
        Err(match error.kind {
            ErrorKind::Denied | ErrorKind::Unreachable | ErrorKind::TimedOut | ErrorKind::Unreadable => error,
            // The server answers, and will not let anybody into this database.
            _ => DriverError { kind: ErrorKind::Unreadable, ..error },
        })
    }

    /// One way into the live database; none where it is not there.
    pub(super) async fn way_in(&self) -> Result<Option<Link>, DriverError> {
        Ok(self.ways_into(self.live(), 1).await?.and_then(|links| links.into_iter().next()))
    }

    /// What the recorder is asked for.
    pub(super) fn order(&self) -> Order<'_> {
        Order::new(&self.address, &Scope::Database, &self.config.recorder, self.context)
    }
}
