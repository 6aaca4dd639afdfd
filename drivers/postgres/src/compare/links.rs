//! Connections that see one snapshot, lent to whoever asks. A statement that fails leaves the others and the snapshot as
//! they are; a call that is dropped ends its statement on the server.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use backout_contract::compare::Limits;
use backout_contract::{DriverError, ErrorKind};
use futures_util::future::try_join_all;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::error::SqlState;

use crate::server::{Address, Fault, Link, connect, literal};

/// How a side is reached.
#[async_trait]
pub(crate) trait Way: Send + Sync {
    /// Where it leads, for people.
    fn shown(&self) -> String;

    /// So many connections, or fewer where the server has no room; at least one.
    async fn links(&self, how_many: usize) -> Result<Vec<Link>, DriverError>;
}

#[async_trait]
impl Way for Address {
    fn shown(&self) -> String {
        Self::shown(self)
    }

    async fn links(&self, how_many: usize) -> Result<Vec<Link>, DriverError> {
        let mut links = vec![connect(self).await?];
        while links.len() < how_many {
            match connect(self).await {
                Ok(link) => links.push(link),
                Err(_) => break,
            }
        }
        Ok(links)
    }
}

/// When a snapshot is, in the server's own terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    /// Which transactions it sees.
    pub(super) snapshot: String,
    /// Where the log stood, or how far it was replayed.
    pub(super) position: Option<String>,
    /// Whether the server replays another's log.
    pub(super) replays: bool,
    /// Since when the server runs: transactions are comparable within one run of it.
    pub(super) server: String,
    /// How large its pages are.
    pub(super) page: u64,
}

impl Moment {
    /// Whether anything may have been written between an earlier moment and this one, as far as the server tells.
    ///
    /// | server | it replays another's log | transactions that are seen | none is under way | written |
    /// |---|---|---|---|---|
    /// | started again | | | | perhaps: what was lost of its log is not known |
    /// | the same | no | the same | | no |
    /// | the same | yes | the same | yes | no |
    /// | the same | yes | the same | no | perhaps: a replica does not list them |
    /// | the same | | others | | yes |
    pub(super) fn may_differ(&self, earlier: &Self) -> bool {
        let all_ended = {
            let mut ends = self.snapshot.split(':');
            ends.next() == ends.next()
        };
        self.server != earlier.server
            || self.snapshot != earlier.snapshot
            || ((self.replays || earlier.replays) && !all_ended)
    }
}

/// Connections that see one snapshot.
pub(super) struct Links {
    free: Mutex<Vec<Link>>,
    permits: Arc<Semaphore>,
    /// How many are not lost.
    alive: AtomicUsize,
    pub(super) moment: Moment,
}

impl Links {
    /// Opens connections and takes a snapshot.
    pub(super) async fn open(way: &dyn Way, limits: &Limits) -> Result<Arc<Self>, DriverError> {
        let attempted = format!("take a snapshot of {}", way.shown());
        let links = way.links(limits.connections.max(1)).await?;
        let begun = async {
            let Some((first, others)) = links.split_first() else {
                return Err(Fault::Said(DriverError::new(ErrorKind::Unreachable, &attempted)));
            };
            begin(first, None, limits).await?;
            let row = first.query_one(MOMENT, &[]).await?;
            let moment = Moment {
                snapshot: row.get(0),
                position: row.get(1),
                replays: row.get(2),
                server: row.get(3),
                page: u64::try_from(row.get::<_, i64>(4)).unwrap_or(8192),
            };
            // Only a transaction without a savepoint can lend its snapshot.
            let name: String = first.query_one("SELECT pg_export_snapshot()", &[]).await?.get(0);
            try_join_all(others.iter().map(|link| begin(link, Some(&name), limits))).await?;
            try_join_all(links.iter().map(|link| async { link.batch_execute("SAVEPOINT reading").await }))
                .await?;
            Ok(moment)
        };
        let moment = begun.await.map_err(|fault| told(fault, &attempted))?;
        let permits = Arc::new(Semaphore::new(links.len()));
        let alive = AtomicUsize::new(links.len());
        Ok(Arc::new(Self { free: Mutex::new(links), permits, alive, moment }))
    }

