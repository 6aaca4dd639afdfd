//! A logical replication slot with the publication that it reads. Nothing is ever consumed from it.

use std::collections::BTreeMap;
use std::time::Duration;

use backout_contract::{DriverError, ErrorKind};
use tokio_postgres::GenericClient;
use tokio_postgres::error::SqlState;

use super::copied;
use super::objects::PUBLICATION;
use super::order::Order;
use super::patience::whole;
use super::scribe::Scribe;
use super::standing::{Standing, unsigned};
use super::tables::Found;
use crate::server::{Fault, Link, identifier, literal};

/// How long the making of a slot waits for transactions that run already.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How often a slot is asked for that somebody else reads at this moment, and the pause in between.
const TURNS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// Tries again while somebody else reads from the slot. (A function of closures would not be `Send`.)
macro_rules! in_turn {
    ($attempt:expr) => {{
        let mut turn = 0;
        loop {
            match $attempt {
                Err(fault) if turn < TURNS && fault.code() == Some(&SqlState::OBJECT_IN_USE) => {
                    turn += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                other => break other,
            }
        }
    }};
}

/// A slot as it stands.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) database: Option<u32>,
    pub(super) plugin: Option<String>,
    pub(super) confirmed: Option<u64>,
    pub(super) status: Option<String>,
    /// Bytes of the log that the server keeps for it.
    pub(super) held: u64,
    /// Bytes that may still be written before the server breaks it off; none where nothing bounds it.
    pub(super) safe: Option<i64>,
    pub(super) is_unbounded: bool,
    /// Seconds of rest after which the server breaks it off; 0 never.
    pub(super) longest_rest: i64,
}

impl Slot {
    pub(super) async fn look(client: &impl GenericClient, name: &str) -> Result<Option<Self>, Fault> {
        let sql = "SELECT s.datoid, s.plugin::text, (s.confirmed_flush_lsn - '0/0'::pg_lsn)::bigint, s.wal_status,
              coalesce(pg_catalog.pg_wal_lsn_diff(CASE WHEN pg_catalog.pg_is_in_recovery()
                  THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END, s.restart_lsn), 0)::bigint,
              s.safe_wal_size,
              (SELECT g.setting = '-1' FROM pg_catalog.pg_settings g WHERE g.name = 'max_slot_wal_keep_size'),
              coalesce((SELECT g.setting::bigint * CASE g.unit WHEN 'min' THEN 60 ELSE 1 END FROM pg_catalog.pg_settings g
                        WHERE g.name = 'idle_replication_slot_timeout'), 0)
            FROM pg_catalog.pg_replication_slots s WHERE s.slot_name = $1";
        let row = client.query_opt(sql, &[&name]).await?;
        Ok(row.map(|row| Self {
            database: row.get(0),
            plugin: row.get(1),
            confirmed: row.get::<_, Option<i64>>(2).map(unsigned),
            status: row.get(3),
            held: unsigned(row.get(4)),
            safe: row.get(5),
            is_unbounded: row.get::<_, Option<bool>>(6).unwrap_or(true),
            longest_rest: row.get(7),
        }))
    }

