//! A scratch database: a dump is put into it to be looked at, and it is dropped again whatever happens.

use backout_contract::{Context, DriverError, ErrorKind};
use backout_core::checkpoint::DataPart;

use super::fetch::fetch;
use super::jobs;
use super::restore::{Restored, restore};
use crate::door::{Entry, Outside};
use crate::server::{Address, identifier, literal, of_postgres};
use crate::state::Taken;
use crate::swap;

/// Puts a dump into a scratch database on the same server, has somebody look at it, and drops it again, also after a
/// failure. What a killed attempt left is dropped first.
///
/// # Errors
/// What is wrong with the dump, or with putting it back; or what the look says.
pub(crate) async fn rehearse<T>(
    context: &Context,
    address: &Address,
    maintenance: Option<&str>,
    taken: &Taken,
    data: &[DataPart],
    look: impl AsyncFnOnce(&Address) -> Result<T, DriverError>,
) -> Result<(T, Restored), DriverError> {
    let fetched = fetch(context, data, taken).await?;
    let mut outside = Outside::connect(address, maintenance).await?;
    let name = swap::scratch(&address.database, &context.key);
    sweep(&outside, &name, &context.key).await?;
    let into = address.of_database(&name);
    let failed = |error| of_postgres(format!("make the scratch database {}", into.shown()), error);
    // Like the live one, where there is one: things may belong to its owner.
    let owner = outside
        .link
        .query_opt(
            "SELECT pg_catalog.pg_get_userbyid(d.datdba)::text, t.spcname::text FROM pg_catalog.pg_database d \
             JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace WHERE d.datname = $1",
            &[&address.database],
        )
        .await
        .map_err(failed)?;
    let like = owner.map_or_else(String::new, |row| {
        let (owner, tablespace): (&str, &str) = (row.get(0), row.get(1));
        // Whoever names the usual one needs a right for it.
        let named = if tablespace == "pg_default" { String::new() } else { identifier(tablespace) };
        let place = if named.is_empty() { named } else { format!(" TABLESPACE {named}") };
        format!(" OWNER {}{place}", identifier(owner))
    });
    let options = fetched.header.contents.made.options(outside.link.version);
    let database = identifier(&name);
    let sql = format!("CREATE DATABASE {database} {options}{like} ALLOW_CONNECTIONS false");
    outside.link.batch_execute(&sql).await.map_err(|error| {
        failed(error)
            .hint("to prove a dump, the role of the address needs CREATEDB and the rights of the owner")
    })?;
    backout_kit::failpoint!("postgres-scratch-made");
    let looked = look_at(context, &mut outside, &fetched, &into, look).await;
    let dropped = drop_it(&outside, &name).await;
    // What failed first is told; what could not be dropped is dropped by the next rehearsal.
    let looked = looked?;
    dropped.map(|()| looked)
}

async fn drop_it(outside: &Outside, name: &str) -> Result<(), DriverError> {
    match swap::remove(outside, name).await {
        // A superuser's session, a monitor's perhaps, which we may not end. The server waits some seconds for it.
        Err(error) if error.kind == ErrorKind::Denied => {
            let sql = format!("DROP DATABASE IF EXISTS {}", identifier(name));
            outside.link.batch_execute(&sql).await.map_err(|_| error)
        }
        dropped => dropped,
    }
}

async fn look_at<T>(
    context: &Context,
    outside: &mut Outside,
    fetched: &super::Fetched,
    into: &Address,
    look: impl AsyncFnOnce(&Address) -> Result<T, DriverError>,
) -> Result<(T, Restored), DriverError> {
    let database = identifier(&into.database);
    let comment = crate::door::Note { copy_of: Some(context.key.clone()), ..Default::default() };
    let comment = comment.to_comment("").unwrap_or_default();
    let sql = format!(
        "BEGIN; COMMENT ON DATABASE {database} IS {}; REVOKE ALL ON DATABASE {database} FROM PUBLIC; \
         ALTER DATABASE {database} ALLOW_CONNECTIONS true; COMMIT",
        literal(&comment)
    );
    let marked = outside.link.batch_execute(&sql).await;
    marked.map_err(|error| of_postgres(format!("open the scratch database {}", into.shown()), error))?;
    let restored = restore(context, fetched, into, outside.link.version, jobs()).await?;
    let found = look(into).await?;
    Ok((found, restored))
}

/// Drops what an attempt with the same key left. Nothing that is not known to be ours is dropped, whatever its name.
async fn sweep(outside: &Outside, name: &str, key: &str) -> Result<(), DriverError> {
    match outside.find(name).await? {
        None => Ok(()),
        Some(there) if is_ours(&there, key) => drop_it(outside, name).await,
        Some(_) => Err(DriverError::new(
            ErrorKind::Locked,
            format!("make the scratch database {}", outside.address.of_database(name).shown()),
        )
        .caused_by("a database of that name is there that is not known to be ours")
        .hint("rename it, or drop it if nobody needs it")
        .nothing_happened()),
    }
}

/// Whether it bears our note, or was made and never opened: then it is empty.
fn is_ours(there: &Entry, key: &str) -> bool {
    match &there.note.copy_of {
        Some(of) => of == key,
        None => !there.lets_in && there.comment.is_empty() && there.note == Default::default(),
    }
}
