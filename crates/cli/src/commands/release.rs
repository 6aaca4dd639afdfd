//! `backout commit` and `backout close`: end the migration and drop what was kept, after listing it.

use backout_core::diagnostic::Diagnostic;
use backout_core::journal::Event;
use backout_core::life::PhaseState;
use backout_engine::{EngineError, kept, release};
use clap::Args;

use super::confirm::confirm;
use super::require;
use crate::app::Context;
use crate::codes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::view;
use crate::wiring::actor;

/// Arguments of `backout commit` and `backout close`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// What ends the migration.
struct End {
    verb: &'static str,
    event: Event,
    word: &'static str,
    /// States that do not allow it, and what to do then.
    wrong: fn(&[PhaseState]) -> Option<(&'static str, &'static str)>,
}

/// Accepts the migration.
pub fn commit(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let end = End {
        verb: "commit",
        event: Event::Committed { by: actor() },
        word: "committed",
        wrong: |states| match () {
            () if states.contains(&PhaseState::Committed) => None,
            () if states.contains(&PhaseState::CutOver) => None,
            () => Some((
                "no phase is live on the new side",
                "mark it first: backout cutover; or end it: backout close",
            )),
        },
    };
    run(arguments, context, end)
}

/// Ends it after going back.
pub fn close(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let end = End {
        verb: "close",
        event: Event::Closed { by: actor() },
        word: "closed",
        wrong: |states| match () {
            () if states.contains(&PhaseState::CutOver) => Some((
                "a phase is live on the new side",
                "go back first: backout rollback; or accept it: backout commit",
            )),
            () if states.contains(&PhaseState::Committed) => {
                Some(("the migration is committed", "capture again for another try"))
            }
            () => None,
        },
    };
    run(arguments, context, end)
}

fn run(arguments: &Arguments, context: &Context, end: End) -> Result<Exit, Failure> {
    let migration = context.load()?;
    require::state(&migration.layout)?;
    let output = context.output;
    let name = &migration.assembled.name;
    context.wait(async {
        let mut writing = migration.write(end.verb, false).await?;
        let tools = writing.tools.clone();
        require::no_open_run(writing.book.life())?;
        let states: Vec<PhaseState> = require::phase_states(&migration, writing.book.life())
            .into_iter()
            .map(|(_, _, state)| state)
            .collect();
        if let Some((cause, hint)) = (end.wrong)(&states) {
            return Err(Diagnostic::error(
                codes::NOT_NOW,
                format!("{} does not fit where {name} stands", end.verb),
            )
            .because(cause)
            .hint(hint)
            .into());
        }
        let kept = kept(&migration.assembled, &tools).await?;
        view::release::list(output, &kept);
        view::release::unread(output, writing.book.life());
        confirm(output, name, &format!("{} it for good", end.verb), arguments.yes).await?;
        release(&migration.assembled, end.event, &mut writing.book, &tools).await.map_err(
            |error| match error {
                EngineError::Refused(_) => Failure::from(error),
                _ => Failure::from(error).after_changes(),
            },
        )?;
        writing.close().await?;
        view::release::done(output, name.as_str(), &kept, end.word);
        Ok(Exit::Done)
    })
}
