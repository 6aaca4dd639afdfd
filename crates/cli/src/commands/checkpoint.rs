//! `backout checkpoint`: lists, shows and verifies checkpoints.

use std::collections::BTreeSet;
use std::sync::Arc;

use backout_core::checkpoint::BlobId;
use backout_core::diagnostic::Diagnostic;
use backout_core::life::Life;
use backout_core::name::CheckpointId;
use backout_engine::{checkpoint_problems, manifest_of};
use clap::{Args, Subcommand};

use super::require::with_hint;
use crate::app::Context;
use crate::codes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::hints;
use crate::reading::{Reading, manifest_problem};
use crate::signals;
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
    Verify(One),
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
        What::Verify(one) => verify(one, context),
    }
}

fn verify(one: &One, context: &Context) -> Result<Exit, Failure> {
    let migration = context.load()?;
    let life = Reading::whole(&migration.layout)?;
    let id = named(&life, one)?;
    let tools = migration.look(&life)?;
    let leftovers = Arc::clone(&tools.leftovers);
    let look = checkpoint_problems(&life, &id, None, &tools);
    let mut problems =
        context.wait(async { Ok(signals::or_leave(look, leftovers.as_ref(), context.output).await??) })?;
    problems.extend(manifest_problem(&migration.layout, &life, &id));
    let pieces: BTreeSet<BlobId> = manifest_of(&life, &id)?.blobs().map(|(_, blob)| blob).collect();
    view::checkpoint::health(context.output, &id, pieces.len(), &problems);
    Ok(if problems.is_empty() { Exit::Done } else { Exit::Refused })
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
        None => life.checkpoint().map(|(id, ..)| id.clone()).ok_or_else(super::require::no_checkpoint),
    }
}
