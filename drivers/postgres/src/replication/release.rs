//! What stands aside, and its end. Called by `commit` and `close` only, after they listed it.

use backout_contract::DriverError;

use super::aside;
use super::capture::{Found, find};
use super::config::{ReplicationConfig, safe};
use super::revert::LOCK;
use super::slots::drop_slot;
use crate::server::{Address, Fault, connect, identifier};

pub(super) async fn displaced(
    address: &Address,
    config: &ReplicationConfig,
) -> Result<Vec<String>, DriverError> {
    let link = connect(address).await?;
    let attempted = format!("look what stands aside in {}", address.shown());
    let work = async {
        let Found { aside: kept, .. } = find(&*link, link.version, config).await?;
        let original =
            |aside: &String, names| aside::original(aside, names).map(|name| safe(name)).unwrap_or_default();
        let mut told = Vec::new();
        for name in kept.publications.keys() {
            told.push(format!(
                "publication {}, kept as {}",
                original(name, &config.publications),
                safe(name)
            ));
        }
        for (name, one) in &kept.subscriptions {
            let slot = one.slot.as_ref().map(|slot| {
                format!("; its slot {} on the server it read from stays there and holds log until it is dropped there", safe(slot))
            });
            let name = format!(
                "subscription {}, stopped and kept as {}",
                original(name, &config.subscriptions),
                safe(name)
            );
            told.push(format!("{name}{}", slot.unwrap_or_default()));
        }
        for name in kept.slots.keys() {
            let row = link
                .query_opt(
                    "SELECT pg_catalog.pg_size_pretty(pg_catalog.pg_wal_lsn_diff(
                         CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_receive_lsn()
                              ELSE pg_catalog.pg_current_wal_lsn() END, s.restart_lsn)), s.wal_status
                     FROM pg_catalog.pg_replication_slots s WHERE s.slot_name = $1::text::name",
                    &[name],
                )
                .await?;
            let held = row
                .and_then(|row| Some((row.get::<_, Option<String>>(0)?, row.get::<_, Option<String>>(1)?)));
            let held = match held {
                Some((size, status)) if status == "reserved" => format!(", which holds {size} of log"),
                Some((size, status)) => format!(", which holds {size} of log ({status})"),
                None => String::new(),
            };
            told.push(format!("slot {}, kept as {name}{held}", original(name, &config.slots)));
        }
        Ok(told)
    };
    work.await.map_err(|fault: Fault| fault.while_doing(attempted).nothing_happened())
}

pub(super) async fn release(address: &Address, config: &ReplicationConfig) -> Result<(), DriverError> {
    let link = connect(address).await?;
    let attempted = format!("drop what stands aside in {}", address.shown());
    let work = async {
        link.batch_execute(&format!("SELECT pg_catalog.pg_advisory_lock({LOCK})")).await?;
        let Found { aside: kept, .. } = find(&*link, link.version, config).await?;
        for (name, one) in &kept.subscriptions {
            let name = identifier(name);
            // Detached first: the slot on the other server is not ours to drop, and that server may be gone.
            let disable =
                if one.enabled { format!("ALTER SUBSCRIPTION {name} DISABLE; ") } else { String::new() };
            link.batch_execute(&format!(
                "BEGIN; {disable}ALTER SUBSCRIPTION {name} SET (slot_name = NONE); DROP SUBSCRIPTION {name}; COMMIT"
            ))
            .await?;
        }
        for name in kept.publications.keys() {
            link.batch_execute(&format!("DROP PUBLICATION {}", identifier(name))).await?;
        }
        for name in kept.slots.keys() {
            drop_slot(&link, name).await?;
        }
        Ok(())
    };
    work.await.map_err(|fault: Fault| fault.while_doing(attempted))
}
