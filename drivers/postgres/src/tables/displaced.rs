//! What stood there before, kept in schemas of ours until release. Everything that is known of it stands beside it.

use backout_contract::{Captured, Context, DriverError, ErrorKind};
use backout_core::checkpoint::DataPart;
use backout_core::name::RunId;
use serde::{Deserialize, Serialize};
use tokio_postgres::{GenericClient, IsolationLevel};

use super::definition::{Definition, Place};
use super::part::Part;
use super::{bar, capture, name, recording, seen, stage};
use crate::compare::{Within, things_of};
use crate::server::{Fault, Link, Pace, identifier};
use crate::state::State;

/// The table that says what was displaced.
const ABOUT: &str = "_backout_about";
/// The table that says which sealed writes belong to it.
const SEALED: &str = "_backout_sealed";

/// What is known of what was displaced.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    /// The state, without rows; none where nothing was there, or nothing could be read.
    pub(super) state: Option<State>,
    pub(super) definition: Definition,
}

/// Where something is displaced to.
pub(super) struct Aside {
    pub(super) place: Place,
    first: String,
}

/// Makes room for these tables, under names that nobody has yet.
pub(super) async fn make(
    client: &impl GenericClient,
    part: &Part,
    context: &Context,
    live: &Definition,
) -> Result<Aside, Fault> {
    let prefix = prefix(part, context);
    let taken = stage::schemas(client, &prefix).await?;
    let number =
        (1..).find(|number| !taken.iter().any(|name| name.starts_with(&format!("{prefix}{number}_"))));
    let prefix = format!("{prefix}{}_", number.unwrap_or(1));
    let place = Place::new(&prefix, live.tables.iter().map(|table| &table.name));
    let first = format!("{prefix}0");
    for schema in std::iter::once(&first).chain(place.schemas()) {
        client.batch_execute(&format!("CREATE SCHEMA {}", identifier(schema))).await?;
    }
    Ok(Aside { place, first })
}

impl Aside {
    /// Writes down what it is.
    pub(super) async fn describe(
        &self,
        client: &impl GenericClient,
        kept: &Kept,
        sealed: &[DataPart],
    ) -> Result<(), Fault> {
        let text = serde_json::to_string(kept).unwrap_or_default();
        let table = format!("{}.{}", identifier(&self.first), identifier(ABOUT));
        client.batch_execute(&format!("CREATE TABLE {table} (about text NOT NULL)")).await?;
        client.execute(&format!("INSERT INTO {table} VALUES ($1)"), &[&text]).await?;
        let text = serde_json::to_string(sealed).unwrap_or_default();
        let table = format!("{}.{}", identifier(&self.first), identifier(SEALED));
        client.batch_execute(&format!("CREATE TABLE {table} (parts text NOT NULL)")).await?;
        client.execute(&format!("INSERT INTO {table} VALUES ($1)"), &[&text]).await?;
        Ok(())
    }

    /// For people.
    pub(super) fn shown(&self) -> String {
        self.first.trim_end_matches('0').to_owned() + "*"
    }
}

/// How the schemas of what this run displaced begin.
fn prefix(part: &Part, context: &Context) -> String {
    format!("{}{}_", part.key.displaced(), name::run(context))
}

/// What runs displaced of this part, and what they staged and left.
pub(super) async fn list(part: &Part) -> Result<Vec<String>, DriverError> {
    let link = part.connect().await?;
    let found = async {
        let mut all = stage::schemas(&*link, &part.key.displaced()).await?;
        all.extend(stage::schemas(&*link, &part.key.staged()).await?);
        Ok::<_, Fault>(all)
    };
    let attempted = format!("look what was displaced of {}", part.shown);
    let all = found.await.map_err(|fault| fault.while_doing(&attempted).nothing_happened())?;
    let name = |schema: String| format!("schema {schema} in {}", part.address.shown());
    // What each begins with is described in the first one.
    Ok(all.into_iter().filter(|schema| schema.ends_with("_0")).map(name).collect())
}

/// Removes what runs left of this part.
pub(super) async fn release(part: &Part, context: &Context) -> Result<(), DriverError> {
    let attempted = format!("remove what was displaced of {}", part.shown);
    backout_kit::scratch_folder::sweep(&context.scratch);
    let mut link = part.connect().await?;
    let removed = async {
        let transaction = link.client.transaction().await?;
        stage::clear(&transaction, part).await?;
        for schema in stage::schemas(&transaction, &part.key.displaced()).await? {
            transaction.batch_execute(&format!("DROP SCHEMA {} CASCADE", identifier(&schema))).await?;
        }
        recording::forget(&transaction, part).await?;
        transaction.commit().await?;
        Ok::<_, Fault>(())
    };
    removed.await.map_err(|fault| fault.while_doing(&attempted))?;
    // A lifted bar that is left does nothing.
    let _ = bar::clear(&mut link, part).await;
    Ok(())
}

