//! `backout plan`: what going back would do, and what it costs. Changes nothing.

use std::path::PathBuf;
use std::sync::Arc;

use backout_core::life::Life;
use backout_core::name::CheckpointId;
use backout_core::plan::{Choices, Plan};
use backout_engine::{PreviewInput, Tools, before_rollback, preview, put_together};
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

/// What people call the state before the last run.
const BEFORE_ROLLBACK: &str = "before-rollback";

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
    let (life, choices) = context.wait(prepared(&arguments.choices, &migration))?;
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

/// The journal and the choices, the state before a run put together where they go back to it.
///
/// # Errors
/// The file has no such phase, the journal cannot be followed, or there is no such state.
pub async fn prepared(
    arguments: &ChoiceArguments,
    migration: &Migration,
) -> Result<(Life, Choices), Failure> {
    let mut choices = checked(arguments, migration)?;
    let life = Reading::whole(&migration.layout)?;
    let Some(to) = before_a_run(&mut choices, &life)? else { return Ok((life, choices)) };
    if life.checkpoints.get(&to).is_some_and(|checkpoint| checkpoint.sealed.is_some()) {
        return Ok((life, choices));
    }
    let mut writing = migration.write("plan", false).await?;
    let tools = writing.tools.clone();
    put_together(&to, &migration.assembled, &mut writing.book, &tools).await?;
    let life = writing.book.life().clone();
    writing.close().await?;
    Ok((life, choices))
}

/// The state before a run that the choices go back to, resolved to its name.
///
/// # Errors
/// There is none.
pub fn before_a_run(choices: &mut Choices, life: &Life) -> Result<Option<CheckpointId>, Failure> {
    let Some(to) = &choices.to else { return Ok(None) };
    if to.as_str() == BEFORE_ROLLBACK {
        choices.to = Some(before_rollback(life)?);
    }
    Ok(choices.to.clone().filter(CheckpointId::is_before_a_run))
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
