//! `backout plan`: what going back would do, and what it costs. Changes nothing.

use std::path::PathBuf;
use std::sync::Arc;

use backout_core::life::Life;
use backout_core::plan::{Choices, Plan};
use backout_engine::{PreviewInput, Tools, preview};
use clap::Args;

use super::choices::ChoiceArguments;
use super::require;
use crate::app::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan_file;
use crate::reading::{Reading, refuse_changed_manifest};
use crate::signals;
use crate::view::{self, Output};
use crate::wiring::Migration;

/// Arguments of `backout plan`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What goes back.
    #[command(flatten)]
    pub choices: ChoiceArguments,
    /// Write the plan to a file, to be reviewed and carried out with `rollback --plan`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// End with 3 when a rollback would do something
    #[arg(long)]
    pub exit_code: bool,
}

/// Shows it.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let migration = context.load()?;
    let life = Reading::whole(&migration.layout)?;
    let choices = checked(&arguments.choices, &migration)?;
    let tools = migration.look(&life)?;
    let plan = context.wait(make(&migration, &life, choices, &tools, context.output))?;
    if let Some(path) = &arguments.out {
        plan_file::write(path, &plan)?;
    }
    view::plan::show(context.output, &plan);
    if let Some(path) = &arguments.out {
        let named = backout_kit::path_text::encode(path.as_os_str());
        view::notice::aside(
            context.output,
            format!("written to {named}; carry it out: backout rollback --plan {named}"),
        );
    }
    Ok(if arguments.exit_code && !plan.is_empty() { Exit::Differs } else { Exit::Done })
}

/// The choices, where they name what there is.
///
/// # Errors
/// The file has no such phase.
pub fn checked(arguments: &ChoiceArguments, migration: &Migration) -> Result<Choices, Failure> {
    let choices = arguments.choices();
    if let Some(phase) = &choices.phase {
        require::phase(migration, phase)?;
    }
    Ok(choices)
}

/// Makes a plan.
///
/// # Errors
/// It was refused; nothing was changed.
pub async fn make(
    migration: &Migration,
    life: &Life,
    choices: Choices,
    tools: &Tools,
    output: Output,
) -> Result<Plan, Failure> {
    refuse_changed_manifest(&migration.layout, life)?;
    let work = preview(&migration.assembled, life, PreviewInput { choices }, tools);
    let leftovers = Arc::clone(&tools.leftovers);
    Ok(signals::or_leave(work, leftovers.as_ref(), output).await??)
}
