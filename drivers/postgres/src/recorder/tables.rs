//! The tables that are to be recorded, and why some cannot be.

use std::collections::BTreeMap;

use backout_core::writes::Gap;
use tokio_postgres::GenericClient;

use super::order::Order;
use super::standing::Way;
use crate::catalog::Scope;
use crate::server::{Fault, TableName};

/// A table of the order that is not left out.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) oid: u32,
    pub(super) name: TableName,
    /// `r` ordinary, `p` partitioned, `f` foreign.
    pub(super) kind: char,
    pub(super) is_unlogged: bool,
    /// Whether its owner may change it, and we are one of those.
    pub(super) is_owned: bool,
    /// Whether we may put triggers on it.
    pub(super) takes_triggers: bool,
    pub(super) identity: char,
    pub(super) identity_index: Option<String>,
    pub(super) has_key: bool,
    pub(super) has_primary_key: bool,
    /// The partitioned table at the top, and whether that one has a primary key.
    pub(super) root: Option<(u32, bool)>,
}

/// All tables of the order, by object number; foreign ones and those that cannot be recorded too.
pub(super) async fn find(
    client: &impl GenericClient,
    order: &Order<'_>,
) -> Result<BTreeMap<u32, Found>, Fault> {
    let sql = "SELECT c.oid, n.nspname::text, c.relname::text, c.relkind, c.relpersistence = 'u',
        pg_catalog.pg_has_role(c.relowner, 'USAGE'),
        pg_catalog.has_table_privilege(c.oid, 'TRIGGER'), c.relreplident,
        (SELECT x.relname::text FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
         WHERE i.indrelid = c.oid AND i.indisreplident),
        EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid
            AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid
                AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1]) AND NOT a.attnotnull)),
        EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary),
        CASE WHEN c.relispartition THEN pg_catalog.pg_partition_root(c.oid)::oid END,
        EXISTS (SELECT FROM pg_catalog.pg_index i WHERE c.relispartition AND i.indisprimary
            AND i.indrelid = pg_catalog.pg_partition_root(c.oid)),
        rn.nspname::text, r.relname::text
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_catalog.pg_class r ON c.relispartition AND r.oid = pg_catalog.pg_partition_root(c.oid)
      LEFT JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
      WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
        AND n.nspname <> 'information_schema' AND NOT pg_catalog.starts_with(n.nspname, '_backout')
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass
            AND d.objid = c.oid AND d.deptype = 'e')";
    let mut tables = BTreeMap::new();
    for row in client.query(sql, &[]).await? {
        let name = TableName::new(row.get::<_, String>(1), row.get::<_, String>(2));
        let root: Option<u32> = row.get(11);
        let top = match (row.get::<_, Option<String>>(13), row.get::<_, Option<String>>(14)) {
            (Some(schema), Some(table)) => TableName::new(schema, table),
            _ => name.clone(),
        };
        let is_meant = |table: &TableName| is_in(order.scope, table);
        let is_left_out = |table: &TableName| order.config.leaves_out(table);
        if !(is_meant(&name) || is_meant(&top)) || is_left_out(&name) || is_left_out(&top) {
            continue;
        }
        let oid = row.get(0);
        tables.insert(
            oid,
            Found {
                oid,
                name,
                kind: letter(row.get(3)),
                is_unlogged: row.get(4),
                is_owned: row.get(5),
                takes_triggers: row.get(6),
                identity: letter(row.get(7)),
                identity_index: row.get(8),
                has_key: row.get(9),
                has_primary_key: row.get(10),
                root: root.map(|root| (root, row.get(12))),
            },
        );
    }
    Ok(tables)
}

/// A column of PostgreSQL's type `"char"`.
pub(super) fn letter(byte: i8) -> char {
    char::from(byte.unsigned_abs())
}

fn is_in(scope: &Scope, table: &TableName) -> bool {
    match scope {
        Scope::Database => true,
        Scope::Part { schemas, tables } => schemas.contains(&table.schema) || tables.contains(table),
    }
}

impl Found {
    /// Why it cannot be recorded in this way at all; none where it can.
    pub(super) fn obstacle(&self, way: Way) -> Option<&'static str> {
        match way {
            _ if self.kind == 'f' => Some("its rows are on another server"),
            Way::Slot if self.is_unlogged => {
                Some("it is unlogged, so that the log does not have its rows, and a crash empties it")
            }
            Way::Slot if !self.is_owned => {
                Some("only its owner may put it into a publication, and we are not")
            }
            Way::Triggers if !self.takes_triggers => Some("we may put no trigger on it"),
            _ => None,
        }
    }

    pub(super) fn gap(&self, why: impl Into<String>) -> Gap {
        Gap { table: self.name.to_string(), why: why.into() }
    }

    /// Whether a publication names it: partitions are published with the table at their top where a new one can bring
    /// nobody's writes down, which a partition without a key would.
    pub(super) fn is_published_by_name(&self) -> bool {
        match (self.kind, self.root) {
            ('p', None) => self.has_primary_key,
            ('p', Some(_)) => false,
            (_, None) => true,
            (_, Some((_, has_primary_key))) => !has_primary_key,
        }
    }

    /// Whether rows stand in it.
    pub(super) fn holds_rows(&self) -> bool {
        self.kind == 'r'
    }

    /// Whether people speak of it as a table of its own.
    pub(super) fn is_told(&self) -> bool {
        self.root.is_none()
    }
}
