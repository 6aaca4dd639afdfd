//! From which side to which writes are taken over: back to the old schema, or forth to the new one again.

use std::collections::BTreeSet;

use super::config::Merge;
use super::rule::Direction;
use super::side::Side;
use crate::server::{Fault, Link, TableName};

/// From which side to which: by where the declared names are found, and where the declared queries can be asked.
pub(super) fn direction(
    merge: &Merge,
    there: Option<(&Side, &BTreeSet<TableName>)>,
    here: (&Side, &BTreeSet<TableName>),
) -> Direction {
    for (new, old, rule) in merge.rules() {
        let is_new = |(side, asked): (&Side, &BTreeSet<TableName>)| {
            let has_columns = side.find(&new).is_some_and(|table| {
                let mut columns = rule.columns.keys().chain(rule.references.keys()).chain(&rule.ignore);
                columns.all(|column| table.place(column).is_some())
            });
            has_columns && (rule.keys.is_none() || asked.contains(&new))
        };
        let is_old = |(side, _): (&Side, &BTreeSet<TableName>)| {
            side.find(&old).is_some_and(|table| {
                let mut columns =
                    rule.columns.values().chain(rule.expressions.keys()).chain(rule.defaults.keys());
                columns.all(|column| table.place(column).is_some())
            })
        };
        let back = is_old(here) && there.is_none_or(is_new);
        let forth = is_new(here) && there.is_none_or(is_old);
        match (back, forth) {
            (true, false) => return Direction::Back,
            (false, true) => return Direction::Forth,
            _ => {}
        }
    }
    Direction::Back
}

/// The tables of the new side whose declared query for keys can be asked in another database.
pub(super) async fn askable_there(link: &Link, merge: &Merge) -> Result<BTreeSet<TableName>, Fault> {
    link.batch_execute("BEGIN READ ONLY").await?;
    let asked = askable(link, merge).await;
    link.batch_execute("ROLLBACK").await?;
    asked
}

/// The same within a transaction, which goes on as if nothing had been asked.
pub(super) async fn askable(link: &Link, merge: &Merge) -> Result<BTreeSet<TableName>, Fault> {
    let mut found = BTreeSet::new();
    for (new, _, rule) in merge.rules() {
        let Some(query) = &rule.keys else { continue };
        link.batch_execute("SAVEPOINT backout_askable; SET LOCAL search_path TO DEFAULT").await?;
        if link.prepare(query.trim().trim_end_matches(';')).await.is_ok() {
            found.insert(new);
        }
        link.batch_execute("ROLLBACK TO backout_askable; RELEASE backout_askable").await?;
    }
    Ok(found)
}
