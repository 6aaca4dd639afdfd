//! The new server does not answer: what is known then, what would be lost, and what a person can do. Nobody but a person can
//! decide it, for what users wrote there may stand nowhere else.

use backout_contract::{Context, DriverError, ErrorKind};

use super::config::EndpointConfig;
use crate::door::Outside;
use crate::replication::safe;
use crate::server::{Address, Fault};

/// The same error, with all of that as advice.
pub(super) async fn advised(config: &EndpointConfig, context: &Context, error: DriverError) -> DriverError {
    if !matches!(error.kind, ErrorKind::Unreachable | ErrorKind::TimedOut) {
        return error;
    }
    error
        .hint(known(config, context).await)
        .hint("bring the new server back and run the same command again: nothing is lost then")
        .hint(
            "a step of a run that is stuck on it: `backout step STEP retry` once it answers; `skip` blocks what waits for \
             the step, `accept` goes on as if it were done, and neither takes anything over",
        )
        .hint(
            "if it is gone for good: go back with the rest (--keep COMPONENT), and let writers in on the old side yourself \
             (ALTER DATABASE … ALLOW_CONNECTIONS true; GRANT CONNECT ON DATABASE … TO …)",
        )
}

/// How far what was written there is known to have come over.
async fn known(config: &EndpointConfig, context: &Context) -> String {
    let Some(reverse) = &config.reverse else {
        return "what users wrote on the new side since the cutover stands on the new server only: nothing of it was \
                drained, and going back without it loses all of it"
            .to_owned();
    };
    let (name, lost) =
        (safe(&reverse.subscription), "what came after stands on the new server only, and would be lost");
    match drained(config, context, &reverse.subscription).await {
        Ok(Some(position)) => format!(
            "the stream {name} had brought over what was written on the new side up to {position} of its log; {lost}"
        ),
        _ => format!(
            "the stream {name} had brought over what was written on the new side, nobody here can tell how far; {lost}"
        ),
    }
}

/// The last position of the new server's log that is durable on the old side.
async fn drained(
    config: &EndpointConfig,
    context: &Context,
    subscription: &str,
) -> Result<Option<String>, Fault> {
    let address = Address::resolve(&config.old, context)?;
    let outside = Outside::connect(&address, config.old_maintenance.as_deref()).await?;
    let sql = "SELECT o.remote_lsn::text FROM pg_catalog.pg_subscription s
        JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
        JOIN pg_catalog.pg_replication_origin_status o ON o.external_id = 'pg_' || s.oid
        WHERE d.datname = $1 AND s.subname = $2::text::name";
    Ok(outside.link.query_opt(sql, &[&address.database, &subscription]).await?.and_then(|row| row.get(0)))
}
