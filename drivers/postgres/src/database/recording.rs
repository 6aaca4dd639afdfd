//! What the recorder and the taking over of writes are asked for, with the ways into the databases that they need.

use std::collections::{BTreeMap, BTreeSet};

use backout_contract::{DriverError, ErrorKind, RecoverOrder, Sealed};
use backout_core::name::RunId;
use backout_core::writes::{Counted, Coverage, Occasion, Recovered, SealedWrites};

use super::site::Site;
use crate::door::Outside;
use crate::recorder::{self, Since};
use crate::recover::{self, Recorded};
use crate::server::Link;
use crate::state::State;
use crate::swap;

pub(super) async fn arm(site: &Site<'_>, occasion: Occasion) -> Result<Coverage, DriverError> {
    let mut live = needed(site).await?;
    let mut coverage = recorder::arm(&mut live, &site.order(), occasion).await?;
    if occasion.is_cutover() {
        // Writes to a table whose old keys nobody knows are recorded and lead nowhere.
        let gaps = recover::keep_keys(&mut live, &site.config.merge).await?;
        coverage.covered.retain(|table| gaps.iter().all(|gap| gap.table != *table));
        coverage.uncovered.extend(gaps);
        coverage.uncovered.sort();
    }
    Ok(coverage)
}

pub(super) async fn disarm(site: &Site<'_>) -> Result<(), DriverError> {
    match site.way_in().await? {
        Some(mut link) => recorder::disarm(&mut link, &site.order()).await,
        None => Ok(()),
    }
}

pub(super) async fn coverage(site: &Site<'_>) -> Result<Option<Coverage>, DriverError> {
    match site.way_in().await? {
        Some(link) => recorder::coverage(&link, &site.order()).await,
        None => Ok(None),
    }
}

pub(super) async fn count(
    site: &Site<'_>,
    target: &State,
    earlier: &[SealedWrites],
) -> Result<Option<Counted>, DriverError> {
    let merge = Some(&site.config.merge);
    match site.way_in().await? {
        Some(mut link) => recorder::count(&mut link, &site.order(), target, merge, earlier).await,
        None => Ok(None),
    }
}

pub(super) async fn seal(
    site: &Site<'_>,
    target: &State,
    earlier: &[SealedWrites],
) -> Result<Option<Sealed>, DriverError> {
    let merge = Some(&site.config.merge);
    match site.way_in().await? {
        Some(mut link) => recorder::seal(&mut link, &site.order(), target, merge, earlier).await,
        None => Ok(None),
    }
}

/// Gives a copy a recorder of its own, where what was saved had one, or what is live has.
pub(super) async fn place_again(site: &Site<'_>, copy: &mut Link, saved: &State) -> Result<(), DriverError> {
    let live = match site.way_in().await {
        Ok(Some(link)) => is_recorded(&link).await?,
        // What cannot be read, or is not there, has none.
        _ => false,
    };
    if live || is_recorded(copy).await? {
        recorder::place_again(copy, &site.order(), saved).await?;
    }
    Ok(())
}

async fn is_recorded(link: &Link) -> Result<bool, DriverError> {
    let query = "SELECT pg_catalog.to_regnamespace('_backout') IS NOT NULL";
    let row = link.query_one(query, &[]).await;
    Ok(row.map_err(|error| crate::server::of_postgres("look for a recorder", error))?.get(0))
}

/// Whether a displaced database holds recorded writes that stand nowhere else: neither sealed in the vault nor taken over.
/// What cannot be read holds none that anybody could have.
pub(super) async fn holds_unread(site: &Site<'_>, name: &str) -> Result<bool, DriverError> {
    let Some(mut link) = readable(site, name).await? else { return Ok(false) };
    let asked = site.order();
    if !recorder::unread(&mut link, &asked).await? {
        return Ok(false);
    }
    let since = since(site, &site.outside().await?).await?;
    let Some(reading) = recorder::read_live(&link, &asked, &since).await? else { return Ok(false) };
    match site.way_in().await? {
        Some(mut target) => {
            let taken = recover::all_taken(&mut target, &reading.source, reading.changes, &site.pace).await?;
            Ok(!taken)
        }
        None => Ok(true),
    }
}

/// What the live database lacks of what was recorded elsewhere.
async fn since(site: &Site<'_>, outside: &Outside) -> Result<Since, DriverError> {
    match outside.find(site.live()).await?.and_then(|live| live.note.put_back) {
        Some(put_back) => Since::of(&put_back.taken),
        None => Ok(Since::Everything),
    }
}

/// Takes over what the displaced databases of these runs have and the live one lacks: as it was sealed in the vault, else
/// from their own recorders.
pub(super) async fn recover(site: &Site<'_>, order: &RecoverOrder) -> Result<Recovered, DriverError> {
    let outside = site.outside().await?;
    let mut target = needed(site).await?;
    let since = since(site, &outside).await?;
    // Displaced databases by number, with their runs.
    let mut kept = BTreeMap::new();
    let runs: BTreeSet<&RunId> = order.from.iter().chain(order.sealed.iter().map(|one| &one.run)).collect();
    for run in runs {
        if let Some(entry) = swap::displaced_by(&outside, site.live(), Some(run)).await? {
            kept.insert(entry.oid, (run.to_string(), entry.name));
        }
    }
    let asked = site.order();
    let mut sources = Vec::new();
    for one in &order.sealed {
        let Some(part) = one.data.iter().find(|part| recorder::is_sealed_writes(part)) else { continue };
        let reading = recorder::read_sealed(part, &asked, &since).await?;
        // The same recorder, sealed twice, is one: the later time it told more.
        let again = sources.iter().position(|one: &Recorded<'_>| one.source == reading.source);
        let database = match (kept.remove(&reading.database), again.map(|place| sources.remove(place))) {
            (Some((_, name)), _) => readable(site, &name).await?,
            (None, earlier) => earlier.and_then(|earlier| earlier.database),
        };
        let run = one.run.to_string();
        sources.push(Recorded { run, source: reading.source, changes: reading.changes, database });
    }
    for (run, name) in kept.into_values() {
        let Some(database) = readable(site, &name).await? else { continue };
        if let Some(reading) = recorder::read_live(&database, &asked, &since).await? {
            let (source, changes) = (reading.source, reading.changes);
            sources.push(Recorded { run, source, changes, database: Some(database) });
        }
    }
    let written_here = recorder::read_live(&needed(site).await?, &asked, &Since::Everything).await?;
    let written_here = written_here.map(|reading| reading.changes);
    recover::recover(&mut target, &site.config.merge, order, sources, written_here, site.context).await
}

async fn readable(site: &Site<'_>, name: &str) -> Result<Option<Link>, DriverError> {
    match site.ways_into(name, 1).await {
        Ok(links) => Ok(links.and_then(|links| links.into_iter().next())),
        Err(error) if error.kind == ErrorKind::Unreadable => Ok(None),
        Err(error) => Err(error),
    }
}

async fn needed(site: &Site<'_>) -> Result<Link, DriverError> {
    site.way_in().await?.ok_or_else(|| {
        DriverError::new(ErrorKind::Unreadable, format!("connect to {}", site.address.shown()))
            .caused_by("there is no such database")
            .nothing_happened()
    })
}
