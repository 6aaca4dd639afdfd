//! Sequences that feed columns: moved past everything that was taken over, never backwards.

use std::collections::BTreeMap;

use super::side::Side;
use super::stage::{Staged, table_of};
use crate::server::{Fault, Link, TableName, identifier, literal};

/// A sequence that feeds a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sequence {
    pub(super) column: String,
    pub(super) name: TableName,
    pub(super) goes_down: bool,
}

/// The sequences that belong to columns of a table, or that their defaults call.
pub(super) async fn of_table(link: &Link, table: &TableName) -> Result<Vec<Sequence>, Fault> {
    let rows = link
        .query(
            "SELECT DISTINCT a.attname::text, n.nspname::text, s.relname::text, q.seqincrement < 0
             FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
             JOIN (SELECT d.refobjid AS tab, d.refobjsubid AS col, d.objid AS seq FROM pg_depend d
                   WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
                     AND d.deptype IN ('a', 'i')
                   UNION ALL
                   SELECT f.adrelid, f.adnum, d.refobjid FROM pg_attrdef f JOIN pg_depend d
                     ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass
                  ) AS u ON u.tab = t.oid AND u.col = a.attnum
             JOIN pg_class s ON s.oid = u.seq AND s.relkind = 'S' JOIN pg_sequence q ON q.seqrelid = s.oid
             JOIN pg_namespace n ON n.oid = s.relnamespace
             WHERE t.oid = to_regclass($1::text)",
            &[&table.sql()],
        )
        .await?;
    let sequence = |row: &tokio_postgres::Row| Sequence {
        column: row.get(0),
        name: TableName::new(row.get::<_, String>(1), row.get::<_, String>(2)),
        goes_down: row.get(3),
    };
    Ok(rows.iter().map(sequence).collect())
}

/// The last value that a sequence gave; what is before its first one where it gave none.
pub(super) async fn last_given(link: &Link, name: &TableName) -> Result<i64, Fault> {
    let query =
        format!("SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM {}", name.sql());
    Ok(link.query_one(&query, &[]).await?.get(0))
}

/// Moves the sequences of what was staged: past what stands in their columns now, past what the changes held that are
/// gone again, and past what the same sequence gave on the other side, where keys are the same there. What a sequence
/// gives is not undone with a transaction, and no harm then.
pub(super) async fn move_on(
    link: &Link,
    here: &Side,
    staged: &Staged,
    highest: &BTreeMap<(usize, usize), i64>,
    there: Option<&Link>,
    keeps_keys: bool,
) -> Result<(), Fault> {
    let table = table_of(here, staged)?;
    for sequence in of_table(link, &table.name()).await? {
        let Some(place) = table.place(&sequence.column) else { continue };
        let is_led = !keeps_keys && table.key.contains(&place);
        let aggregate = if sequence.goes_down { "min" } else { "max" };
        let standing: Option<i64> = link
            .query_one(
                &format!(
                    "SELECT {aggregate}({})::bigint FROM {}",
                    identifier(&sequence.column),
                    table.only()
                ),
                &[],
            )
            .await?
            .get(0);
        let mut wanted = standing;
        let further = |a: Option<i64>, b: Option<i64>| match (a, b) {
            (Some(a), Some(b)) => Some(if sequence.goes_down { a.min(b) } else { a.max(b) }),
            (a, b) => a.or(b),
        };
        if !is_led {
            wanted = further(wanted, highest.get(&(staged.place, place)).copied());
            if let Some(there) = there
                && there
                    .query_one("SELECT to_regclass($1::text) IS NOT NULL", &[&sequence.name.sql()])
                    .await?
                    .get(0)
                && let Ok(given) = last_given(there, &sequence.name).await
            {
                wanted = further(wanted, Some(given));
            }
        }
        let Some(wanted) = wanted else { continue };
        let given = last_given(link, &sequence.name).await?;
        let is_further = if sequence.goes_down { wanted < given } else { wanted > given };
        if is_further {
            link.query_one(
                &format!("SELECT setval({}::regclass, $1)", literal(&sequence.name.sql())),
                &[&wanted],
            )
            .await?;
        }
    }
    Ok(())
}
