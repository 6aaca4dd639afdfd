//! `backout runs`: every run of this migration.

use crate::app::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::reading::Reading;
use crate::view;

/// Lists them.
pub fn run(context: &Context) -> Result<Exit, Failure> {
    let life = Reading::whole(&context.layout()?)?;
    view::run::list(context.output, life.migration.as_ref().map(|name| name.as_str()), &life.runs);
    Ok(Exit::Done)
}
