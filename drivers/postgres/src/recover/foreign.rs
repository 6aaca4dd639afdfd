//! Foreign keys, and unique constraints that may be deferred, judged once everything is done: nobody else does while a
//! session plays the replica. Of a row that was taken over and because of which one does not hold, it is said why.

use std::collections::BTreeMap;

use super::apply::Refused;
use super::decide::by_key;
use super::side::{ForeignKey, Side, SideTable, list};
use super::stage::{Staged, table_of};
use crate::server::{Fault, Link, identifier};

/// The rows because of which a constraint does not hold now.
pub(super) async fn caused(
    link: &Link,
    here: &Side,
    tables: &BTreeMap<usize, Staged>,
) -> Result<Vec<Refused>, Fault> {
    let mut refused = Vec::new();
    for staged in tables.values() {
        let table = table_of(here, staged)?;
        for key in &table.foreign_keys {
            if let Some(parent) = here.find(&key.parent) {
                refused.extend(of_children(link, table, staged, key, parent).await?);
            }
        }
        for columns in &table.deferrable {
            refused.extend(of_doubles(link, table, staged, columns).await?);
        }
        for child in &here.tables {
            for key in &child.foreign_keys {
                if key.parent == table.name() {
                    refused.extend(of_parents(link, table, staged, child, key).await?);
                }
            }
        }
    }
    Ok(refused)
}

async fn ask(link: &Link, place: usize, query: &str, said: &str) -> Result<Vec<Refused>, Fault> {
    let rows = link.query(query, &[]).await?;
    Ok(rows.iter().map(|row| Refused { place, id: row.get(0), said: said.to_owned() }).collect())
}

/// Rows that were taken over and refer to nothing.
async fn of_children(
    link: &Link,
    table: &SideTable,
    staged: &Staged,
    key: &ForeignKey,
    parent: &SideTable,
) -> Result<Vec<Refused>, Fault> {
    let touched: Vec<String> = key.columns.iter().map(|slot| staged.is_touched("s", *slot)).collect();
    let from = list(table, &key.columns, "h.");
    let there: Vec<String> = from.iter().map(|column| format!("{column} IS NOT NULL")).collect();
    let leads = led(key, &from);
    let query = format!(
        "SELECT s.id FROM {decided} AS s JOIN {only} AS h ON {found}
         WHERE (s.fate = 'i' OR (s.fate = 'u' AND ({touched}))) AND {there}
         AND NOT EXISTS (SELECT FROM {parent} AS p WHERE {leads})",
        decided = staged.decided_table(),
        only = table.only(),
        found = by_key(table),
        touched = touched.join(" OR "),
        there = there.join(" AND "),
        parent = parent.only(),
    );
    ask(link, staged.place, &query, &format!("its foreign key to {} leads nowhere", key.parent)).await
}

/// The equality of a foreign key's columns, whose right side is given.
fn led(key: &ForeignKey, from: &[String]) -> String {
    let pairs = key.parent_columns.iter().zip(from);
    pairs.map(|(to, from)| format!("p.{} = {from}", identifier(to))).collect::<Vec<_>>().join(" AND ")
}

/// Rows that were taken away, or changed, while others still refer to what they were.
async fn of_parents(
    link: &Link,
    table: &SideTable,
    staged: &Staged,
    child: &SideTable,
    key: &ForeignKey,
) -> Result<Vec<Refused>, Fault> {
    let slots: Vec<usize> = key.parent_columns.iter().filter_map(|name| table.place(name)).collect();
    if slots.len() != key.parent_columns.len() {
        return Ok(Vec::new());
    }
    let touched: Vec<String> = slots.iter().map(|slot| staged.is_touched("s", *slot)).collect();
    let from = list(child, &key.columns, "c.");
    let was: Vec<String> = slots
        .iter()
        .zip(&from)
        .filter_map(|(slot, from)| {
            let side = if table.key.contains(slot) { 'l' } else { 'b' };
            let text = format!("CASE WHEN s.why IS NULL THEN s.{side}{slot} END");
            Some(format!("{from} = ({text})::{}", table.column(*slot)?.cast))
        })
        .collect();
    let query = format!(
        "SELECT DISTINCT s.id FROM {decided} AS s JOIN {child} AS c ON {was}
         WHERE (s.fate = 'd' OR (s.fate = 'u' AND ({touched})))
         AND NOT EXISTS (SELECT FROM {parent} AS p WHERE {leads})",
        decided = staged.decided_table(),
        child = child.only(),
        was = was.join(" AND "),
        touched = touched.join(" OR "),
        parent = table.only(),
        leads = led(key, &from),
    );
    ask(link, staged.place, &query, &format!("a row of {} still refers to it", child.name())).await
}

/// Rows that were taken over and have a value that another row has too, where that may be deferred.
async fn of_doubles(
    link: &Link,
    table: &SideTable,
    staged: &Staged,
    columns: &[usize],
) -> Result<Vec<Refused>, Fault> {
    let touched: Vec<String> = columns.iter().map(|slot| staged.is_touched("s", *slot)).collect();
    let same: Vec<String> = list(table, columns, "o.")
        .iter()
        .zip(list(table, columns, "h."))
        .map(|(other, own)| format!("{other} = {own}"))
        .collect();
    let apart = if table.is_partitioned {
        "(o.tableoid, o.ctid) <> (h.tableoid, h.ctid)"
    } else {
        "o.ctid <> h.ctid"
    };
    let query = format!(
        "SELECT DISTINCT s.id FROM {decided} AS s JOIN {only} AS h ON {found}
         WHERE (s.fate = 'i' OR (s.fate = 'u' AND ({touched})))
         AND EXISTS (SELECT FROM {only} AS o WHERE {same} AND {apart})",
        decided = staged.decided_table(),
        only = table.only(),
        found = by_key(table),
        touched = touched.join(" OR "),
        same = same.join(" AND "),
    );
    ask(link, staged.place, &query, "another row has a value that may be there once only").await
}
