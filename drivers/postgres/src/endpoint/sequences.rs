//! Sequences of the old side are moved past every value that the new one gave.

use backout_contract::DriverError;

use crate::recover::Merge;
use crate::server::{Fault, Link, Pace, TableName};

/// Moves each sequence that both sides have, and never back; one that the old side gave further stays. In one
/// transaction.
pub(super) async fn ahead(old: &Link, new: &Link, _: &Merge, pace: &Pace) -> Result<u64, DriverError> {
    pace.check("move sequences")?;
    let work = async {
        let theirs = values(new).await?;
        let ours = values(old).await?;
        let mut sql = String::new();
        let mut moved = 0_u64;
        for (name, (value, _)) in &theirs {
            let Some((own, step)) = ours.get(name) else { continue };
            let is_behind = if *step > 0 { own < value } else { own > value };
            if is_behind {
                let name = crate::server::literal(name);
                sql.push_str(&format!("SELECT pg_catalog.setval({name}, {value}, false); "));
                moved += 1;
            }
        }
        if moved > 0 {
            old.batch_execute(&format!("BEGIN; SET LOCAL synchronous_commit = on; {sql}COMMIT")).await?;
        }
        Ok(moved)
    };
    work.await
        .map_err(|fault: Fault| fault.while_doing("move the sequences of the old side past those of the new"))
}

/// The value that each would give next, and its step.
async fn values(link: &Link) -> Result<std::collections::BTreeMap<String, (i64, i64)>, Fault> {
    let rows = link
        .query(
            "SELECT s.schemaname::text, s.sequencename::text, s.increment_by,
                    CASE WHEN s.last_value IS NULL THEN s.start_value ELSE s.last_value + s.increment_by END,
                    s.last_value IS NULL
             FROM pg_catalog.pg_sequences s WHERE NOT pg_catalog.starts_with(s.schemaname, '_backout')",
            &[],
        )
        .await?;
    let of_row = |row: &tokio_postgres::Row| {
        let name = TableName::new(row.get::<_, String>(0), row.get::<_, String>(1)).sql();
        (name, (row.get(3), row.get(2)))
    };
    Ok(rows.iter().map(of_row).collect())
}
