//! `backout checkpoint`: lists, shows, verifies, exports and prunes checkpoints.

mod export;
mod prune;
mod restore;
mod verify;

use backout_core::diagnostic::Diagnostic;
use backout_core::life::Life;
use backout_core::name::CheckpointId;
use clap::{Args, Subcommand};

pub use restore::Restored;

use super::require::{no_checkpoint, with_hint};
use crate::app::Context;
use crate::codes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::hints;
use crate::reading::Reading;
use crate::view;

/// Arguments of `backout checkpoint`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What to do with checkpoints.
    #[command(subcommand)]
    pub what: What,
}

/// What to do with checkpoints.
#[derive(Debug, Subcommand)]
pub enum What {
    /// List all checkpoints
    List,
    /// Show what a checkpoint holds
    Show(One),
    /// Read a checkpoint's data from first to last byte
    Verify(verify::Arguments),
    /// Remove the data of old checkpoints, never what is still needed
    Prune(prune::Arguments),
    /// Write a checkpoint to one file that another machine can verify
    Export(export::Arguments),
}

/// Which checkpoint.
#[derive(Debug, Args)]
pub struct One {
    /// The checkpoint; the current one unless named
    #[arg(value_name = "CHECKPOINT", value_parser = CheckpointId::new)]
    pub checkpoint: Option<CheckpointId>,
}

/// Does it.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    match &arguments.what {
        What::List => {
            view::checkpoint::list(context.output, &Reading::whole(&context.layout()?)?);
            Ok(Exit::Done)
        }
        What::Show(one) => {
            let life = Reading::whole(&context.layout()?)?;
            let id = named(&life, one)?;
            if let Some(checkpoint) = life.checkpoints.get(&id) {
                view::checkpoint::one(context.output, &backout_api::Checkpoint::of(&id, checkpoint));
            }
            Ok(Exit::Done)
        }
        What::Verify(arguments) => verify::run(arguments, context),
        What::Prune(arguments) => prune::run(arguments, context),
        What::Export(arguments) => export::run(arguments, context),
    }
}

/// The checkpoint that was named, or the current one.
fn named(life: &Life, one: &One) -> Result<CheckpointId, Failure> {
    match &one.checkpoint {
        Some(id) if life.checkpoints.contains_key(id) => Ok(id.clone()),
        Some(id) => {
            let hint = hints::for_unknown(id.as_str(), life.checkpoints.keys().map(CheckpointId::as_str));
            Err(with_hint(
                Diagnostic::error(codes::UNKNOWN_NAME, format!("there is no checkpoint {id}")),
                hint,
            )
            .into())
        }
        None => life.checkpoint().map(|(id, ..)| id.clone()).ok_or_else(no_checkpoint),
    }
}
