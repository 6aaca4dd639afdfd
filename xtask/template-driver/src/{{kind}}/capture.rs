//! Looks, and changes nothing.

use std::path::Path;

use backout_contract::{Captured, Context, Depth, DriverError};

use super::state::{{Kind}}State;
use super::unwritten;

/// Reads the thing. Where nothing is there, `state` is none; where it is there and cannot be read, the error's kind
/// is `Unreadable`, `Locked` or `Denied`. With [`Depth::Keep`], data that the state does not hold goes into
/// `context.vault` and is listed in `data`.
pub(super) async fn capture(
    path: &Path,
    _context: &Context,
    _depth: Depth,
) -> Result<Captured<{{Kind}}State>, DriverError> {
    Err(unwritten("look at", path, "src/{{kind}}/capture.rs"))
}
