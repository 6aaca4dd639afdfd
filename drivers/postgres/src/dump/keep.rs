//! Makes a dump and puts it into the vault while it is made.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use backout_contract::{Context, DriverError, ErrorKind};
use backout_core::checkpoint::DataPart;
use backout_kit::scratch_folder::ScratchFolder;
use backout_kit::space::free_bytes;
use tokio::sync::watch;
use tokio_postgres::types::Oid;

use super::contents::{Contents, Kept};
use super::intake::Intake;
use super::program::Program;
use super::progress::watch_dump;
use super::toc::Toc;
use super::trouble::refused;
use super::{CONTENTS, TOC, jobs};
use crate::catalog::Scope;
use crate::our_side::{MAKE_ROOM, of_file, of_vault};
use crate::server::{Address, Fault, Link, Pace, TableName, Version, connect, identifier, literal};

/// Dumps what a snapshot shows, by the server's own `pg_dump`, and puts it into the vault: each file, and a note on what
/// every file must be. The transaction that exported the snapshot has to stay open until this returns.
///
/// # Errors
/// When there is no such program, no room, or it fails. The database is as it was, and nothing of what went into the
/// vault is named anywhere.
pub(crate) async fn keep(
    context: &Context,
    address: &Address,
    version: Version,
    snapshot: &str,
    scope: &Scope,
) -> Result<Vec<DataPart>, DriverError> {
    let attempted = format!("dump {}", address.shown());
    let pace = Pace::of(context);
    let asked = ask(address, snapshot, scope);
    let asked = pace.within(&attempted, asked).await.map_err(DriverError::nothing_happened)?;
    let free = free_bytes(&context.scratch).map_err(|error| {
        DriverError::new(ErrorKind::Other, attempted.clone()).caused_by(error).nothing_happened()
    })?;
    if free < asked.bytes {
        return Err(DriverError::new(ErrorKind::NoSpace, attempted)
            .caused_by(format!(
                "its tables hold {} bytes, and there are {free} free where the dump is put together",
                asked.bytes
            ))
            .hint(MAKE_ROOM)
            .nothing_happened());
    }
    let scratch = ScratchFolder::make(&context.scratch, asked.bytes)
        .map_err(|error| of_file("make a folder in", &context.scratch, error))?;
    let folder = scratch.path().join("dump");
    let intake = Intake::make(&folder)?;
    let (end, ended) = watch::channel(false);
    let program = async {
        run(context, address, version, snapshot, &asked.only, &folder, &asked.link, &attempted).await?;
        end.send_replace(true);
        Ok(())
    };
    let ((), files) = tokio::try_join!(program, intake.take(context, &pace, ended))?;

    let mut contents = asked.contents;
    let read = fs::read(folder.join(TOC)).map_err(|error| of_file("read", &folder.join(TOC), error))?;
    let toc = Toc::parse(&read).map_err(|why| {
        DriverError::new(ErrorKind::Other, attempted.clone()).caused_by(why).nothing_happened()
    })?;
    contents.program = toc.program.clone();
    contents.entries = toc.entries.len() as u64;
    let names = files.keys().cloned().collect();
    toc.expect(&folder, &names).map_err(refused)?;
    let mut parts = Vec::new();
    for (name, pieces) in files {
        contents.files.insert(name, Kept::in_pieces(&pieces));
        parts.extend(pieces);
    }
    let note = serde_json::to_vec(&contents).map_err(|error| {
        DriverError::new(ErrorKind::Other, attempted.clone()).caused_by(error).nothing_happened()
    })?;
    let blob = context.vault.put(&note).await.map_err(|error| of_vault("keep a note on a dump", error))?;
    parts.push(DataPart { name: CONTENTS.to_owned(), blob, bytes: note.len() as u64 });
    parts.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(parts)
}

/// What is asked of the database before it is dumped.
struct Asked {
    /// The connection that was asked; its transaction is over.
    link: Link,
    contents: Contents,
    /// The bytes of the tables, without their indexes: more than a compressed dump and its copy in the vault need.
    bytes: u64,
    /// What `pg_dump` is told to leave out or to take only.
    only: Vec<OsString>,
}

