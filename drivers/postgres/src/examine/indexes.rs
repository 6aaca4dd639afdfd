//! Indexes that a failed build left behind, and constraints that were never validated.

use std::collections::BTreeMap;

use super::findings::Findings;
use crate::catalog::Table;
use crate::server::{Fault, Link, TableName};

/// An invalid index is wrong: a unique one keeps nothing apart, and no restore leaves one. Of a partitioned table it
/// means only that a partition has none.
pub(super) async fn examine(link: &Link, tables: &[Table], findings: &mut Findings) -> Result<(), Fault> {
    let names: BTreeMap<u32, &TableName> = tables.iter().map(|table| (table.oid, &table.name)).collect();
    let statement = "\
        SELECT x.indrelid, i.relname::text, i.relkind = 'I', x.indisvalid, x.indisready, x.indislive \
        FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid \
        WHERE NOT (x.indisvalid AND x.indisready AND x.indislive) ORDER BY i.relname";
    for row in link.query_typed(statement, &[]).await? {
        let Some(table) = names.get(&row.get(0)) else { continue };
        let index = safe(row.get(1));
        if row.get(2) {
            findings.told(format!("table {table}: index {index} is not on every partition"));
        } else {
            findings.wrong(format!("table {table}: index {index} is invalid"));
        }
    }
    let statement = "\
        SELECT k.conrelid, k.conname::text FROM pg_constraint k \
        WHERE k.conrelid <> 0 AND NOT k.convalidated ORDER BY k.conname";
    for row in link.query_typed(statement, &[]).await? {
        let Some(table) = names.get(&row.get(0)) else { continue };
        findings.told(format!("table {table}: constraint {} was never validated", safe(row.get(1))));
    }
    Ok(())
}

/// A name that may be anything, in a form that does nothing to a terminal.
pub(super) fn safe(name: &str) -> String {
    backout_kit::path_text::encode(std::ffi::OsStr::new(name))
}
