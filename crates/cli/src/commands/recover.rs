//! `backout recover`: takes over what users had written and the put-back state lacks. Twice does nothing.

use backout_core::name::ComponentName;
use backout_core::writes::Winner;
use backout_engine::{recover, recoverable};
use clap::{Args, ValueEnum};

use super::confirm::confirm;
use super::require;
use crate::app::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::view;

/// Arguments of `backout recover`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Only these components; all that record their writes unless named
    #[arg(value_name = "COMPONENT", value_parser = ComponentName::new)]
    pub components: Vec<ComponentName>,
    /// Which version stands where both sides changed a row; without it, the migration file says, or a person chooses
    /// later
    #[arg(long, value_name = "WHICH")]
    pub conflicts: Option<Stands>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Which version of a row stands.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Stands {
    /// What users wrote and the recorder saw
    Recorded,
    /// What stands in the put-back state
    Restored,
}

/// Takes them over.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let migration = context.load()?;
    require::state(&migration.layout)?;
    let output = context.output;
    let winner = arguments.conflicts.map(|stands| match stands {
        Stands::Recorded => Winner::Recorded,
        Stands::Restored => Winner::Restored,
    });
    for name in &arguments.components {
        require::component(&migration, name)?;
    }
    let done = context.wait(async {
        let mut writing = migration.write("recover", false).await?;
        require::no_open_run(writing.book.life())?;
        let tools = writing.tools.clone();
        let found = recoverable(&migration.assembled, writing.book.life(), &arguments.components)?;
        view::recover::before(output, &found, writing.book.life());
        confirm(output, &migration.assembled.name, "take over what users wrote", arguments.yes).await?;
        let done = recover(&migration.assembled, &arguments.components, winner, &mut writing.book, &tools)
            .await
            .map_err(|error| Failure::from(error).after_changes())?;
        writing.close().await?;
        Ok(done)
    })?;
    view::recover::after(output, &done);
    let waiting = done.iter().any(|one| one.recovered.wants_a_person());
    Ok(if waiting { Exit::Waiting } else { Exit::Done })
}
