//! `backout drivers`: the kinds of components and the probes.

use crate::app::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::view;
use crate::wiring::registry;

/// Lists them.
pub fn run(context: &Context) -> Result<Exit, Failure> {
    view::list::drivers(context.output, &registry());
    Ok(Exit::Done)
}
