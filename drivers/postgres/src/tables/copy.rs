//! Rows on their way between a database and the vault, one table at a time, through a private file.

use std::path::{Path, PathBuf};

use backout_contract::{Context, DriverError, VaultError};
use backout_core::checkpoint::DataPart;
use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_postgres::{Client, CopyInSink};

use super::definition::TableDefinition;
use crate::our_side;
use crate::server::{Fault, Pace, TableName, identifier};

/// How much is sent at a time.
const PIECE: usize = 256 * 1024;

/// What the rows of a table are called among the data of a checkpoint, by the table's place among its tables.
pub(super) fn part_name(place: usize) -> String {
    format!("rows/{place}")
}

fn format_of(table: &TableDefinition) -> &'static str {
    if table.is_binary() { "(FORMAT binary)" } else { "(FORMAT text)" }
}

/// The columns that are written, as SQL lists them.
pub(super) fn columns(table: &TableDefinition) -> String {
    let names: Vec<String> = table.written().map(|column| identifier(&column.name)).collect();
    names.join(", ")
}

/// Reads the rows of a table, wherever it stands, into the vault.
pub(super) async fn out(
    client: &Client,
    table: &TableDefinition,
    from: &TableName,
    folder: &Path,
    context: &Context,
    pace: &Pace,
) -> Result<DataPart, Fault> {
    let path = folder.join(format!("rows-{:016x}", address_of(&table.name)));
    let written = write(client, table, from, &path, pace).await;
    let put = match written {
        Ok(()) => context.vault.put_file(&path).await.map_err(|error| Fault::Said(of_vault(error))),
        Err(fault) => Err(fault),
    };
    // The folder goes away with the call; its space is wanted before.
    let _ = tokio::fs::remove_file(&path).await;
    let (blob, bytes) = put?;
    Ok(DataPart { name: String::new(), blob, bytes })
}

async fn write(
    client: &Client,
    table: &TableDefinition,
    from: &TableName,
    path: &Path,
    pace: &Pace,
) -> Result<(), Fault> {
    let shown = &table.name;
    let failed = |error| {
        Fault::Said(our_side::of_io(format!("write the rows of {shown} to a file"), error).nothing_happened())
    };
    let mut file = tokio::fs::File::create(path).await.map_err(failed)?;
    let list = columns(table);
    let query = format!("COPY {}{} TO STDOUT {}", from.sql(), listed(&list), format_of(table));
    let mut stream = Box::pin(client.copy_out(&query).await?);
    let mut waiting = BytesMut::with_capacity(PIECE * 2);
    while let Some(piece) = stream.next().await {
        waiting.extend_from_slice(&piece?);
        if waiting.len() >= PIECE {
            file.write_all(&waiting).await.map_err(failed)?;
            waiting.clear();
            pace.check(&format!("read the rows of {shown}"))?;
        }
    }
    file.write_all(&waiting).await.map_err(failed)?;
    file.flush().await.map_err(failed)?;
    Ok(())
}

/// Puts saved rows into an empty table, wherever it stands.
pub(super) async fn into(
    client: &Client,
    table: &TableDefinition,
    to: &TableName,
    part: &DataPart,
    folder: &Path,
    context: &Context,
    pace: &Pace,
) -> Result<(), Fault> {
    let path: PathBuf = folder.join(format!("rows-{:016x}", address_of(&table.name)));
    let got = context.vault.get_file(&part.blob, &path).await.map_err(|error| Fault::Said(of_vault(error)));
    let read = match got {
        Ok(_) => read(client, table, to, &path, pace).await,
        Err(fault) => Err(fault),
    };
    let _ = tokio::fs::remove_file(&path).await;
    read
}

async fn read(
    client: &Client,
    table: &TableDefinition,
    to: &TableName,
    path: &Path,
    pace: &Pace,
) -> Result<(), Fault> {
    let shown = &table.name;
    let failed = |error| {
        Fault::Said(DriverError::io(format!("read the saved rows of {shown}"), error).nothing_happened())
    };
    let mut file = tokio::fs::File::open(path).await.map_err(failed)?;
    let list = columns(table);
    let query = format!("COPY {}{} FROM STDIN {}", to.sql(), listed(&list), format_of(table));
    let sink: CopyInSink<bytes::Bytes> = client.copy_in(&query).await?;
    let mut sink = Box::pin(sink);
    loop {
        let mut piece = BytesMut::with_capacity(PIECE);
        if file.read_buf(&mut piece).await.map_err(failed)? == 0 {
            break;
        }
        sink.send(piece.freeze()).await?;
        pace.check(&format!("put the saved rows of {shown} beside"))?;
    }
    sink.as_mut().finish().await?;
    Ok(())
}

/// A table without columns has no list of them.
fn listed(columns: &str) -> String {
    if columns.is_empty() { String::new() } else { format!(" ({columns})") }
}

/// A number for the name of a file.
fn address_of(table: &TableName) -> u64 {
    let digest =
        backout_core::digest::Digest::of_bytes("backout/postgres/rows", table.sql().as_bytes()).to_string();
    digest.bytes().fold(0u64, |number, byte| number.wrapping_mul(31).wrapping_add(u64::from(byte)))
}

pub(super) fn of_vault(error: VaultError) -> DriverError {
    our_side::of_vault("move rows between the database and the vault", error)
}
