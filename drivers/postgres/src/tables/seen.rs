//! What a look at a part sees, in the snapshot of the connection that looks.

use std::collections::{BTreeMap, BTreeSet};

use backout_contract::{DriverError, ErrorKind};
use tokio_postgres::Client;

use super::definition::{self, Definition, Place, TableDefinition};
use super::part::Part;
use crate::catalog::{self, Schema, Scope};
use crate::rows::{self, Reading, Rows};
use crate::server::{Fault, Pace, TableName, Version};
use crate::state::State;

/// The definitions of the tables of a part, with where its sequences stand.
pub(super) async fn definition(client: &Client, version: Version, part: &Part) -> Result<Definition, Fault> {
    let members = part.members(client).await?;
    let oids: Vec<u32> = members.iter().map(|member| member.oid).collect();
    let mut tables = definition::tables(client, version, &oids).await?;
    for original in crate::recorder::originals(client).await? {
        // While it records, a recorder needs whole rows; that is nothing of the table's.
        let place = oids.iter().position(|oid| *oid == original.oid);
        if let Some(table) = place.and_then(|place| tables.get_mut(place)) {
            table.replica_identity = original.replica_identity;
        }
    }
    let values = definition::values(client, &tables).await?;
    Ok(Definition { tables, values })
}

/// A part as others look at it: its schemas, and by name every table, with the partitions and sequences that belong to
/// them.
pub(super) fn scope(part: &Part, definition: &Definition) -> Scope {
    let tables = definition.tables.iter().map(|table| &table.name);
    let sequences =
        definition.tables.iter().flat_map(|table| &table.sequences).map(|sequence| &sequence.name);
    let names: BTreeSet<TableName> = tables.chain(sequences).chain(&part.named.tables).cloned().collect();
    Scope::Part { schemas: part.named.schemas.clone(), tables: names.into_iter().collect() }
}

/// The objects of a part.
pub(super) async fn schema(
    client: &Client,
    version: Version,
    part: &Part,
    definition: &Definition,
) -> Result<Schema, Fault> {
    catalog::schema(client, version, &scope(part, definition)).await
}

/// The next value of every sequence of a part.
pub(super) async fn sequences(
    client: &Client,
    part: &Part,
    definition: &Definition,
) -> Result<BTreeMap<String, i64>, Fault> {
    Ok(rows::sequences(client, &scope(part, definition)).await?.next)
}

/// The rows of tables that stand elsewhere, by the names that they are known by. Within a transaction.
pub(super) async fn rows_at(
    client: &Client,
    version: Version,
    tables: &[TableDefinition],
    place: &Place,
    pace: &Pace,
) -> Result<BTreeMap<String, Rows>, Fault> {
    let here: BTreeMap<TableName, &TableName> =
        tables.iter().map(|table| (place.of(&table.name), &table.name)).collect();
    let scope = Scope::Part { schemas: Vec::new(), tables: here.keys().cloned().collect() };
    let found = catalog::tables(client, version, &scope).await?;
    let reading = Reading::of(client, &found, pace).await?;
    reading.work(client).await?;
    let rows = reading.into_rows();
    let named = here.iter().filter_map(|(at, name)| Some((name.sql(), rows.get(&at.sql())?.clone())));
    Ok(named.collect())
}

/// What is there, where all of it could be read; none where no table of the part is there.
pub(super) fn whole(
    state: State,
    definition: &Definition,
    attempted: &str,
) -> Result<Option<State>, DriverError> {
    if definition.tables.is_empty() {
        return Ok(None);
    }
    let unreadable = |table: &TableDefinition| {
        let rows = state.rows.get(&table.name.sql()).filter(|rows| rows.is_unreadable())?;
        Some((table.name.to_string(), rows.digest.clone()))
    };
    let lost: Vec<(String, String)> = definition.tables.iter().filter_map(unreadable).collect();
    if lost.is_empty() {
        return Ok(Some(state));
    }
    let denied = lost.iter().all(|(_, why)| why.contains("permission denied"));
    let kind = if denied { ErrorKind::Denied } else { ErrorKind::Unreadable };
    let told: Vec<String> = lost.into_iter().map(|(table, why)| format!("{table}: {why}")).collect();
    Err(DriverError::new(kind, attempted).caused_by(told.join("; ")).nothing_happened())
}
