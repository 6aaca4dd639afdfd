//! A slot under another name: a copy stands at the same place in the log, and then the first one goes.

use backout_contract::{DriverError, Effect, ErrorKind};

use super::aside;
use super::capture::{Found, find};
use super::config::ReplicationConfig;
use super::revert::{LOCK, slot as shown};
use super::state::Slot;
use super::statements::newest;
use crate::server::{Fault, Link};

/// Keeps a slot aside. Whoever read from it finds it no more.
pub(super) async fn put_aside(
    link: &Link,
    config: &ReplicationConfig,
    name: &str,
    run: &str,
) -> Result<Effect, DriverError> {
    let attempted = format!("keep {} aside", shown(name));
    let work = async {
        let Found { here, aside: kept, .. } = locked(link, config).await?;
        let Some(slot) = here.slots.get(name) else { return Ok(Effect::AlreadyThere) };
        let aside = aside::name(run, name);
        refuse_read(link, name).await?;
        if kept.slots.contains_key(&aside) {
            // Half of an attempt that was cut off: the slot itself may have moved since.
            drop_slot(link, &aside).await?;
        }
        rename(link, slot, name, &aside).await?;
        Ok(Effect::Applied { evidence: format!("{} is kept as {aside}", shown(name)) })
    };
    work.await.map_err(|fault: Fault| fault.while_doing(attempted))
}

/// Calls a slot by its name again that was kept aside.
pub(super) async fn take_back(
    link: &Link,
    config: &ReplicationConfig,
    name: &str,
    then: &Slot,
) -> Result<Effect, DriverError> {
    let attempted = format!("take {} back", shown(name));
    let work = async {
        let Found { here, aside: kept, .. } = locked(link, config).await?;
        let kept = newest(&kept.slots, &name.to_owned());
        match (here.slots.get(name), kept) {
            (Some(now), _) if now != then => {
                Ok(Effect::Blocked { found: format!("{} is another one than was saved", shown(name)) })
            }
            // The second half of an attempt that was cut off; what is left aside goes at release.
            (Some(_), _) => Ok(Effect::AlreadyThere),
            (None, Some((aside, slot))) if slot == then => {
                rename(link, slot, aside, name).await?;
                Ok(Effect::Applied { evidence: format!("{} stands where it stood", shown(name)) })
            }
            (None, _) => Err(DriverError::new(ErrorKind::BadData, attempted.clone())
                .caused_by("it was dropped, and its place in the log with it")
                .nothing_happened()
                .into()),
        }
    };
    work.await.map_err(|fault: Fault| fault.while_doing(attempted.clone()))
}

/// Looks, when no process of ours is at it any more. The lock goes with the connection.
async fn locked(link: &Link, config: &ReplicationConfig) -> Result<Found, Fault> {
    link.batch_execute(&format!("SELECT pg_catalog.pg_advisory_lock({LOCK})")).await?;
    find(&**link, link.version, config).await
}

async fn rename(link: &Link, slot: &Slot, from: &str, to: &str) -> Result<(), Fault> {
    let row = link
        .query_one("SELECT restart_lsn IS NOT NULL FROM pg_catalog.pg_replication_slots WHERE slot_name = $1::text::name", &[&from])
        .await?;
    let holds: bool = row.get(0);
    let sql = match (&slot.plugin, holds) {
        (Some(_), _) => {
            "SELECT pg_catalog.pg_copy_logical_replication_slot($1::text::name, $2::text::name)::text"
        }
        (None, true) => {
            "SELECT pg_catalog.pg_copy_physical_replication_slot($1::text::name, $2::text::name)::text"
        }
        // One that was never read from holds nothing.
        (None, false) => {
            "SELECT pg_catalog.pg_create_physical_replication_slot($2::text::name)::text WHERE $1::text <> ''"
        }
    };
    link.query_one(sql, &[&from, &to]).await?;
    backout_kit::failpoint!("postgres-slot-copied");
    drop_slot(link, from).await
}

pub(super) async fn drop_slot(link: &Link, name: &str) -> Result<(), Fault> {
    link.query_one("SELECT pg_catalog.pg_drop_replication_slot($1::text::name)::text", &[&name]).await?;
    Ok(())
}

async fn refuse_read(link: &Link, name: &str) -> Result<(), Fault> {
    let row = link
        .query_opt(
            "SELECT coalesce(nullif(a.application_name, ''), 'process ' || s.active_pid)
             FROM pg_catalog.pg_replication_slots s LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = s.active_pid
             WHERE s.slot_name = $1::text::name AND s.active",
            &[&name],
        )
        .await?;
    let Some(row) = row else { return Ok(()) };
    let reader = super::config::safe(row.get(0));
    Err(DriverError::new(ErrorKind::Locked, format!("keep {} aside", shown(name)))
        .caused_by(format!("{reader} reads from it"))
        .hint("stop its reader first: declare the subscription on the other side as a component that `needs` this one")
        .nothing_happened()
        .into())
}
