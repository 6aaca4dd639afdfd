//! The reverse stream: a subscription on the old side that follows the new one all the time, so that nothing has to be
//! taken over; it has to arrive.

use std::time::Duration;

use backout_contract::{DriverError, ErrorKind};
use backout_core::writes::Recovered;

use super::capture::inside;
use super::config::{EndpointConfig, Reverse};
use super::sequences;
use super::site::Site;
use super::state::Inside;
use crate::door::{Stays, empty};
use crate::replication::safe;
use crate::server::{Link, Pace, connect, identifier, of_postgres};

const BETWEEN: Duration = Duration::from_millis(50);
/// What is listed of tables that differ.
const LISTED: usize = 5;

/// What is missing for the stream to arrive.
pub(super) async fn missing(link: &Link, reverse: &Reverse) -> Result<Vec<String>, DriverError> {
    let name = safe(&reverse.subscription);
    Ok(match subscription(link, reverse).await? {
        None => vec![format!("the old side has no subscription {name}, which `reverse` names")],
        Some(found) if !found.enabled => vec![format!("the subscription {name} of the old side is stopped")],
        Some(found) if found.slot.is_none() => {
            vec![format!("the subscription {name} of the old side has no slot")]
        }
        Some(_) => Vec::new(),
    })
}

struct Subscription {
    enabled: bool,
    slot: Option<String>,
    /// As whom it connects, where we may read it.
    user: Option<String>,
}

async fn subscription(link: &Link, reverse: &Reverse) -> Result<Option<Subscription>, DriverError> {
    let failed = |error| of_postgres("look at the subscription of the old side", error).nothing_happened();
    let may = "SELECT pg_catalog.has_column_privilege('pg_catalog.pg_subscription', 'subconninfo', 'SELECT')";
    let may: bool = link.query_one(may, &[]).await.map_err(failed)?.get(0);
    let connection = if may { "s.subconninfo" } else { "NULL::text" };
    let row = link
        .query_opt(
            &format!(
                "SELECT s.subenabled, s.subslotname::text, {connection} FROM pg_catalog.pg_subscription s
                 JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
                 WHERE d.datname = pg_catalog.current_database() AND s.subname = $1::text::name"
            ),
            &[&reverse.subscription],
        )
        .await
        .map_err(failed)?;
    Ok(row.map(|row| {
        let user = row.get::<_, Option<&str>>(2).and_then(|text| crate::server::Address::parse(text).ok());
        Subscription { enabled: row.get(0), slot: row.get(1), user: user.map(|address| address.user) }
    }))
}

/// Waits until everything that was written on the new side stands on the old, proves it, and moves the sequences, which
/// a stream does not carry. Both doors are shut; they stand open for the stream alone meanwhile: applications have lost
/// the right to connect.
pub(super) async fn arrive(
    config: &EndpointConfig,
    reverse: &Reverse,
    old: &Site,
    new: &Site,
    pace: &Pace,
) -> Result<Recovered, DriverError> {
    set_ajar(&[old, new], true).await?;
    backout_kit::failpoint!("postgres-endpoint-ajar");
    let arrived = let_arrive(config, reverse, old, new, pace).await;
    set_ajar(&[old, new], false).await?;
    let arrived = arrived?;
    for site in [new, old] {
        let entry = site.entry().await?;
        if entry.note.shut.is_some() {
            let patience = config.closing().patience;
            empty(&site.outside, site.name(), entry.oid, Stays::We, patience, pace).await?;
        }
    }
    Ok(arrived)
}

/// Opens or shuts the doors that we shut, for the stream alone. Shutting them again is no step that could be forgotten:
/// the same call again ends with it.
async fn set_ajar(sites: &[&Site], whether: bool) -> Result<(), DriverError> {
    for site in sites {
        if site.entry().await?.note.shut.is_some() {
            site.outside.let_in(site.name(), whether).await?;
        }
    }
    Ok(())
}

