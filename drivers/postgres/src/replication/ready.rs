//! Whether putting back will work: rights, and that nothing went for good. Reads only.

use backout_contract::DriverError;

use super::capture::{Found, find};
use super::config::{ReplicationConfig, safe};
use super::diff;
use super::state::ReplicationState;
use crate::server::{Address, Fault, Link, connect};

pub(super) async fn ready(
    address: &Address,
    config: &ReplicationConfig,
    saved: Option<&ReplicationState>,
) -> Result<Vec<String>, DriverError> {
    let link = connect(address).await?;
    let attempted = format!("look whether the replication of {} can be put back", address.shown());
    let work = async {
        let Found { here, .. } = find(&*link, link.version, config).await?;
        let pieces = match diff::steps(saved, Some(&here)) {
            Ok(pieces) => pieces,
            Err(lost) => return Ok(vec![lost]),
        };
        if pieces.is_empty() {
            return Ok(Vec::new());
        }
        rights(&link, config, &here, &saved.cloned().unwrap_or_default()).await
    };
    work.await.map_err(|fault: Fault| fault.while_doing(attempted).nothing_happened())
}

async fn rights(
    link: &Link,
    config: &ReplicationConfig,
    live: &ReplicationState,
    saved: &ReplicationState,
) -> Result<Vec<String>, Fault> {
    let row = link
        .query_one(
            "SELECT r.rolname::text, r.rolsuper, r.rolreplication, pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),
                    pg_catalog.pg_is_in_recovery()
             FROM pg_catalog.pg_roles r WHERE r.rolname = current_user",
            &[],
        )
        .await?;
    let role = safe(row.get(0));
    let (is_superuser, may_replicate, may_create, is_standby): (bool, bool, bool, bool) =
        (row.get(1), row.get(2), row.get(3), row.get(4));
    let mut missing = Vec::new();
    if is_standby {
        missing.push("the server is a standby, where nothing can be changed".to_owned());
    }
    if is_superuser {
        return Ok(missing);
    }
    if live.slots != saved.slots && !may_replicate {
        missing.push(format!("{role} may not change slots: ALTER ROLE … REPLICATION"));
    }
    let mut owners = Vec::new();
    for name in &config.publications {
        let (then, now) = (saved.publications.get(name), live.publications.get(name));
        if then == now {
            continue;
        }
        owners.extend(
            then.into_iter().chain(now).map(|one| (format!("publication {}", safe(name)), one.owner.clone())),
        );
        if then.is_some_and(|one| one.all_tables || !one.schemas.is_empty()) && now.is_none() {
            missing.push(format!(
                "publication {} is of all tables or of schemas, which needs a superuser",
                safe(name)
            ));
        } else if !may_create {
            missing.push(format!("{role} may not create or rename publications: GRANT CREATE ON DATABASE …"));
        }
    }
    for name in &config.subscriptions {
        let (then, now) = (saved.subscriptions.get(name), live.subscriptions.get(name));
        if then == now {
            continue;
        }
        owners.extend(
            then.into_iter()
                .chain(now)
                .map(|one| (format!("subscription {}", safe(name)), one.owner.clone())),
        );
        if link.version.major() < 16 && then.map(|one| &one.owner) != now.map(|one| &one.owner) {
            missing.push(format!(
                "subscription {} changes its owner or its name, which needs a superuser",
                safe(name)
            ));
        }
    }
    for (what, owner) in owners {
        let row = link
            .query_opt("SELECT pg_catalog.pg_has_role(r.oid, 'MEMBER') FROM pg_catalog.pg_roles r WHERE r.rolname = $1", &[&owner])
            .await?;
        match row.map(|row| row.get::<_, bool>(0)) {
            Some(true) => {}
            Some(false) => {
                missing.push(format!("{what} belongs to {}, and {role} is no member of it", safe(&owner)))
            }
            None => missing.push(format!("the owner of {what}, {}, does not exist", safe(&owner))),
        }
    }
    missing.sort();
    missing.dedup();
    Ok(missing)
}
