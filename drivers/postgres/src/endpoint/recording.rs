//! What users write on the new side: recorded there, taken over to the old one.

use backout_contract::{Context, DriverError, RecoverOrder, Sealed};
use backout_core::writes::{Counted, Coverage, Occasion, Recovered, Way};

use super::config::EndpointConfig;
use super::reverse;
use super::sequences;
use super::site::{Bears, Site};
use super::state::{EndpointState, Which};
use crate::catalog::Scope;
use crate::recorder::{self, Order, Since};
use crate::recover::{self, Recorded};
use crate::server::{Link, Pace, of_postgres};
use crate::state::{State, Taken};

/// Puts the recorder into the new side; at cutover, that side is marked as the one with the writers.
pub(super) async fn arm(
    config: &EndpointConfig,
    context: &Context,
    occasion: Occasion,
) -> Result<Coverage, DriverError> {
    let mut site = Site::connect(config, Which::New, context).await?;
    let mut link = site.needed(&Pace::of(context)).await?;
    let order = Order::new(&site.address, &Scope::Database, &config.recorder, context);
    let coverage = recorder::arm(&mut link, &order, occasion).await?;
    if occasion.is_cutover() {
        mark(&mut site, true).await?;
    }
    Ok(coverage)
}

async fn mark(site: &mut Site, marked: bool) -> Result<(), DriverError> {
    let name = site.name().to_owned();
    site.outside
        .annotate(&name, |note| {
            let bears = Bears { marked, ..Bears::of(note) };
            bears.put(note);
        })
        .await?;
    Ok(())
}

pub(super) async fn disarm(config: &EndpointConfig, context: &Context) -> Result<(), DriverError> {
    let mut site = Site::connect(config, Which::New, context).await?;
    let mut link = site.needed(&Pace::of(context)).await?;
    let order = Order::new(&site.address, &Scope::Database, &config.recorder, context);
    recorder::disarm(&mut link, &order).await?;
    drop(link);
    mark(&mut site, false).await
}

pub(super) async fn coverage(
    config: &EndpointConfig,
    context: &Context,
) -> Result<Option<Coverage>, DriverError> {
    let site = Site::connect(config, Which::New, context).await?;
    let link = site.needed(&Pace::of(context)).await?;
    recorder::coverage(&link, &Order::new(&site.address, &Scope::Database, &config.recorder, context)).await
}

/// Counts what users wrote on the new side; nothing of it is lacked while writers are on the old one.
pub(super) async fn count(
    config: &EndpointConfig,
    context: &Context,
    target: &EndpointState,
    live: &EndpointState,
) -> Result<Option<Counted>, DriverError> {
    let site = Site::connect(config, Which::New, context).await?;
    let mut link = site.needed(&Pace::of(context)).await?;
    let order = Order::new(&site.address, &Scope::Database, &config.recorder, context);
    let target = as_state(&link, target).await?;
    let counted = recorder::count(&mut link, &order, &target, Some(&config.merge), &[]).await?;
    Ok(counted.map(|counted| as_lacked(counted, live)))
}

/// The same, and what was recorded goes into the vault.
pub(super) async fn seal(
    config: &EndpointConfig,
    context: &Context,
    target: &EndpointState,
    live: &EndpointState,
) -> Result<Option<Sealed>, DriverError> {
    let site = Site::connect(config, Which::New, context).await?;
    let mut link = site.needed(&Pace::of(context)).await?;
    let order = Order::new(&site.address, &Scope::Database, &config.recorder, context);
    let target = as_state(&link, target).await?;
    let sealed = recorder::seal(&mut link, &order, &target, Some(&config.merge), &[]).await?;
    Ok(sealed.map(|sealed| Sealed { counted: as_lacked(sealed.counted, live), ..sealed }))
}

fn as_lacked(counted: Counted, live: &EndpointState) -> Counted {
    if live.writers() == Which::New { counted } else { Counted { tables: Vec::new(), ..counted } }
}

/// What the old side has of the new one's transactions, in the new one's own terms: whatever was there when its recorder
/// began, and nothing of what was recorded.
async fn as_state(there: &Link, target: &EndpointState) -> Result<State, DriverError> {
    let failed = |error| of_postgres("look when recording began on the new side", error).nothing_happened();
    let found = "SELECT pg_catalog.to_regclass('_backout.recorder') IS NOT NULL";
    let began: Option<i64> = if there.query_one(found, &[]).await.map_err(failed)?.get(0) {
        let row = there.query_opt("SELECT began FROM _backout.recorder", &[]).await.map_err(failed)?;
        row.map(|row| row.get(0))
    } else {
        None
    };
    let began = began.unwrap_or(3);
    let schema = target.old.inside.as_ref().map(|inside| inside.schema.clone()).unwrap_or_default();
    Ok(State {
        schema,
        rows: Default::default(),
        sequences: Default::default(),
        large_objects: None,
        notes: Vec::new(),
        taken: Taken {
            version: there.version,
            system: target.new.system.clone(),
            database: target.new.database,
            snapshot: format!("{began}:{}:{began}", began.saturating_add(1)),
            position: 0,
            timeline: 1,
            restore_point: None,
        },
    })
}

/// Takes over to the old side what users wrote on the new one, or waits for the reverse stream that does; sequences
/// follow.
pub(super) async fn recover(
    config: &EndpointConfig,
    context: &Context,
    order: &RecoverOrder,
) -> Result<Recovered, DriverError> {
    let pace = Pace::of(context);
    let old = Site::connect(config, Which::Old, context).await?;
    let new = Site::connect(config, Which::New, context).await?;
    if let (Some(reverse), Way::Merge) = (&config.reverse, order.way) {
        return reverse::arrive(config, reverse, &old, &new, &pace).await;
    }
    let there = new.needed(&pace).await?;
    let mut here = old.needed(&pace).await?;
    let read = Order::new(&new.address, &Scope::Database, &config.recorder, context);
    let since = Since::Everything;
    let Some(reading) = recorder::read_live(&there, &read, &since).await? else {
        return Ok(Recovered::default());
    };
    let run = order.from.last().map(ToString::to_string).unwrap_or_default();
    let recorded = Recorded { run, source: reading.source, changes: reading.changes, database: Some(there) };
    let recovered = recover::recover(&mut here, &config.merge, order, vec![recorded], None, context).await?;
    if order.way == Way::Merge {
        let there = new.needed(&pace).await?;
        sequences::ahead(&here, &there, &config.merge, &pace).await?;
    }
    Ok(recovered)
}