/// What was sealed of the writes to what a run displaced.
pub(super) async fn sealed(part: &Part, run: &RunId, link: &Link) -> Result<Vec<DataPart>, DriverError> {
    let found = async {
        let prefix = format!("{}{}_", part.key.displaced(), name::of_run(run));
        let mut all = Vec::new();
        for schema in stage::schemas(&link.client, &prefix).await? {
            let table = format!("{}.{}", identifier(&schema), identifier(SEALED));
            let there: bool = link.query_one("SELECT to_regclass($1) IS NOT NULL", &[&table]).await?.get(0);
            if !there {
                continue;
            }
            for row in link.query(&format!("SELECT parts FROM {table}"), &[]).await? {
                let parts: Vec<DataPart> = serde_json::from_str(&row.get::<_, String>(0)).unwrap_or_default();
                all.extend(parts);
            }
        }
        Ok::<_, Fault>(all)
    };
    found.await.map_err(|fault| fault.while_doing("look which writes were sealed").nothing_happened())
}

/// The number of the last exchange of a run.
async fn last(client: &impl GenericClient, prefix: &str) -> Result<Option<u32>, Fault> {
    let schemas = stage::schemas(client, prefix).await?;
    let number = |schema: &String| schema.strip_prefix(prefix)?.strip_suffix("_0")?.parse::<u32>().ok();
    Ok(schemas.iter().filter_map(number).max())
}

/// What the run of this context displaced, saved; none where it displaced nothing, or what cannot be read.
pub(super) async fn capture(part: &Part, context: &Context) -> Result<Option<Captured<State>>, DriverError> {
    let attempted = format!("look at what was displaced of {}", part.shown);
    let pace = Pace::of(context);
    let mut link = part.connect().await?;
    let look = async {
        let version = link.version;
        let transaction = link
            .client
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .read_only(true)
            .start()
            .await?;
        transaction.batch_execute("SET LOCAL row_security = off").await?;
        let prefix = prefix(part, context);
        // What was there right before the last exchange of the run is what it displaced.
        let Some(last) = last(&transaction, &prefix).await? else { return Ok(None) };
        let prefix = format!("{prefix}{last}_");
        let kept = kept(&transaction, &prefix, &attempted).await?;
        let place = Place::new(&prefix, kept.definition.tables.iter().map(|table| &table.name));
        let Some(mut state) = kept.state else { return Ok(None) };
        let tables = &kept.definition.tables;
        state.rows = seen::rows_at(transaction.client(), version, tables, &place, &pace).await?;
        if let Some((table, rows)) = state.rows.iter().find(|(_, rows)| rows.is_unreadable()) {
            let why = format!("{table}: {}", rows.digest);
            let error = DriverError::new(ErrorKind::Unreadable, &attempted).caused_by(why);
            return Err(Fault::Said(error.nothing_happened()));
        }
        let data = capture::keep(transaction.client(), &kept.definition, &place, context, &pace).await?;
        let identity = Some(crate::state::identity(&state.taken.system, &part.address));
        Ok::<_, Fault>(Some(Captured { state: Some(state), identity, data }))
    };
    look.await.map_err(|fault| fault.while_doing(&attempted).nothing_happened())
}

/// What the run of this context displaced last, as tables that stand elsewhere; none where it displaced nothing.
pub(super) async fn elsewhere(part: &Part, context: &Context) -> Result<Option<Within>, DriverError> {
    let attempted = format!("look at what was displaced of {}", part.shown);
    let link = part.connect().await?;
    let found = async {
        let prefix = prefix(part, context);
        let Some(last) = last(&*link, &prefix).await? else { return Ok(None) };
        let prefix = format!("{prefix}{last}_");
        let kept = kept(&*link, &prefix, &attempted).await?;
        let place = Place::new(&prefix, kept.definition.tables.iter().map(|table| &table.name));
        let tables = kept.definition.tables.iter().map(|table| (table.name.clone(), place.of(&table.name)));
        let things = kept.state.map(|state| things_of(state.schema)).unwrap_or_default();
        Ok::<_, Fault>(Some(Within::Elsewhere { tables: tables.collect(), things }))
    };
    found.await.map_err(|fault| fault.while_doing(&attempted).nothing_happened())
}

/// What was written down of what was displaced.
async fn kept(client: &impl GenericClient, prefix: &str, attempted: &str) -> Result<Kept, Fault> {
    let query = format!("SELECT about FROM {}.{}", identifier(&format!("{prefix}0")), identifier(ABOUT));
    let text: String = client.query_one(&query, &[]).await?.get(0);
    serde_json::from_str(&text).map_err(|error| {
        let error = DriverError::new(ErrorKind::Unreadable, attempted).caused_by(error);
        Fault::Said(error.nothing_happened())
    })
}
