//! `backout capture`: seals a checkpoint.

use std::sync::Arc;

use backout_contract::Stop;
use backout_engine::{capture, manifest_of};
use backout_store::put_manifest;
use clap::Args;

use super::require;
use crate::app::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::signals;
use crate::view;

/// Arguments of `backout capture`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Take the migration over from a process that is proven to have ended
    #[arg(long)]
    pub take_over: bool,
}

/// Captures.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let migration = context.load()?;
    let checkpoint = context.wait(async {
        let mut writing = migration.write("capture", arguments.take_over).await?;
        writing.tools.progress = view::far::reader(context.output);
        let tools = writing.tools.clone();
        require::no_open_run(writing.book.life())?;
        // A capture that is left is never sealed, so it may be left at any moment.
        let stop = Stop::never();
        let work = capture(&migration.assembled, &mut writing.book, &tools, &stop);
        let leftovers = Arc::clone(&tools.leftovers);
        let report = signals::or_leave(work, leftovers.as_ref(), context.output).await?;
        let report = report.map_err(|error| Failure::from(error).after_changes())?;
        put_manifest(&migration.layout, &manifest_of(writing.book.life(), &report.checkpoint)?)?;
        let life = writing.book.life().clone();
        writing.close().await?;
        let saved = life
            .checkpoints
            .get(&report.checkpoint)
            .map(|one| backout_api::Checkpoint::of(&report.checkpoint, one));
        Ok(saved)
    })?;
    if let Some(checkpoint) = checkpoint {
        view::checkpoint::one(context.output, &checkpoint);
        view::notice::say(context.output, "\u{20}");
        view::notice::say(context.output, "next: migrate, and right after it: backout cutover");
    }
    Ok(Exit::Done)
}
