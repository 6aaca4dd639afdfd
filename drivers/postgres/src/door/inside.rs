//! Who is inside a database, and how they are got out.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use backout_contract::{DriverError, ErrorKind};
use backout_kit::path_text;
use tokio_postgres::error::SqlState;

use super::outside::{Outside, is_said_by};
use crate::server::{Pace, identifier, of_postgres};

/// Between two looks. Short, for a door is shut meanwhile.
const BETWEEN: Duration = Duration::from_millis(10);

/// How long the server itself waits for those who are just leaving.
const LEAVING: &str = "2s";

/// Somebody inside.
struct Visitor {
    process: i32,
    role: String,
    /// Whether the server lets us end it.
    endable: bool,
}

/// Who may stay inside.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stays<'a> {
    /// Nobody.
    Nobody,
    /// Sessions of ours.
    We,
    /// Sessions of these roles.
    Roles(&'a BTreeSet<String>),
}

/// Ends everybody inside a database until nobody is, and tells how many were ended. Whoever comes back as fast as they
/// are ended is kept out by whoever shut the door before.
///
/// # Errors
/// When somebody is still there after so long, with their roles. Whoever was ended stays ended.
pub(crate) async fn empty(
    outside: &Outside,
    name: &str,
    database: u32,
    stays: Stays<'_>,
    patience: Duration,
    pace: &Pace,
) -> Result<u64, DriverError> {
    let shown = outside.address.of_database(name).shown();
    let attempted = format!("get everybody out of {shown}");
    let (began, mut ended) = (Instant::now(), 0);
    loop {
        let inside = visitors(outside, database, stays).await?;
        let endable: Vec<i32> = inside.iter().filter(|one| one.endable).map(|one| one.process).collect();
        if !endable.is_empty() {
            ended += end(outside, &endable).await?;
        } else if inside.is_empty() && is_empty(outside, name, stays).await? {
            return Ok(ended);
        }
        pace.check(&attempted)?;
        if began.elapsed() >= patience {
            return Err(still_there(attempted, &inside));
        }
        tokio::time::sleep(BETWEEN).await;
    }
}

async fn visitors(outside: &Outside, database: u32, stays: Stays<'_>) -> Result<Vec<Visitor>, DriverError> {
    // The server ends autovacuum by itself where it is in the way; it belongs to no role.
    let rows = outside
        .link
        .query(
            "SELECT a.pid, r.rolname::text, coalesce(a.application_name, ''),
                    me.rolsuper OR (NOT r.rolsuper AND (pg_catalog.pg_has_role(me.oid, r.oid, 'USAGE')
                                    OR pg_catalog.pg_has_role(me.oid, 'pg_signal_backend', 'USAGE')))
             FROM pg_catalog.pg_stat_activity a
             JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid
             JOIN pg_catalog.pg_roles me ON me.rolname = current_user
             WHERE a.datid = $1 AND a.pid <> pg_catalog.pg_backend_pid()",
            &[&database],
        )
        .await
        .map_err(|error| of_postgres("look who is inside a database", error))?;
    let visitors = rows.iter().filter_map(|row| {
        let (role, application): (String, &str) = (row.get(1), row.get(2));
        let may_stay = match stays {
            Stays::Nobody => false,
            Stays::We => application == "backout",
            Stays::Roles(roles) => roles.contains(&role),
        };
        (!may_stay).then(|| Visitor { process: row.get(0), role, endable: row.get(3) })
    });
    Ok(visitors.collect())
}

async fn end(outside: &Outside, processes: &[i32]) -> Result<u64, DriverError> {
    let query = "SELECT count(*) FILTER (WHERE pg_catalog.pg_terminate_backend(p)) FROM unnest($1::int4[]) p";
    match outside.link.query_one(query, &[&processes]).await {
        Ok(row) => Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or_default()),
        // A process number that somebody else has meanwhile; the next look tells.
        Err(error) if is_said_by(&error, &SqlState::INSUFFICIENT_PRIVILEGE) => Ok(0),
        Err(error) => Err(of_postgres("end sessions", error)),
    }
}

/// Whether nobody is inside, by the server's own judgement: it renames a database only when that is so, those included
/// that are just coming in and stand in no list yet. The rename is taken back.
async fn is_empty(outside: &Outside, name: &str, stays: Stays<'_>) -> Result<bool, DriverError> {
    if !matches!(stays, Stays::Nobody) {
        return Ok(true);
    }
    let link = &outside.link;
    let begin =
        format!("BEGIN; SET LOCAL statement_timeout = '{LEAVING}'; SET LOCAL lock_timeout = '{LEAVING}'");
    link.batch_execute(&begin).await.map_err(|error| of_postgres("begin a transaction", error))?;
    let renamed = link
        .batch_execute(&format!("ALTER DATABASE {} RENAME TO \".backout-nobody-inside\"", identifier(name)))
        .await;
    link.batch_execute("ROLLBACK").await.map_err(|error| of_postgres("take a transaction back", error))?;
    match renamed {
        Ok(()) => Ok(true),
        Err(error)
            if [SqlState::OBJECT_IN_USE, SqlState::QUERY_CANCELED, SqlState::LOCK_NOT_AVAILABLE]
                .iter()
                .any(|state| is_said_by(&error, state)) =>
        {
            Ok(false)
        }
        // Who may not rename cannot ask so; the list was empty.
        Err(error) if is_said_by(&error, &SqlState::INSUFFICIENT_PRIVILEGE) => Ok(true),
        Err(error) => Err(of_postgres("ask whether nobody is inside", error)),
    }
}

fn still_there(attempted: String, inside: &[Visitor]) -> DriverError {
    let error = DriverError::new(ErrorKind::Locked, attempted);
    let roles = |endable: bool| {
        let names: BTreeSet<String> = inside
            .iter()
            .filter(|one| one.endable == endable)
            .map(|one| path_text::encode(std::ffi::OsStr::new(&one.role)))
            .collect();
        names.into_iter().collect::<Vec<_>>().join(", ")
    };
    if inside.iter().any(|one| !one.endable) {
        return error.caused_by(format!("we may not end sessions of {}", roles(false))).hint(
            "grant `pg_signal_backend` to the role of the address, or end them yourself; sessions of superusers can be \
             ended by superusers only",
        );
    }
    if inside.is_empty() {
        return error.caused_by("somebody is on the way in or out all the time");
    }
    error
        .caused_by(format!("sessions of {} do not end", roles(true)))
        .hint("give it more time with `door.wait`, or look what they do in pg_stat_activity")
}
