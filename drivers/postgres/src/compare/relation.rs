//! A relation as an order reads it: its columns with their types, the places its rows stand in, and how an index finds a
//! key.

use std::collections::HashMap;

use backout_contract::{DriverError, ErrorKind};
use backout_core::compare::{OrderColumn, TableOrder};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::kinds::Kind;
use crate::rows::Value;
use crate::server::{Fault, TableName, identifier, literal};

/// A relation, looked up.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    /// What stands behind `FROM`.
    pub(super) from: String,
    /// The columns of the order.
    pub(super) columns: Vec<Read>,
    /// How an index finds a key: for each of its columns what compares it (`OPERATOR(pg_catalog.=)`). None where no
    /// index does.
    pub(super) index: Option<Vec<String>>,
    /// Whether what is read may change without the server's snapshots telling.
    pub(super) beyond: bool,
}

/// A column, or what is read instead of it.
#[derive(Debug, Clone)]
pub(super) struct Read {
    pub(super) kind: Kind,
    /// As it stands in the relation, called `t`.
    pub(super) stored: String,
    /// What is compared of it.
    pub(super) sql: String,
    /// How it is hashed.
    pub(super) value: Value,
}

/// Where rows stand: a table of its own, a partition, or a relation as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    /// What stands behind `FROM`.
    pub(super) from: String,
    pub(super) bytes: u64,
    /// About how many rows; zero where nobody knows.
    pub(super) rows: u64,
    /// Whether its rows have places (`ctid`) by which a part of them can be read.
    pub(super) has_places: bool,
}

impl Relation {
    /// Looks up the relation of an order.
    pub(super) async fn of(client: &Client, order: &TableOrder, name: &TableName) -> Result<Self, Fault> {
        let shown = shown(order);
        let missing = |what: String| {
            let error = DriverError::new(ErrorKind::Unreadable, format!("look up {shown}"));
            Fault::Said(error.caused_by(what).nothing_happened())
        };
        let Some(row) = client.query_opt(RELATION, &[&name.schema, &name.name]).await? else {
            return Err(missing("it is not there".to_owned()));
        };
        let (oid, kind, beyond): (u32, &str, bool) = (row.get(0), row.get(1), row.get(2));
        let from = if kind == "r" { format!("ONLY {}", name.sql()) } else { name.sql() };
        let types: HashMap<String, Kind> = columns(client, oid).await?;
        let mut reads = Vec::new();
        for column in &order.columns {
            let read = match &column.expression {
                Some(expression) => expressed(client, &from, column, expression, &shown).await?,
                None => {
                    let Some(kind) = types.get(&column.name) else {
                        return Err(missing(format!("it has no column `{}`", column.name)));
                    };
                    read(kind.clone(), format!("t.{}", identifier(&column.name)), column)
                }
            };
            reads.push(read);
        }
        if let Some(filter) = &order.filter {
            let sql = format!("SELECT 1 FROM {from} AS t WHERE ({filter}\n)");
            client.prepare(&sql).await.map_err(|fault| of_person("the filter", &shown, fault))?;
        }
        let index = match keys(order) {
            Some(keys) => index(client, oid, &keys).await?,
            None => None,
        };
        Ok(Self { from, columns: reads, index, beyond })
    }

    /// The places that rows stand in.
    pub(super) async fn leaves(client: &Client, name: &TableName) -> Result<Vec<Leaf>, Fault> {
        let rows = client.query(LEAVES, &[&name.schema, &name.name]).await?;
        let leaf = |row: &tokio_postgres::Row| {
            let own = TableName::new(row.get::<_, String>(0), row.get::<_, String>(1)).sql();
            let kind: &str = row.get(2);
            Leaf {
                from: if kind == "r" { format!("ONLY {own}") } else { own },
                bytes: u64::try_from(row.get::<_, i64>(3)).unwrap_or_default(),
                has_places: row.get(4),
                rows: row.get::<_, f32>(5).max(0.0) as u64,
            }
        };
        Ok(rows.iter().map(leaf).collect())
    }
}

