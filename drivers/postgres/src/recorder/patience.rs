//! Changes to tables that people use at this moment: a lock is asked for shortly, so that nobody stands in line behind us,
//! and asked for again.

use std::time::{Duration, Instant};

use backout_contract::{DriverError, ErrorKind};
use tokio_postgres::error::SqlState;

use super::order::Order;
use crate::server::{Fault, Link, TableName};

/// How long one try may keep others waiting, the pause between two, and when it is enough.
const TRY: &str = "300ms";
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(20);

/// Runs statements in one transaction, again and again until no lock is in the way.
///
/// # Errors
/// When somebody holds on to the table; then it says who.
pub(super) async fn patiently(
    link: &Link,
    order: &Order<'_>,
    table: &TableName,
    statements: &str,
) -> Result<(), Fault> {
    let began = Instant::now();
    loop {
        let tried = link
            .batch_execute(&format!("BEGIN; SET LOCAL lock_timeout = '{TRY}'; {statements}; COMMIT"))
            .await;
        let Err(error) = tried else { return Ok(()) };
        link.batch_execute("ROLLBACK").await?;
        let codes = [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED];
        if !error.code().is_some_and(|code| codes.contains(code)) {
            return Err(error.into());
        }
        if began.elapsed() > LONGEST.min(order.pace.left()) {
            let who = holders(link, table).await?;
            return Err(DriverError::new(ErrorKind::Locked, format!("put a recorder on {table}"))
                .caused_by(format!("others hold on to it: {who}"))
                .hint("end them, or wait until they have ended, and try again")
                .nothing_happened()
                .into());
        }
        order.pace.check("put recorders into a database")?;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Runs statements as one durable transaction.
pub(super) async fn whole(link: &Link, statements: &str) -> Result<(), Fault> {
    let done =
        link.batch_execute(&format!("BEGIN; SET LOCAL synchronous_commit = on; {statements}; COMMIT")).await;
    if done.is_err() {
        link.batch_execute("ROLLBACK").await?;
    }
    Ok(done?)
}

async fn holders(link: &Link, table: &TableName) -> Result<String, Fault> {
    let sql = "SELECT DISTINCT 'process ' || a.pid || ' of ' || coalesce(a.usename::text, '?')
               FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
               WHERE l.granted AND l.relation = to_regclass($1) AND a.pid <> pg_catalog.pg_backend_pid() LIMIT 5";
    let rows = link.query(sql, &[&table.sql()]).await?;
    let names: Vec<String> = rows
        .iter()
        .map(|row| backout_kit::path_text::encode(std::ffi::OsStr::new(&row.get::<_, String>(0))))
        .collect();
    Ok(if names.is_empty() { "they have ended by now".to_owned() } else { names.join(", ") })
}
