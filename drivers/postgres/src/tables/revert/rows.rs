//! A table that is still defined as it was saved: its rows are copied aside, and those that differ are exchanged. The
//! table itself stays, and everything that hangs on it.

use tokio_postgres::GenericClient;

use crate::server::{Fault, TableName, identifier};
use crate::tables::copy::columns;
use crate::tables::definition::TableDefinition;

/// Copies the rows of a table aside.
pub(super) async fn copy_aside(
    client: &impl GenericClient,
    table: &TableDefinition,
    aside: &TableName,
) -> Result<(), Fault> {
    let text = format!("CREATE TABLE {} AS SELECT * FROM ONLY {}", aside.sql(), table.name.sql());
    client.batch_execute(&text).await?;
    Ok(())
}

/// Makes the rows of a table those of its staged copy. Triggers and rules of users are still meanwhile, for what they
/// would do has been done when the rows were written first. How many rows were taken away and put in.
pub(super) async fn exchange(
    client: &impl GenericClient,
    table: &TableDefinition,
    staged: &TableName,
) -> Result<(u64, u64), Fault> {
    let still = still(client, table).await?;
    for (statement, _) in &still {
        client.batch_execute(statement).await?;
    }
    let key = key(client, table).await?;
    let (delete, insert) = if key.is_empty() { by_text(table, staged) } else { by_key(table, staged, &key) };
    let deleted = client.execute(&delete, &[]).await?;
    let inserted = client.execute(&insert, &[]).await?;
    client.batch_execute("SET CONSTRAINTS ALL IMMEDIATE").await?;
    for (_, statement) in &still {
        client.batch_execute(statement).await?;
    }
    Ok((deleted, inserted))
}

fn by_key(table: &TableDefinition, staged: &TableName, key: &[String]) -> (String, String) {
    let (here, there, list) = (table.name.sql(), staged.sql(), columns(table));
    let same: Vec<String> = key.iter().map(|column| format!("s.{column} = l.{column}")).collect();
    let same = same.join(" AND ");
    // By image: a value that is equal and written otherwise (`1.0` and `1.00`) is another one.
    let delete = format!(
        "DELETE FROM ONLY {here} AS l WHERE NOT EXISTS (SELECT FROM ONLY {there} AS s WHERE {same}
         AND s.* OPERATOR(pg_catalog.*=) l.*)"
    );
    let insert = format!(
        "INSERT INTO {here} ({list}) OVERRIDING SYSTEM VALUE SELECT {list} FROM ONLY {there} AS s
         WHERE NOT EXISTS (SELECT FROM ONLY {here} AS l WHERE {same})"
    );
    (delete, insert)
}

/// Where nothing tells rows apart, as many of each as were saved.
fn by_text(table: &TableDefinition, staged: &TableName) -> (String, String) {
    let (here, there, list) = (table.name.sql(), staged.sql(), columns(table));
    let text = format!("ROW({list})::text");
    let numbered = |from: &str| {
        format!(
            "SELECT ctid AS at, {text} AS x, row_number() OVER (PARTITION BY {text}) AS n FROM ONLY {from}"
        )
    };
    let counted = |from: &str| format!("SELECT {text} AS x, count(*) AS n FROM ONLY {from} GROUP BY 1");
    let beyond = |from: &str, other: &str| {
        format!(
            "SELECT a.at FROM ({}) AS a LEFT JOIN ({}) AS b ON b.x = a.x WHERE b.x IS NULL OR a.n > b.n",
            numbered(from),
            counted(other)
        )
    };
    let delete = format!("DELETE FROM ONLY {here} WHERE ctid IN ({})", beyond(&here, &there));
    let insert = format!(
        "INSERT INTO {here} ({list}) OVERRIDING SYSTEM VALUE SELECT {list} FROM ONLY {there} WHERE ctid IN ({})",
        beyond(&there, &here)
    );
    // A table without columns has no list of them.
    let insert = if list.is_empty() { insert.replacen("() OVERRIDING SYSTEM VALUE", "", 1) } else { insert };
    (delete, insert)
}

/// The columns of the primary key, quoted; none where there is none, or where how its values compare is not the
/// server's own.
async fn key(client: &impl GenericClient, table: &TableDefinition) -> Result<Vec<String>, Fault> {
    let query = "
        SELECT a.attname::text, a.atttypid < 16384 FROM pg_index AS x
        JOIN unnest(x.indkey::int2[]) WITH ORDINALITY AS k (number, place) ON k.place <= x.indnkeyatts
        JOIN pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = k.number
        WHERE x.indrelid = to_regclass($1) AND x.indisprimary AND x.indisvalid ORDER BY k.place";
    let rows = client.query(query, &[&table.name.sql()]).await?;
    if rows.iter().any(|row| !row.get::<_, bool>(1)) {
        return Ok(Vec::new());
    }
    Ok(rows.iter().map(|row| identifier(&row.get::<_, String>(0))).collect())
}

/// What keeps triggers, rules and policies of a table still, each with what takes it back.
async fn still(client: &impl GenericClient, table: &TableDefinition) -> Result<Vec<(String, String)>, Fault> {
    let here = table.name.sql();
    let query = "
        SELECT 'TRIGGER', tgname::text, tgenabled::text FROM pg_trigger
            WHERE tgrelid = to_regclass($1) AND NOT tgisinternal AND tgenabled <> 'D' AND NOT starts_with(tgname, '_backout_bar')
        UNION ALL
        SELECT 'RULE', rulename::text, ev_enabled::text FROM pg_rewrite WHERE ev_class = to_regclass($1) AND ev_enabled <> 'D'";
    let mut all = Vec::new();
    for row in client.query(query, &[&here]).await? {
        let (kind, name, enabled): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        let switch = match enabled.as_str() {
            "R" => "ENABLE REPLICA",
            "A" => "ENABLE ALWAYS",
            _ => "ENABLE",
        };
        let name = identifier(&name);
        all.push((
            format!("ALTER TABLE ONLY {here} DISABLE {kind} {name}"),
            format!("ALTER TABLE ONLY {here} {switch} {kind} {name}"),
        ));
    }
    if table.force_row_security {
        all.push((
            format!("ALTER TABLE {here} NO FORCE ROW LEVEL SECURITY"),
            format!("ALTER TABLE {here} FORCE ROW LEVEL SECURITY"),
        ));
    }
    Ok(all)
}