/// The name of an order's relation, for people.
pub(super) fn shown(order: &TableOrder) -> String {
    TableName::new(order.schema.clone(), order.name.clone()).to_string()
}

fn read(kind: Kind, sql: String, column: &OrderColumn) -> Read {
    let stored = sql;
    let sql = kind.read(stored.clone());
    let value = Value { sql: sql.clone(), by: kind.by(column.method) };
    Read { kind, stored, sql, value }
}

/// The names of the key's columns, where none of them is an expression.
fn keys(order: &TableOrder) -> Option<Vec<&str>> {
    let name = |at: &usize| {
        let column = order.columns.get(*at)?;
        column.expression.is_none().then_some(column.name.as_str())
    };
    let names: Option<Vec<&str>> = order.key.iter().map(name).collect();
    names.filter(|names| !names.is_empty())
}

/// What a person wrote instead of a column. It is run by nobody before the server said of which type it is.
async fn expressed(
    client: &Client,
    from: &str,
    column: &OrderColumn,
    expression: &str,
    shown: &str,
) -> Result<Read, Fault> {
    let what = || format!("the expression for `{}`", column.name);
    let statement = client
        .prepare(&format!("SELECT ({expression}\n) FROM {from} AS t"))
        .await
        .map_err(|error| of_person(&what(), shown, error))?;
    let oid = statement.columns().first().map_or(Type::TEXT.oid(), |column| column.type_().oid());
    let statement = format!("{BASES} SELECT {KIND} FROM {OF_TYPE} WHERE base.type = $1");
    let kind = client.query(&statement, &[&oid]).await?.first().map(|row| kind(row, 0));
    let Some(kind) = kind else {
        let error = DriverError::new(ErrorKind::Config, format!("read {} of {shown}", what()));
        return Err(Fault::Said(error.caused_by("it has no type").nothing_happened()));
    };
    Ok(read(kind, format!("({expression}\n)"), column))
}

/// A failure of what a person wrote. Its message may hold values, unless it is about the text itself.
pub(super) fn of_person(what: &str, shown: &str, error: tokio_postgres::Error) -> Fault {
    let Some(told) = error.as_db_error() else { return Fault::Postgres(error) };
    let code = told.code().code();
    let cause = match code.get(..2) {
        Some("42") => format!("{} ({code})", told.message()),
        Some("22" | "38" | "39" | "P0") => format!("it does not go with the values that are there ({code})"),
        _ => return Fault::Postgres(error),
    };
    let error = DriverError::new(ErrorKind::Config, format!("read {what} of {shown}")).caused_by(cause).hint(
        "it is SQL over the table's own columns; functions and types of yours need their schema before them",
    );
    Fault::Said(error.nothing_happened())
}

async fn columns(client: &Client, oid: u32) -> Result<HashMap<String, Kind>, Fault> {
    let statement = format!(
        "{BASES} SELECT a.attname::text, {KIND} FROM pg_attribute a JOIN {OF_TYPE} ON base.type = a.atttypid \
         WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped",
        KIND = kind_of("a.atttypmod"),
    );
    let rows = client.query(&statement, &[&oid]).await?;
    Ok(rows.iter().map(|row| (row.get(0), kind(row, 1))).collect())
}

/// The operators by which an index over exactly these columns, in any order, or more behind them, finds a row.
async fn index(client: &Client, oid: u32, names: &[&str]) -> Result<Option<Vec<String>>, Fault> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let rows = client.query(INDEX, &[&oid, &names]).await?;
    let mut found: HashMap<u32, Vec<(String, String)>> = HashMap::new();
    for row in &rows {
        let operator = format!("OPERATOR({}.{})", identifier(row.get(2)), row.get::<_, String>(3));
        found.entry(row.get(0)).or_default().push((row.get(1), operator));
    }
    let of_all = |operators: &Vec<(String, String)>| -> Option<Vec<String>> {
        let of =
            |name: &String| operators.iter().find(|(column, _)| column == name).map(|(_, sql)| sql.clone());
        names.iter().map(of).collect()
    };
    Ok(found.values().find_map(of_all))
}

