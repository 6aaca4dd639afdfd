//! Tables, views, materialised views and foreign tables, with their columns, constraints, indexes and statistics.

use super::{FIRST, OF_USERS, Question, grants, options};
use crate::server::Version;

pub(super) fn questions(version: Version) -> Vec<Question> {
    vec![
        Question::Objects(relations()),
        Question::Parts(facts()),
        Question::Expressions(definitions()),
        Question::Expressions(columns(version)),
        Question::Parts(column_grants()),
        Question::Parts(order_of_columns()),
        Question::Expressions(constraints(version)),
        Question::Expressions(indexes()),
        Question::Objects(statistics()),
        Question::Expressions(statistics_parts()),
    ]
}

fn relations() -> String {
    format!(
        "SELECT 'pg_class'::regclass::oid, c.oid, n.nspname::text, c.relname::text, \
                format('%s %I.%I', CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' \
                       WHEN 'f' THEN 'foreign table' ELSE 'table' END, n.nspname, c.relname), \
                pg_get_userbyid(c.relowner)::text, {} \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.oid >= {FIRST} AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't' \
           AND {OF_USERS}",
        grants("c.relacl", 'r', "c.relowner"),
    )
}

/// What is said of a relation as a whole, each only where it is not what every relation has.
fn facts() -> String {
    format!(
        "SELECT 'pg_class'::regclass::oid, c.oid, p.part, p.value, NULL::oid, NULL::oid \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         LEFT JOIN pg_class toast ON toast.oid = c.reltoastrelid \
         LEFT JOIN pg_am am ON am.oid = c.relam \
         LEFT JOIN pg_tablespace space ON space.oid = c.reltablespace \
         LEFT JOIN pg_foreign_table foreign_table ON foreign_table.ftrelid = c.oid \
         LEFT JOIN pg_foreign_server server ON server.oid = foreign_table.ftserver \
         CROSS JOIN LATERAL (VALUES \
             ('persistence', CASE c.relpersistence WHEN 'u' THEN 'unlogged' END), \
             ('access method', nullif(am.amname::text, 'heap')), \
             ('options', {}), \
             ('options of toast', {}), \
             ('tablespace', space.spcname::text), \
             ('replica identity', CASE c.relreplident WHEN 'd' THEN NULL WHEN 'n' THEN 'nothing' WHEN 'f' THEN 'full' \
                  WHEN 'i' THEN coalesce('index ' || (SELECT i.relname FROM pg_index x \
                       JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = c.oid AND x.indisreplident), \
                       'index') END), \
             ('row security', nullif(concat_ws(', ', CASE WHEN c.relrowsecurity THEN 'enabled' END, \
                  CASE WHEN c.relforcerowsecurity THEN 'forced' END), '')), \
             ('of type', CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END), \
             ('inherits', CASE WHEN NOT c.relispartition THEN (SELECT string_agg(h.inhparent::regclass::text, ', ' \
                  ORDER BY h.inhseqno) FROM pg_inherits h WHERE h.inhrelid = c.oid) END), \
             ('cluster on', (SELECT i.relname::text FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid \
                  WHERE x.indrelid = c.oid AND x.indisclustered)), \
             ('populated', CASE WHEN c.relkind = 'm' AND NOT c.relispopulated THEN 'no' END), \
             ('server', server.srvname::text), \
             ('options of the foreign table', {}), \
             ('kind', CASE c.relkind WHEN 'p' THEN 'partitioned' END)) AS p(part, value) \
         WHERE c.oid >= {FIRST} AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND p.value IS NOT NULL",
        options("c.reloptions"),
        options("toast.reloptions"),
        super::harmless_options("foreign_table.ftoptions"),
    )
}

fn definitions() -> String {
    format!(
        "SELECT 'pg_class'::regclass::oid, c.oid, p.part, p.value, NULL::oid, NULL::oid \
         FROM pg_class c CROSS JOIN LATERAL (VALUES \
             ('definition', CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END), \
             ('partition key', CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END), \
             ('partition of', CASE WHEN c.relispartition THEN (SELECT h.inhparent::regclass::text \
                  FROM pg_inherits h WHERE h.inhrelid = c.oid) || ' ' || pg_get_expr(c.relpartbound, c.oid) END)) \
             AS p(part, value) \
         WHERE c.oid >= {FIRST} AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND p.value IS NOT NULL"
    )
}

