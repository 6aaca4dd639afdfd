//! The saved tables beside the live ones: built, filled, indexed and proven in schemas of ours in the same database, while
//! users go on. One transaction, so that they are all there or none of them is.

use backout_contract::{Context, DriverError, Effect, ErrorKind};
use backout_core::checkpoint::DataPart;
use backout_core::digest::Digest;
use serde::{Deserialize, Serialize};
use tokio_postgres::GenericClient;

use super::definition::{self, Definition, Place};
use super::part::Part;
use super::{capture, copy, name, seen};
use crate::server::{Fault, Link, Pace, identifier, literal};
use crate::state::State;

/// What stands beside is described in a comment on the first of its schemas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    /// Which checkpoint it is from.
    pub(super) from: String,
    /// Whether it was put into place, and only our own tidying is left.
    pub(super) applied: bool,
}

/// How the schemas of this run begin.
pub(super) fn prefix(part: &Part, context: &Context) -> String {
    format!("{}{}_", part.key.staged(), name::run(context))
}

/// The schema that says what stands beside.
pub(super) fn first(part: &Part, context: &Context) -> String {
    format!("{}0", prefix(part, context))
}

/// Where the tables of a definition are staged.
pub(super) fn place(part: &Part, context: &Context, definition: &Definition) -> Place {
    Place::new(&prefix(part, context), definition.tables.iter().map(|table| &table.name))
}

/// What tells one checkpoint from another.
pub(super) fn origin(data: &[DataPart]) -> String {
    let parts: Vec<_> =
        data.iter().map(|part| serde_json::json!([part.name, part.blob, part.bytes])).collect();
    Digest::of_value("backout/postgres/staged", &serde_json::json!(parts)).to_string()
}

/// What stands beside for this run, if anything does.
pub(super) async fn about(
    client: &impl GenericClient,
    part: &Part,
    context: &Context,
) -> Result<Option<About>, Fault> {
    let query = "SELECT obj_description(n.oid, 'pg_namespace') FROM pg_namespace AS n WHERE n.nspname = $1";
    let row = client.query_opt(query, &[&first(part, context)]).await?;
    let text = row.and_then(|row| row.get::<_, Option<String>>(0));
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

pub(super) async fn note(
    client: &impl GenericClient,
    part: &Part,
    context: &Context,
    about: &About,
) -> Result<(), Fault> {
    let text = serde_json::json!(about).to_string();
    let schema = identifier(&first(part, context));
    client.batch_execute(&format!("COMMENT ON SCHEMA {schema} IS {}", literal(&text))).await?;
    Ok(())
}

/// Puts saved tables beside. Idempotent: what is complete stays, anything else is made anew.
pub(super) async fn stage(
    part: &Part,
    context: &Context,
    saved: Option<&State>,
    data: &[DataPart],
) -> Result<Effect, DriverError> {
    let Some(saved) = saved else { return Ok(Effect::AlreadyThere) };
    let attempted = format!("put the saved state of {} beside", part.shown);
    let pace = Pace::of(context);
    let mut link = part.connect().await?;
    let there = about(&*link, part, context).await.map_err(|fault| fault.while_doing(&attempted))?;
    let origin = origin(data);
    if there.is_some_and(|about| about.from == origin && !about.applied) {
        return Ok(Effect::AlreadyThere);
    }
    let definition = capture::definition(context, data).await?;
    let work = build(&mut link, part, context, &definition, data, saved, &pace);
    let built = pace.within(&attempted, async { work.await.map_err(|fault| fault.while_doing(&attempted)) });
    let rows: u64 = built.await.map_err(DriverError::nothing_happened)?;
    let tables = definition.tables.len();
    Ok(Effect::Applied {
        evidence: format!("{tables} tables with {rows} rows stand beside those of {}, proven", part.shown),
    })
}

async fn build(
    link: &mut Link,
    part: &Part,
    context: &Context,
    definition: &Definition,
    data: &[DataPart],
    saved: &State,
    pace: &Pace,
) -> Result<u64, Fault> {
    let folder = capture::folder(&context.scratch)?;
    let place = place(part, context, definition);
    let version = link.version;
    let transaction = link.client.transaction().await?;
    clear(&transaction, part).await?;
    let mut statements = vec![format!("CREATE SCHEMA {}", identifier(&first(part, context)))];
    statements.extend(place.schemas().map(|schema| format!("CREATE SCHEMA {}", identifier(schema))));
    for table in &definition.tables {
        statements.extend(definition::create(table, &place, &definition.values));
    }
    run(&transaction, &statements).await?;
    for (number, table) in definition.tables.iter().enumerate().filter(|(_, table)| table.holds_rows()) {
        pace.check("put saved rows beside")?;
        let name = copy::part_name(number);
        let Some(rows) = data.iter().find(|part| part.name == name) else { continue };
        copy::into(transaction.client(), table, &place.of(&table.name), rows, folder.path(), context, pace)
            .await?;
    }
    drop(folder);
    for table in definition.tables.iter().rev() {
        pace.check("index saved rows")?;
        run(&transaction, &definition::index(table, &place)).await?;
    }
    let found = seen::rows_at(transaction.client(), version, &definition.tables, &place, pace).await?;
    let mut count = 0;
    for table in definition.tables.iter().filter(|table| table.holds_rows()) {
        let (name, rows) = (table.name.sql(), found.get(&table.name.sql()));
        if rows.is_none() || saved.rows.get(&name) != rows {
            return Err(Fault::Said(
                DriverError::new(ErrorKind::BadData, format!("prove the saved rows of {}", table.name))
                    .caused_by("they are not the ones that were saved")
                    .nothing_happened(),
            ));
        }
        count += rows.map_or(0, |rows| rows.count);
        transaction.batch_execute(&format!("ANALYZE {}", place.of(&table.name).sql())).await?;
    }
    note(&transaction, part, context, &About { from: origin(data), applied: false }).await?;
    backout_kit::failpoint!("postgres-tables-staged");
    transaction.commit().await?;
    Ok(count)
}

/// Removes what any run staged of this part.
pub(super) async fn clear(client: &impl GenericClient, part: &Part) -> Result<(), Fault> {
    for schema in schemas(client, &part.key.staged()).await? {
        client.batch_execute(&format!("DROP SCHEMA {} CASCADE", identifier(&schema))).await?;
    }
    Ok(())
}

/// The schemas whose names begin so.
pub(super) async fn schemas(client: &impl GenericClient, prefix: &str) -> Result<Vec<String>, Fault> {
    let query = "SELECT nspname::text FROM pg_namespace WHERE starts_with(nspname, $1) ORDER BY nspname";
    let rows = client.query(query, &[&prefix]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Runs statements one after the other.
pub(super) async fn run(client: &impl GenericClient, statements: &[String]) -> Result<(), Fault> {
    for statement in statements {
        client.batch_execute(statement).await?;
    }
    Ok(())
}
