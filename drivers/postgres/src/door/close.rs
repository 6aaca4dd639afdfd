//! Shutting a door.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use backout_contract::{DriverError, Effect, ErrorKind};
use backout_kit::path_text;
use tokio_postgres::GenericClient;

use super::inside::{Stays, empty};
use super::note::ReadOnly;
use super::outside::{Entry, Outside, entry};
use super::{note::Note, open};
use crate::server::{Fault, Pace, identifier, of_postgres};

const BETWEEN: Duration = Duration::from_millis(50);

/// How a door is shut.
#[derive(Debug, Clone)]
pub(crate) struct Closing {
    /// Whether readers may stay.
    pub(crate) read_only: bool,
    /// How long those inside are waited for.
    pub(crate) patience: Duration,
    /// Roles whose sessions stay until the database is renamed.
    pub(crate) except: BTreeSet<String>,
}

/// Shuts the door of a database and gets everybody out. What is not there, or was shut by somebody else, stays as it
/// is. Where somebody cannot be got out, what this call shut is opened again.
///
/// # Errors
/// When somebody is inside who may not be ended, or does not end in time; when transactions are prepared, which outlive
/// every session and can be ended from inside only.
pub(crate) async fn shut(
    outside: &mut Outside,
    name: &str,
    closing: &Closing,
    pace: &Pace,
) -> Result<Effect, DriverError> {
    let Some(found) = outside.find(name).await? else { return Ok(Effect::AlreadyThere) };
    let is_ours = found.note.shut.is_some();
    if found.lets_in {
        without_prepared(outside, name, closing.patience, pace).await?;
    }
    let was_changed = found.lets_in && !is_shut(&found, closing) && close(outside, name, closing).await?;
    backout_kit::failpoint!("postgres-door-shut");
    let stays = if closing.except.is_empty() { Stays::Nobody } else { Stays::Roles(&closing.except) };
    let emptied = match () {
        // Those who stay come back as readers; nobody can tell them from others, so each is sent out once.
        () if closing.read_only && !was_changed => Ok(0),
        () if closing.read_only => send_out_once(outside, &found, closing, pace).await,
        () => empty(outside, name, found.oid, stays, closing.patience, pace).await,
    };
    let emptied = match emptied {
        Ok(ended) => prepared(outside, name).await.and_then(|left| match left {
            left if left.is_empty() => Ok(ended),
            left => Err(has_prepared(outside, name, &left)),
        }),
        Err(error) => Err(error),
    };
    match emptied {
        Ok(0) if !was_changed => Ok(Effect::AlreadyThere),
        Ok(ended) => {
            let sessions =
                if ended == 1 { "1 session was".to_owned() } else { format!("{ended} sessions were") };
            let who = if closing.read_only { "only readers come in" } else { "nobody comes in" };
            Ok(Effect::Applied { evidence: format!("{who}; {sessions} ended") })
        }
        Err(error) if was_changed && !is_ours => match open::reopen(outside, name).await {
            Ok(_) => Err(error.hint("the door was opened again")),
            Err(_) => Err(error.hint("its door is shut, and could not be opened again")),
        },
        Err(error) => Err(error),
    }
}

fn is_shut(found: &Entry, closing: &Closing) -> bool {
    match &found.note.shut {
        None => false,
        Some(shut) if closing.read_only => shut.readers,
        Some(_) => !found.lets_in,
    }
}

/// In one transaction: what is there is written down, and the door is shut. Tells whether there was something to do.
async fn close(outside: &mut Outside, name: &str, closing: &Closing) -> Result<bool, DriverError> {
    let attempted = format!("shut {}", outside.address.of_database(name).shown());
    let work = async {
        let transaction = outside.begin().await?;
        let Some(mut found) = entry(&transaction, name).await? else { return Ok(false) };
        let mut sql = closing_sql(&transaction, &mut found, closing.read_only).await?;
        sql.push_str(&found.comment_sql(name));
        transaction.batch_execute(&sql).await?;
        backout_kit::failpoint!("postgres-door-half-shut");
        transaction.commit().await?;
        Ok(true)
    };
    work.await.map_err(|fault: Fault| fault.while_doing(attempted))
}

/// The statements that shut a door, with the note changed to tell how it was.
pub(crate) async fn closing_sql(
    client: &impl GenericClient,
    found: &mut Entry,
    read_only: bool,
) -> Result<String, Fault> {
    let database = identifier(&found.name);
    let mut shut = found.note.shut.take().unwrap_or_default();
    let mut sql = String::new();
    if shut.read_only.is_none() {
        shut.read_only = Some(ReadOnly { was: reads_by_default(client, found.oid).await? });
    }
    sql.push_str(&format!("ALTER DATABASE {database} SET default_transaction_read_only = on; "));
    if read_only {
        shut.readers = true;
    } else {
        // Those who may pass the right on keep it: it could not be given back to those who have it from them.
        let rows = client
            .query(
                "SELECT DISTINCT coalesce(r.rolname::text, '')
                 FROM pg_catalog.pg_database d
                 CROSS JOIN pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) a
                 LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
                 WHERE d.oid = $1 AND a.privilege_type = 'CONNECT' AND NOT a.is_grantable
                   AND a.grantor = d.datdba AND a.grantee <> d.datdba
                   AND (a.grantee = 0 OR r.rolname <> current_user)",
                &[&found.oid],
            )
            .await?;
        for row in rows {
            let role: String = row.get(0);
            sql.push_str(&format!("REVOKE CONNECT ON DATABASE {database} FROM {}; ", grantee(&role)));
            shut.revoked.insert(role);
        }
        shut.readers = false;
        sql.push_str(&format!("ALTER DATABASE {database} ALLOW_CONNECTIONS false; "));
    }
    found.note = Note { shut: Some(shut), ..found.note.clone() };
    Ok(sql)
}

