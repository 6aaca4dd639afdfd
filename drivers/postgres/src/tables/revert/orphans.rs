//! Rows that refer to nothing: counted and named before a foreign key is said.

use std::collections::BTreeSet;

use backout_contract::{DriverError, ErrorKind};
use tokio_postgres::GenericClient;

use crate::server::{Fault, TableName, identifier};
use crate::tables::definition::ForeignKey;

/// One foreign key that has to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) table: TableName,
    pub(super) key: ForeignKey,
}

/// Refuses when rows refer to nothing, and says how many of which table.
pub(super) async fn refuse(client: &impl GenericClient, links: &[Link], shown: &str) -> Result<(), Fault> {
    let mut told = BTreeSet::new();
    for link in links.iter().filter(|link| link.key.valid) {
        let count: i64 = client.query_one(&query(link), &[]).await?.get(0);
        if count > 0 {
            let rows = if count == 1 { "row" } else { "rows" };
            let columns: Vec<String> = link.key.columns.iter().map(|column| safe(column)).collect();
            told.insert(format!("{}.{} -> {}: {count} {rows}", link.table, columns.join(", "), link.key.to));
        }
    }
    if told.is_empty() {
        return Ok(());
    }
    let told: Vec<String> = told.into_iter().collect();
    Err(Fault::Said(
        DriverError::new(ErrorKind::Other, format!("put {shown} back: rows would refer to nothing"))
            .caused_by(told.join("; "))
            .hint("delete or change those rows, or put the other tables back too; nothing was changed")
            .nothing_happened(),
    ))
}

fn query(link: &Link) -> String {
    let (here, there) = (link.table.sql(), link.key.to.sql());
    let columns: Vec<String> = link.key.columns.iter().map(|column| identifier(column)).collect();
    let there_columns: Vec<String> = link.key.to_columns.iter().map(|column| identifier(column)).collect();
    let present: Vec<String> = columns.iter().map(|column| format!("c.{column} IS NOT NULL")).collect();
    let pairs: Vec<String> = columns
        .iter()
        .zip(&there_columns)
        .zip(&link.key.operators)
        .map(|((column, there), operator)| format!("p.{there} {operator} c.{column}"))
        .collect();
    format!(
        "SELECT count(*) FROM {here} AS c WHERE {} AND NOT EXISTS (SELECT FROM {there} AS p WHERE {})",
        present.join(" AND "),
        pairs.join(" AND ")
    )
}

fn safe(text: &str) -> String {
    backout_kit::path_text::encode(std::ffi::OsStr::new(text))
}
