//! Locks on tables that others use: asked for briefly and often, so that nobody queues behind us for long, and with a
//! name for whoever does not let go.

use std::time::{Duration, Instant};

use backout_contract::{DriverError, ErrorKind};
use tokio_postgres::error::SqlState;

use super::config::Ends;
use super::part::Part;
use crate::server::{Fault, Link, Pace};

/// How long one try waits; whoever comes after us waits as long.
pub(super) const TRY: &str = "SET LOCAL lock_timeout = '400ms'";
/// Between two tries, others get their turn.
const PAUSE: Duration = Duration::from_millis(150);
/// What those get that were ended.
const GRACE: Duration = Duration::from_secs(5);

/// How long we keep trying.
pub(super) struct Tries {
    until: Instant,
    ended: bool,
}

/// Somebody who holds a table.
struct Holder {
    pid: Option<i32>,
    writes: bool,
    told: String,
}

impl Tries {
    pub(super) fn new(part: &Part) -> Self {
        Self { until: Instant::now() + part.config.patience(), ended: false }
    }

    /// After a try that failed: returns when it is to be tried again.
    ///
    /// # Errors
    /// What failed, where it was no lock; who holds it, when patience is over.
    pub(super) async fn again(
        &mut self,
        fault: Fault,
        part: &Part,
        link: &Link,
        tables: &[u32],
        pace: &Pace,
        attempted: &str,
    ) -> Result<(), DriverError> {
        let held = matches!(
            fault.code(),
            Some(code) if *code == SqlState::LOCK_NOT_AVAILABLE || *code == SqlState::T_R_DEADLOCK_DETECTED
        );
        if !held {
            return Err(fault.while_doing(attempted));
        }
        pace.check(attempted)?;
        if Instant::now() >= self.until {
            let holders = holders(link, tables).await.map_err(|fault| fault.while_doing(attempted))?;
            let may_end = |holder: &&Holder| match part.config.door.ends {
                Ends::Nobody => false,
                Ends::Writers => holder.writes,
                Ends::Everybody => true,
            };
            let to_end: Vec<i32> = holders.iter().filter(may_end).filter_map(|holder| holder.pid).collect();
            if self.ended || to_end.is_empty() {
                return Err(told(attempted, &holders));
            }
            for pid in to_end {
                // Who may not end it, or finds it gone, sees it in the next try.
                let _ = link.query("SELECT pg_terminate_backend($1)", &[&pid]).await;
            }
            self.ended = true;
            self.until = Instant::now() + GRACE;
        }
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }
}

fn told(attempted: &str, holders: &[Holder]) -> DriverError {
    let names: Vec<&str> = holders.iter().map(|holder| holder.told.as_str()).collect();
    let who = if names.is_empty() { "somebody who left just now".to_owned() } else { names.join(", ") };
    DriverError::new(ErrorKind::Locked, attempted)
        .caused_by(format!("the tables are held by {who}"))
        .hint("end that session, or let `door.ends` say whose sessions are ended, and try again")
        .nothing_happened()
}

async fn holders(link: &Link, tables: &[u32]) -> Result<Vec<Holder>, Fault> {
    let query = "
        SELECT l.pid, bool_or(l.mode <> 'AccessShareLock'), a.usename::text, a.application_name, a.state,
            extract(epoch FROM clock_timestamp() - a.xact_start)::bigint
        FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
        WHERE l.locktype = 'relation' AND l.granted AND l.relation = ANY ($1)
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND l.pid IS DISTINCT FROM pg_backend_pid()
        GROUP BY 1, 3, 4, 5, 6 ORDER BY 6 DESC NULLS LAST LIMIT 10";
    let rows = link.query(query, &[&tables]).await?;
    let holder = |row: &tokio_postgres::Row| {
        let safe = |text: Option<String>| {
            text.filter(|text| !text.is_empty())
                .map(|text| backout_kit::path_text::encode(std::ffi::OsStr::new(&text)))
        };
        let pid: Option<i32> = row.get(0);
        let mut told = match (pid, safe(row.get(2))) {
            (Some(pid), Some(user)) => format!("{user} (process {pid}"),
            (Some(pid), None) => format!("a process of the server's ({pid}"),
            (None, _) => "a prepared transaction (".to_owned(),
        };
        if let Some(application) = safe(row.get(3)) {
            told.push_str(&format!(", {application}"));
        }
        if let Some(state) = safe(row.get(4)) {
            told.push_str(&format!(", {state}"));
        }
        if let Some(seconds) = row.get::<_, Option<i64>>(5) {
            told.push_str(&format!(", for {seconds} s"));
        }
        Holder { pid, writes: row.get(1), told: told.replace("(, ", "(") + ")" }
    };
    Ok(rows.iter().map(holder).collect())
}
