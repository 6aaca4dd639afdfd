//! Every table read to its end, and its check constraints tried on every row.

use std::collections::HashMap;

use super::findings::{Findings, counted, try_query};
use super::indexes::safe;
use crate::catalog::Table;
use crate::server::{Fault, Link, Pace};

/// A check constraint that can be tried.
struct Check {
    name: String,
    expression: String,
    validated: bool,
}

pub(super) async fn examine(
    link: &Link,
    tables: &[Table],
    pace: &Pace,
    findings: &mut Findings,
) -> Result<(), Fault> {
    // Through the table itself: an index may be whole where the table is not.
    link.batch_execute(
        "SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; \
                        SET LOCAL enable_bitmapscan = off; SAVEPOINT examining",
    )
    .await?;
    let mut checks = checks(link).await?;
    let (mut read, mut held, mut rows) = (0, 0, 0);
    for table in tables.iter().filter(|table| table.holds_rows()) {
        pace.check("examine tables")?;
        if !table.readable {
            findings.untold(format!("table {} cannot be read: permission denied", table.name));
            continue;
        }
        let checks = checks.remove(&table.oid).unwrap_or_default();
        let counts: String = checks
            .iter()
            .map(|check| format!(", count(*) FILTER (WHERE NOT ({}))", check.expression))
            .collect();
        let found =
            try_query(link, &format!("SELECT count(*){counts} FROM ONLY {}", table.name.sql())).await?;
        let row = match &found {
            Ok(answer) => answer.first(),
            Err(why) => {
                findings.wrong(format!("table {} cannot be read to its end: {why}", table.name));
                continue;
            }
        };
        let Some(row) = row else { continue };
        read += 1;
        rows += row.get::<_, i64>(0);
        for (at, check) in checks.iter().enumerate() {
            let broken: i64 = row.get(at + 1);
            let said = format!(
                "table {}: {} against the check constraint {}",
                table.name,
                counted(broken, "row"),
                safe(&check.name)
            );
            match (broken, check.validated) {
                (0, _) => held += 1,
                (_, true) => findings.wrong(said),
                (_, false) => findings.told(format!("{said}, which was never validated")),
            }
        }
    }
    link.batch_execute(
        "SET LOCAL enable_indexscan = on; SET LOCAL enable_indexonlyscan = on; \
                        SET LOCAL enable_bitmapscan = on; SAVEPOINT examining",
    )
    .await?;
    findings.told(format!("{} read to the end, {}", counted(read, "table"), counted(rows, "row")));
    if held > 0 {
        findings.told(format!("{} hold", counted(held, "check constraint")));
    }
    Ok(())
}

/// Those that call no function or operator of a user's own; extensions are the superuser's.
async fn checks(link: &Link) -> Result<HashMap<u32, Vec<Check>>, Fault> {
    let statement = "\
        SELECT k.conrelid, k.conname::text, pg_get_expr(k.conbin, k.conrelid), k.convalidated \
        FROM pg_constraint k WHERE k.contype = 'c' AND k.conrelid <> 0 \
          AND coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true) \
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_constraint'::regclass AND d.objid = k.oid \
              AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass) \
              AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.refclassid AND e.objid = d.refobjid \
                              AND e.deptype = 'e')) \
        ORDER BY k.conname";
    let mut checks: HashMap<u32, Vec<Check>> = HashMap::new();
    for row in link.query_typed(statement, &[]).await? {
        let check = Check { name: row.get(1), expression: row.get(2), validated: row.get(3) };
        checks.entry(row.get(0)).or_default().push(check);
    }
    Ok(checks)
}
