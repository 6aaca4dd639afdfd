//! What others hang on tables that are exchanged whole: what can be said again, and what cannot.

use serde_json::Value;
use tokio_postgres::GenericClient;

use crate::server::{Fault, TableName, Version, identifier, literal};
use crate::tables::definition::{Constraint, FOREIGN_KEY, ForeignKey};

/// A foreign key from or to a table of the part.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    pub(super) table: TableName,
    pub(super) oid: u32,
    /// The other end.
    pub(super) to: u32,
    pub(super) constraint: Constraint,
}

impl Reference {
    pub(super) fn key(&self) -> Option<&ForeignKey> {
        self.constraint.key.as_ref()
    }
}

/// Every foreign key from or to these tables, by anybody.
pub(super) async fn references(client: &impl GenericClient, tables: &[u32]) -> Result<Vec<Reference>, Fault> {
    let query = format!(
        "SELECT n.nspname::text, c.relname::text, c.oid, k.confrelid, jsonb_build_object('name', k.conname, 'kind', k.contype,
            'definition', pg_get_constraintdef(k.oid), 'key', {FOREIGN_KEY},
            'comment', obj_description(k.oid, 'pg_constraint'))
         FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
         WHERE k.contype = 'f' AND k.conparentid = 0 AND (k.conrelid = ANY ($1) OR k.confrelid = ANY ($1))
         ORDER BY 1, 2, k.conname"
    );
    let mut all = Vec::new();
    for row in client.query(&query, &[&tables]).await? {
        let Ok(constraint) = serde_json::from_value(row.get::<_, Value>(4)) else { continue };
        let table = TableName::new(row.get::<_, String>(0), row.get::<_, String>(1));
        all.push(Reference { table, oid: row.get(2), to: row.get(3), constraint });
    }
    Ok(all)
}

/// The statements that make views and functions of others mean the new tables, as soon as those stand.
pub(super) async fn said_again(
    client: &impl GenericClient,
    version: Version,
    tables: &[u32],
) -> Result<Vec<String>, Fault> {
    let views = "
        SELECT DISTINCT c.oid, format('%I.%I', n.nspname, c.relname), pg_get_viewdef(c.oid), coalesce(c.reloptions, '{}')
        FROM pg_depend AS d JOIN pg_rewrite AS r ON r.oid = d.objid JOIN pg_class AS c ON c.oid = r.ev_class
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY ($1)
            AND c.relkind = 'v' ORDER BY c.oid";
    let mut statements = Vec::new();
    for row in client.query(views, &[&tables]).await? {
        let options: Vec<String> = row.get(3);
        let check = options.iter().find_map(|option| option.strip_prefix("check_option="));
        let others: Vec<String> = options
            .iter()
            .filter_map(|option| option.split_once('='))
            .filter(|(name, _)| *name != "check_option")
            .map(|(name, value)| format!("{} = {}", identifier(name), literal(value)))
            .collect();
        let with = if others.is_empty() { String::new() } else { format!(" WITH ({})", others.join(", ")) };
        let (name, body): (String, String) = (row.get(1), row.get(2));
        let body = body.trim_end().trim_end_matches(';');
        let check =
            check.map(|kind| format!(" WITH {} CHECK OPTION", kind.to_uppercase())).unwrap_or_default();
        statements.push(format!("CREATE OR REPLACE VIEW {name}{with} AS {body}{check}"));
    }
    if version.major() >= 14 {
        let functions = "
            SELECT DISTINCT p.oid, pg_get_functiondef(p.oid) FROM pg_depend AS d JOIN pg_proc AS p ON p.oid = d.objid
            WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY ($1)
                AND p.prosqlbody IS NOT NULL ORDER BY p.oid";
        statements
            .extend(client.query(functions, &[&tables]).await?.iter().map(|row| row.get::<_, String>(1)));
    }
    Ok(statements)
}

/// What hangs on these tables by something that cannot be said again, each in a few words.
pub(super) async fn obstacles(client: &impl GenericClient, tables: &[u32]) -> Result<Vec<String>, Fault> {
    let rows = client.query(OBSTACLES, &[&tables]).await?;
    let safe = |text: String| backout_kit::path_text::encode(std::ffi::OsStr::new(&text));
    Ok(rows.iter().map(|row| safe(row.get(0))).collect())
}

/// Those of `$1` are exchanged whole.
const OBSTACLES: &str = "
WITH gone AS (SELECT c.oid, c.reltype, t.typarray, c.relname FROM unnest($1::oid[]) AS g (oid)
    JOIN pg_class AS c ON c.oid = g.oid LEFT JOIN pg_type AS t ON t.oid = c.reltype),
owned AS (SELECT d.objid AS oid, g.relname FROM pg_depend AS d JOIN gone AS g ON g.oid = d.refobjid
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
        AND (SELECT relkind FROM pg_class WHERE pg_class.oid = d.objid) = 'S')
SELECT format('%s %s is computed from %s',
        CASE c.relkind WHEN 'm' THEN 'the materialised view' ELSE 'a rule of the table' END, c.oid::regclass, g.relname)
    FROM gone AS g JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = g.oid AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite AS r ON r.oid = d.objid JOIN pg_class AS c ON c.oid = r.ev_class
    WHERE c.relkind <> 'v' AND c.oid NOT IN (SELECT oid FROM gone)
UNION
SELECT format('%s is made of rows of %s', pg_describe_object(d.classid, d.objid, d.objsubid), g.relname)
    FROM gone AS g JOIN pg_depend AS d ON d.refclassid = 'pg_type'::regclass AND d.refobjid IN (g.reltype, g.typarray)
    WHERE d.deptype = 'n' AND NOT (d.classid = 'pg_class'::regclass AND d.objid IN (SELECT oid FROM gone))
        AND NOT (d.classid = 'pg_rewrite'::regclass)
UNION
SELECT format('%s asks %s', pg_describe_object(d.classid, d.objid, 0), g.relname)
    FROM gone AS g JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = g.oid AND d.classid = 'pg_policy'::regclass
    JOIN pg_policy AS p ON p.oid = d.objid WHERE p.polrelid NOT IN (SELECT oid FROM gone)
UNION
SELECT format('the table %s inherits from %s', i.inhrelid::regclass, g.relname)
    FROM gone AS g JOIN pg_inherits AS i ON i.inhparent = g.oid WHERE i.inhrelid NOT IN (SELECT oid FROM gone)
UNION
SELECT format('%s takes its numbers from a sequence of %s', a.adrelid::regclass, o.relname)
    FROM owned AS o JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = o.oid AND d.classid = 'pg_attrdef'::regclass
    JOIN pg_attrdef AS a ON a.oid = d.objid WHERE a.adrelid NOT IN (SELECT oid FROM gone)
UNION
SELECT format('a subscription writes to %s', g.relname)
    FROM gone AS g JOIN pg_subscription_rel AS s ON s.srrelid = g.oid
ORDER BY 1";
