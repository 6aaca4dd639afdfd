//! A table that is exchanged whole: the old one is moved aside as it is, the staged one takes its name.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::GenericClient;

use crate::server::{Fault, TableName, Version, identifier};
use crate::tables::definition::{self, Definition, Place, TableDefinition};
use crate::tables::stage::run;

/// The statements that take a table out of what it stands in, and move it aside with what belongs to it.
pub(super) fn aside(table: &TableDefinition, schema: &str, moved: &BTreeSet<TableName>) -> Vec<String> {
    let here = table.name.sql();
    let mut statements = Vec::new();
    for parent in table.parents.iter().filter(|parent| !moved.contains(parent)) {
        statements.push(if table.is_partition() {
            format!("ALTER TABLE {} DETACH PARTITION {here}", parent.sql())
        } else {
            format!("ALTER TABLE {here} NO INHERIT {}", parent.sql())
        });
    }
    for publication in &table.publications {
        let name = identifier(&publication.name);
        statements.push(format!("ALTER PUBLICATION {name} DROP TABLE ONLY {here}"));
    }
    // Statistics do not move with their table.
    for statistics in &table.statistics {
        let name = statistics.name.sql();
        statements.push(format!("ALTER STATISTICS {name} SET SCHEMA {}", identifier(schema)));
    }
    statements.push(format!("ALTER TABLE {here} SET SCHEMA {}", identifier(schema)));
    statements
}

/// The statements that give a staged table its name.
pub(super) fn into_place(
    table: &TableDefinition,
    staged: &Place,
    placed: &BTreeSet<TableName>,
) -> Vec<String> {
    let schema = identifier(&table.name.schema);
    let mut statements = vec![format!("ALTER TABLE {} SET SCHEMA {schema}", staged.of(&table.name).sql())];
    let here = table.name.sql();
    for parent in table.parents.iter().filter(|parent| !placed.contains(parent)) {
        let parent = parent.sql();
        statements.push(match &table.bound {
            Some(bound) => format!("ALTER TABLE {parent} ATTACH PARTITION {here} {bound}"),
            None => format!("ALTER TABLE {here} INHERIT {parent}"),
        });
    }
    statements
}

/// Says the rest of what tables are known by, and leaves exactly the rights that they had.
pub(super) async fn finish(
    client: &impl GenericClient,
    version: Version,
    saved: &Definition,
    placed: &BTreeSet<TableName>,
    oids: &BTreeMap<TableName, u32>,
) -> Result<(), Fault> {
    let tables: Vec<&TableDefinition> =
        saved.tables.iter().filter(|table| placed.contains(&table.name)).collect();
    for table in &tables {
        run(client, &definition::finish(table)).await?;
    }
    let numbers: Vec<u32> = tables.iter().filter_map(|table| oids.get(&table.name).copied()).collect();
    let now = definition::tables(client, version, &numbers).await?;
    let we: String = client.query_one("SELECT current_user::text", &[]).await?.get(0);
    for table in tables {
        if let Some(now) = now.iter().find(|one| one.name == table.name) {
            run(client, &definition::exactly_granted(table, now, &we)).await?;
        }
    }
    Ok(())
}
