//! `backout rollback`: goes back.

use std::path::PathBuf;

use backout_core::diagnostic::Diagnostic;
use backout_core::name::StepId;
use backout_core::plan::{Plan, bound};
use backout_engine::{Ending, RunOptions, put_together, unaccepted_loss};
use clap::Args;

use super::choices::ChoiceArguments;
use super::confirm::confirm;
use super::resume::Carried;
use super::{plan, require};
use crate::app::Context;
use crate::codes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan_file;
use crate::reading::{Reading, refuse_changed_manifest, refuse_held};
use crate::signals;
use crate::view;
use crate::wiring::{Migration, Writing};

/// Arguments of `backout rollback`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// What goes back.
    #[command(flatten)]
    pub choices: ChoiceArguments,
    /// Carry out this plan file, if the world is still as it was
    #[arg(long, value_name = "FILE", conflicts_with_all = ["to", "only", "phase", "keep", "overwrite"])]
    pub plan: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Go back only if at most this many writes are lost
    #[arg(long, value_name = "N")]
    pub accept_loss: Option<u64>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Come to rest before this step
    #[arg(long, value_name = "STEP", value_parser = StepId::new)]
    pub pause_before: Option<StepId>,
    /// Claim targets again that lost the marker of this migration
    #[arg(long)]
    pub reclaim: bool,
    /// Take the migration over from a process that is proven to have ended
    #[arg(long)]
    pub take_over: bool,
}

/// Goes back.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let migration = context.load()?;
    require::state(&migration.layout)?;
    let reviewed = arguments.plan.as_deref().map(plan_file::read).transpose()?;
    let asks = reviewed.is_none() && !arguments.yes;
    if asks {
        // A person may think for minutes; the migration is not held meanwhile.
        let plan = preview(arguments, &migration, context)?;
        if plan.is_empty() {
            return Ok(Exit::Done);
        }
        accept(arguments, &migration, &plan, true)?;
        return context.wait(async {
            confirm(context.output, &migration.assembled.name, "go back", false).await?;
            let writing = migration.write("rollback", arguments.take_over).await?;
            carry_out(arguments, &migration, writing, &plan, false, context).await
        });
    }
    context.wait(async {
        let mut writing = migration.write("rollback", arguments.take_over).await?;
        require::no_open_run(writing.book.life())?;
        refuse_changed_manifest(&migration.layout, writing.book.life())?;
        let is_reviewed = reviewed.is_some();
        let plan = match reviewed {
            Some(plan) => plan,
            None => {
                let mut choices = plan::checked(&arguments.choices, &migration)?;
                if let Some(to) = plan::before_a_run(&mut choices, writing.book.life())? {
                    let tools = writing.tools.clone();
                    put_together(&to, &migration.assembled, &mut writing.book, &tools).await?;
                }
                plan::make(&migration, writing.book.life(), choices, &writing.tools, context.output).await?
            }
        };
        view::plan::show(context.output, &plan);
        if plan.is_empty() && !is_reviewed {
            writing.close().await?;
            return Ok(Exit::Done);
        }
        accept(arguments, &migration, &plan, is_reviewed)?;
        carry_out(arguments, &migration, writing, &plan, !is_reviewed, context).await
    })
}

fn preview(arguments: &Arguments, migration: &Migration, context: &Context) -> Result<Plan, Failure> {
    if !arguments.take_over {
        refuse_held(&migration.layout)?;
    }
    require::no_open_run(&Reading::whole(&migration.layout)?)?;
    let (life, choices) = context.wait(plan::prepared(&arguments.choices, migration))?;
    let tools = migration.look(&life)?;
    let plan = context.wait(plan::make(migration, &life, choices, &tools, context.output))?;
    view::plan::show(context.output, &plan);
    Ok(plan)
}

/// What neither `--yes` nor a typed name answers.
fn accept(arguments: &Arguments, migration: &Migration, plan: &Plan, was_read: bool) -> Result<(), Failure> {
    if !plan.questions.is_empty() {
        let unanswered = plan.questions.iter().map(|question| {
            let found =
                Diagnostic::error(codes::UNANSWERED, format!("`{}` needs an answer", question.component))
                    .because(question.question.clone());
            question.answers.iter().fold(found, |found, answer| found.hint(answer.clone()))
        });
        return Err(Failure::of(unanswered.collect()));
    }
    if was_read || arguments.accept_loss.is_some() {
        return Ok(());
    }
    let lost = unaccepted_loss(&migration.assembled, plan);
    if lost.is_empty() {
        return Ok(());
    }
    let lost: Vec<String> = lost.iter().map(|(name, count)| format!("`{name}`: {count} writes")).collect();
    Err(Diagnostic::error(codes::LOSS, "going back loses writes that nothing could bring back")
        .because(lost.join(", "))
        .hint("what has no place in the put-back state may get one by a rule in the migration file: backout explain KIND")
        .hint("or say how many may be lost: --accept-loss N")
        .hint("or review a plan file: backout plan --out FILE, backout rollback --plan FILE")
        .into())
}

/// The most writes that may be lost once the doors are shut: what was said, or what was stated and a little more.
fn most_lost(arguments: &Arguments, migration: &Migration, plan: &Plan) -> Option<u64> {
    arguments.accept_loss.or_else(|| bound(plan.price.lost, migration.assembled.loss_tolerance))
}

async fn carry_out(
    arguments: &Arguments,
    migration: &Migration,
    mut writing: Writing,
    plan: &Plan,
    just_made: bool,
    context: &Context,
) -> Result<Exit, Failure> {
    writing.tools.progress = view::far::reader(context.output);
    let tools = writing.tools.clone();
    writing.book.publish_to(view::progress::reader(context.output, Some(plan)));
    let (interrupts, asked) = signals::hand_to_run(context.output)?;
    let options = RunOptions {
        pause_before: arguments.pause_before.clone(),
        reclaim: arguments.reclaim,
        accept_loss: most_lost(arguments, migration, plan),
        reason: arguments.reason.clone(),
        just_made,
    };
    let ending: Ending =
        backout_engine::run(&migration.assembled, plan, options, &mut writing.book, interrupts, &tools)
            .await?;
    Carried { ending, asked }.conclude(writing, context).await
}
