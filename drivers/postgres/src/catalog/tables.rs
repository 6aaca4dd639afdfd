//! The tables of a database, as far as rows are read, compared, recorded and moved.

use std::collections::HashMap;

use tokio_postgres::Client;

use super::classes::FIRST;
use super::read::contains;
use super::{Column, Key, Scope, Table, TableKind};
use crate::server::{Fault, TableName, Version};

/// The tables that are part of what is looked at, by name. Tables of extensions are none; neither are views.
///
/// # Errors
/// When the server does not answer.
pub(crate) async fn tables(client: &Client, _version: Version, scope: &Scope) -> Result<Vec<Table>, Fault> {
    let (tables, columns, keys) = (tables_statement(), columns_statement(), keys_statement());
    let (tables, columns, keys) = tokio::try_join!(
        client.query_typed(&tables, &[]),
        client.query_typed(&columns, &[]),
        client.query_typed(&keys, &[]),
    )?;
    let mut columns_of: HashMap<u32, Vec<Column>> = HashMap::new();
    for row in &columns {
        columns_of.entry(row.get(0)).or_default().push(Column {
            name: row.get(1),
            type_name: row.get(2),
            type_oid: row.get(3),
            not_null: row.get(4),
            generated: row.get(5),
            identity: letter(row.get(6)),
            default: row.get(7),
        });
    }
    let mut key_of: HashMap<u32, Key> = HashMap::new();
    for row in &keys {
        // The best one of each table comes first.
        key_of.entry(row.get(0)).or_insert_with(|| Key { primary: row.get(1), columns: row.get(2) });
    }
    let mut found = Vec::new();
    for row in &tables {
        let oid: u32 = row.get(0);
        let name = TableName::new(row.get::<_, String>(1), row.get::<_, String>(2));
        if !contains(scope, Some(&name.schema), Some(&name.name)) {
            continue;
        }
        let parent: Option<String> = row.get(5);
        found.push(Table {
            oid,
            name,
            kind: match row.get(3) {
                "p" => TableKind::Partitioned,
                "m" => TableKind::Materialised,
                "f" => TableKind::Foreign,
                _ => TableKind::Ordinary,
            },
            unlogged: row.get(4),
            partition_of: parent.map(|schema| TableName::new(schema, row.get::<_, String>(6))),
            columns: columns_of.remove(&oid).unwrap_or_default(),
            key: key_of.remove(&oid),
            replica_identity: letter(row.get(7)).unwrap_or('d'),
            owner: row.get(8),
            readable: row.get(9),
        });
    }
    Ok(found)
}

fn letter(text: Option<&str>) -> Option<char> {
    text.and_then(|text| text.chars().next())
}

/// A table whose rows are hidden from us by row security is not readable: what a policy leaves is not the table.
/// One that was dropped meanwhile is readable, so that reading it tells.
fn tables_statement() -> String {
    format!(
        "SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.relpersistence = 'u', \
                pn.nspname::text, parent.relname::text, c.relreplident::text, pg_get_userbyid(c.relowner)::text, \
                coalesce(has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'), true) \
                    AND NOT row_security_active(c.oid) \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         LEFT JOIN pg_inherits h ON h.inhrelid = c.oid AND c.relispartition \
         LEFT JOIN pg_class parent ON parent.oid = h.inhparent \
         LEFT JOIN pg_namespace pn ON pn.oid = parent.relnamespace \
         WHERE c.oid >= {FIRST} AND c.relkind IN ('r', 'p', 'm', 'f') AND c.relpersistence <> 't' AND {} \
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid \
                AND d.deptype = 'e') \
         ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"",
        super::classes::OF_USERS,
    )
}

fn columns_statement() -> String {
    format!(
        "SELECT a.attrelid, a.attname::text, format_type(a.atttypid, a.atttypmod), a.atttypid, a.attnotnull, \
                a.attgenerated <> '', nullif(a.attidentity::text, ''), \
                CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END \
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
         LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
         WHERE a.attrelid >= {FIRST} AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'm', 'f') \
         ORDER BY a.attrelid, a.attnum"
    )
}

/// What tells rows apart for certain: of unique indexes only those that are valid, whole, checked at once, and of
/// columns that are never NULL. The primary key before all, then the one with the fewest columns.
fn keys_statement() -> String {
    format!(
        "SELECT x.indrelid, x.indisprimary, \
                (SELECT array_agg(a.attname::text ORDER BY k.place) \
                 FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k(number, place) \
                 JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.number \
                 WHERE k.place <= x.indnkeyatts) \
         FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid \
         WHERE x.indrelid >= {FIRST} AND x.indisunique AND x.indisvalid \
           AND x.indpred IS NULL AND x.indexprs IS NULL \
           AND (x.indisprimary OR (x.indimmediate AND NOT EXISTS (SELECT \
                FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k(number, place) \
                JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.number \
                WHERE k.place <= x.indnkeyatts AND NOT a.attnotnull))) \
         ORDER BY x.indrelid, x.indisprimary DESC, x.indnkeyatts, i.relname COLLATE \"C\""
    )
}
