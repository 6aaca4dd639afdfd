//! Looks at a database, and saves it: rows, digests and the dump are of one snapshot.

use backout_contract::{Captured, Depth, DriverError, ErrorKind, Exactness};
use backout_core::observation::Verdict;

use super::config::RestorePoint;
use super::site::Site;
use super::template;
use crate::catalog::Scope;
use crate::door;
use crate::dump;
use crate::examine;
use crate::look::{self, Held};
use crate::state::{State, identity};
use crate::swap;

pub(super) async fn capture(site: &Site<'_>, depth: Depth) -> Result<Captured<State>, DriverError> {
    let captured = match depth {
        Depth::Look => state_of(site, site.live()).await.map(|state| captured(site, state)),
        // What stands there before a run changes it is kept by the run itself.
        Depth::Keep if site.context.run.is_none() && site.config.restore_point != RestorePoint::Dump => {
            template::save(site, site.config.restore_point == RestorePoint::Both).await
        }
        Depth::Keep => keep(site, site.live()).await,
    };
    captured.map_err(DriverError::nothing_happened)
}

/// The state of a database of the server; none where it is not there.
pub(super) async fn state_of(site: &Site<'_>, name: &str) -> Result<Option<State>, DriverError> {
    let Some(links) = site.ways_into(name, site.config.jobs()).await? else { return Ok(None) };
    look::look(links, &Scope::Database, &site.pace).await.map(Some)
}

/// The objects of a database of the server, and no rows; none where it is not there.
pub(super) async fn shape_of(site: &Site<'_>, name: &str) -> Result<Option<State>, DriverError> {
    let Some(links) = site.ways_into(name, 1).await? else { return Ok(None) };
    look::shape(links, &Scope::Database, &site.pace).await.map(Some)
}

pub(super) fn captured(site: &Site<'_>, state: Option<State>) -> Captured<State> {
    let identity = state.as_ref().map(|state| identity(&state.taken.system, &site.address));
    Captured { state, identity, data: Vec::new() }
}

/// Saves a database; one whose door we shut stands open meanwhile, for `pg_dump` comes in by itself.
pub(super) async fn keep(site: &Site<'_>, name: &str) -> Result<Captured<State>, DriverError> {
    match site.outside().await {
        Ok(outside) => match outside.find(name).await? {
            None => Ok(captured(site, None)),
            Some(found) if found.lets_in => keep_open(site, name).await,
            Some(_) => door::held_open(&outside, name, &site.pace, || keep_open(site, name)).await,
        },
        // Who may not look from outside may do so from inside, where the door is open.
        Err(_) => keep_open(site, name).await,
    }
}

async fn keep_open(site: &Site<'_>, name: &str) -> Result<Captured<State>, DriverError> {
    let Some(links) = site.ways_into(name, site.config.jobs()).await? else {
        return Ok(captured(site, None));
    };
    let version = links.first().map(|link| link.version).unwrap_or(crate::server::Version(0));
    let held = Held::begin(links, &site.pace).await?;
    let address = site.address.of_database(name);
    // The digests take processors of the server's, and the dump ours: side by side, each waits for the other's.
    let dumped = dump::keep(site.context, &address, version, held.snapshot(), &Scope::Database);
    let (data, mut state) = tokio::try_join!(dumped, held.look(&Scope::Database, &site.pace))?;
    if let Some(link) = held.close().await.first() {
        // A name in the archived log is a help for people, and its absence no reason to lose the capture.
        let named = dump::set_restore_point(link, &site.context.component.to_string()).await;
        state.taken.restore_point = named.unwrap_or_default();
    }
    Ok(Captured { data, ..captured(site, Some(state)) })
}

/// What the run of this context displaced, saved; none where it displaced nothing, or what cannot be read.
pub(super) async fn displaced(site: &Site<'_>) -> Result<Option<Captured<State>>, DriverError> {
    let outside = site.outside().await?;
    let run = site.context.run.as_ref();
    let Some(entry) = swap::displaced_by(&outside, site.live(), run).await? else { return Ok(None) };
    match keep(site, &entry.name).await {
        Ok(captured) => Ok(captured.state.is_some().then_some(captured)),
        Err(error) if error.kind == ErrorKind::Unreadable => Ok(None),
        Err(error) => Err(error.nothing_happened()),
    }
}

pub(super) async fn examine(
    site: &Site<'_>,
    exactness: Exactness,
) -> Result<(Verdict, Vec<String>), DriverError> {
    let Some(link) = site.way_in().await? else {
        return Ok((Verdict::Unknown { why: "there is no database to look at".into() }, Vec::new()));
    };
    examine::examine(&link, &Scope::Database, exactness, &site.config.checks, &site.pace).await
}
