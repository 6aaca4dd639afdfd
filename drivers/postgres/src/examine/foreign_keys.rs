//! Whether foreign keys lead somewhere, row by row. What a server once checked may not hold any more: triggers can be
//! switched off, and a restore does not run them.

use std::collections::BTreeMap;

use super::findings::{Findings, counted, try_query};
use super::indexes::safe;
use crate::catalog::Table;
use crate::server::{Fault, Link, Pace, TableName, identifier};

/// A foreign key.
struct ForeignKey {
    name: String,
    validated: bool,
    /// Whether some columns may be NULL while others are not.
    full: bool,
    from: Side,
    to: Side,
    /// The operators by which columns are compared, with the collation where one is needed.
    operators: Vec<String>,
}

struct Side {
    table: TableName,
    partitioned: bool,
    columns: Vec<String>,
}

pub(super) async fn examine(
    link: &Link,
    tables: &[Table],
    pace: &Pace,
    findings: &mut Findings,
) -> Result<(), Fault> {
    let wanted: BTreeMap<u32, &Table> = tables.iter().map(|table| (table.oid, table)).collect();
    let mut held = 0;
    for row in link.query_typed(STATEMENT, &[]).await? {
        if !wanted.contains_key(&row.get(0)) {
            continue;
        }
        pace.check("examine foreign keys")?;
        let key = ForeignKey {
            name: row.get(1),
            validated: row.get(2),
            full: row.get(3),
            from: Side {
                table: TableName::new(row.get::<_, String>(4), row.get::<_, String>(5)),
                partitioned: row.get(6),
                columns: row.get(7),
            },
            to: Side {
                table: TableName::new(row.get::<_, String>(8), row.get::<_, String>(9)),
                partitioned: row.get(10),
                columns: row.get(11),
            },
            operators: row.get(12),
        };
        let said = format!("table {}: foreign key {}", key.from.table, safe(&key.name));
        match try_query(link, &orphans(&key)).await? {
            Err(why) => findings.untold(format!("{said} cannot be tried: {why}")),
            Ok(answer) => {
                let orphans = answer.first().map_or(0, |row| row.get::<_, i64>(0));
                let said = format!("{said}: {} nowhere in {}", leading(orphans), key.to.table);
                match (orphans, key.validated) {
                    (0, _) => held += 1,
                    (_, true) => findings.wrong(said),
                    (_, false) => findings.told(format!("{said}; it was never validated")),
                }
            }
        }
    }
    if held > 0 {
        findings.told(format!("{} hold", counted(held, "foreign key")));
    }
    Ok(())
}

fn leading(rows: i64) -> String {
    format!("{} {}", counted(rows, "row"), if rows == 1 { "leads" } else { "lead" })
}

/// Those of partitions are copies of their parent's. Periods (since 18) are compared by overlap, not here.
const STATEMENT: &str = "\
    SELECT k.conrelid, k.conname::text, k.convalidated, k.confmatchtype = 'f', \
           fn.nspname::text, f.relname::text, f.relkind = 'p', \
           (SELECT array_agg(a.attname::text ORDER BY u.place) FROM unnest(k.conkey) WITH ORDINALITY AS u(number, place) \
            JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number), \
           pn.nspname::text, p.relname::text, p.relkind = 'p', \
           (SELECT array_agg(a.attname::text ORDER BY u.place) FROM unnest(k.confkey) WITH ORDINALITY AS u(number, place) \
            JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number), \
           (SELECT array_agg(concat_ws(' ', CASE WHEN there.attcollation <> here.attcollation THEN \
                    (SELECT format('COLLATE %I.%I', cn.nspname, co.collname) FROM pg_collation co \
                     JOIN pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = there.attcollation) END, \
                    format('OPERATOR(%I.%s)', n.nspname, o.oprname)) ORDER BY u.place) \
            FROM unnest(k.conpfeqop, k.conkey, k.confkey) WITH ORDINALITY AS u(operator, own, other, place) \
            JOIN pg_operator o ON o.oid = u.operator JOIN pg_namespace n ON n.oid = o.oprnamespace \
            JOIN pg_attribute here ON here.attrelid = k.conrelid AND here.attnum = u.own \
            JOIN pg_attribute there ON there.attrelid = k.confrelid AND there.attnum = u.other) \
    FROM pg_constraint k \
    JOIN pg_class f ON f.oid = k.conrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace \
    JOIN pg_class p ON p.oid = k.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace \
    WHERE k.contype = 'f' AND k.conparentid = 0 \
      AND coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true) \
      AND NOT coalesce((to_jsonb(k) ->> 'conperiod')::boolean, false) \
    ORDER BY fn.nspname, f.relname, k.conname";

/// How many rows lead nowhere.
fn orphans(key: &ForeignKey) -> String {
    let only = |side: &Side| format!("{}{}", if side.partitioned { "" } else { "ONLY " }, side.table.sql());
    let own: Vec<String> = key.from.columns.iter().map(|name| format!("f.{}", identifier(name))).collect();
    let present = |joint: &str| {
        own.iter().map(|column| format!("{column} IS NOT NULL")).collect::<Vec<_>>().join(joint)
    };
    let matched: Vec<String> = own
        .iter()
        .zip(&key.to.columns)
        .zip(&key.operators)
        .map(|((own, other), operator)| format!("p.{} {operator} {own}", identifier(other)))
        .collect();
    let nowhere = format!("NOT EXISTS (SELECT FROM {} AS p WHERE {})", only(&key.to), matched.join(" AND "));
    let lost = if key.full {
        format!("({}) AND (NOT ({}) OR {nowhere})", present(" OR "), present(" AND "))
    } else {
        format!("{} AND {nowhere}", present(" AND "))
    };
    format!("SELECT count(*) FROM {} AS f WHERE {lost}", only(&key.from))
}