/// Types with what they are below all domains.
pub(super) const BASES: &str = "\
    WITH RECURSIVE base(type, below, modifier) AS ( \
        SELECT oid, oid, -1 FROM pg_type WHERE typtype <> 'd' \
        UNION ALL \
        SELECT t.oid, base.below, CASE WHEN t.typtypmod >= 0 THEN t.typtypmod ELSE base.modifier END \
        FROM pg_type t JOIN base ON t.typbasetype = base.type WHERE t.typtype = 'd')";
pub(super) const OF_TYPE: &str = "(base JOIN pg_type t ON t.oid = base.below)";
const KIND: &str = "t.oid, t.typoutput::regproc::text, format_type(t.oid, -1), base.modifier";

/// What [`kind`] reads, where a column declares something with its type.
pub(super) fn kind_of(modifier: &str) -> String {
    KIND.replace(
        "base.modifier",
        &format!("CASE WHEN {modifier} >= 0 THEN {modifier} ELSE base.modifier END"),
    )
}

pub(super) fn kind(row: &tokio_postgres::Row, at: usize) -> Kind {
    Kind { oid: row.get(at), output: row.get(at + 1), name: row.get(at + 2), modifier: row.get(at + 3) }
}

/// What another server or a view gives may change in one snapshot of this one.
const RELATION: &str = "\
    SELECT c.oid, c.relkind::text, c.relkind IN ('f', 'v') \
        OR (c.relkind = 'p' AND EXISTS (SELECT FROM pg_foreign_table)) \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')";

const LEAVES: &str = "\
    WITH RECURSIVE part(oid) AS ( \
        SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname = $1 AND c.relname = $2 \
        UNION ALL \
        SELECT i.inhrelid FROM part JOIN pg_class p ON p.oid = part.oid AND p.relkind = 'p' \
        JOIN pg_inherits i ON i.inhparent = part.oid JOIN pg_class c ON c.oid = i.inhrelid \
        WHERE c.relispartition) \
    SELECT n.nspname::text, c.relname::text, c.relkind::text, \
           CASE WHEN c.relkind IN ('r', 'm') THEN coalesce(pg_relation_size(c.oid), 0) ELSE 0 END, \
           c.relkind IN ('r', 'm') AND coalesce(m.amname = 'heap', false), c.reltuples \
    FROM part JOIN pg_class c ON c.oid = part.oid JOIN pg_namespace n ON n.oid = c.relnamespace \
    LEFT JOIN pg_am m ON m.oid = c.relam WHERE c.relkind <> 'p' ORDER BY c.oid";

/// Of each index whose first columns are these: a column, and what compares it.
const INDEX: &str = "\
    SELECT x.indexrelid, a.attname::text, n.nspname::text, o.oprname::text \
    FROM pg_index x CROSS JOIN LATERAL unnest(x.indkey::int2[]) WITH ORDINALITY AS k(number, place) \
    JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.number \
    JOIN pg_opclass c ON c.oid = (x.indclass::oid[])[k.place - 1] \
    JOIN pg_amop m ON m.amopfamily = c.opcfamily AND m.amoplefttype = c.opcintype \
        AND m.amoprighttype = c.opcintype AND m.amopstrategy = 3 AND m.amopmethod = 403 \
    JOIN pg_operator o ON o.oid = m.amopopr JOIN pg_namespace n ON n.oid = o.oprnamespace \
    WHERE x.indrelid = $1 AND x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL \
      AND k.place <= cardinality($2::text[]) AND a.attname::text = ANY ($2)";

/// A list of literals of a type, for a condition.
pub(super) fn list(texts: impl IntoIterator<Item = String>, kind: &str) -> String {
    let texts: Vec<String> = texts.into_iter().collect();
    format!("{}::{kind}[]", literal(&format!("{{{}}}", texts.join(","))))
}