/// Of views only what was added to their definition: a default.
fn columns(version: Version) -> String {
    let compression = if version.major() < 14 {
        "NULL::text"
    } else {
        "CASE a.attcompression::text WHEN 'p' THEN 'compression pglz' WHEN 'l' THEN 'compression lz4' END"
    };
    format!(
        "SELECT 'pg_class'::regclass::oid, a.attrelid, 'column ' || a.attname, concat_ws(' ', \
             format_type(a.atttypid, a.atttypmod), \
             CASE WHEN a.attcollation <> t.typcollation THEN (SELECT format('collate %I.%I', cn.nspname, co.collname) \
                  FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace \
                  WHERE co.oid = a.attcollation) END, \
             CASE WHEN a.attstorage <> t.typstorage THEN 'storage ' || CASE a.attstorage WHEN 'p' THEN 'plain' \
                  WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END END, \
             {compression}, \
             CASE WHEN a.attnotnull THEN 'not null' END, \
             CASE a.attidentity WHEN 'a' THEN 'generated always as identity' \
                  WHEN 'd' THEN 'generated by default as identity' END, \
             CASE a.attgenerated WHEN '' THEN 'default ' || pg_get_expr(d.adbin, d.adrelid) \
                  ELSE 'generated always as (' || pg_get_expr(d.adbin, d.adrelid) || ') ' || \
                  CASE a.attgenerated WHEN 'v' THEN 'virtual' ELSE 'stored' END END, \
             CASE WHEN NOT a.attislocal THEN 'inherited' END, \
             CASE WHEN a.attstattarget >= 0 THEN 'statistics ' || a.attstattarget END, \
             {}, {}), NULL::oid, NULL::oid \
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid \
         LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
         WHERE a.attrelid >= {FIRST} AND a.attnum > 0 AND NOT a.attisdropped \
           AND (c.relkind IN ('r', 'p', 'f') OR (c.relkind = 'v' AND d.adbin IS NOT NULL) \
                OR (c.relkind = 'm' AND a.attstattarget >= 0))",
        options("a.attoptions"),
        options("a.attfdwoptions"),
    )
}

fn column_grants() -> String {
    format!(
        "SELECT 'pg_class'::regclass::oid, a.attrelid, 'grants on column ' || a.attname, \
                (SELECT string_agg(item::text, ', ' ORDER BY item::text COLLATE \"C\") \
                 FROM unnest(a.attacl) AS item), NULL::oid, NULL::oid \
         FROM pg_attribute a WHERE a.attrelid >= {FIRST} AND a.attnum > 0 AND NOT a.attisdropped \
           AND cardinality(a.attacl) > 0"
    )
}

/// Not of tables that inherit: a dump writes what they inherited first, and nobody can see the difference by name.
fn order_of_columns() -> String {
    format!(
        "SELECT 'pg_class'::regclass::oid, c.oid, 'order of columns', \
                string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum), NULL::oid, NULL::oid \
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
         WHERE c.oid >= {FIRST} AND c.relkind IN ('r', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped \
           AND (c.relispartition OR NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = c.oid)) \
         GROUP BY c.oid"
    )
}

/// A partition's copies of a foreign key are left out: the server names them, and a restore may name them otherwise.
/// NOT NULL is said of the column; since 18 it has a constraint of its own, which is told only where it says more.
fn constraints(version: Version) -> String {
    let not_null = if version.major() < 18 {
        ""
    } else {
        "OR (k.contype = 'n' AND (k.connoinherit OR NOT k.convalidated))"
    };
    format!(
        "SELECT CASE WHEN k.conrelid <> 0 THEN 'pg_class'::regclass ELSE 'pg_type'::regclass END::oid, \
                CASE WHEN k.conrelid <> 0 THEN k.conrelid ELSE k.contypid END, 'constraint ' || k.conname, \
                pg_get_constraintdef(k.oid), 'pg_constraint'::regclass::oid, k.oid \
         FROM pg_constraint k \
         WHERE k.oid >= {FIRST} AND (k.contype IN ('c', 'p', 'u', 'x') \
             OR (k.contype = 'f' AND k.conparentid = 0) {not_null})"
    )
}

/// Those of constraints are said by them. Invalid ones are left out, for no dump has them; whoever looks tells them.
fn indexes() -> String {
    format!(
        "SELECT 'pg_class'::regclass::oid, x.indrelid, 'index ' || i.relname, concat_ws(' ', \
             pg_get_indexdef(i.oid), \
             'tablespace ' || (SELECT s.spcname FROM pg_tablespace s WHERE s.oid = i.reltablespace), \
             'partition of ' || (SELECT h.inhparent::regclass FROM pg_inherits h WHERE h.inhrelid = i.oid), \
             'statistics ' || (SELECT string_agg(a.attnum || ': ' || a.attstattarget, ', ' ORDER BY a.attnum) \
                  FROM pg_attribute a WHERE a.attrelid = i.oid AND a.attstattarget >= 0)), \
             'pg_class'::regclass::oid, i.oid \
         FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid \
         WHERE i.oid >= {FIRST} AND c.relkind IN ('r', 'p', 'm') AND (x.indisvalid OR i.relkind = 'I') \
           AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.oid AND k.contype IN ('p', 'u', 'x'))"
    )
}

fn statistics() -> String {
    format!(
        "SELECT 'pg_statistic_ext'::regclass::oid, s.oid, n.nspname::text, c.relname::text, \
                format('statistics %I.%I', n.nspname, s.stxname), pg_get_userbyid(s.stxowner)::text, NULL::text \
         FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace \
         JOIN pg_class c ON c.oid = s.stxrelid WHERE {OF_USERS}"
    )
}

fn statistics_parts() -> String {
    "SELECT 'pg_statistic_ext'::regclass::oid, s.oid, 'definition', concat_ws(' ', \
         pg_get_statisticsobjdef(s.oid), CASE WHEN s.stxstattarget >= 0 THEN 'target ' || s.stxstattarget END), \
         NULL::oid, NULL::oid FROM pg_statistic_ext s"
        .to_owned()
}
