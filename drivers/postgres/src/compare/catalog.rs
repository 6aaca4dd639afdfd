//! What a side has, in a handful of statements whatever the number of its tables.

use std::collections::HashMap;

use backout_contract::compare::Scope;
use backout_core::compare::{Catalog, Column, Method, Relation, Things};

use super::kinds::Kind;
use super::names::{Standing, Within};
use super::relation::{BASES, OF_TYPE, kind, kind_of};
use super::spread::{Wanted, spreads};
use crate::catalog::{self, Scope as Part};
use crate::server::{Fault, Link, TableName};

/// Fewer rows than this are one block or few, however their keys are spread.
const FEW: u64 = 2048;

/// Reads the catalog.
pub(super) async fn catalog(link: &Link, within: &Within, scope: &Scope) -> Result<Catalog, Fault> {
    let found = standing(link, within, scope).await?;
    let oids: Vec<u32> = found.iter().map(|one| one.oid).collect();
    let mut columns = columns(link, &oids).await?;
    let keys = keys(link, &oids, &columns).await?;
    let sizes = sizes(link, &oids).await?;
    let mut relations = Vec::new();
    let mut wanted = Vec::new();
    for (at, one) in found.iter().enumerate() {
        let own = columns.remove(&one.oid).unwrap_or_default();
        let key = keys.get(&one.oid).cloned().unwrap_or_default();
        let bytes = sizes.get(&one.oid).copied().unwrap_or_else(|| one.pages * PAGE);
        let rows = one.rows(bytes, &own);
        if let [only] = key.as_slice()
            && rows >= FEW
            && one.unreadable.is_none()
            && own.iter().any(|column| column.name == *only && column.kind.is_integer())
        {
            let name = one.at.name.clone();
            let from = if one.kind == 'r' { format!("ONLY {}", name.sql()) } else { name.sql() };
            wanted.push(Wanted { at, name, from, column: only.clone() });
        }
        relations.push(Relation {
            schema: one.known.schema.clone(),
            name: one.known.name.clone(),
            columns: own.into_iter().map(Attribute::column).collect(),
            key,
            rows,
            bytes: bytes + one.beside * PAGE,
            unreadable: one.unreadable.clone(),
        });
    }
    let mut spreads = spreads(link, &wanted).await?;
    for one in &wanted {
        let Some(relation) = relations.get_mut(one.at) else { continue };
        let column = relation.columns.iter_mut().find(|column| column.name == one.column);
        if let Some(column) = column {
            column.spread = spreads.remove(&one.at);
        }
    }
    let things = match within {
        Within::Elsewhere { things, .. } => things.clone(),
        Within::All | Within::Only { .. } => things(link, within, scope, &relations).await?,
    };
    Ok(Catalog { relations, things })
}

/// The size of a page, as nearly every server has it: good enough for estimates.
const PAGE: u64 = 8192;

/// A relation, as the catalog lists it.
struct Found {
    oid: u32,
    at: Standing,
    known: TableName,
    kind: char,
    unreadable: Option<String>,
    /// Rows and pages when it was last analysed; of a partitioned one, of its partitions.
    tuples: f64,
    counted: u64,
    pages: u64,
    /// Pages of what stands beside: long values.
    beside: u64,
}

impl Found {
    /// About how many rows it has now.
    fn rows(&self, bytes: u64, columns: &[Attribute]) -> u64 {
        let pages = bytes.div_ceil(PAGE);
        if self.tuples > 0.0 && self.counted > 0 {
            return (self.tuples / self.counted as f64 * pages as f64) as u64;
        }
        if self.tuples > 0.0 {
            return self.tuples as u64;
        }
        let width: u64 = columns.iter().map(|column| u64::try_from(column.width).unwrap_or(24)).sum();
        bytes / (28 + width)
    }
}

