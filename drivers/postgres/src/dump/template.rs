//! A copy of a database's files within its server as a restore point: many times faster than a dump, and gone with the
//! server. It needs that nobody is in the database while it is made, so only a person may ask for it.

use backout_contract::{Context, DriverError};
use tokio_postgres::error::SqlState;

use crate::door::{Outside, is_said_by};
use crate::server::{identifier, of_postgres};
use crate::swap;

/// What a restore point of a database is called, for the work with this key.
pub(crate) fn name(live: &str, key: &str) -> String {
    swap::scratch(live, key).replace("scratch-", "template-")
}

/// Copies the live database into a restore point into which nobody comes, and gives its name.
///
/// # Errors
/// When somebody is in the live one, when there is no room, when we may not.
pub(crate) async fn keep(context: &Context, outside: &mut Outside) -> Result<String, DriverError> {
    let live = outside.address.database.clone();
    let name = name(&live, &context.key);
    copy(outside, &live, &name).await?;
    let key = context.key.clone();
    outside.annotate(&name, |note| note.copy_of = Some(key)).await?;
    Ok(name)
}

/// Copies a restore point into a database of another name, which nobody can come into yet.
///
/// # Errors
/// When it is no longer there, when there is no room, when we may not.
pub(crate) async fn take(outside: &mut Outside, restore_point: &str, name: &str) -> Result<(), DriverError> {
    copy(outside, restore_point, name).await
}

/// Takes a restore point away; one that is gone is taken away.
///
/// # Errors
/// When it is not ours, or we may not.
pub(crate) async fn release(context: &Context, outside: &Outside) -> Result<(), DriverError> {
    let name = name(&outside.address.database, &context.key);
    match outside.find(&name).await? {
        Some(there) if there.note.copy_of.as_ref() == Some(&context.key) => {
            swap::remove(outside, &name).await
        }
        _ => Ok(()),
    }
}

async fn copy(outside: &Outside, from: &str, to: &str) -> Result<(), DriverError> {
    // Copying through the log, which newer servers do unless told otherwise, takes several times as long.
    let strategy = if outside.link.version.major() >= 15 { " STRATEGY file_copy" } else { "" };
    let owner = outside
        .link
        .query_opt(
            "SELECT pg_catalog.pg_get_userbyid(datdba)::text FROM pg_catalog.pg_database WHERE datname = $1",
            &[&from],
        )
        .await
        .map_err(|error| of_postgres(format!("look for the database {from}"), error).nothing_happened())?;
    let owner = owner.map_or_else(String::new, |row| format!(" OWNER {}", identifier(row.get(0))));
    let sql = format!(
        "CREATE DATABASE {} TEMPLATE {}{strategy}{owner} ALLOW_CONNECTIONS false",
        identifier(to),
        identifier(from)
    );
    outside.link.batch_execute(&sql).await.map_err(|error| {
        let is_used = is_said_by(&error, &SqlState::OBJECT_IN_USE);
        let error = of_postgres(format!("copy {} within its server", outside.address.of_database(from).shown()), error);
        if is_used {
            error.hint("a template copy needs that nobody is connected: close the database first, or let it be dumped")
        } else {
            error
        }
    })
}