async fn let_arrive(
    config: &EndpointConfig,
    reverse: &Reverse,
    old: &Site,
    new: &Site,
    pace: &Pace,
) -> Result<Recovered, DriverError> {
    let (there, here) = (connect(&new.address).await?, connect(&old.address).await?);
    let found = subscription(&here, reverse).await?;
    let Some(Subscription { enabled: true, slot: Some(slot), user }) = found else {
        let why = missing(&here, reverse).await?.join("; ");
        return Err(DriverError::new(ErrorKind::Config, "let the reverse stream arrive")
            .caused_by(why)
            .nothing_happened());
    };
    let lent = lend(&there, new.name(), user.as_deref()).await?;
    let arrived = follow(&there, &slot, pace).await;
    if lent && let Some(user) = &user {
        let sql = format!("REVOKE CONNECT ON DATABASE {} FROM {}", identifier(new.name()), identifier(user));
        there.batch_execute(&sql).await.map_err(|error| of_postgres("take a lent right back", error))?;
    }
    arrived?;
    sequences::ahead(&here, &there, &config.merge, pace).await?;
    let (theirs, ours) = (inside(there, pace).await?, inside(here, pace).await?);
    same_rows(&ours, &theirs)?;
    Ok(Recovered::default())
}

/// The stream's own role lost the right to connect with everybody else. Whether it was lent.
async fn lend(there: &Link, database: &str, user: Option<&str>) -> Result<bool, DriverError> {
    let Some(user) = user else { return Ok(false) };
    let failed = |error| of_postgres("lend the reverse stream the right to connect", error);
    let row = there
        .query_opt("SELECT pg_catalog.has_database_privilege(r.oid, $2, 'CONNECT') FROM pg_catalog.pg_roles r WHERE r.rolname = $1", &[&user, &database])
        .await
        .map_err(failed)?;
    if row.is_none_or(|row| row.get(0)) {
        return Ok(false);
    }
    let sql = format!("GRANT CONNECT ON DATABASE {} TO {}", identifier(database), identifier(user));
    there.batch_execute(&sql).await.map_err(failed)?;
    Ok(true)
}

/// Fixes the end and waits until the stream has confirmed it: confirmed is what is durable on the old side.
async fn follow(there: &Link, slot: &str, pace: &Pace) -> Result<(), DriverError> {
    let attempted = "wait for the reverse stream to arrive";
    let failed = |error| of_postgres(attempted, error);
    // A message that is flushed with everything before it.
    let end: String = there
        .query_one("SELECT pg_catalog.pg_logical_emit_message(false, 'backout', 'the end')::text", &[])
        .await
        .map_err(failed)?
        .get(0);
    let flush = "BEGIN; SET LOCAL synchronous_commit = on; SELECT pg_catalog.pg_logical_emit_message(true, 'backout', ''); COMMIT";
    there.batch_execute(flush).await.map_err(failed)?;
    let mut known = false;
    loop {
        let row = there
            .query_opt(
                "SELECT coalesce(s.confirmed_flush_lsn >= $2::text::pg_lsn, false) FROM pg_catalog.pg_replication_slots s
                 WHERE s.slot_name = $1::text::name",
                &[&slot, &end],
            )
            .await
            .map_err(failed)?;
        match row.map(|row| row.get::<_, bool>(0)) {
            Some(true) => return Ok(()),
            Some(false) => known = true,
            None if known => {}
            None => {
                return Err(DriverError::new(ErrorKind::Config, attempted).caused_by(format!(
                    "the new side has no slot {}, from which the subscription reads",
                    safe(slot)
                )));
            }
        }
        pace.check(attempted)?;
        tokio::time::sleep(BETWEEN).await;
    }
}

/// Every table that both sides have holds the same rows.
fn same_rows(ours: &Inside, theirs: &Inside) -> Result<(), DriverError> {
    let differ: Vec<String> = theirs
        .rows
        .iter()
        .filter(|(table, rows)| ours.rows.get(*table).is_some_and(|own| own != *rows))
        .map(|(table, rows)| {
            let own = ours.rows.get(table).map_or(0, |own| own.count);
            format!("{} ({own} rows on the old side, {} on the new)", safe(table), rows.count)
        })
        .collect();
    if differ.is_empty() {
        return Ok(());
    }
    let named: Vec<&str> = differ.iter().take(LISTED).map(String::as_str).collect();
    Err(DriverError::new(ErrorKind::Other, "prove that the reverse stream arrived")
        .caused_by(format!("{} tables differ: {}", differ.len(), named.join(", ")))
        .hint("look at what the subscription of the old side covers, and at its conflicts; then resume"))
}
