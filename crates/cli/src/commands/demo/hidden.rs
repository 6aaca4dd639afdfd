//! The commands that the estate brings along and `--help` does not show: its service, its migration, its users.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::{Context as _, Result};
use backout_demo::migration::{Stage, run_stage};
use backout_demo::service;

use super::arguments::{EstateArguments, MigrateArguments, ServiceArguments};
use super::portrait::{blocking, crowd, requests};
use super::service::Service;
use super::{failed, folder};
use crate::app::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::view::{Output, notice};

/// Serves the estate until it is told to stop.
///
/// # Errors
/// The port is taken, or the folder holds no estate.
pub fn serve(arguments: &ServiceArguments, context: &Context) -> Result<Exit, Failure> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    finish(context, async { service::serve(&arguments.dir, address).await })
}

/// Migrates the estate and restarts its service on the new release, saying what is done.
///
/// # Errors
/// A stage of the migration fails, or the service does not come up again.
pub fn migrate(arguments: &MigrateArguments, context: &Context) -> Result<Exit, Failure> {
    let (dir, output) = (&arguments.dir, context.output);
    finish(context, async {
        match arguments.backfill {
            true => stage(folder::open(dir)?.root(), Stage::Backfill, output).await,
            false => migrate_estate(dir, output).await,
        }
    })
}

/// Has a crowd of users work with the estate, and says how they fared.
///
/// # Errors
/// The folder holds no estate.
pub fn traffic(arguments: &EstateArguments, context: &Context) -> Result<Exit, Failure> {
    finish(context, async {
        let estate = folder::open(&arguments.dir)?;
        notice::say(context.output, requests(&crowd(&estate).await?));
        Ok(())
    })
}

async fn migrate_estate(dir: &Path, output: Output) -> Result<()> {
    let estate = folder::open(dir)?;
    for one in Stage::ALL {
        stage(estate.root(), one, output).await?;
    }
    let service = Service::of(&estate);
    service.stop().await?;
    let executable = std::env::current_exe().context("find the executable of the service")?;
    let release = service.start(&executable).await?;
    notice::say(output, format!("{:<9} restarted, release {release} answers", "service"));
    Ok(())
}

async fn stage(root: &Path, stage: Stage, output: Output) -> Result<()> {
    let root = root.to_owned();
    let ran = blocking(move || run_stage(&root, stage)).await;
    ran.with_context(|| format!("run the stage {}", stage.name()))?;
    notice::say(output, format!("{:<9} {}", stage.name(), what(stage)));
    Ok(())
}

fn what(stage: Stage) -> &'static str {
    match stage {
        Stage::Data => "every key of the database is a UUID",
        Stage::Release => "release 2.0.0 is deployed, `current` names it",
        Stage::Settings => "new API address, new session secret, an end for the old API",
        Stage::Flags => "uuid_ids is on",
        Stage::Frontend => "built for the new API address",
        Stage::Backfill => "every task can be searched, quotation marks are curly",
    }
}

fn finish(context: &Context, work: impl Future<Output = Result<()>>) -> Result<Exit, Failure> {
    context.wait(async {
        work.await.map_err(|error| failed(&error).after_changes())?;
        Ok(Exit::Done)
    })
}