/// The statements that let readers into a database whose door is shut for everybody.
pub(crate) async fn readers_only_sql(
    client: &impl GenericClient,
    found: &mut Entry,
) -> Result<String, Fault> {
    let database = identifier(&found.name);
    let mut sql = closing_sql(client, found, true).await?;
    let revoked = found.note.shut.as_mut().map(|shut| std::mem::take(&mut shut.revoked)).unwrap_or_default();
    for role in revoked {
        sql.push_str(&format!("GRANT CONNECT ON DATABASE {database} TO {}; ", grantee(&role)));
    }
    sql.push_str(&format!("ALTER DATABASE {database} ALLOW_CONNECTIONS true; "));
    Ok(sql)
}

/// A role in a grant; the empty name is everybody.
pub(super) fn grantee(role: &str) -> String {
    if role.is_empty() { "PUBLIC".to_owned() } else { identifier(role) }
}

async fn reads_by_default(client: &impl GenericClient, database: u32) -> Result<Option<String>, Fault> {
    let row = client
        .query_opt(
            "SELECT substr(c, length('default_transaction_read_only=') + 1)
             FROM pg_catalog.pg_db_role_setting s CROSS JOIN unnest(s.setconfig) c
             WHERE s.setdatabase = $1 AND s.setrole = 0 AND starts_with(c, 'default_transaction_read_only=')",
            &[&database],
        )
        .await?;
    Ok(row.map(|row| row.get(0)))
}

/// Ends every session that is inside at this moment: whoever comes back may only read. (When a session began is a secret
/// to us where it is another role's.)
async fn send_out_once(
    outside: &Outside,
    found: &Entry,
    closing: &Closing,
    pace: &Pace,
) -> Result<u64, DriverError> {
    let attempted = || "end sessions that may write".to_owned();
    let (began, mut ended) = (Instant::now(), 0);
    let roles: Vec<&String> = closing.except.iter().collect();
    let mut writers: Option<Vec<i32>> = None;
    loop {
        let rows = outside
            .link
            .query(
                "SELECT a.pid, pg_catalog.pg_terminate_backend(a.pid)
                 FROM pg_catalog.pg_stat_activity a
                 WHERE a.datid = $1 AND a.pid <> pg_catalog.pg_backend_pid() AND a.usesysid IS NOT NULL
                   AND a.usename::text <> ALL ($2) AND ($3::int4[] IS NULL OR a.pid = ANY ($3))",
                &[&found.oid, &roles, &writers],
            )
            .await
            .map_err(|error| of_postgres(attempted(), error))?;
        let inside: Vec<i32> = rows.iter().map(|row| row.get(0)).collect();
        if writers.is_none() {
            ended = u64::try_from(inside.len()).unwrap_or_default();
        }
        if inside.is_empty() {
            return Ok(ended);
        }
        pace.check(&attempted())?;
        if began.elapsed() >= closing.patience {
            let why = format!("{} of them do not end", inside.len());
            return Err(DriverError::new(ErrorKind::Locked, attempted()).caused_by(why));
        }
        writers = writers.or(Some(inside));
        tokio::time::sleep(BETWEEN).await;
    }
}

/// Waits for prepared transactions to be ended by whoever prepared them.
async fn without_prepared(
    outside: &Outside,
    name: &str,
    patience: Duration,
    pace: &Pace,
) -> Result<(), DriverError> {
    let began = Instant::now();
    loop {
        let left = prepared(outside, name).await?;
        if left.is_empty() {
            return Ok(());
        }
        if began.elapsed() >= patience {
            return Err(has_prepared(outside, name, &left));
        }
        pace.check("wait for prepared transactions")?;
        tokio::time::sleep(BETWEEN).await;
    }
}

async fn prepared(outside: &Outside, name: &str) -> Result<Vec<String>, DriverError> {
    let query = "SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE database = $1 ORDER BY prepared";
    let rows = outside.link.query(query, &[&name]).await;
    let rows = rows.map_err(|error| of_postgres("look for prepared transactions", error))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn has_prepared(outside: &Outside, name: &str, left: &[String]) -> DriverError {
    let shown = outside.address.of_database(name).shown();
    let named: Vec<String> =
        left.iter().take(5).map(|one| path_text::encode(std::ffi::OsStr::new(one))).collect();
    DriverError::new(ErrorKind::Locked, format!("shut {shown}"))
        .caused_by(format!(
            "{} prepared transactions outlive every session: {}",
            left.len(),
            named.join(", ")
        ))
        .hint("end them in that database with COMMIT PREPARED or ROLLBACK PREPARED")
        .nothing_happened()
}
