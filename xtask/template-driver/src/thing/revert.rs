//! The way back: which steps, and one attempt at one of them.

use std::path::Path;

use backout_contract::{Context, DriverError, Effect, Piece, StepOrder};

use super::config::ThingConfig;
use super::state::ThingState;
use super::unwritten;

/// The effects that lead from live to saved; usually one. Pure. What the revert must know of live, to refuse when
/// somebody changed it, goes into `effect` (no secrets, and no plain digests of short ones).
pub(super) fn steps(
    _config: &ThingConfig,
    _saved: Option<&ThingState>,
    _live: Option<&ThingState>,
) -> Result<Vec<Piece<ThingState>>, String> {
    Err("this is not written yet: fill src/thing/revert.rs, as docs/driver-guide.md says".to_owned())
}

/// One effect: look; already there → say so; neither *before* nor *after* → blocked; else build the new thing
/// beside, prove it, swap.
pub(super) async fn revert(
    path: &Path,
    _context: &Context,
    _step: &StepOrder<ThingState>,
) -> Result<Effect, DriverError> {
    Err(unwritten("put back", path, "src/thing/revert.rs"))
}
