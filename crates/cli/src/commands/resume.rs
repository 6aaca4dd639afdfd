//! `backout resume`: goes on with a run, and how the process of any run ends.

use backout_core::life::RunLife;
use backout_core::plan::Plan;
use backout_engine::{Ending, Tools, resume};
use clap::Args;

use super::require;
use crate::app::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::signals::{self, Asked};
use crate::view;
use crate::wiring::Writing;

/// Arguments of `backout resume`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Take the migration over from a process that is proven to have ended
    #[arg(long)]
    pub take_over: bool,
}

/// Goes on.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let migration = context.load()?;
    require::state(&migration.layout)?;
    context.wait(async {
        let mut writing = migration.write("resume", arguments.take_over).await?;
        writing.tools.progress = view::far::reader(context.output);
        let tools = writing.tools.clone();
        let plan = match writing.book.life().open_run() {
            Some(run) => plan_of(run, &tools).await,
            None => None,
        };
        writing.book.publish_to(view::progress::reader(context.output, plan.as_ref()));
        let (interrupts, asked) = signals::hand_to_run(context.output)?;
        let ending = resume(&migration.assembled, &mut writing.book, interrupts, &tools).await?;
        Carried { ending, asked }.conclude(writing, context).await
    })
}

/// The plan of a run, for its titles. The engine reads it again and is the one to complain.
pub async fn plan_of(run: &RunLife, tools: &Tools) -> Option<Plan> {
    let bytes = tools.vault.get(&run.plan).await.ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// A run as this process leaves it.
pub struct Carried {
    /// How it came to its end or to rest.
    pub ending: Ending,
    /// Whether a signal asked for it.
    pub asked: Asked,
}

impl Carried {
    /// Makes everything durable, shows how it ended, and says how the process ends.
    ///
    /// # Errors
    /// The last records could not be made durable.
    pub async fn conclude(self, writing: Writing, context: &Context) -> Result<Exit, Failure> {
        let run = writing.book.life().runs.last().cloned();
        writing.close().await.map_err(Failure::after_changes)?;
        let exit = match (&self.ending, self.asked.exit()) {
            (Ending::AtRest { .. }, Some(signal)) => signal,
            (ending, _) => Exit::after(ending),
        };
        view::run::ending(context.output, &self.ending, run.as_ref(), exit);
        Ok(exit)
    }
}
