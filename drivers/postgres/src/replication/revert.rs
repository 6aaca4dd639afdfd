//! One step. Everything is looked at again under a lock that a process of ours which was killed holds until the server
//! is done with it, so that nothing of an earlier attempt happens after this look.

use std::time::Duration;

use backout_contract::{Context, DriverError, Effect, ErrorKind, StepOrder};
use backout_core::observation::Seen;
use tokio_postgres::error::SqlState;

use super::capture::{Found, find};
use super::config::{ReplicationConfig, safe};
use super::diff;
use super::slots;
use super::state::ReplicationState;
use super::statements::statements;
use crate::server::{Address, Fault, Link, Pace, connect, of_postgres};

/// Serialises what processes of ours do to the replication of a server.
pub(super) const LOCK: i64 = 0x6261_636b_7265_706c;

const BETWEEN: Duration = Duration::from_millis(20);

pub(super) async fn revert(
    address: &Address,
    config: &ReplicationConfig,
    context: &Context,
    step: &StepOrder<ReplicationState>,
) -> Result<Effect, DriverError> {
    let effect: diff::Effect = serde_json::from_value(step.effect.clone()).map_err(|cause| {
        DriverError::new(ErrorKind::BadData, "read a step of the plan").caused_by(cause).nothing_happened()
    })?;
    let saved = step.saved.clone().unwrap_or_default();
    let run = context.run.as_ref().map_or("r0", |run| run.as_str());
    let mut link = connect(address).await?;
    let pace = Pace::of(context);
    match effect {
        diff::Effect::Objects { starts_from } => {
            let is_unknown = matches!(step.before, Some(Seen::Unreadable { .. } | Seen::Unreachable { .. }));
            let starts_from = if is_unknown { None } else { Some(starts_from) };
            let done = objects(&mut link, address, config, &saved, starts_from, run).await?;
            still(&link, &saved, config, &pace).await?;
            Ok(done)
        }
        diff::Effect::PutAside { slot } => slots::put_aside(&link, config, &slot, run).await,
        diff::Effect::TakeBack { slot } => match saved.slots.get(&slot) {
            Some(then) => slots::take_back(&link, config, &slot, then).await,
            None => {
                Err(DriverError::new(ErrorKind::BadData, "find a slot in what was saved").nothing_happened())
            }
        },
    }
}

/// `starts_from`: none where whatever is there goes; none within where nothing was there.
async fn objects(
    link: &mut Link,
    address: &Address,
    config: &ReplicationConfig,
    saved: &ReplicationState,
    starts_from: Option<Option<String>>,
    run: &str,
) -> Result<Effect, DriverError> {
    let attempted = format!("put back publications and subscriptions of {}", address.shown());
    let version = link.version;
    let work = async {
        let transaction = link.transaction().await?;
        let sql =
            format!("SET LOCAL synchronous_commit = on; SELECT pg_catalog.pg_advisory_xact_lock({LOCK})");
        transaction.batch_execute(&sql).await?;
        let Found { here, aside, .. } = find(&transaction, version, config).await?;
        if here.same_objects(saved) {
            return Ok(Effect::AlreadyThere);
        }
        if let Some(expected) = starts_from {
            let expected = expected.unwrap_or_else(|| ReplicationState::default().telltale());
            if here.telltale() != expected {
                let found =
                    "publications or subscriptions are neither what the plan was made on nor what was saved"
                        .to_owned();
                return Ok(Effect::Blocked { found });
            }
        }
        let sql = statements(saved, &here, &aside, run).map_err(|why| {
            DriverError::new(ErrorKind::BadData, attempted.clone()).caused_by(why).nothing_happened()
        })?;
        for one in &sql {
            transaction.batch_execute(one).await?;
        }
        backout_kit::failpoint!("postgres-replication-half");
        transaction.commit().await?;
        let runs = saved.subscriptions.values().filter(|one| one.enabled).count();
        Ok(Effect::Applied {
            evidence: format!("{} statements in one transaction; {runs} subscriptions run", sql.len()),
        })
    };
    work.await.map_err(|fault: Fault| {
        let is_refused = fault.code().is_some_and(|code| *code == SqlState::INSUFFICIENT_PRIVILEGE);
        let error = fault.while_doing(attempted);
        if is_refused {
            error.hint("subscriptions belong to their owner; publications of all tables, and before PostgreSQL 16 every subscription, need a superuser").nothing_happened()
        } else {
            error
        }
    })
}

/// Waits until subscriptions that shall not run have no process any more: stopped means that nothing is written.
async fn still(
    link: &Link,
    saved: &ReplicationState,
    config: &ReplicationConfig,
    pace: &Pace,
) -> Result<(), DriverError> {
    let attempted = "wait for a subscription to stop";
    let running: Vec<&String> = config
        .subscriptions
        .iter()
        .filter(|name| saved.subscriptions.get(*name).is_some_and(|one| one.enabled))
        .collect();
    loop {
        let row = link
            .query_one(
                "SELECT count(*) FROM pg_catalog.pg_stat_subscription a
                 JOIN pg_catalog.pg_subscription s ON s.oid = a.subid
                 WHERE a.pid IS NOT NULL AND NOT s.subenabled AND s.subname::text <> ALL ($1)
                   AND s.subdbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
                   AND (s.subname::text = ANY ($2) OR s.subname::text LIKE $3)",
                &[&running, &config.subscriptions.iter().collect::<Vec<_>>(), &super::aside::PATTERN],
            )
            .await
            .map_err(|error| of_postgres(attempted, error))?;
        if row.get::<_, i64>(0) == 0 {
            return Ok(());
        }
        pace.check(attempted)?;
        tokio::time::sleep(BETWEEN).await;
    }
}

/// What a slot is called in an error.
pub(super) fn slot(name: &str) -> String {
    format!("the slot {}", safe(name))
}
