//! The look at both sides.

use super::config::EndpointConfig;
use super::site::{Bears, Site};
use super::state::{EndpointState, Inside, SideState, Which};
use crate::catalog::Scope;
use crate::look::look;
use crate::server::{Address, Link, Pace};
use crate::state::State;
use backout_contract::{Context, DriverError};

/// Looks at both sides, side by side.
pub(super) async fn capture(
    config: &EndpointConfig,
    context: &Context,
) -> Result<EndpointState, DriverError> {
    let (old, new) = tokio::join!(side(config, Which::Old, context), side(config, Which::New, context));
    let ((old, _), (new, marked)) = (old?, new?);
    Ok(EndpointState { old, new, marked })
}

/// What tells both sides from others.
pub(super) fn identity(
    config: &EndpointConfig,
    context: &Context,
    state: &EndpointState,
) -> Result<String, DriverError> {
    let of = |url, side: &SideState| {
        Address::resolve(url, context).map(|address| crate::state::identity(&side.system, &address))
    };
    Ok(format!("old: {}; new: {}", of(&config.old, &state.old)?, of(&config.new, &state.new)?))
}

/// The same from outside: who is let in, and nothing of what is in.
pub(super) async fn outside(
    config: &EndpointConfig,
    context: &Context,
) -> Result<EndpointState, DriverError> {
    let (old, new) =
        tokio::join!(from_outside(config, Which::Old, context), from_outside(config, Which::New, context));
    let ((_, old, _), (_, new, marked)) = (old?, new?);
    Ok(EndpointState { old, new, marked })
}

async fn from_outside(
    config: &EndpointConfig,
    which: Which,
    context: &Context,
) -> Result<(Site, SideState, bool), DriverError> {
    let site = Site::connect(config, which, context).await?;
    let entry = site.entry().await?;
    let door = site.door(config, &entry).await?;
    let side = SideState { system: site.system().await?, database: entry.oid, door, inside: None };
    Ok((site, side, Bears::of(&entry.note).marked))
}

async fn side(
    config: &EndpointConfig,
    which: Which,
    context: &Context,
) -> Result<(SideState, bool), DriverError> {
    let (site, mut side, marked) = from_outside(config, which, context).await?;
    let entry = site.entry().await?;
    let pace = Pace::of(context);
    if let Some(link) = site.way_in(&entry, &pace).await? {
        side.inside = Some(inside(link, &pace).await?);
    }
    Ok((side, marked))
}

/// Everything of a side, in one snapshot.
pub(super) async fn inside(link: Link, pace: &Pace) -> Result<Inside, DriverError> {
    let state = look(vec![link], &Scope::Database, pace).await?;
    let State { schema, rows, sequences, large_objects, .. } = state;
    Ok(Inside { schema, rows, sequences, large_objects })
}
