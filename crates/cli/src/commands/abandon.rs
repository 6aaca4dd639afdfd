//! `backout abandon`: gives a run up.

use backout_core::diagnostic::Diagnostic;
use backout_engine::abandon;

use super::require;
use crate::app::Context;
use crate::codes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::view;

/// Gives it up, and shows where everything was left.
pub fn run(context: &Context) -> Result<Exit, Failure> {
    let migration = context.load()?;
    require::state(&migration.layout)?;
    let (run, left) = context.wait(async {
        let mut writing = migration.write("abandon", false).await?;
        let tools = writing.tools.clone();
        let left = abandon(&migration.assembled, &mut writing.book, &tools).await?;
        let run = writing.book.life().runs.last().cloned();
        writing.close().await?;
        Ok((run, left))
    })?;
    match (run, left) {
        (Some(run), Some(left)) => {
            view::abandoned::show(context.output, &run, &left);
            Ok(Exit::Done)
        }
        _ => Err(Diagnostic::error(codes::NOT_NOW, "there is no run to give up")
            .because("the last run is over, or none was begun")
            .hint("see where the migration stands: backout status")
            .into()),
    }
}