async fn standing(link: &Link, within: &Within, scope: &Scope) -> Result<Vec<Found>, Fault> {
    let rows = link.query_typed(RELATIONS, &[]).await?;
    let mut found = Vec::new();
    for row in &rows {
        let kind = row.get::<_, &str>(3).chars().next().unwrap_or('r');
        let whole: Option<String> = row.get(4);
        let at = Standing {
            name: TableName::new(row.get::<_, String>(1), row.get::<_, String>(2)),
            whole: whole.map(|schema| TableName::new(schema, row.get::<_, String>(5))),
            is_table: matches!(kind, 'r' | 'p'),
        };
        let asked_for_by_name = !scope.tables.is_empty() || !matches!(within, Within::All);
        let is_of_users =
            row.get::<_, bool>(6) || asked_for_by_name || scope.schemas.contains(&at.name.schema);
        if !is_of_users {
            continue;
        }
        let Some(known) = within.known(scope, &at) else { continue };
        let number = |at: usize| row.get::<_, Option<i64>>(at).and_then(|count| u64::try_from(count).ok());
        found.push(Found {
            oid: row.get(0),
            at,
            known,
            kind,
            unreadable: row.get(7),
            tuples: row.get::<_, Option<f64>>(8).unwrap_or_default(),
            counted: number(9).unwrap_or_default(),
            pages: number(10).unwrap_or_default(),
            beside: number(11).unwrap_or_default(),
        });
    }
    found.sort_by(|one, other| one.known.cmp(&other.known));
    Ok(found)
}

/// A column.
struct Attribute {
    number: i16,
    name: String,
    shown: String,
    not_null: bool,
    width: i16,
    kind: Kind,
}

impl Attribute {
    fn column(self) -> Column {
        let methods: Vec<Method> = self.kind.methods();
        Column { name: self.name, kind: self.shown, methods, spread: None }
    }
}

async fn columns(link: &Link, oids: &[u32]) -> Result<HashMap<u32, Vec<Attribute>>, Fault> {
    let modifier = "CASE WHEN a.atttypmod >= 0 THEN a.atttypmod ELSE base.modifier END";
    let statement = format!(
        "{BASES} SELECT a.attrelid, a.attnum, a.attname::text, format_type(t.oid, {modifier}), a.attnotnull, \
         a.attlen, {} FROM unnest($1::oid[]) AS r(oid) JOIN pg_attribute a ON a.attrelid = r.oid \
         JOIN {OF_TYPE} ON base.type = a.atttypid WHERE a.attnum > 0 AND NOT a.attisdropped \
         ORDER BY a.attrelid, a.attnum",
        kind_of("a.atttypmod"),
    );
    let mut columns: HashMap<u32, Vec<Attribute>> = HashMap::new();
    for row in link.query(&statement, &[&oids]).await? {
        columns.entry(row.get(0)).or_default().push(Attribute {
            number: row.get(1),
            name: row.get(2),
            shown: row.get(3),
            not_null: row.get(4),
            width: row.get(5),
            kind: kind(&row, 6),
        });
    }
    Ok(columns)
}

/// What tells rows apart: the primary key, else the unique index with the fewest columns, all of which are never null.
async fn keys(
    link: &Link,
    oids: &[u32],
    columns: &HashMap<u32, Vec<Attribute>>,
) -> Result<HashMap<u32, Vec<String>>, Fault> {
    let mut keys: HashMap<u32, Vec<String>> = HashMap::new();
    for row in link.query(KEYS, &[&oids]).await? {
        let (oid, primary): (u32, bool) = (row.get(0), row.get(1));
        let numbers: Vec<i16> = row.get(2);
        let many = usize::try_from(row.get::<_, i16>(3)).unwrap_or_default();
        let own = columns.get(&oid).map(Vec::as_slice).unwrap_or_default();
        let column = |number: &i16| own.iter().find(|column| column.number == *number);
        let of_index: Option<Vec<&Attribute>> = numbers.iter().take(many).map(column).collect();
        let Some(of_index) = of_index.filter(|all| !all.is_empty()) else { continue };
        if primary || of_index.iter().all(|column| column.not_null) {
            // The best one of each table comes first.
            keys.entry(oid).or_insert_with(|| of_index.iter().map(|column| column.name.clone()).collect());
        }
    }
    Ok(keys)
}

/// How large they are now. Somebody may hold one of them against all others; then what the catalog knows has to do.
async fn sizes(link: &Link, oids: &[u32]) -> Result<HashMap<u32, u64>, Fault> {
    link.batch_execute("SAVEPOINT sizes").await?;
    match link.query(SIZES, &[&oids]).await {
        Ok(rows) => {
            link.batch_execute("RELEASE SAVEPOINT sizes").await?;
            let size = |row: &tokio_postgres::Row| {
                let bytes: Option<i64> = row.get(1);
                Some((row.get(0), u64::try_from(bytes?).ok()?))
            };
            Ok(rows.iter().filter_map(size).collect())
        }
        Err(error) if error.as_db_error().is_some() && !error.is_closed() => {
            link.batch_execute("ROLLBACK TO SAVEPOINT sizes").await?;
            Ok(HashMap::new())
        }
        Err(error) => Err(error.into()),
    }
}

