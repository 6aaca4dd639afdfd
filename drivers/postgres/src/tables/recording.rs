//! The recorder of a part, and taking over what it recorded: the rest of the database is nobody's business here.
//!
//! A part goes back within its database, so its recorder is not displaced with it. What was recorded up to then belongs to
//! what was displaced: it is sealed in the vault before, and once more beside the displaced tables where nobody did; then
//! the recorder begins anew, as that of a copy of what was saved.

use backout_contract::{Context, DriverError, RecoverOrder, Sealed};
use backout_core::checkpoint::DataPart;
use backout_core::name::RunId;
use backout_core::writes::{Counted, Coverage, Occasion, Recovered, SealedWrites};
use tokio_postgres::GenericClient;

use super::part::Part;
use super::{displaced, ours, seen};
use crate::catalog::Scope;
use crate::recorder::{self, By, Order, Since};
use crate::recover::{self, Recorded};
use crate::server::{Fault, Link};
use crate::state::{State, Taken};

const TABLE: &str = "\"_backout_parts\".\"put_back\"";

/// The tables of a part as its recorder takes them.
async fn scope(part: &Part, link: &Link) -> Result<Scope, DriverError> {
    let found = seen::definition(link, link.version, part).await;
    let attempted = format!("look which tables of {} are recorded", part.shown);
    Ok(seen::scope(part, &found.map_err(|fault| fault.while_doing(attempted).nothing_happened())?))
}

/// Whether anything may be recorded: what records in a database has a schema in it, but for stamps.
async fn may_be_recorded(part: &Part, client: &impl GenericClient) -> Result<bool, DriverError> {
    if part.config.recorder.by == By::Timestamps {
        return Ok(true);
    }
    let asked = client.query_one("SELECT to_regnamespace('_backout') IS NOT NULL", &[]).await;
    let there =
        asked.map_err(|error| Fault::from(error).while_doing("look for a recorder").nothing_happened())?;
    Ok(there.get(0))
}

macro_rules! ordered {
    ($part:expr, $link:expr, $context:expr, $order:ident => $call:expr) => {{
        let scope = scope($part, $link).await?;
        let $order = Order::new(&$part.address, &scope, &$part.config.recorder, $context);
        $call
    }};
}

pub(super) async fn arm(part: &Part, context: &Context, occasion: Occasion) -> Result<Coverage, DriverError> {
    let mut link = part.connect().await?;
    let coverage = ordered!(part, &link, context, order => recorder::arm(&mut link, &order, occasion).await)?;
    Ok(coverage)
}

pub(super) async fn disarm(part: &Part, context: &Context) -> Result<(), DriverError> {
    let mut link = part.connect().await?;
    ordered!(part, &link, context, order => recorder::disarm(&mut link, &order).await)
}

pub(super) async fn coverage(part: &Part, context: &Context) -> Result<Option<Coverage>, DriverError> {
    let link = part.connect().await?;
    ordered!(part, &link, context, order => recorder::coverage(&link, &order).await)
}

pub(super) async fn count(
    part: &Part,
    context: &Context,
    target: &State,
    earlier: &[SealedWrites],
) -> Result<Option<Counted>, DriverError> {
    let mut link = part.connect().await?;
    let merge = Some(&part.config.merge);
    ordered!(part, &link, context, order => recorder::count(&mut link, &order, target, merge, earlier).await)
}

pub(super) async fn seal(
    part: &Part,
    context: &Context,
    target: &State,
    earlier: &[SealedWrites],
) -> Result<Option<Sealed>, DriverError> {
    let mut link = part.connect().await?;
    let merge = Some(&part.config.merge);
    ordered!(part, &link, context, order => recorder::seal(&mut link, &order, target, merge, earlier).await)
}

/// Writes down, within the transaction that puts a part back, which state stands there from now on: nothing was taken over
/// into that one.
pub(super) async fn note(client: &impl GenericClient, part: &Part, taken: &Taken) -> Result<(), Fault> {
    let table =
        format!("CREATE TABLE IF NOT EXISTS {TABLE} (component text PRIMARY KEY, taken text NOT NULL)");
    ours::make(client, &[&table]).await?;
    let text = serde_json::to_string(taken).unwrap_or_default();
    let note = format!(
        "INSERT INTO {TABLE} VALUES ($1, $2) ON CONFLICT (component) DO UPDATE SET taken = EXCLUDED.taken"
    );
    client.execute(&note, &[&part.key.as_str(), &text]).await?;
    recover::forget_taken(client).await
}

