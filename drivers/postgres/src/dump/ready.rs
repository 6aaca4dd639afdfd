//! Whether a dump could be put back now, and what that needs. Reads only.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use backout_contract::{Context, DriverError, ErrorKind};
use backout_core::checkpoint::DataPart;
use backout_kit::space::free_bytes;

use super::fetch::header;
use super::leave_out::select;
use super::program::major_of;
use super::rights::Rights;
use crate::server::{Address, Link, of_postgres};
use crate::state::Taken;

/// What putting a dump back needs, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Where the dump is taken out of the vault.
    pub(crate) here: u64,
    /// What is free there.
    pub(crate) free_here: u64,
    /// On the server's disk: the whole database, beside the live one.
    pub(crate) server: u64,
    /// On the same disk: what is put back stands in the server's log too, as long as the server keeps it.
    pub(crate) log: u64,
    /// What is free there; none where the server's disk is not ours to look at, which SQL cannot.
    pub(crate) free_on_server: Option<u64>,
}

/// What putting a dump back needs.
///
/// # Errors
/// When the dump cannot be read, or the server cannot be asked.
pub(crate) async fn needs(
    context: &Context,
    link: &Link,
    taken: &Taken,
    data: &[DataPart],
) -> Result<Needs, DriverError> {
    let contents = header(context, data, taken).await?.contents;
    let free_here = free_bytes(&context.scratch).map_err(|error| {
        DriverError::new(ErrorKind::Other, "measure the room for a dump").caused_by(error).nothing_happened()
    })?;
    let folder = link
        .query_one(
            "SELECT CASE WHEN pg_catalog.pg_has_role(current_user, 'pg_read_all_settings', 'USAGE') \
             THEN pg_catalog.current_setting('data_directory') END, \
             (SELECT system_identifier::text FROM pg_catalog.pg_control_system()), \
             CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_replication_slots WHERE restart_lsn IS NOT NULL) THEN $1 \
             ELSE LEAST($1, pg_catalog.pg_size_bytes(pg_catalog.current_setting('max_wal_size'))) END",
            &[&i64::try_from(contents.database_bytes).unwrap_or(i64::MAX)],
        )
        .await
        .map_err(|error| of_postgres("ask where a server keeps its data", error).nothing_happened())?;
    let (data, log) = (folder.get::<_, Option<String>>(0), folder.get::<_, i64>(2));
    let data = data.as_deref().map(Path::new);
    // A log with a disk of its own takes no room here.
    let log = if data.is_some_and(|data| data.join("pg_wal").is_symlink()) { 0 } else { log };
    Ok(Needs {
        here: contents.bytes(),
        free_here,
        server: contents.database_bytes,
        log: u64::try_from(log).unwrap_or_default(),
        free_on_server: data.and_then(|path| free_of(path, folder.get(1))),
    })
}

/// What is free where a server keeps its data, if that is a folder of this machine: it is that server's own when it bears
/// its number.
fn free_of(folder: &Path, system: &str) -> Option<u64> {
    let mut number = [0; 8];
    File::open(folder.join("global/pg_control")).ok()?.read_exact(&mut number).ok()?;
    (u64::from_ne_bytes(number).to_string() == system).then(|| free_bytes(folder).ok()).flatten()
}

/// One sentence for each thing that is missing: programs, room, roles, extensions, rights. `link` may be to any database of
/// the server that the dump would be put on.
///
/// # Errors
/// When the dump cannot be read, or the server cannot be asked.
pub(crate) async fn ready(
    context: &Context,
    address: &Address,
    link: &Link,
    taken: &Taken,
    data: &[DataPart],
) -> Result<Vec<String>, DriverError> {
    let header = match header(context, data, taken).await {
        Err(error) if error.kind == ErrorKind::BadData => return Ok(vec![error.chain()]),
        header => header?,
    };
    let mut missing = Vec::new();
    match major_of(context, link.version).await {
        Err(error) => missing.push(error.chain()),
        Ok(program) => missing.extend(header.fits(link.version, program).err().map(|error| error.chain())),
    }
    let rights = Rights::of(link).await.map_err(|error| {
        of_postgres(format!("look at our rights on {}", address.shown()), error).nothing_happened()
    })?;
    if let Err(obstacles) = select(&header, &rights) {
        missing.extend(obstacles);
    }
    let needs = needs(context, link, taken, data).await?;
    if needs.free_here < needs.here {
        missing.push(format!(
            "the saved dump needs {} bytes here to be put back, and {} are free",
            needs.here, needs.free_here
        ));
    }
    let there = needs.server.saturating_add(needs.log);
    if let Some(free) = needs.free_on_server.filter(|free| *free < there) {
        missing.push(format!(
            "the server needs {} bytes to have the saved database beside the live one and {} for its log meanwhile, and \
             {free} are free",
            needs.server, needs.log
        ));
    }
    Ok(missing)
}