/// All objects with their properties.
async fn things(
    link: &Link,
    within: &Within,
    scope: &Scope,
    relations: &[Relation],
) -> Result<Things, Fault> {
    let whole_schemas: Vec<String> = match within {
        Within::Only { schemas, .. } if scope.tables.is_empty() => schemas
            .iter()
            .filter(|schema| scope.schemas.is_empty() || scope.schemas.contains(*schema))
            .cloned()
            .collect(),
        _ if scope.tables.is_empty() => scope.schemas.iter().cloned().collect(),
        _ => Vec::new(),
    };
    let everything = matches!(within, Within::All) && scope.schemas.is_empty() && scope.tables.is_empty();
    let part = if everything {
        Part::Database
    } else {
        let name = |relation: &Relation| TableName::new(relation.schema.clone(), relation.name.clone());
        Part::Part { schemas: whole_schemas, tables: relations.iter().map(name).collect() }
    };
    let schema = catalog::schema(link, link.version, &part).await?;
    Ok(things_of(schema))
}

/// Objects with their parts, as they are compared.
pub(crate) fn things_of(schema: catalog::Schema) -> Things {
    schema.objects.into_iter().map(|(name, object)| (name, object.parts)).collect()
}

/// Everything that holds rows. Of a partitioned table, what its partitions have together.
const RELATIONS: &str = "\
    WITH parts AS ( \
        SELECT pg_partition_root(c.oid)::oid AS root, sum(greatest(c.reltuples, 0)::float8) AS tuples, \
               (sum(c.relpages) FILTER (WHERE c.reltuples > 0))::int8 AS counted, sum(c.relpages)::int8 AS pages, \
               sum(x.relpages)::int8 AS beside \
        FROM pg_class c LEFT JOIN pg_class x ON x.oid = c.reltoastrelid \
        WHERE c.relispartition AND c.relkind IN ('r', 'f') GROUP BY 1) \
    SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, wn.nspname::text, w.relname::text, \
           n.nspname !~ '^(pg_|_backout)' AND n.nspname <> 'information_schema' AND c.oid >= 16384 \
               AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass \
                   AND d.objid = c.oid AND d.deptype = 'e'), \
           CASE WHEN NOT has_schema_privilege(n.oid, 'USAGE') OR NOT has_table_privilege(c.oid, 'SELECT') \
                THEN 'permission denied' \
                WHEN row_security_active(c.oid) THEN 'row security hides rows of it from this role' END, \
           coalesce(parts.tuples, c.reltuples::float8), coalesce(parts.counted, c.relpages::int8), \
           coalesce(parts.pages, c.relpages::int8), coalesce(parts.beside, x.relpages::int8) \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    LEFT JOIN parts ON parts.root = c.oid AND c.relkind = 'p' \
    LEFT JOIN pg_class x ON x.oid = c.reltoastrelid \
    LEFT JOIN pg_class w ON c.relispartition AND w.oid = pg_partition_root(c.oid)::oid \
    LEFT JOIN pg_namespace wn ON wn.oid = w.relnamespace \
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_toast'";

const KEYS: &str = "\
    SELECT x.indrelid, x.indisprimary, x.indkey::int2[], x.indnkeyatts \
    FROM unnest($1::oid[]) AS r(oid) JOIN pg_index x ON x.indrelid = r.oid \
    JOIN pg_class i ON i.oid = x.indexrelid \
    WHERE x.indisunique AND x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL \
      AND (x.indisprimary OR x.indimmediate) \
    ORDER BY x.indrelid, x.indisprimary DESC, x.indnkeyatts, i.relname COLLATE \"C\"";

const SIZES: &str = "\
    SELECT r.oid, sum(pg_relation_size(c.oid))::int8 FROM unnest($1::oid[]) AS r(oid) \
    JOIN (SELECT oid AS part, oid AS whole FROM pg_class WHERE relkind IN ('r', 'm') \
          UNION ALL SELECT oid, pg_partition_root(oid)::oid FROM pg_class WHERE relispartition AND relkind = 'r') AS p \
        ON p.whole = r.oid \
    JOIN pg_class c ON c.oid = p.part GROUP BY r.oid";
