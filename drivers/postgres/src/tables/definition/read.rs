//! Reads how tables are defined, in whatever snapshot the connection stands.

use backout_contract::{DriverError, ErrorKind};
use serde_json::Value;
use tokio_postgres::GenericClient;

use super::{SequenceValue, TableDefinition};
use crate::server::{Fault, Version};

/// The part of the query that is the same for tables, columns and sequences.
fn grants(acl: &str) -> String {
    format!(
        "(SELECT jsonb_agg(jsonb_build_object('grantee', CASE WHEN a.grantee <> 0 THEN pg_get_userbyid(a.grantee) END,
            'grantor', pg_get_userbyid(a.grantor), 'privilege', a.privilege_type, 'grantable', a.is_grantable)
            ORDER BY a.grantee, a.grantor, a.privilege_type)
          FROM aclexplode({acl}) AS a)"
    )
}

/// A foreign key of `pg_constraint AS k`, in pieces.
pub(in crate::tables) const FOREIGN_KEY: &str = "jsonb_build_object(
    'to', (SELECT jsonb_build_object('schema', fn.nspname, 'name', f.relname)
        FROM pg_class AS f JOIN pg_namespace AS fn ON fn.oid = f.relnamespace WHERE f.oid = k.confrelid),
    'columns', (SELECT jsonb_agg(fa.attname ORDER BY u.place) FROM unnest(k.conkey) WITH ORDINALITY AS u (number, place)
        JOIN pg_attribute AS fa ON fa.attrelid = k.conrelid AND fa.attnum = u.number),
    'to_columns', (SELECT jsonb_agg(fa.attname ORDER BY u.place) FROM unnest(k.confkey) WITH ORDINALITY AS u (number, place)
        JOIN pg_attribute AS fa ON fa.attrelid = k.confrelid AND fa.attnum = u.number),
    'operators', (SELECT jsonb_agg(format('OPERATOR(%I.%s)', opn.nspname, op.oprname) ORDER BY u.place)
        FROM unnest(k.conpfeqop) WITH ORDINALITY AS u (number, place)
        JOIN pg_operator AS op ON op.oid = u.number JOIN pg_namespace AS opn ON opn.oid = op.oprnamespace),
    'valid', k.convalidated)";

