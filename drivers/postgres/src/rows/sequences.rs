//! What sequences give next.

use std::collections::BTreeMap;

use tokio_postgres::Client;

use crate::catalog::{Scope, contains};
use crate::server::{Fault, TableName};

/// So many sequences are read by one statement.
const TOGETHER: usize = 100;

/// Sequences, as far as they can be read.
#[derive(Debug, Default)]
pub(crate) struct Sequences {
    /// The value that the next call would give, by the sequence's name as SQL writes it.
    pub(crate) next: BTreeMap<String, i64>,
    /// Those that we may not read.
    pub(crate) unreadable: Vec<TableName>,
}

/// A sequence as it was made.
struct Made {
    name: TableName,
    increment: i64,
    minimum: i64,
    maximum: i64,
    cycles: bool,
}

/// Reads sequences. A sequence belongs to no transaction: what it gives is that of this moment, whatever the snapshot.
///
/// # Errors
/// When the server does not answer, or a sequence was dropped meanwhile.
pub(crate) async fn sequences(client: &Client, scope: &Scope) -> Result<Sequences, Fault> {
    let statement = format!(
        "SELECT n.nspname::text, c.relname::text, owner.relname::text, \
                coalesce(has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(c.oid, 'SELECT'), true), \
                s.seqincrement, s.seqmin, s.seqmax, s.seqcycle \
         FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
         LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 \
              AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') \
         LEFT JOIN pg_class owner ON owner.oid = d.refobjid \
         WHERE c.relpersistence <> 't' AND {} AND NOT EXISTS (SELECT FROM pg_depend e \
               WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')",
        crate::catalog::OF_USERS,
    );
    let mut found = Sequences::default();
    let mut made = Vec::new();
    for row in client.query_typed(&statement, &[]).await? {
        let (schema, name, owner): (String, String, Option<&str>) = (row.get(0), row.get(1), row.get(2));
        if !contains(scope, Some(&schema), owner) {
            continue;
        }
        let name = TableName::new(schema, name);
        if !row.get::<_, bool>(3) {
            found.unreadable.push(name);
            continue;
        }
        made.push(Made {
            name,
            increment: row.get(4),
            minimum: row.get(5),
            maximum: row.get(6),
            cycles: row.get(7),
        });
    }
    for some in made.chunks(TOGETHER) {
        let reads: Vec<String> = some
            .iter()
            .enumerate()
            .map(|(at, made)| format!("SELECT {at}, last_value, is_called FROM {}", made.name.sql()))
            .collect();
        for row in client.query_typed(&reads.join(" UNION ALL "), &[]).await? {
            let made = usize::try_from(row.get::<_, i32>(0)).ok().and_then(|at| some.get(at));
            if let Some(made) = made {
                found.next.insert(made.name.sql(), next(made, row.get(1), row.get(2)));
            }
        }
    }
    Ok(found)
}

fn next(made: &Made, last: i64, called: bool) -> i64 {
    if !called {
        return last;
    }
    let next = last.saturating_add(made.increment);
    match (made.cycles, made.increment > 0) {
        (true, true) if next > made.maximum => made.minimum,
        (true, false) if next < made.minimum => made.maximum,
        _ => next,
    }
}
