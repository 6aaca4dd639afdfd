//! The pass: blocks of a piece, added up by the server, or here from texts.

use backout_core::compare::{Place, Tallies, Tally};

use super::sql::{Part, Sql};
use super::stream::{Rows, garbled};
use crate::server::{Fault, Link};

/// Adds up the rows of some parts.
pub(super) async fn tally(link: &Link, sql: &Sql<'_>, parts: &[Part]) -> Result<Tallies, Fault> {
    let mut tallies = Tallies::default();
    // Groups are never sorted, for a sort that does not fit into memory goes to the server's disk. Whoever sorts within a
    // view would get no plan worth the name; so would the questions to the catalog.
    if !sql.relation.beyond {
        link.batch_execute("SET LOCAL enable_sort = off").await?;
    }
    for part in parts {
        match sql.order.place {
            Place::Server => there(link, sql, part, &mut tallies).await?,
            Place::Here => here(link, sql, part, &mut tallies).await?,
        }
    }
    Ok(tallies)
}

async fn there(link: &Link, sql: &Sql<'_>, part: &Part, tallies: &mut Tallies) -> Result<(), Fault> {
    let mut rows = Rows::of(link, &sql.tally(part)).await?;
    while rows.next().await? {
        let sum = |at| {
            let text = rows.cell(at).and_then(|bytes| std::str::from_utf8(bytes).ok());
            text.and_then(|text| text.parse::<i128>().ok()).ok_or_else(garbled)
        };
        let tally = Tally {
            rows: u64::try_from(rows.number(1)?).map_err(|_| garbled())?,
            sum: sum(2)?,
            second: if sql.order.twice { sum(3)? } else { 0 },
        };
        tallies.add(rows.number(0)?, tally);
    }
    Ok(())
}

async fn here(link: &Link, sql: &Sql<'_>, part: &Part, tallies: &mut Tallies) -> Result<(), Fault> {
    let mut rows = Rows::of(link, &sql.texts_of(part)).await?;
    while rows.next().await? {
        let hashed = sql.order.hash_here(&rows.cells());
        tallies.add(hashed.block, hashed.tally);
    }
    Ok(())
}
