//! `backout checkpoint prune`: removes the data of old checkpoints, after listing them.

use std::collections::BTreeSet;
use std::str::FromStr;

use backout_core::checkpoint::BlobId;
use backout_core::journal::Event;
use backout_core::migration::DurationText;
use backout_core::name::CheckpointId;
use backout_core::retention::{Rule, blobs_of, retain};
use backout_vault::FileVault;
use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::super::confirm::confirm;
use super::super::require;
use crate::app::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::view;
use crate::wiring::actor;

/// Arguments of `backout checkpoint prune`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Keep so many of the newest checkpoints
    #[arg(long, value_name = "N", required_unless_present = "older_than")]
    pub keep_last: Option<usize>,
    /// Remove only what was begun longer ago than this (such as 30d)
    #[arg(long, value_name = "TIME", value_parser = DurationText::from_str)]
    pub older_than: Option<DurationText>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Does it.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let migration = context.load()?;
    require::state(&migration.layout)?;
    let output = context.output;
    let name = &migration.assembled.name;
    context.wait(async {
        let mut writing = migration.write("checkpoint prune", false).await?;
        let life = writing.book.life().clone();
        let since = arguments.older_than.map(|age| {
            let age = SignedDuration::try_from(age.0).unwrap_or(SignedDuration::MAX);
            writing.tools.clock.now().checked_sub(age).unwrap_or(Timestamp::MIN)
        });
        let retention = retain(&life, &Rule { keep_last: arguments.keep_last, since });
        let vault = FileVault::open(&migration.layout.vault())?;
        let there = vault.blobs().await?;
        // What was pruned before is in the journal for ever, and in the vault no more.
        let has_data = |id: &&CheckpointId| {
            let checkpoint = life.checkpoints.get(*id);
            checkpoint.is_some_and(|one| blobs_of(one).any(|blob| there.contains(&blob)))
        };
        let going: Vec<CheckpointId> = retention.goes.iter().filter(has_data).cloned().collect();
        let removed = there.difference(&retention.blobs).count();
        view::checkpoint::going(output, &life, &going, &retention, removed);
        if removed == 0 {
            view::checkpoint::pruned(output, &going, &retention, None);
            writing.close().await?;
            return Ok(Exit::Done);
        }
        confirm(output, name, "remove this data for good", arguments.yes).await?;
        if !going.is_empty() {
            let pruned = Event::CheckpointsPruned { checkpoints: going.clone(), by: actor() };
            writing.book.append(vec![pruned]).await?;
        }
        let keep: BTreeSet<BlobId> = there.intersection(&retention.blobs).copied().collect();
        let pruned = vault.prune(keep).await.map_err(|error| Failure::from(error).after_changes())?;
        writing.close().await?;
        view::checkpoint::pruned(output, &going, &retention, Some(pruned.freed));
        Ok(Exit::Done)
    })
}