    /// Lends a connection, as soon as one is free.
    ///
    /// # Errors
    /// When all of them are lost.
    pub(super) async fn lend(self: &Arc<Self>) -> Result<Lent, DriverError> {
        let lost = || {
            DriverError::new(ErrorKind::Unreachable, "ask the server")
                .caused_by("the connections are lost, and the snapshot with them")
                .nothing_happened()
        };
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| lost())?;
        let link = self.free.lock().ok().and_then(|mut free| free.pop()).ok_or_else(lost)?;
        Ok(Lent { links: Arc::clone(self), lent: Some((link, permit)) })
    }

    /// Takes a connection back, whose transaction begins from its savepoint again.
    async fn give(&self, link: Link, permit: OwnedSemaphorePermit) {
        if link.batch_execute("ROLLBACK TO SAVEPOINT reading").await.is_ok() {
            if let Ok(mut free) = self.free.lock() {
                free.push(link);
            }
            return;
        }
        // One that is lost is never free again; when the last one is, whoever waits is told.
        permit.forget();
        drop(link);
        if self.alive.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.permits.close();
        }
    }
}

/// A connection while somebody works with it. When it is dropped before it is given back, the server is asked to end what
/// it does.
pub(super) struct Lent {
    links: Arc<Links>,
    lent: Option<(Link, OwnedSemaphorePermit)>,
}

impl Lent {
    /// The connection.
    ///
    /// # Errors
    /// Never, before it is given back.
    pub(super) fn link(&self) -> Result<&Link, Fault> {
        let gone = || Fault::Said(DriverError::new(ErrorKind::Other, "use a connection"));
        self.lent.as_ref().map(|(link, _)| link).ok_or_else(gone)
    }

    /// Gives it back after its work, and what came of it.
    pub(super) async fn done<T>(
        mut self,
        result: Result<T, Fault>,
        attempted: &str,
    ) -> Result<T, DriverError> {
        if let Some((link, permit)) = self.lent.take() {
            self.links.give(link, permit).await;
        }
        result.map_err(|fault| told(fault, attempted))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let (Some((link, permit)), Ok(runtime)) = (self.lent.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let links = Arc::clone(&self.links);
        runtime.spawn(async move {
            link.stopper().stop().await;
            links.give(link, permit).await;
        });
    }
}

/// A failure of reading, in the terms of a comparison.
pub(super) fn told(fault: Fault, attempted: &str) -> DriverError {
    // A replica that had to throw away what we still read, or a snapshot that is too old: a new one is the way on.
    let is_over = fault.code().is_some_and(|code| {
        *code == SqlState::T_R_SERIALIZATION_FAILURE
            || *code == SqlState::SNAPSHOT_TOO_OLD
            || *code == SqlState::IN_FAILED_SQL_TRANSACTION
    });
    let mut error = fault.while_doing(attempted).nothing_happened();
    if is_over {
        error.kind = ErrorKind::Unreachable;
    }
    error
}

const MOMENT: &str = "\
    SELECT pg_current_snapshot()::text, \
           (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END)::text, \
           pg_is_in_recovery(), pg_postmaster_start_time()::text, \
           current_setting('block_size')::int8";

/// Memory for the blocks of one piece: a quarter of a million of them, each with two sums.
const MEMORY: &str = "192MB";

/// Begins a transaction that only reads, of that snapshot or a new one.
async fn begin(link: &Link, snapshot: Option<&str>, limits: &Limits) -> Result<(), Fault> {
    let millis = |time: std::time::Duration| i32::try_from(time.as_millis()).unwrap_or(i32::MAX).max(1);
    let mut sql = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ".to_owned();
    if let Some(snapshot) = snapshot {
        sql.push_str(&format!("SET TRANSACTION SNAPSHOT {}; ", literal(snapshot)));
    }
    sql.push_str(&format!(
        "SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = {}; SET LOCAL jit = off; \
         SET LOCAL row_security = off; SET LOCAL work_mem = '{MEMORY}'; \
         SET LOCAL max_parallel_workers_per_gather = 0",
        millis(limits.statement),
        millis(limits.lock),
    ));
    if link.version.major() >= 14 {
        sql.push_str("; SET LOCAL client_connection_check_interval = '2s'");
    }
    link.batch_execute(&sql).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(server: &str, replays: bool, snapshot: &str) -> Moment {
        Moment { snapshot: snapshot.into(), position: None, replays, server: server.into(), page: 8192 }
    }

    #[test]
    fn each_row_of_the_table() {
        for (before, after, expected) in [
            (moment("1", false, "7:7:"), moment("2", false, "7:7:"), true),
            (moment("1", false, "7:9:7"), moment("1", false, "7:9:7"), false),
            (moment("1", true, "7:7:"), moment("1", true, "7:7:"), false),
            (moment("1", true, "7:9:"), moment("1", true, "7:9:"), true),
            (moment("1", false, "7:7:"), moment("1", false, "8:8:"), true),
        ] {
            assert_eq!(after.may_differ(&before), expected, "{before:?} {after:?}");
        }
    }
}