/// Forgets it.
pub(super) async fn forget(client: &impl GenericClient, part: &Part) -> Result<(), Fault> {
    if ours::stands(client, "put_back").await? {
        client.execute(&format!("DELETE FROM {TABLE} WHERE component = $1"), &[&part.key.as_str()]).await?;
        ours::tidy(client, "put_back").await?;
    }
    Ok(())
}

async fn since(link: &Link, part: &Part) -> Result<Since, DriverError> {
    let found = async {
        if !ours::stands(&link.client, "put_back").await? {
            return Ok(None);
        }
        let query = format!("SELECT taken FROM {TABLE} WHERE component = $1");
        let row = link.query_opt(&query, &[&part.key.as_str()]).await?;
        Ok::<_, Fault>(row.map(|row| row.get::<_, String>(0)))
    };
    let attempted = format!("look which state of {} was put back", part.shown);
    let text = found.await.map_err(|fault| fault.while_doing(attempted).nothing_happened())?;
    match text.and_then(|text| serde_json::from_str::<Taken>(&text).ok()) {
        Some(taken) => Since::of(&taken),
        None => Ok(Since::Everything),
    }
}

/// Seals what nobody has sealed, before the part goes back: then it would be nobody's any more.
pub(super) async fn seal_unread(
    part: &Part,
    context: &Context,
    saved: Option<&State>,
) -> Result<Vec<DataPart>, DriverError> {
    let Some(saved) = saved else { return Ok(Vec::new()) };
    let mut link = part.connect().await?;
    if !may_be_recorded(part, &link.client).await? {
        return Ok(Vec::new());
    }
    let scope = scope(part, &link).await?;
    let order = Order::new(&part.address, &scope, &part.config.recorder, context);
    if recorder::coverage(&link, &order).await?.is_none() || !recorder::unread(&mut link, &order).await? {
        return Ok(Vec::new());
    }
    let sealed = recorder::seal(&mut link, &order, saved, None, &[]).await?;
    Ok(sealed.map(|sealed| sealed.data).unwrap_or_default())
}

/// Has the recorder take what this transaction writes for nobody's.
pub(super) async fn keep_out(client: &impl GenericClient) -> Result<(), Fault> {
    let there: bool =
        client.query_one("SELECT to_regprocedure('_backout.migration()') IS NOT NULL", &[]).await?.get(0);
    if there {
        client.batch_execute("SELECT _backout.migration()").await?;
    }
    Ok(())
}

/// Begins recording anew over tables that were exchanged, where it was recorded.
pub(super) async fn again(
    part: &Part,
    context: &Context,
    link: &mut Link,
    saved: Option<&State>,
) -> Result<(), DriverError> {
    if !may_be_recorded(part, &link.client).await? {
        return Ok(());
    }
    let scope = scope(part, link).await?;
    let order = Order::new(&part.address, &scope, &part.config.recorder, context);
    if let (Some(_), Some(saved)) = (recorder::coverage(link, &order).await?, saved) {
        recorder::place_again(link, &order, saved).await?;
    }
    Ok(())
}

/// Takes over what was recorded before runs put the part back.
pub(super) async fn recover(
    part: &Part,
    context: &Context,
    order: &RecoverOrder,
) -> Result<Recovered, DriverError> {
    let mut target = part.connect().await?;
    let link = part.connect().await?;
    let scope = scope(part, &link).await?;
    let asked = Order::new(&part.address, &scope, &part.config.recorder, context);
    let since = since(&link, part).await?;
    let mut parts: Vec<(&RunId, DataPart)> = Vec::new();
    for one in &order.sealed {
        parts.extend(one.data.iter().map(|part| (&one.run, part.clone())));
    }
    for run in &order.from {
        let kept = displaced::sealed(part, run, &link).await?;
        let is_new = |kept: &DataPart| !parts.iter().any(|(_, one)| one.blob == kept.blob);
        let kept: Vec<DataPart> = kept.into_iter().filter(is_new).collect();
        parts.extend(kept.into_iter().map(|kept| (run, kept)));
    }
    let mut sources: Vec<Recorded<'_>> = Vec::new();
    for (run, sealed) in parts.iter().filter(|(_, one)| recorder::is_sealed_writes(one)) {
        let reading = recorder::read_sealed(sealed, &asked, &since).await?;
        // The same recorder, sealed twice, is one.
        sources.retain(|one| one.source != reading.source);
        let (source, changes) = (reading.source, reading.changes);
        sources.push(Recorded { run: run.to_string(), source, changes, database: None });
    }
    let written_here = recorder::read_live(&link, &asked, &Since::Everything).await?;
    let written_here = written_here.map(|reading| reading.changes);
    recover::recover(&mut target, &part.config.merge, order, sources, written_here, context).await
}