async fn ask(address: &Address, snapshot: &str, scope: &Scope) -> Result<Asked, DriverError> {
    let link = connect(address).await?;
    let work = async {
        link.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        link.batch_execute(&format!("SET TRANSACTION SNAPSHOT {}", literal(snapshot))).await?;
        let mut contents = Contents::of(&link).await?;
        contents.part = *scope != Scope::Database;
        let (tables, only) = match scope {
            Scope::Database => {
                let rows = crate::recorder::NOT_SAVED
                    .map(|table| format!("--exclude-table-data=_backout.{table}").into());
                // What components that are tables of this database keep in it.
                (None, rows.into_iter().chain([OsString::from("--exclude-schema=_backout_*")]).collect())
            }
            Scope::Part { schemas, tables } => {
                let part = part(&link, schemas, tables).await?;
                (Some(part.kept), part.arguments)
            }
        };
        // By what the server last noted of its tables: asking for their size would wait for whoever locked one.
        let bytes: i64 = link
            .query_one(
                "SELECT COALESCE(CASE WHEN $1::oid[] IS NULL \
                   THEN $2::bigint - sum(c.relpages::bigint) FILTER (WHERE c.relkind = 'i') * b.size \
                   ELSE sum(c.relpages::bigint) FILTER (WHERE c.oid = ANY($1) OR c.oid IN \
                     (SELECT t.reltoastrelid FROM pg_catalog.pg_class t WHERE t.oid = ANY($1))) * b.size END, 0)::bigint \
                 FROM pg_catalog.pg_class c, \
                   (SELECT pg_catalog.current_setting('block_size')::bigint AS size) b GROUP BY b.size",
                &[&tables, &i64::try_from(contents.database_bytes).unwrap_or(i64::MAX)],
            )
            .await?
            .get(0);
        link.batch_execute("COMMIT").await?;
        Ok::<_, Fault>((contents, u64::try_from(bytes).unwrap_or_default(), only))
    };
    let attempted = || format!("look at {}", address.shown());
    let (contents, bytes, only) =
        work.await.map_err(|fault| fault.while_doing(attempted()).nothing_happened())?;
    Ok(Asked { link, contents, bytes, only })
}

/// A part of a database, as `pg_dump` is told to take it.
struct Part {
    /// The tables whose rows are taken.
    kept: Vec<Oid>,
    arguments: Vec<OsString>,
}

/// Whole schemas; and of the schemas of single tables everything but other tables and views, since tables need their
/// types and functions to be put back anywhere else.
async fn part(link: &Link, schemas: &[String], tables: &[TableName]) -> Result<Part, tokio_postgres::Error> {
    let table_schemas: Vec<&str> = tables.iter().map(|table| table.schema.as_str()).collect();
    let table_names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    let rows = link
        .query(
            "WITH RECURSIVE named AS ( \
               SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               JOIN unnest($2::text[], $3::text[]) AS t(schema, name) \
                 ON t.schema = n.nspname AND t.name = c.relname \
               UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN named ON named.oid = i.inhparent \
                 JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relispartition) \
             SELECT c.oid, n.nspname::text, c.relname::text, \
               (n.nspname = ANY($1) OR c.oid IN (SELECT oid FROM named)) AS kept \
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND (n.nspname = ANY($1) OR n.nspname = ANY($2) \
               OR c.oid IN (SELECT oid FROM named))",
            &[&schemas, &table_schemas, &table_names],
        )
        .await?;
    let mut namespaces: BTreeSet<String> = schemas.iter().cloned().collect();
    let (mut kept, mut arguments) = (Vec::new(), Vec::new());
    for row in &rows {
        let (oid, schema, name, wanted): (Oid, String, String, bool) =
            (row.get(0), row.get(1), row.get(2), row.get(3));
        if wanted {
            kept.push(oid);
            namespaces.insert(schema);
        } else {
            arguments.push(format!("--exclude-table={}", TableName::new(schema, name).sql()).into());
        }
    }
    arguments.extend(namespaces.iter().map(|schema| format!("--schema={}", identifier(schema)).into()));
    if link.version.major() >= 14 {
        // Their types may stand in columns.
        arguments.push("--extension=*".into());
    }
    Ok(Part { kept, arguments })
}

#[allow(clippy::too_many_arguments, reason = "one call, told apart only because it may be repeated")]
async fn run(
    context: &Context,
    address: &Address,
    version: Version,
    snapshot: &str,
    only: &[OsString],
    folder: &Path,
    link: &Link,
    attempted: &str,
) -> Result<(), DriverError> {
    // Fast ones first; builds without them say so before they connect.
    let ways: &[&str] = if version.major() >= 16 { &["zstd:1", "lz4:1", "gzip:1"] } else { &["1"] };
    let mut ways = ways.iter().peekable();
    while let Some(way) = ways.next() {
        let mut arguments: Vec<OsString> = vec![
            "--format=directory".into(),
            format!("--jobs={}", jobs()).into(),
            format!("--compress={way}").into(),
            format!("--snapshot={snapshot}").into(),
            "--lock-wait-timeout=10s".into(),
            // The vault makes it durable.
            "--no-sync".into(),
            // They hold passwords, and only a superuser sees them.
            "--no-subscriptions".into(),
            "--no-password".into(),
            "--file".into(),
            folder.into(),
        ];
        arguments.extend(only.iter().cloned());
        let program = Program::new(context, address, "pg_dump", version, attempted.to_owned())
            .await?
            .arguments(arguments);
        let ran = tokio::select! {
            ran = program.run() => ran,
            never = watch_dump(context, link) => match never {},
        };
        match ran {
            Err(error) if ways.peek().is_some() && error.chain().contains("does not support compression") => {
            }
            other => return other.map(drop).map_err(DriverError::nothing_happened),
        }
    }
    Ok(())
}
