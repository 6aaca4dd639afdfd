//! The way back: which steps, and one attempt at one of them.

use std::path::Path;

use backout_contract::{Context, DriverError, Effect, Piece, StepOrder};

use super::config::{{Kind}}Config;
use super::state::{{Kind}}State;
use super::unwritten;

/// The effects that lead from live to saved; usually one. Pure. Where saved is none, it is put away. What the revert
/// must know of live, to refuse when somebody changed it, goes into `effect`: its shape, where that holds no secrets.
pub(super) fn steps(
    _config: &{{Kind}}Config,
    _saved: Option<&{{Kind}}State>,
    _live: Option<&{{Kind}}State>,
) -> Result<Vec<Piece<{{Kind}}State>>, String> {
    Err("this is not written yet: fill src/{{kind}}/revert.rs, as docs/driver-guide.md says".to_owned())
}

/// One effect: look; already there → say so; neither *before* nor *after* → blocked; else build the new thing
/// beside, prove it, swap.
pub(super) async fn revert(
    path: &Path,
    _context: &Context,
    _step: &StepOrder<{{Kind}}State>,
) -> Result<Effect, DriverError> {
    Err(unwritten("put back", path, "src/{{kind}}/revert.rs"))
}
