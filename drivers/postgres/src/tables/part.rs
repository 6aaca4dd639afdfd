//! Which tables of a database a component is, at this moment.

use backout_contract::{Context, DriverError};
use tokio_postgres::GenericClient;

use super::config::{Named, TablesConfig};
use super::name::PartKey;
use crate::server::{Address, Fault, Link, TableName, connect};

/// A part of a database, and the way there.
#[derive(Clone)]
pub(super) struct Part {
    pub(super) address: Address,
    pub(super) named: Named,
    pub(super) key: PartKey,
    pub(super) config: TablesConfig,
    /// For people.
    pub(super) shown: String,
}

/// A table of a part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Member {
    pub(super) oid: u32,
    pub(super) name: TableName,
    /// Whether rows stand in it by itself.
    pub(super) holds_rows: bool,
}

impl Part {
    pub(super) fn of(config: &TablesConfig, context: &Context) -> Result<Self, DriverError> {
        let named = config.named();
        let address = Address::resolve(&config.url, context)?;
        let shown = format!("{} in {}", config.shown(), address.shown());
        Ok(Self { key: PartKey::of(&named), address, named, config: config.clone(), shown })
    }

    pub(super) async fn connect(&self) -> Result<Link, DriverError> {
        connect(&self.address).await
    }

    /// Its tables, as they stand: those that are named, those of named schemas, and the partitions of all of them.
    /// Tables come before their partitions and heirs, and in the same order for everybody who locks them.
    pub(super) async fn members(&self, client: &impl GenericClient) -> Result<Vec<Member>, Fault> {
        let schemas: Vec<&str> = self.named.tables.iter().map(|table| table.schema.as_str()).collect();
        let names: Vec<&str> = self.named.tables.iter().map(|table| table.name.as_str()).collect();
        let rows = client.query(MEMBERS, &[&self.named.schemas, &schemas, &names]).await?;
        let member = |row: &tokio_postgres::Row| Member {
            oid: row.get(0),
            name: TableName::new(row.get::<_, String>(1), row.get::<_, String>(2)),
            holds_rows: row.get(3),
        };
        Ok(rows.iter().map(member).collect())
    }
}

const MEMBERS: &str = "
WITH RECURSIVE wanted AS (
    SELECT c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
        AND (n.nspname = ANY ($1::text[])
            OR EXISTS (SELECT FROM unnest($2::text[], $3::text[]) AS t (s, r) WHERE t.s = n.nspname AND t.r = c.relname))
        AND NOT EXISTS (SELECT FROM pg_depend AS d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    UNION
    SELECT i.inhrelid FROM pg_inherits AS i JOIN wanted AS w ON w.oid = i.inhparent
        JOIN pg_class AS c ON c.oid = i.inhrelid WHERE c.relispartition AND c.relkind IN ('r', 'p')
)
SELECT c.oid, n.nspname::text, c.relname::text, c.relkind = 'r'
FROM wanted AS w JOIN pg_class AS c ON c.oid = w.oid JOIN pg_namespace AS n ON n.oid = c.relnamespace
ORDER BY (WITH RECURSIVE up AS (
        SELECT i.inhparent, 1 AS depth FROM pg_inherits AS i WHERE i.inhrelid = c.oid
        UNION ALL
        SELECT i.inhparent, up.depth + 1 FROM pg_inherits AS i JOIN up ON i.inhrelid = up.inhparent
    ) SELECT coalesce(max(depth), 0) FROM up), n.nspname COLLATE \"C\", c.relname COLLATE \"C\"";
