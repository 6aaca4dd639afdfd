//! The last resort: nothing records, and rows that are newer than what was saved are found by the stamp that the server
//! puts on each version of a row. Deletions leave no trace, and a row that was written twice counts once.

use backout_core::writes::{Counted, Coverage, Gap, TableWrites, Tally};

use super::order::Order;
use super::snapshot::Since;
use super::standing::{EVERY_TABLE, Here};
use super::tables;
use crate::server::{Fault, Link};
use crate::state::State;

const INCOMPLETE: &str = "incomplete: nothing records it; rows that are newer than what was saved are found by looking, and \
                          what was deleted is not seen";

/// What a person should know of all of it.
const LABEL: &str = "incomplete: `recorder: {by: timestamps}` records nothing; rows newer than what was saved are counted, \
                     those written twice once and those deleted never, and nothing can be taken over";

/// What is seen: of every table something, and of none all.
pub(super) async fn coverage(link: &Link, order: &Order<'_>) -> Result<Coverage, Fault> {
    let tables = tables::find(&link.client, order).await?;
    let told = tables.values().filter(|table| table.is_told());
    let mut uncovered: Vec<Gap> = told.map(|table| table.gap(INCOMPLETE)).collect();
    uncovered.sort();
    Ok(Coverage { uncovered, notes: vec![LABEL.to_owned()], ..Coverage::default() })
}

/// How many rows of each table are newer than a state. Insertions cannot be told from changes.
pub(super) async fn count(link: &Link, order: &Order<'_>, target: &State) -> Result<Counted, Fault> {
    let here = Here::look(&link.client).await?;
    let mut gaps = coverage(link, order).await?.uncovered;
    let since = Since::of(&target.taken)?;
    if since.seen_of(&here.system, here.database).is_none() {
        let why = "that state is of another database, so that the age of rows tells nothing";
        gaps.push(Gap { table: EVERY_TABLE.to_owned(), why: why.to_owned() });
        return Ok(Counted { gaps, notes: vec![LABEL.to_owned()], ..Counted::default() });
    }
    let mut counted = Vec::new();
    for table in tables::find(&link.client, order).await?.values().filter(|table| table.holds_rows()) {
        order.pace.check("count the rows that are newer than what was saved")?;
        // A row has the lower half of a number; it is younger than half of all. Below 3 are rows older than all others.
        let sql = format!(
            "SELECT count(*) FROM ONLY {}, LATERAL (SELECT xmin::text::bigint AS half,
                 pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint AS next) n
             WHERE half > 2 AND NOT pg_catalog.pg_visible_in_snapshot(
                 greatest(next - ((next - half) & 4294967295), 3)::text::xid8, $1::text::pg_snapshot)",
            table.name.sql()
        );
        match link.query_one(&sql, &[&target.taken.snapshot]).await {
            Ok(row) => counted.push((table.name.to_string(), super::standing::unsigned(row.get(0)))),
            Err(error) => gaps.push(table.gap(crate::server::of_postgres("read it", error).chain())),
        }
    }
    counted.sort();
    let tables = counted.into_iter().filter(|(_, count)| *count > 0).map(|(table, changed)| TableWrites {
        table,
        before_cutover: Tally { inserted: 0, changed, deleted: 0 },
        since_cutover: Tally::default(),
        unmapped: changed,
        migration: 0,
        taken_over: 0,
        misfits: Vec::new(),
    });
    gaps.sort();
    Ok(Counted { tables: tables.collect(), gaps, notes: vec![LABEL.to_owned()] })
}