    /// Why it has not recorded what it should have.
    pub(super) fn fault(&self, standing: &Standing) -> Option<&'static str> {
        if self.status.as_deref() == Some("lost") {
            Some("the server broke its slot off, and with it what was recorded is gone")
        } else if self.database != Some(standing.here.database) || self.plugin.as_deref() != Some("pgoutput")
        {
            Some("its slot is another one of the same name, and what was recorded is gone")
        } else if self.confirmed != standing.confirmed {
            Some("somebody read from its slot or made it anew, and what was recorded before is gone")
        } else {
            None
        }
    }

    /// What a person should know.
    pub(super) fn notes(&self, cap: u64) -> Vec<String> {
        let mut notes = vec![format!(
            "the server keeps {} of its log for the recorder, which lets go at {}",
            bytes(self.held),
            bytes(cap)
        )];
        match self.status.as_deref() {
            Some("unreserved") => notes.push(
                "the server is about to break the recorder's slot off: its log has outgrown max_slot_wal_keep_size"
                    .to_owned(),
            ),
            Some("extended") => {
                let left = self.safe.map(|safe| {
                    format!(", and breaks it off after {} more", bytes(u64::try_from(safe).unwrap_or(0)))
                });
                notes.push(format!(
                    "the server keeps more of its log for the recorder than it otherwise would (max_wal_size){}",
                    left.unwrap_or_default()
                ));
            }
            _ => {}
        }
        if self.is_unbounded && self.held > cap / 2 {
            notes.push(
                "max_slot_wal_keep_size is not set, so that the log can fill the server's disk while nobody looks"
                    .to_owned(),
            );
        }
        if self.longest_rest > 0 {
            notes.push(format!(
                "idle_replication_slot_timeout is set: the server breaks the recorder's slot off after {} s",
                self.longest_rest
            ));
        }
        notes
    }
}

/// For people.
pub(super) fn bytes(count: u64) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        let whole = count >> shift;
        if whole > 0 {
            let tenth = ((count >> (shift - 10)) & 1023) * 10 / 1024;
            return if whole < 10 { format!("{whole}.{tenth} {unit}") } else { format!("{whole} {unit}") };
        }
    }
    format!("{count} bytes")
}

/// The publication that a slot reads.
#[derive(Debug, Clone, Default)]
pub(super) struct Publication {
    pub(super) is_there: bool,
    /// Whether it publishes every operation, partitions under the name of the table at their top.
    pub(super) is_whole: bool,
    /// What it names, and whether with all rows and columns.
    pub(super) tables: BTreeMap<u32, bool>,
}

impl Publication {
    pub(super) async fn look(link: &Link) -> Result<Self, Fault> {
        let sql = "SELECT oid, pubinsert AND pubupdate AND pubdelete AND pubtruncate AND pubviaroot AND NOT puballtables
                   FROM pg_catalog.pg_publication WHERE pubname = $1";
        let Some(row) = link.query_opt(sql, &[&PUBLICATION]).await? else { return Ok(Self::default()) };
        let whole = if link.version.major() >= 15 { "prattrs IS NULL AND prqual IS NULL" } else { "true" };
        let sql = format!("SELECT prrelid, {whole} FROM pg_catalog.pg_publication_rel WHERE prpubid = $1");
        let rows = link.query(&sql, &[&row.get::<_, u32>(0)]).await?;
        Ok(Self {
            is_there: true,
            is_whole: row.get(1),
            tables: rows.iter().map(|row| (row.get(0), row.get(1))).collect(),
        })
    }

    /// Why writes to a table do not come through.
    pub(super) fn lacks(&self, table: &Found) -> Option<&'static str> {
        let named = match table.root {
            Some((root, true)) => root,
            _ => table.oid,
        };
        // A partitioned table without a key stands for nothing: each of its partitions is published by itself.
        if table.kind == 'p' && !table.is_published_by_name() {
            return None;
        }
        match self.tables.get(&named) {
            None => Some("it is not in the recorder's publication: it came later, or somebody took it out"),
            Some(false) => Some("the recorder's publication was altered: it leaves rows or columns out"),
            Some(true) if table.holds_rows() && table.identity != 'f' && !table.has_key_enough() => {
                Some("its replica identity was altered, so that what rows were is not recorded")
            }
            Some(true) => None,
        }
    }
}

impl Found {
    /// A partition that came later bears its key alone in the log, which is enough to tell its rows.
    fn has_key_enough(&self) -> bool {
        matches!(self.root, Some((_, true))) && self.identity == 'd' && self.has_primary_key
    }

