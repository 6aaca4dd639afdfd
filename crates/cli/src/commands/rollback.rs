//! `backout rollback`: goes back.

use std::path::PathBuf;

use backout_core::diagnostic::Diagnostic;
use backout_core::migration::Writes;
use backout_core::name::StepId;
use backout_core::plan::{Count, Plan, PlannedComponent};
use backout_engine::{Ending, RunOptions};
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
    #[arg(long, value_name = "FILE", conflicts_with_all = ["only", "phase", "keep", "overwrite"])]
    pub plan: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Go back only if at most this many writes are lost
    #[arg(long, value_name = "N")]
    pub accept_loss: Option<u64>,
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
        let writing = migration.write("rollback", arguments.take_over).await?;
        require::no_open_run(writing.book.life())?;
        refuse_changed_manifest(&migration.layout, writing.book.life())?;
        let is_reviewed = reviewed.is_some();
        let plan = match reviewed {
            Some(plan) => plan,
            None => {
                let choices = plan::checked(&arguments.choices, &migration)?;
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
    let life = Reading::whole(&migration.layout)?;
    require::no_open_run(&life)?;
    let tools = migration.look(&life)?;
    let choices = plan::checked(&arguments.choices, migration)?;
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
    let lost = lost_for_good(migration, plan);
    if lost.is_empty() {
        return Ok(());
    }
    Err(Diagnostic::error(codes::LOSS, "going back loses writes that nothing could bring back")
        .because(lost.join(", "))
        .hint("say how many may be lost: --accept-loss N")
        .hint("or review a plan file: backout plan --out FILE, backout rollback --plan FILE")
        .into())
}

/// The components whose later writes nothing would bring back, and whose file does not accept that.
fn lost_for_good(migration: &Migration, plan: &Plan) -> Vec<String> {
    let declared = |component: &PlannedComponent| {
        let part = migration.assembled.parts.iter().find(|part| part.name == component.name);
        part.is_some_and(|part| part.writes == Some(Writes::AcceptLoss))
    };
    let losing = plan.acting().filter(|component| !declared(component)).filter_map(|component| {
        let price = component.price.as_ref()?;
        let loses = price.writes != Count::Exactly(0) && !price.kept_aside;
        loses.then(|| format!("`{}`: {} writes", component.name, price.writes))
    });
    losing.collect()
}

/// The most writes that may be lost: what was said, or what stood in the plan that a person read, where nothing would
/// bring them back.
fn most_lost(arguments: &Arguments, migration: &Migration, plan: &Plan) -> Option<u64> {
    let read = match plan.price.writes {
        Count::Exactly(count) if !lost_for_good(migration, plan).is_empty() => Some(count),
        _ => None,
    };
    arguments.accept_loss.or(read)
}

async fn carry_out(
    arguments: &Arguments,
    migration: &Migration,
    mut writing: Writing,
    plan: &Plan,
    just_made: bool,
    context: &Context,
) -> Result<Exit, Failure> {
    let tools = writing.tools.clone();
    writing.book.publish_to(view::progress::reader(context.output, Some(plan)));
    let (interrupts, asked) = signals::hand_to_run(context.output)?;
    let options = RunOptions {
        pause_before: arguments.pause_before.clone(),
        reclaim: arguments.reclaim,
        accept_loss: most_lost(arguments, migration, plan),
        just_made,
    };
    let ending: Ending =
        backout_engine::run(&migration.assembled, plan, options, &mut writing.book, interrupts, &tools)
            .await?;
    Carried { ending, asked }.conclude(writing, context).await
}
