//! How far slots and subscriptions have come: told with every look that judges, and where somebody lags. Neither shape nor
//! position, for it moves by itself.

use backout_contract::DriverError;
use tokio_postgres::GenericClient;

use super::config::{ReplicationConfig, safe};
use crate::server::{Address, Fault, connect};

/// What stands at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Progress {
    /// `slot copy_slot`.
    what: String,
    /// What is confirmed (slots) or received (subscriptions), as the server writes positions of its log.
    position: Option<String>,
    /// Bytes of the log behind the end that is known; none where nobody knows.
    behind: Option<i64>,
    /// What else is worth a word.
    besides: Vec<String>,
}

impl Progress {
    /// For people, in one sentence.
    pub(super) fn told(&self) -> String {
        let position = match &self.position {
            Some(position) => format!("{} at {position}", self.what),
            None => format!("{} at no position that is known", self.what),
        };
        let behind = match self.behind {
            Some(0) => Some("nothing behind".to_owned()),
            Some(behind) => Some(format!("{behind} bytes of log behind")),
            None => None,
        };
        let more: String = behind.iter().chain(&self.besides).map(|one| format!(", {one}")).collect();
        format!("{position}{more}")
    }

    /// Whether somebody still has to catch up.
    pub(super) fn lags(&self) -> bool {
        self.behind.is_some_and(|behind| behind > 0)
    }
}

/// Of every named slot and subscription that is there.
///
/// # Errors
/// When the server cannot be asked.
pub(super) async fn progress(
    address: &Address,
    config: &ReplicationConfig,
) -> Result<Vec<Progress>, DriverError> {
    let link = connect(address).await?;
    let attempted = format!("look how far the replication of {} has come", address.shown());
    let found = read(&*link, config).await;
    found.map_err(|fault: Fault| fault.while_doing(attempted).nothing_happened())
}

async fn read(client: &impl GenericClient, config: &ReplicationConfig) -> Result<Vec<Progress>, Fault> {
    let slots: Vec<&str> = config.slots.iter().map(String::as_str).collect();
    // A physical slot confirms nothing; what it keeps begins where its reader stands.
    let sql = "SELECT s.slot_name::text, coalesce(s.confirmed_flush_lsn, s.restart_lsn)::text,
            pg_catalog.pg_wal_lsn_diff(CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
                ELSE pg_catalog.pg_current_wal_lsn() END, coalesce(s.confirmed_flush_lsn, s.restart_lsn))::bigint,
            s.active, s.wal_status
        FROM pg_catalog.pg_replication_slots s WHERE s.slot_name::text = ANY ($1) ORDER BY 1";
    let mut found = Vec::new();
    for row in client.query(sql, &[&slots]).await? {
        let (active, status): (bool, Option<String>) = (row.get(3), row.get(4));
        let read = if active { "read at this moment" } else { "read by nobody at this moment" }.to_owned();
        let status =
            status.filter(|status| status != "reserved").map(|status| format!("its log is {status}"));
        found.push(Progress {
            what: format!("slot {}", safe(row.get(0))),
            position: row.get(1),
            behind: row.get::<_, Option<i64>>(2).map(|behind| behind.max(0)),
            besides: [read].into_iter().chain(status).collect(),
        });
    }
    let subscriptions: Vec<&str> = config.subscriptions.iter().map(String::as_str).collect();
    let sql = "SELECT s.subname::text, p.received_lsn::text, pg_catalog.pg_wal_lsn_diff(p.latest_end_lsn, p.received_lsn)::bigint,
            pg_catalog.to_char(p.latest_end_time AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), s.subenabled
        FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
        LEFT JOIN pg_catalog.pg_stat_subscription p ON p.subid = s.oid AND p.relid IS NULL AND p.received_lsn IS NOT NULL
        WHERE d.datname = pg_catalog.current_database() AND s.subname::text = ANY ($1) ORDER BY 1";
    for row in client.query(sql, &[&subscriptions]).await? {
        let reported = row.get::<_, Option<String>>(3).map(|at| format!("last told to its server at {at}"));
        let stopped = (!row.get::<_, bool>(4)).then(|| "stopped".to_owned());
        found.push(Progress {
            what: format!("subscription {}", safe(row.get(0))),
            position: row.get(1),
            behind: row.get::<_, Option<i64>>(2).map(|behind| behind.max(0)),
            besides: stopped.into_iter().chain(reported).collect(),
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_in_one_sentence() {
        let slot = Progress {
            what: "slot copy".into(),
            position: Some("0/16B3748".into()),
            behind: Some(2048),
            besides: vec!["read by nobody at this moment".into()],
        };
        assert_eq!(
            slot.told(),
            "slot copy at 0/16B3748, 2048 bytes of log behind, read by nobody at this moment"
        );
        assert!(slot.lags() && !Progress { behind: Some(0), ..slot.clone() }.lags());
        let unknown = Progress { position: None, behind: None, besides: Vec::new(), ..slot };
        assert_eq!(unknown.told(), "slot copy at no position that is known");
        assert!(!unknown.lags());
    }
}