    /// What puts it into the publication, after its identity was set. `is_in` says whether it stands there, and whether
    /// with all rows and columns.
    pub(super) fn published_by(&self, is_in: Option<bool>) -> String {
        let (table, publication) = (self.name.sql(), identifier(PUBLICATION));
        let mut sql = String::new();
        if self.holds_rows() && self.identity != 'f' {
            sql += &format!("ALTER TABLE ONLY {table} REPLICA IDENTITY FULL;");
        }
        if self.is_published_by_name() && is_in != Some(true) {
            let only = if self.kind == 'p' { "" } else { "ONLY " };
            // Whoever has written to it and not committed yet would come through in part.
            sql += &format!("LOCK TABLE {only}{table} IN SHARE ROW EXCLUSIVE MODE;");
            if is_in.is_some() {
                sql += &format!("ALTER PUBLICATION {publication} DROP TABLE {only}{table};");
            }
            sql += &format!("ALTER PUBLICATION {publication} ADD TABLE {only}{table};");
        }
        sql
    }
}

/// Makes the publication, or sets it right.
pub(super) async fn publish(link: &Link, publication: &Publication) -> Result<(), Fault> {
    let name = identifier(PUBLICATION);
    let with = "publish = 'insert, update, delete, truncate', publish_via_partition_root = true";
    if !publication.is_there {
        let sql = format!("CREATE PUBLICATION {name} FOR TABLE ONLY _backout.mark WITH ({with})");
        link.batch_execute(&sql).await?;
    } else if !publication.is_whole {
        link.batch_execute(&format!("ALTER PUBLICATION {name} SET ({with})")).await?;
    }
    Ok(())
}