fn query(version: Version) -> String {
    let compression = if version.major() >= 14 { "nullif(a.attcompression, '')" } else { "NULL" };
    let (published_columns, published_rows) = if version.major() >= 15 {
        (
            "coalesce((SELECT jsonb_agg(pa.attname ORDER BY pa.attnum) FROM pg_attribute AS pa
                WHERE pa.attrelid = c.oid AND pa.attnum = ANY (pr.prattrs)), '[]')",
            "pg_get_expr(pr.prqual, c.oid)",
        )
    } else {
        ("'[]'::jsonb", "NULL")
    };
    // What NOT NULL is called is part of the column for us.
    format!(
        "SELECT jsonb_build_object(
            'name', jsonb_build_object('schema', n.nspname, 'name', c.relname),
            'kind', c.relkind, 'unlogged', c.relpersistence = 'u',
            'access_method', (SELECT m.amname FROM pg_am AS m WHERE m.oid = c.relam AND m.amname <> 'heap'),
            'tablespace', (SELECT t.spcname FROM pg_tablespace AS t WHERE t.oid = c.reltablespace),
            'options', coalesce(to_jsonb(c.reloptions), '[]'),
            'toast_options', coalesce((SELECT to_jsonb(t.reloptions) FROM pg_class AS t WHERE t.oid = c.reltoastrelid), '[]'),
            'partition_key', CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
            'bound', pg_get_expr(c.relpartbound, c.oid),
            'parents', coalesce((SELECT jsonb_agg(jsonb_build_object('schema', pn.nspname, 'name', p.relname) ORDER BY i.inhseqno)
                FROM pg_inherits AS i JOIN pg_class AS p ON p.oid = i.inhparent JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
                WHERE i.inhrelid = c.oid), '[]'),
            'columns', coalesce((SELECT jsonb_agg(jsonb_build_object(
                    'name', a.attname, 'type_name', format_type(a.atttypid, a.atttypmod), 'built_in', a.atttypid < 16384,
                    'collation', (SELECT quote_ident(cn.nspname) || '.' || quote_ident(co.collname)
                        FROM pg_collation AS co JOIN pg_namespace AS cn ON cn.oid = co.collnamespace
                        WHERE co.oid = a.attcollation AND a.attcollation <> ty.typcollation),
                    'not_null', a.attnotnull, 'local', a.attislocal,
                    'default', pg_get_expr(d.adbin, d.adrelid),
                    'generated', nullif(a.attgenerated, ''), 'identity', nullif(a.attidentity, ''),
                    'storage', CASE WHEN a.attstorage <> ty.typstorage THEN a.attstorage END,
                    'compression', {compression},
                    'statistics', CASE WHEN a.attstattarget >= 0 THEN a.attstattarget END,
                    'options', coalesce(to_jsonb(a.attoptions), '[]'),
                    'grants', {column_grants},
                    'comment', col_description(c.oid, a.attnum)) ORDER BY a.attnum)
                FROM pg_attribute AS a JOIN pg_type AS ty ON ty.oid = a.atttypid
                LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]'),
            'constraints', coalesce((SELECT jsonb_agg(jsonb_build_object(
                    'name', k.conname, 'kind', k.contype, 'definition', pg_get_constraintdef(k.oid),
                    'key', CASE WHEN k.contype = 'f' THEN {FOREIGN_KEY} END,
                    'comment', obj_description(k.oid, 'pg_constraint')) ORDER BY k.contype, k.conname)
                FROM pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype IN ('c', 'f', 'p', 'u', 'x')
                    AND (k.contype IN ('p', 'u', 'x') OR k.conislocal) AND NOT (k.contype = 'f' AND k.conparentid <> 0)), '[]'),
            'indexes', coalesce((SELECT jsonb_agg(jsonb_build_object(
                    'name', i.relname, 'unique', x.indisunique,
                    'definition', substr(pg_get_indexdef(i.oid), 1 + length(format('CREATE %sINDEX %I ON %s%s USING ',
                        CASE WHEN x.indisunique THEN 'UNIQUE ' END, i.relname,
                        CASE WHEN i.relkind = 'I' THEN 'ONLY ' END, format('%I.%I', n.nspname, c.relname)))),
                    'by_constraint', EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = i.oid AND k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x')),
                    'clustered', x.indisclustered, 'replica_identity', x.indisreplident,
                    'statistics', coalesce((SELECT jsonb_agg(jsonb_build_array(ia.attnum, ia.attstattarget) ORDER BY ia.attnum)
                        FROM pg_attribute AS ia WHERE ia.attrelid = i.oid AND ia.attstattarget >= 0), '[]'),
                    'comment', obj_description(i.oid, 'pg_class')) ORDER BY i.relname)
                FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid WHERE x.indrelid = c.oid), '[]'),
            'triggers', coalesce((SELECT jsonb_agg(jsonb_build_object(
                    'name', t.tgname, 'definition', pg_get_triggerdef(t.oid), 'enabled', t.tgenabled,
                    'comment', obj_description(t.oid, 'pg_trigger')) ORDER BY t.tgname)
                FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgparentid = 0
                    AND NOT starts_with(t.tgname, '_backout')), '[]'),
            'rules', coalesce((SELECT jsonb_agg(jsonb_build_object(
                    'name', r.rulename, 'definition', pg_get_ruledef(r.oid), 'enabled', r.ev_enabled,
                    'comment', obj_description(r.oid, 'pg_rewrite')) ORDER BY r.rulename)
                FROM pg_rewrite AS r WHERE r.ev_class = c.oid), '[]'),
            'policies', coalesce((SELECT jsonb_agg(jsonb_build_object(
                    'name', p.polname, 'permissive', p.polpermissive, 'command', p.polcmd,
                    'roles', (SELECT jsonb_agg(CASE WHEN o = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(o)) END)
                        FROM unnest(p.polroles) AS o),
                    'using', pg_get_expr(p.polqual, c.oid), 'check', pg_get_expr(p.polwithcheck, c.oid),
                    'comment', obj_description(p.oid, 'pg_policy')) ORDER BY p.polname)
                FROM pg_policy AS p WHERE p.polrelid = c.oid), '[]'),
            'row_security', c.relrowsecurity, 'force_row_security', c.relforcerowsecurity,
            'replica_identity', c.relreplident,
            'statistics', coalesce((SELECT jsonb_agg(jsonb_build_object(
                    'name', jsonb_build_object('schema', sn.nspname, 'name', s.stxname),
                    'definition', pg_get_statisticsobjdef(s.oid),
                    'target', CASE WHEN s.stxstattarget >= 0 THEN s.stxstattarget END,
                    'owner', pg_get_userbyid(s.stxowner),
                    'comment', obj_description(s.oid, 'pg_statistic_ext')) ORDER BY sn.nspname, s.stxname)
                FROM pg_statistic_ext AS s JOIN pg_namespace AS sn ON sn.oid = s.stxnamespace WHERE s.stxrelid = c.oid), '[]'),
            'sequences', coalesce((SELECT jsonb_agg(jsonb_build_object(
                    'name', jsonb_build_object('schema', qn.nspname, 'name', q.relname), 'column', a.attname,
                    'of_identity', dep.deptype = 'i', 'type_name', format_type(e.seqtypid, NULL),
                    'unlogged', q.relpersistence = 'u', 'start', e.seqstart,
                    'increment', e.seqincrement, 'minimum', e.seqmin, 'maximum', e.seqmax, 'cache', e.seqcache,
                    'cycle', e.seqcycle, 'owner', pg_get_userbyid(q.relowner), 'grants', {sequence_grants},
                    'comment', obj_description(q.oid, 'pg_class')) ORDER BY qn.nspname, q.relname)
                FROM pg_depend AS dep JOIN pg_class AS q ON q.oid = dep.objid AND q.relkind = 'S'
                JOIN pg_namespace AS qn ON qn.oid = q.relnamespace JOIN pg_sequence AS e ON e.seqrelid = q.oid
                JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = dep.refobjsubid
                WHERE dep.classid = 'pg_class'::regclass AND dep.refclassid = 'pg_class'::regclass
                    AND dep.refobjid = c.oid AND dep.deptype IN ('a', 'i')), '[]'),
            'publications', coalesce((SELECT jsonb_agg(jsonb_build_object(
                    'name', pb.pubname, 'columns', {published_columns}, 'filter', {published_rows}) ORDER BY pb.pubname)
                FROM pg_publication_rel AS pr JOIN pg_publication AS pb ON pb.oid = pr.prpubid
                WHERE pr.prrelid = c.oid AND NOT starts_with(pb.pubname, '_backout')), '[]'),
            'owner', pg_get_userbyid(c.relowner),
            'grants', {table_grants},
            'comment', obj_description(c.oid, 'pg_class'))
        FROM unnest($1::oid[]) WITH ORDINALITY AS wanted (oid, place)
        JOIN pg_class AS c ON c.oid = wanted.oid JOIN pg_namespace AS n ON n.oid = c.relnamespace
        ORDER BY wanted.place",
        column_grants = grants("a.attacl"),
        sequence_grants = grants("q.relacl"),
        table_grants = grants("c.relacl"),
    )
}

