//! Whether writers can be moved back: both sides are the ones that were saved, the old one is intact, and we may do what
//! has to be done. Reads only.

use backout_contract::{Context, DriverError};

use super::capture::inside;
use super::config::EndpointConfig;
use super::reverse;
use super::site::Site;
use super::state::{EndpointState, Inside, Which};
use crate::replication::safe;
use crate::server::{Fault, Pace};

pub(super) async fn ready(
    config: &EndpointConfig,
    context: &Context,
    saved: Option<&EndpointState>,
) -> Result<Vec<String>, DriverError> {
    let mut missing = Vec::new();
    let pace = Pace::of(context);
    for which in [Which::Old, Which::New] {
        let site = match Site::connect(config, which, context).await {
            Ok(site) => site,
            Err(error) => {
                let said = error.hints.iter().fold(error.chain(), |said, hint| format!("{said}; {hint}"));
                missing.push(format!("the {} side cannot be reached: {said}", which.word()));
                continue;
            }
        };
        let entry = match site.entry().await {
            Ok(entry) => entry,
            Err(error) => {
                missing.push(error.chain());
                continue;
            }
        };
        if let Some(saved) = saved {
            let then = saved.side(which);
            let system = site.system().await?;
            if (system.as_str(), entry.oid) != (then.system.as_str(), then.database) {
                missing.push(format!(
                    "{} is another database than was saved (cluster {system}, number {}; saved were cluster {}, number {})",
                    site.shown(),
                    entry.oid,
                    then.system,
                    then.database
                ));
                continue;
            }
        }
        let rights = rights(&site, config).await.map_err(|fault| {
            fault.while_doing(format!("look at our rights on {}", site.shown())).nothing_happened()
        })?;
        missing.extend(rights);
        if which == Which::Old
            && let Some(then) = saved.and_then(|saved| saved.old.inside.as_ref())
            && let Some(link) = site.way_in(&entry, &pace).await?
        {
            if let Some(reverse) = &config.reverse {
                missing.extend(reverse::missing(&link, reverse).await?);
            }
            missing.extend(not_intact(then, &inside(link, &pace).await?));
        }
    }
    Ok(missing)
}

/// What the old side has lost. What it gained is no obstacle.
fn not_intact(then: &Inside, now: &Inside) -> Vec<String> {
    let mut missing = Vec::new();
    let now_tables = now.tables();
    for (table, columns) in then.tables() {
        match now_tables.get(table) {
            None => missing.push(format!("the old side has lost the table {}", safe(table))),
            Some(found) => {
                let differ: Vec<String> = columns
                    .iter()
                    .filter(|(name, how)| found.get(*name) != Some(*how))
                    .map(|(name, _)| safe(name))
                    .collect();
                if !differ.is_empty() {
                    let differ = differ.join(", ");
                    missing.push(format!(
                        "the table {} of the old side is not as it was saved: {differ}",
                        safe(table)
                    ));
                }
            }
        }
    }
    for (table, rows) in &then.rows {
        if rows.count > 0 && now.rows.get(table).is_some_and(|rows| rows.count == 0 && !rows.is_unreadable())
        {
            missing.push(format!("the table {} of the old side has lost all of its rows", safe(table)));
        }
    }
    for sequence in then.sequences.keys().filter(|name| !now.sequences.contains_key(*name)) {
        missing.push(format!("the old side has lost the sequence {}", safe(sequence)));
    }
    missing
}

async fn rights(site: &Site, config: &EndpointConfig) -> Result<Vec<String>, Fault> {
    let row = site
        .outside
        .link
        .query_one(
            "SELECT r.rolname::text, r.rolsuper, pg_catalog.pg_has_role(d.datdba, 'USAGE'),
                    pg_catalog.pg_has_role('pg_signal_backend', 'USAGE'), pg_catalog.pg_is_in_recovery()
             FROM pg_catalog.pg_roles r, pg_catalog.pg_database d WHERE r.rolname = current_user AND d.datname = $1",
            &[&site.name()],
        )
        .await?;
    let (is_superuser, owns, may_end, is_standby): (bool, bool, bool, bool) =
        (row.get(1), row.get(2), row.get(3), row.get(4));
    let (role, shown) = (safe(row.get(0)), site.shown());
    let mut missing = Vec::new();
    if is_standby {
        missing.push(format!("{shown}: its server is a standby, where no writer can be let in or kept out"));
    }
    if !is_superuser && !owns {
        missing.push(format!("{role} does not own {shown}, and may not shut its door"));
    }
    if !is_superuser && !may_end {
        missing
            .push(format!("{role} may not end sessions of others on {shown}: GRANT pg_signal_backend TO …"));
    }
    if site.which == Which::Old {
        for name in &config.roles {
            let query = "SELECT rolcanlogin FROM pg_catalog.pg_roles WHERE rolname = $1";
            match site.outside.link.query_opt(query, &[name]).await?.map(|row| row.get::<_, bool>(0)) {
                Some(true) => {}
                Some(false) => missing.push(format!("{} may not log in on {shown}", safe(name))),
                None => missing.push(format!("the role {} does not exist on {shown}", safe(name))),
            }
        }
    }
    Ok(missing)
}
