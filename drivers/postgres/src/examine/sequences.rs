//! Sequences that are behind the column that they fill: the next insert would fail.

use std::collections::BTreeMap;

use backout_contract::Exactness;

use super::findings::{Findings, try_query};
use super::indexes::safe;
use crate::catalog::{Scope, Table};
use crate::rows;
use crate::server::{Fault, Link, TableName, identifier};

/// Where nothing keeps the column unique, a sequence that is behind makes no insert fail: it is told. Quickly only where
/// an index knows the largest value.
pub(super) async fn examine(
    link: &Link,
    tables: &[Table],
    exactness: Exactness,
    findings: &mut Findings,
) -> Result<(), Fault> {
    let names: BTreeMap<u32, &Table> = tables.iter().map(|table| (table.oid, table)).collect();
    let next = rows::sequences(link, &Scope::Database).await?.next;
    let (mut ahead, mut looked) = (0, 0);
    for row in link.query_typed(STATEMENT, &[]).await? {
        let Some(table) = names.get(&row.get(0)).filter(|table| table.readable) else { continue };
        let (column, rises, indexed, unique): (&str, bool, bool, bool) =
            (row.get(1), row.get(4), row.get(5), row.get(6));
        let sequence = TableName::new(row.get::<_, String>(2), row.get::<_, String>(3));
        let Some(next) = next.get(&sequence.sql()) else { continue };
        if exactness == Exactness::Shape && !indexed {
            continue;
        }
        let furthest = if rises { "max" } else { "min" };
        let sql = format!("SELECT {furthest}({})::text FROM {}", identifier(column), table.name.sql());
        looked += 1;
        let answer = match try_query(link, &sql).await? {
            Ok(answer) => answer.first().and_then(|row| row.get::<_, Option<String>>(0)),
            Err(why) => {
                findings.untold(format!("sequence {sequence} cannot be compared with {}: {why}", table.name));
                continue;
            }
        };
        // A number with a fraction or beyond a sequence's reach is nothing that it could give.
        let used = answer.and_then(|text| text.parse::<i64>().ok());
        match used {
            Some(used) if (rises && used >= *next) || (!rises && used <= *next) => {
                let said = format!(
                    "sequence {sequence} gives {next} next, and {}.{} has {used} already",
                    table.name,
                    safe(column)
                );
                if unique { findings.wrong(said) } else { findings.told(said) }
            }
            _ => ahead += 1,
        }
    }
    if looked > 0 && looked == ahead {
        findings.told(format!("sequences are ahead of their columns ({ahead})"));
    }
    Ok(())
}

/// Every column of whole numbers that a sequence fills: owned by it, or by a default that draws from it. One that begins
/// again when it has reached its end is left out.
const STATEMENT: &str = "\
    WITH filled AS ( \
        SELECT d.objid AS sequence, d.refobjid AS relation, d.refobjsubid AS number \
        FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass \
          AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0 \
        UNION \
        SELECT d.refobjid, v.adrelid, v.adnum FROM pg_depend d JOIN pg_attrdef v ON v.oid = d.objid \
        WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass) \
    SELECT f.relation, a.attname::text, n.nspname::text, c.relname::text, s.seqincrement > 0, \
           EXISTS (SELECT FROM pg_index x WHERE x.indrelid = f.relation AND x.indisvalid AND x.indkey[0] = f.number \
                   AND x.indpred IS NULL), \
           EXISTS (SELECT FROM pg_index x WHERE x.indrelid = f.relation AND x.indisunique AND x.indkey[0] = f.number \
                   AND x.indnkeyatts = 1) \
    FROM filled f JOIN pg_sequence s ON s.seqrelid = f.sequence JOIN pg_class c ON c.oid = s.seqrelid \
    JOIN pg_namespace n ON n.oid = c.relnamespace \
    JOIN pg_attribute a ON a.attrelid = f.relation AND a.attnum = f.number \
    WHERE NOT s.seqcycle AND a.atttypid IN (20, 21, 23, 1700) \
    ORDER BY n.nspname, c.relname, a.attname";