/// The definitions of tables by their object numbers, in that order.
///
/// # Errors
/// When the server does not answer.
pub(in crate::tables) async fn tables(
    client: &impl GenericClient,
    version: Version,
    oids: &[u32],
) -> Result<Vec<TableDefinition>, Fault> {
    let rows = client.query(&query(version), &[&oids]).await?;
    let read = |row: &tokio_postgres::Row| {
        serde_json::from_value::<TableDefinition>(row.get::<_, Value>(0)).map_err(|error| {
            Fault::Said(
                DriverError::new(ErrorKind::Other, "understand how a table is defined")
                    .caused_by(error)
                    .nothing_happened(),
            )
        })
    };
    rows.iter().map(read).collect()
}

/// Where the sequences of these tables stand.
///
/// # Errors
/// When one cannot be read.
pub(in crate::tables) async fn values(
    client: &impl GenericClient,
    tables: &[TableDefinition],
) -> Result<Vec<SequenceValue>, Fault> {
    let mut values = Vec::new();
    for sequence in tables.iter().flat_map(|table| &table.sequences) {
        let query = format!("SELECT last_value, is_called FROM {}", sequence.name.sql());
        let row = client.query_one(&query, &[]).await?;
        values.push(SequenceValue { name: sequence.name.clone(), last: row.get(0), called: row.get(1) });
    }
    Ok(values)
}