/// Makes the slot. It stands once every transaction that ran then has ended.
///
/// # Errors
/// When we may not, or somebody does not end in time; then it says who.
pub(super) async fn make(link: &Link, name: &str, order: &Order<'_>) -> Result<u64, Fault> {
    let wait = order.pace.left().min(LONGEST_WAIT).as_millis().max(1);
    link.batch_execute(&format!("SET lock_timeout = 0; SET statement_timeout = {wait}")).await?;
    let sql = "SELECT (lsn - '0/0'::pg_lsn)::bigint FROM pg_catalog.pg_create_logical_replication_slot($1, 'pgoutput')";
    let made = link.query_one(sql, &[&name]).await;
    link.batch_execute("SET statement_timeout = 0; SET lock_timeout = '10s'").await?;
    match made {
        Ok(_) => {
            let slot = Slot::look(&link.client, name).await?;
            Ok(slot.and_then(|slot| slot.confirmed).unwrap_or_default())
        }
        Err(error) if error.code() == Some(&SqlState::QUERY_CANCELED) => {
            let who = running(link).await?;
            Err(DriverError::new(ErrorKind::TimedOut, "make a replication slot")
                .caused_by(format!("transactions that write have run since before: {who}"))
                .hint("end them, or wait until they have ended, and try again")
                .nothing_happened()
                .into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Who has written and not committed yet, in all of the cluster.
async fn running(link: &Link) -> Result<String, Fault> {
    let sql = "SELECT 'process ' || pid || ' of ' || coalesce(usename::text, '?') || ' in ' || coalesce(datname::text, '?')
               FROM pg_catalog.pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_catalog.pg_backend_pid()
               UNION ALL SELECT 'the prepared transaction ' || gid || ' of ' || owner::text || ' in ' || database::text
               FROM pg_catalog.pg_prepared_xacts LIMIT 5";
    let rows = link.query(sql, &[]).await?;
    let names: Vec<String> = rows
        .iter()
        .map(|row| backout_kit::path_text::encode(std::ffi::OsStr::new(&row.get::<_, String>(0))))
        .collect();
    Ok(if names.is_empty() { "they have ended by now".to_owned() } else { names.join(", ") })
}

/// Drops the slot if it is there.
pub(super) async fn drop_it(link: &Link, name: &str, database: u32) -> Result<(), Fault> {
    let sql = "SELECT pg_catalog.pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots
               WHERE slot_name = $1 AND datoid = $2";
    in_turn!(link.execute(sql, &[&name, &database]).await.map(drop).map_err(Fault::from))
}

/// The end of what is safely in the log. With `flush`, of everything that was committed.
pub(super) async fn end(link: &Link, flush: bool) -> Result<u64, Fault> {
    if flush {
        // A message that goes into the log durably takes all before it along, also what was committed without waiting.
        let sql = "SELECT pg_catalog.pg_logical_emit_message(true, '_backout', 'end')";
        whole(link, sql).await?;
    }
    let sql = "SELECT (pg_catalog.pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint";
    Ok(unsigned(link.query_one(sql, &[]).await?.get(0)))
}

fn peek(name: &str, end: Option<u64>) -> String {
    let end =
        end.map_or_else(|| "NULL".to_owned(), |end| format!("'{:X}/{:X}'", end >> 32, end & 0xffff_ffff));
    format!(
        "pg_catalog.pg_logical_slot_peek_binary_changes({}, {end}, NULL, 'proto_version', '1', 'publication_names', {})",
        literal(name),
        literal(PUBLICATION)
    )
}

/// Whether the insert of a transaction comes through.
pub(super) async fn shows(link: &Link, name: &str, transaction: u64) -> Result<bool, Fault> {
    #[allow(clippy::cast_possible_truncation, reason = "the lower half is what is told")]
    let half = transaction as u32;
    let sql = format!(
        "SELECT EXISTS (SELECT FROM {} WHERE xid = '{half}'::xid AND pg_catalog.get_byte(data, 0) = 73)",
        peek(name, None)
    );
    in_turn!(link.query_one(&sql, &[]).await.map(|row| row.get(0)).map_err(Fault::from))
}

/// Hands everything up to a position of the log to a scribe.
pub(super) async fn drain(
    link: &Link,
    name: &str,
    end: u64,
    order: &Order<'_>,
    scribe: &mut Scribe,
) -> Result<(), Fault> {
    let sql = format!("SELECT data FROM {}", peek(name, Some(end)));
    in_turn!({
        let each = |fields: &[Option<&[u8]>]| match fields {
            [Some(message)] => scribe.message(message),
            _ => Ok(()),
        };
        copied::rows(link, &sql, &order.pace, each).await
    })
}

/// What the server says of a slot that it has broken off.
pub(super) fn is_lost(fault: &Fault) -> bool {
    let codes =
        [SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, SqlState::UNDEFINED_OBJECT, SqlState::UNDEFINED_FILE];
    fault.code().is_some_and(|code| codes.contains(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_for_people() {
        for (count, text) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1536, "1.5 KiB"),
            (20 << 20, "20 MiB"),
            (1 << 30, "1.0 GiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn a_slot_in_danger_is_told() {
        let calm = Slot {
            database: Some(1),
            plugin: Some("pgoutput".into()),
            confirmed: Some(1),
            status: Some("reserved".into()),
            held: 10,
            safe: None,
            is_unbounded: true,
            longest_rest: 0,
        };
        for (slot, told) in [
            (calm.clone(), None),
            (Slot { status: Some("extended".into()), ..calm.clone() }, Some("than it otherwise would")),
            (Slot { status: Some("unreserved".into()), ..calm.clone() }, Some("is about to break")),
            (Slot { held: 80, ..calm.clone() }, Some("is not set")),
            (Slot { held: 80, is_unbounded: false, ..calm.clone() }, None),
            (Slot { longest_rest: 60, ..calm.clone() }, Some("after 60 s")),
        ] {
            let notes = slot.notes(100);
            assert_eq!(notes.len(), 1 + usize::from(told.is_some()), "{notes:?}");
            assert!(told.is_none_or(|told| notes.iter().any(|note| note.contains(told))), "{notes:?}");
        }
    }
}
